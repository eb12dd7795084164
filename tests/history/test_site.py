"""A simulated shop of nine weeks, with a moved table and an outage, answers the five questions of its manager."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from benchmarks.site import CAMERA, FIRST_DAY, OUTAGE_DAYS, TIMEZONE, Site, make_site
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.render.difference import difference
from edgeheat.defs.params import Style
from edgeheat.errors import HistoryError
from edgeheat.history.compare import PeriodComparison, compare_periods
from edgeheat.history.profile import read_profile
from edgeheat.history.query import read_heat
from edgeheat.history.selection import Selection
from edgeheat.history.zones import zone_figures
from edgeheat.local_time.instants import day_start_s
from edgeheat.local_time.period import Period
from edgeheat.local_time.period_text import parse_hours, parse_weekdays
from edgeheat.store.history.store import HistoryStore

GRID_WH = (96, 54)
OPEN = parse_hours("9-20")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("site") / "history.sqlite3", grid_wh=GRID_WH, visits=60)


@pytest.fixture(scope="module")
def store(site: Site) -> HistoryStore:
    return HistoryStore(site.path, read_only=True)


def days(first: int, count: int) -> Selection:
    """Return the open hours of some days, numbered from the first one of the site."""
    start_s, end_s = (day_start_s(FIRST_DAY + timedelta(days=day), TIMEZONE) for day in (first, first + count))
    return Selection(Period(start_s, end_s), TIMEZONE, OPEN)


def mask_of(site: Site, zone: str) -> tuple[int, np.ndarray]:
    masks = ZoneMasks.from_params(site.zones, GRID_WH)
    return masks.keys[list(masks.named).index(zone)], masks.named[zone]


@pytest.fixture(scope="module")
def moved(site: Site, store: HistoryStore) -> PeriodComparison:
    """Four weeks before the table was moved against the last four."""
    return compare_periods(store, CAMERA, days(0, 28), days(35, 28), measure="presence", zones=site.zones)


def test_last_week_from_10_to_12_against_the_week_before(site: Site, store: HistoryStore) -> None:
    before, last = (replace(days(first, 7), hours=parse_hours("10-12")) for first in (49, 56))
    found = compare_periods(store, CAMERA, before, last, measure="presence", zones=site.zones)
    assert found.a.grid.coverage == found.b.grid.coverage == 1.0
    assert found.a.grid.period_s == 7 * 7200
    assert found.changes["till"].verdict == "too few weeks" and found.changes["till"].own_change is not None


def test_the_moved_table_exceeds_normal_variation_and_untouched_zones_do_not(moved: PeriodComparison) -> None:
    verdicts = {name: change.verdict for name, change in moved.changes.items()}
    assert verdicts["fruit"] == verdicts["new-fruit"] == "exceeds normal variation"
    assert "exceeds normal variation" not in {verdicts["till"], verdicts["entrance"]}
    old, new = (moved.changes[name].relative_change for name in ("fruit", "new-fruit"))
    assert old is not None and old < -0.5
    assert new is not None and new > 0.5


def test_the_moved_table_stands_out_in_the_difference_map(site: Site, moved: PeriodComparison) -> None:
    change_s = difference(moved.a.grid, moved.b.grid, Style(), "presence").change_s
    old, new = (mask_of(site, name)[1] > 0 for name in ("fruit", "new-fruit"))
    assert new[np.unravel_index(change_s.argmax(), change_s.shape)]
    assert change_s[old].min() < 0 and change_s[old].mean() < change_s[~old].mean()


def test_where_people_stand_on_saturdays(site: Site, store: HistoryStore) -> None:
    saturdays = replace(days(0, 63), weekdays=parse_weekdays("sat"))
    heat = read_heat(store, CAMERA, saturdays.intervals(), "dwell")
    assert heat.grid.period_s == 9 * 11 * 3600
    figures = zone_figures(heat, ZoneMasks.from_params(site.zones, GRID_WH))
    mean_s = {name: figure.cell_s / figure.cells for name, figure in figures.items()}
    assert max(mean_s, key=lambda name: mean_s[name]) == "till"
    assert all(figure.is_exact for figure in figures.values())


def test_when_the_till_is_busiest(site: Site, store: HistoryStore) -> None:
    profile = read_profile(store, CAMERA, days(0, 63), measure="presence", epoch=1, zone=mask_of(site, "till"))
    assert np.unravel_index(np.nanargmax(profile), profile.shape) == (5, 17), "Saturday from 17 to 18 o'clock"
    assert np.isnan(profile[:, :9]).all() and np.isnan(profile[:, 20:]).all()


def test_coverage_shows_the_outage(store: HistoryStore) -> None:
    week = days(35, 7)
    assert read_heat(store, CAMERA, week.intervals(), "presence").grid.coverage == pytest.approx(5 / 7)
    outage = days(OUTAGE_DAYS[0], len(OUTAGE_DAYS))
    with pytest.raises(HistoryError, match="nothing was observed"):
        read_heat(store, CAMERA, outage.intervals(), "presence")
