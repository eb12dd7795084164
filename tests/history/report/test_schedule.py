"""Reports on schedule: written once when they are due, and the oldest deleted."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edgeheat.defs.params import PipelineParams, ReportsParams
from edgeheat.history.report.content import ReportSite
from edgeheat.history.report.schedule import write_due_reports
from edgeheat.history.rollup import roll_up
from edgeheat.local_time.instants import local_day
from edgeheat.local_time.period_text import parse_hours
from edgeheat.store.history.store import HistoryStore
from tests.history.report.conftest import OSLO, count, everywhere
from tests.support.tiles import CountingCamera, at

SITE = ReportSite("shop", OSLO, (PipelineParams("door", OSLO),))


def camera() -> CountingCamera:
    return CountingCamera(traffic_ms=everywhere, dwell_ms=everywhere)


def names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.html"))


def test_due_reports_are_written_once(store: HistoryStore, tmp_path: Path) -> None:
    midnight_s = count(store, camera(), first="2026-11-23")
    first = write_due_reports(store, SITE, ReportsParams(), tmp_path / "r", midnight_s + 1800)
    days = [f"2026-11-{day}" for day in range(23, 31)]
    assert [path.stem for path in first] == [*days, "2026-W48", "2026-11"]
    assert write_due_reports(store, SITE, ReportsParams(), tmp_path / "r", midnight_s + 7200) == []


def test_nothing_is_due_until_the_last_day_was_rolled_up(store: HistoryStore, tmp_path: Path) -> None:
    midnight_s = count(store, camera())
    daily = ReportsParams(("day",))
    assert write_due_reports(store, SITE, daily, tmp_path / "r", midnight_s + 600) == []
    assert not (tmp_path / "r").exists()
    assert len(write_due_reports(store, SITE, daily, tmp_path / "r", midnight_s + 900)) == 1


def test_a_period_of_which_hardly_anything_is_stored_gets_no_report(store: HistoryStore, tmp_path: Path) -> None:
    start_s = at("2026-11-30 23:10", OSLO)
    store.add(camera().tiles(start_s, start_s + 3000))
    roll_up(store, OSLO, start_s + 86_400)
    assert write_due_reports(store, SITE, ReportsParams(), tmp_path / "r", start_s + 86_400) == []


def test_a_day_that_was_observed_at_other_hours_does_not_prevent_later_reports(
    store: HistoryStore, tmp_path: Path
) -> None:
    start_s = at("2026-11-29 12:00", OSLO)
    store.add(camera().tiles(start_s, start_s + 7200))
    midnight_s = count(store, camera())
    mornings = ReportSite(SITE.name, OSLO, SITE.cameras, parse_hours("8-10"))
    written = write_due_reports(store, mornings, ReportsParams(("day",)), tmp_path / "r", midnight_s + 1800)
    assert [path.stem for path in written] == ["2026-11-30"]


def test_the_newest_are_kept_of_each_kind_and_other_files_stay(store: HistoryStore, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    midnight_s = count(store, camera(), first="2026-11-23")
    write_due_reports(store, SITE, ReportsParams(), folder, midnight_s + 1800)
    other = [folder / "2026-11-01_2026-11-10.html", folder / "mine.html", folder / "2026-11-30.pdf"]
    for path in other:
        path.write_text("")
    write_due_reports(store, SITE, ReportsParams(keep=2), folder, midnight_s + 1800)
    assert names(folder) == [
        *("2026-11", "2026-11-01_2026-11-10", "2026-11-29", "2026-11-30", "2026-W48", "mine"),
    ]
    assert not list(folder.glob("2026-11-28*")) and other[2].exists()


def test_only_the_kinds_that_are_wanted(store: HistoryStore, tmp_path: Path) -> None:
    midnight_s = count(store, camera(), first="2026-11-23")
    written = write_due_reports(store, SITE, ReportsParams(("week",)), tmp_path / "r", midnight_s + 1800)
    assert [path.stem for path in written] == ["2026-W48"]


@pytest.mark.parametrize(
    ("timezone", "first", "last"),
    [
        ("Europe/Oslo", "2026-03-27", "2026-04-02"),  # a day of 23 hours, and the end of a month
        ("Europe/Oslo", "2026-10-23", "2026-10-28"),  # a day of 25 hours
        ("Australia/Lord_Howe", "2026-04-03", "2026-04-07"),  # a day of 24.5 hours
        ("America/Santiago", "2026-09-04", "2026-09-08"),  # midnight is skipped
    ],
)
def test_called_every_hour_it_writes_each_day_once(
    store: HistoryStore, tmp_path: Path, timezone: str, first: str, last: str
) -> None:
    zone = ZoneInfo(timezone)
    end_s = count(store, camera(), first=first, last=last, timezone=zone)
    site = ReportSite("shop", zone, (PipelineParams("door", zone),))
    written = [
        path.stem
        for now_s in range(at(f"{first} 00:00", zone), end_s + 7200, 3600)
        for path in write_due_reports(store, site, ReportsParams(("day", "month")), tmp_path / "r", now_s)
    ]
    days = []
    day = local_day(at(f"{first} 12:00", zone), zone)
    while day < local_day(end_s + 3600, zone):
        days.append(f"{day}")
        day += timedelta(days=1)
    assert [name for name in written if len(name) == 10] == days
    assert [name for name in written if len(name) == 7] == (["2026-03"] if last == "2026-04-02" else [])
