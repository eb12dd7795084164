"""Questions about a shop with opening hours are about open time, also where only longer tiles are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edgeheat.defs.history import Level, Tile
from edgeheat.defs.hours import ClockRange, OpeningHours
from edgeheat.defs.params import PipelineParams
from edgeheat.errors import HistoryError
from edgeheat.history.heat_answer import HeatAnswer, answer_heat
from edgeheat.history.profile_answer import answer_profile
from edgeheat.history.rollup import roll_up
from edgeheat.history.selection import Selection
from edgeheat.local_time.opening import is_open
from edgeheat.local_time.period import Period
from edgeheat.store.history.retention import prune
from edgeheat.store.history.store import HistoryStore
from tests.support.tiles import CountingCamera, Ms, at

OSLO = ZoneInfo("Europe/Oslo")
WEEKDAY = (ClockRange(9 * 60, 18 * 60 + 30),)
NIGHT = (ClockRange(60, 240),)
"""From 1 to 4 o'clock: two hours where the clock is set forward, four where it is set back."""

PAUSED = OpeningHours((*(WEEKDAY,) * 5, NIGHT, ()), {date(2026, 3, 25): ()})
"""Closed on Sundays and on Wednesday, 25 March."""

COUNTED = replace(PAUSED, outside="count")
FIRST, LAST = "2026-03-23", "2026-03-30"
"""A week; on its Sunday the clock is set forward."""


def selection(first: str = FIRST, following: str = LAST, opening: OpeningHours = PAUSED) -> Selection:
    return Selection(Period(at(f"{first} 00:00", OSLO), at(f"{following} 00:00", OSLO)), OSLO, opening=opening)


def second_per_cell(start_s: int, shape_hw: tuple[int, int]) -> Ms:
    return np.full(shape_hw, 1000, np.int64)


def counted_tiles(opening: OpeningHours) -> Iterator[Tile]:
    """The tiles of a week and the day after, of a camera that edgeheat pauses outside opening hours, or does not."""
    for tile in CountingCamera(traffic_ms=second_per_cell).tiles(
        at(f"{FIRST} 00:00", OSLO), at("2026-03-31 00:00", OSLO)
    ):
        if opening.outside == "count" or is_open(opening, tile.start_s, OSLO):
            yield tile


def make_store(folder: Path, opening: OpeningHours, *gone: Level) -> HistoryStore:
    """A store of which tiles of some levels are not kept any more."""
    store = HistoryStore(folder / "history.sqlite3")
    store.add(counted_tiles(opening))
    now_s = at("2026-04-02 00:00", OSLO)
    roll_up(store, OSLO, now_s)
    prune(store, now_s + 1e9, keep_s=dict.fromkeys(gone, 0.0))
    return store


def ask(store: HistoryStore, selected: Selection) -> HeatAnswer:
    return answer_heat(store, PipelineParams("door", OSLO), selected, "traffic")


def hours_of(selected: Selection) -> float:
    return float(np.diff(selected.intervals()).sum()) / 3600


def test_open_and_closed_time_together_are_the_period() -> None:
    week = selection()
    assert hours_of(week) == 4 * 9.5 + 3, "without Wednesday and Sunday"
    assert hours_of(replace(week, layer="closed")) == 7 * 24 - 1 - 41
    assert hours_of(replace(week, layer="all")) == 7 * 24 - 1
    assert not len(selection("2026-03-25", "2026-03-26").intervals())
    assert hours_of(replace(week, hours=ClockRange(480, 600), weekdays=frozenset({0}))) == 1, "9 to 10 o'clock"


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 3), ("2026-03-29", 2), ("2026-10-25", 4)])
def test_open_time_follows_the_clock_where_it_is_set(day: str, hours: int) -> None:
    following = f"{day[:-2]}{int(day[-2:]) + 1}"
    opening = OpeningHours((*(WEEKDAY,) * 5, NIGHT, NIGHT), {})
    selected = selection(day, following, opening)
    assert hours_of(selected) == hours
    assert hours_of(replace(selected, layer="all")) == {2: 23, 3: 24, 4: 25}[hours]


