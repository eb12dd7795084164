"""Reports of a shop with opening hours are about open time, and closed days are nothing that was missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from edgeheat.defs.history import Tile
from edgeheat.defs.hours import ClockRange, OpeningHours
from edgeheat.defs.params import PipelineParams, ReportsParams
from edgeheat.errors import HistoryError
from edgeheat.history.report import sentences
from edgeheat.history.report.content import Report, ReportSite, read_report
from edgeheat.history.report.page import render_report
from edgeheat.history.report.period import ReportPeriod
from edgeheat.history.report.schedule import write_due_reports
from edgeheat.history.report.tables import hours_csv, zones_csv
from edgeheat.history.rollup import roll_up
from edgeheat.local_time.opening import is_open
from edgeheat.store.history.store import HistoryStore
from tests.history.report.conftest import OSLO, everywhere
from tests.support.tiles import CountingCamera, at

DAY = (ClockRange(10 * 60, 12 * 60 + 30),)
OPENING = OpeningHours(((),) + (DAY,) * 5 + ((ClockRange(60, 240),),), {date(2026, 3, 25): ()})
"""Closed on Mondays and on Wednesday, 25 March; open on Sundays from 1 to 4 o'clock."""

SITE = ReportSite("shop", OSLO, (PipelineParams("door", OSLO),), opening=OPENING)
FIRST, LAST = "2026-03-16", "2026-03-30"
"""Two weeks; on the last day the clock is set forward at 2 o'clock."""

WEEK = ReportPeriod(date(2026, 3, 23), date(2026, 3, 30))


def counted(outside: str = "pause", *, without: str = "") -> Iterator[Tile]:
    """The tiles of the two weeks, without one day on which the device was off."""
    camera = CountingCamera(traffic_ms=everywhere, dwell_ms=everywhere)
    off_s = at(f"{without} 00:00", OSLO) if without else 0
    for tile in camera.tiles(at(f"{FIRST} 00:00", OSLO), at(f"{LAST} 00:00", OSLO)):
        if not off_s <= tile.start_s < off_s + 86_400 and (outside == "count" or is_open(OPENING, tile.start_s, OSLO)):
            yield tile


def fill(store: HistoryStore, tiles: Iterator[Tile]) -> float:
    """Store the tiles, and return when their reports are due."""
    store.add(tiles)
    due_s = at(f"{LAST} 00:30", OSLO)
    roll_up(store, OSLO, due_s)
    return due_s


def texts(report: Report) -> list[str]:
    return [sentence.text for sentence in sentences.lead(report)]


@pytest.mark.parametrize("outside", ["pause", "count"])
def test_closed_days_and_nights_are_not_missing(store: HistoryStore, outside: str) -> None:
    fill(store, counted(outside))
    report = read_report(store, SITE, WEEK)
    assert report.cameras[0].traffic.grid.coverage == 1.0
    assert sentences.camera_health(report, report.cameras[0]) == "Observed 100 % of 12 h of open time."
    assert report.cameras[0].traffic.grid.period_s == (4 * 2.5 + 2) * 3600, "Sunday has an hour less"
    assert not [text for text in texts(report) if text.startswith("Part of")]
    known = np.isfinite(report.cameras[0].hours)
    assert not known[[0, 2]].any() and known[6].nonzero()[0].tolist() == [1, 3]


def test_an_open_day_without_figures_is_missing(store: HistoryStore) -> None:
    fill(store, counted(without="2026-03-26"))
    report = read_report(store, SITE, WEEK)
    assert texts(report)[-1] == "Part of the open hours was not observed: door saw 79 %. Visits and hours are too low."


@pytest.mark.parametrize("outside", ["pause", "count"])
def test_days_on_which_the_shop_was_closed_get_no_report(store: HistoryStore, tmp_path: Path, outside: str) -> None:
    due_s = fill(store, counted(outside))
    site = replace(SITE, opening=replace(OPENING, outside=outside))
    written = write_due_reports(store, site, ReportsParams(("day",)), tmp_path / "r", due_s)
    assert [path.stem for path in written] == [f"2026-03-{day}" for day in range(16, 30) if day not in {16, 23, 25}]
    with pytest.raises(HistoryError, match="the shop was closed in all of Wednesday, 25 March 2026"):
        read_report(store, site, ReportPeriod(date(2026, 3, 25), date(2026, 3, 26)))


def test_a_day_is_not_compared_with_a_closed_one(store: HistoryStore) -> None:
    fill(store, counted())
    opening = replace(OPENING, dates={date(2026, 3, 20): ()})
    friday = ReportPeriod(date(2026, 3, 27), date(2026, 3, 28))
    found = read_report(store, replace(SITE, opening=opening), friday)
    assert texts(found)[-1] == "The shop was closed on the Friday before, so there is no comparison."


def test_page_pictures_and_tables_name_the_layer(store: HistoryStore) -> None:
    fill(store, counted())
    report = read_report(store, SITE, WEEK)
    page = render_report(report, at("2026-03-30 08:00", OSLO))
    assert "<p>Weekly report, week 13, open hours</p>" in page
    assert page.count("23 to 29 March 2026, open hours") == 4, "the description of each picture"
    for text in (zones_csv(report), hours_csv(report)):
        heading, *lines = text.splitlines()
        assert heading.startswith("camera,layer,") and all(line.startswith("door,open,") for line in lines)
    assert zones_csv(replace(report, site=replace(SITE, opening=None))).splitlines()[1].startswith("door,all,")
