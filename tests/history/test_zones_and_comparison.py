"""Zones are exact from the day they were drawn; two periods are compared by whole weeks, and profiles by hours."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edgeheat.core.grid.zones import ZoneMasks, zone_key
from edgeheat.defs.params import ZoneParams
from edgeheat.errors import HistoryError
from edgeheat.history.compare import compare_periods
from edgeheat.history.profile import read_profile
from edgeheat.history.query import read_heat
from edgeheat.history.rollup import roll_up
from edgeheat.history.selection import Selection
from edgeheat.history.zones import zone_figures
from edgeheat.local_time.period import Period
from edgeheat.store.history.store import HistoryStore
from tests.support.tiles import ALL_KEY, CountingCamera, Ms, at, random_ms

OSLO = ZoneInfo("Europe/Oslo")
MONDAY = at("2026-03-02 00:00", OSLO)
LEFT = ZoneParams("left", "zone", ((0.0, 0.0), (0.45, 0.0), (0.45, 1.0), (0.0, 1.0)))
MASKS = ZoneMasks.from_params([LEFT], (16, 9))
LEFT_PLACE = ("left", zone_key("left", LEFT.polygon))
WEEK_S = 7 * 86_400


def days(start_s: int, count: float) -> Selection:
    return Selection(Period(start_s, start_s + round(count * 86_400)), OSLO)


def test_a_zone_is_exact_from_the_day_it_was_drawn_and_summed_from_the_cells_before(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history.sqlite3")
    camera = CountingCamera(traffic_ms=random_ms(1), dwell_ms=random_ms(2))
    before = list(camera.tiles(MONDAY, MONDAY + 86_400))
    camera.zones = {LEFT_PLACE: MASKS.named["left"] > 0}
    store.add([*before, *camera.tiles(MONDAY + 86_400, MONDAY + 2 * 86_400)])
    for day, is_exact in ((0, False), (1, True)):
        heat = read_heat(store, "door", days(MONDAY + day * 86_400, 1).intervals(), "traffic")
        figures = zone_figures(heat, MASKS)
        assert list(figures) == ["all", "left"] and figures["all"].is_exact
        left = figures["left"]
        assert left.is_exact is is_exact and left.observed_s == 86_400 and left.cells == 72
        inside_s = float(heat.grid.heat_s[MASKS.named["left"] > 0].sum())
        assert left.cell_s == pytest.approx(inside_s, abs=72 * 0.2)
        assert (left.entries, left.active_s) == ((288, 0.0) if is_exact else (None, None))
    both = read_heat(store, "door", days(MONDAY, 2).intervals(), "traffic")
    assert not zone_figures(both, MASKS)["left"].is_exact, "it was observed for half of the period only"


def busy_left(factor: float, from_s: int) -> CountingCamera:
    """A camera whose left half is `factor` times as busy from an instant on; days vary together."""

    def count(start_s: int, shape_hw: tuple[int, int]) -> Ms:
        day = np.random.default_rng(start_s // 86_400)
        ms = np.full(shape_hw, 10_000.0) * np.exp(0.2 * day.normal()) * np.exp(0.05 * day.normal(size=2)).repeat(8)
        if start_s >= from_s:
            ms[:, :8] *= factor
        return ms.astype(np.int64)

    return CountingCamera(traffic_ms=count, zones={LEFT_PLACE: MASKS.named["left"] > 0})


def test_a_changed_zone_exceeds_normal_variation_and_an_unchanged_one_does_not(tmp_path: Path) -> None:
    change_s = MONDAY + 4 * WEEK_S - 3600  # four weeks, of which one has a Sunday of 23 hours
    for factor, verdict in ((1.5, "exceeds normal variation"), (1.0, "within normal variation")):
        store = HistoryStore(tmp_path / f"history-{factor}.sqlite3")
        store.add(busy_left(factor, change_s).tiles(MONDAY, MONDAY + 8 * WEEK_S))
        roll_up(store, OSLO, MONDAY + 9 * WEEK_S)
        a, b = days(MONDAY, 28 - 1 / 24), days(change_s, 28)
        found = compare_periods(store, "door", a, b, measure="traffic", zones=[LEFT])
        assert found.changes["left"].verdict == verdict
        assert found.changes["left"].weeks == (4, 4)
        change = found.changes["left"].relative_change
        assert change is not None and change == pytest.approx(factor - 1, abs=0.15)
        assert found.changes["all"].verdict == "whole picture"
        assert found.zones_b["left"].is_exact and found.a.grid.coverage == 1.0


def test_two_days_are_too_few_weeks(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history.sqlite3")
    store.add(busy_left(2.0, MONDAY + 86_400).tiles(MONDAY, MONDAY + 2 * 86_400))
    found = compare_periods(store, "door", days(MONDAY, 1), days(MONDAY + 86_400, 1), measure="traffic", zones=[LEFT])
    assert found.changes["left"].verdict == "too few weeks"
    assert found.zones_b["left"].cell_s > 1.5 * found.zones_a["left"].cell_s


def test_periods_of_two_scenes_are_not_compared(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history.sqlite3")
    for epoch, start_s in ((1, MONDAY), (2, MONDAY + 86_400)):
        store.add(CountingCamera(traffic_ms=random_ms(epoch), epoch=epoch).tiles(start_s, start_s + 86_400))
    with pytest.raises(HistoryError, match=r"another scene in 2026-03-02 \(epoch 1\) than in 2026-03-03 \(epoch 2\)"):
        compare_periods(store, "door", days(MONDAY, 1), days(MONDAY + 86_400, 1), measure="traffic", zones=[LEFT])


def test_a_profile_has_the_rate_of_each_local_hour_of_the_week(tmp_path: Path) -> None:
    def busy_at_ten(start_s: int, shape_hw: tuple[int, int]) -> Ms:
        local = datetime.fromtimestamp(start_s, OSLO)
        return np.full(shape_hw, 5000 if local.hour == 10 and local.weekday() == 5 else 1000, np.int64)

    store = HistoryStore(tmp_path / "history.sqlite3")
    camera = CountingCamera(traffic_ms=busy_at_ten)
    start = MONDAY + 3 * WEEK_S  # the clock changes at the end of this week
    everything = camera.tiles(start, start + 2 * WEEK_S)
    tiles = [tile for tile in everything if datetime.fromtimestamp(tile.start_s, OSLO).hour > 0]
    store.add(tiles)
    roll_up(store, OSLO, start + WEEK_S)  # the second week is not rolled up yet
    selected = days(start, 14)
    whole = read_profile(store, "door", selected, measure="traffic", epoch=1, zone=(ALL_KEY, MASKS.named["all"]))
    left = read_profile(store, "door", selected, measure="traffic", epoch=1, zone=(LEFT_PLACE[1], MASKS.named["left"]))
    assert whole.shape == (7, 24)
    np.testing.assert_allclose(left, whole / 2, rtol=0.01)
    assert whole[5, 10] == pytest.approx(12 * 5 * 144)
    assert whole[4, 10] == whole[5, 11] == pytest.approx(12 * 1 * 144)
    assert np.isnan(whole[0, 0]) and np.isfinite(whole[:, 1:]).all()