def test_the_words_name_the_layer() -> None:
    week = selection()
    assert week.words() == "2026-03-23 to 2026-03-29, open hours"
    assert replace(week, layer="closed").words() == "2026-03-23 to 2026-03-29, outside open hours"
    assert replace(week, layer="all").words() == "2026-03-23 to 2026-03-29, open and closed hours"
    always = replace(week, opening=None)
    assert always.words() == "2026-03-23 to 2026-03-29" and always.shown_layer == "all"


def test_parts_weeks_and_the_time_before_keep_the_layer() -> None:
    closed = replace(selection(), layer="closed")
    for part in (*closed.parts(Level.DAY), *closed.weeks(), closed.previous()):
        assert (part.opening, part.layer) == (PAUSED, "closed")


def test_coverage_refers_to_open_time(tmp_path: Path) -> None:
    with make_store(tmp_path, PAUSED) as store:
        found = ask(store, selection())
        assert found.heat.grid.coverage == 1.0 and found.heat.grid.period_s == 41 * 3600
        assert found.notes() == []
        with pytest.raises(HistoryError, match=r'outside open hours; nothing is counted .* has outside = "count"'):
            ask(store, replace(selection(), layer="closed"))


def test_layers_of_a_shop_that_counts_at_night_add_up(tmp_path: Path) -> None:
    with make_store(tmp_path, COUNTED) as store:
        week = selection(opening=COUNTED)
        heats = {layer: ask(store, replace(week, layer=layer)).heat for layer in ("open", "closed", "all")}
        assert all(heat.grid.coverage == 1.0 for heat in heats.values())
        sums = [float(heats[layer].grid.heat_s.sum()) for layer in ("open", "closed", "all")]
        assert sums[0] + sums[1] == pytest.approx(sums[2]) and sums[0] == pytest.approx(41 * 12 * 144)


@pytest.mark.parametrize(
    "gone", [(Level.FIVE_MINUTES,), (Level.FIVE_MINUTES, Level.HOUR), (Level.FIVE_MINUTES, Level.HOUR, Level.DAY)]
)
def test_longer_tiles_are_read_where_nothing_was_counted_outside(gone: tuple[Level, ...], tmp_path: Path) -> None:
    with make_store(tmp_path, PAUSED, *gone) as store:
        days = (FIRST, LAST) if Level.DAY not in gone else ("2026-03-01", "2026-04-01")
        heat = ask(store, selection(*days)).heat
        open_h = 41 + (9.5 if Level.DAY in gone else 0)
        assert heat.too_coarse_s == 0 and heat.grid.observed_s == open_h * 3600
        assert float(heat.grid.heat_s.sum()) == pytest.approx(open_h * 12 * 144)


def test_the_profile_has_the_last_half_hour_of_the_day_as_well(tmp_path: Path) -> None:
    with make_store(tmp_path, PAUSED, Level.FIVE_MINUTES) as store:
        rates = answer_profile(store, PipelineParams("door", OSLO), selection(), "traffic").rates
    open_hours = np.zeros((7, 24), bool)
    open_hours[[0, 1, 3, 4], 9:19] = True
    open_hours[5, 1:4] = True
    assert (np.isfinite(rates) == open_hours).all()
    assert rates[open_hours] == pytest.approx(np.full(43, 12 * 144))


def test_longer_tiles_that_contain_a_night_are_not_read(tmp_path: Path) -> None:
    """The hours were set later, so [hours] says that nothing was counted at night, but it was."""
    with make_store(tmp_path, COUNTED, Level.FIVE_MINUTES) as store:
        heat = ask(store, selection(opening=PAUSED)).heat
        assert heat.too_coarse_s == 4 * 1800, "the half hours before closing"
        assert heat.grid.observed_s == 39 * 3600 and float(heat.grid.heat_s.sum()) == pytest.approx(39 * 12 * 144)
