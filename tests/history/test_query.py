"""Any period is right to a unit per cell whatever tiles it is read from, and says what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edgeheat.defs.history import Level
from edgeheat.defs.hours import ClockRange
from edgeheat.defs.params import Measure
from edgeheat.errors import HistoryError
from edgeheat.history.query import PeriodHeat, read_heat, stored_period
from edgeheat.history.rollup import roll_up
from edgeheat.history.selection import Selection
from edgeheat.local_time.period import Period
from edgeheat.local_time.period_text import parse_weekdays
from edgeheat.store.history.retention import prune
from edgeheat.store.history.store import HistoryStore
from tests.support.tiles import CountingCamera, at, random_ms

OSLO = ZoneInfo("Europe/Oslo")
START, END = at("2026-03-20 00:00", OSLO), at("2026-04-12 00:00", OSLO)
TRAFFIC, DWELL = random_ms(1), random_ms(2, density=0.05)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> HistoryStore:
    """Three weeks across a change of the clock and the end of a month, rolled up and pruned."""
    found = HistoryStore(tmp_path_factory.mktemp("history") / "history.sqlite3")
    found.add(CountingCamera(traffic_ms=TRAFFIC, dwell_ms=DWELL).tiles(START, END))
    roll_up(found, OSLO, END + 3600)
    prune(found, END + 3600)
    return found


def selection(start: str, end: str, **parts: object) -> Selection:
    return replace(Selection(Period(at(start, OSLO), at(end, OSLO)), OSLO), **parts)  # type: ignore[arg-type]


def exact_s(selected: Selection, measure: Measure, shape_hw: tuple[int, int] = (9, 16)) -> np.ndarray:
    counts = {"traffic": [TRAFFIC], "dwell": [DWELL], "presence": [TRAFFIC, DWELL]}[measure]
    sum_ms = np.zeros(shape_hw, np.int64)
    for start_s, end_s in selected.intervals().tolist():
        for tile_s in range(start_s, end_s, 300):
            sum_ms += sum(count(tile_s, shape_hw) for count in counts)
    return sum_ms / 1000.0


def read(store: HistoryStore, selected: Selection, measure: Measure = "presence") -> PeriodHeat:
    return read_heat(store, "door", selected.intervals(), measure)


@pytest.mark.parametrize("measure", ["traffic", "dwell", "presence"])
@pytest.mark.parametrize(
    "selected",
    [
        selection("2026-03-20 00:00", "2026-04-12 00:00"),
        selection("2026-03-29 00:00", "2026-03-30 00:00"),
        selection("2026-03-30 10:00", "2026-04-02 14:35"),
        selection("2026-04-01 10:05", "2026-04-01 10:10"),
    ],
    ids=["everything", "a day of 23 hours", "from hour to tile", "one tile"],
)
def test_a_period_is_right_to_a_unit_at_each_of_its_ends(
    store: HistoryStore, selected: Selection, measure: Measure
) -> None:
    heat = read(store, selected, measure)
    error_s = heat.grid.heat_s - exact_s(selected, measure)
    layers = 2 if measure == "presence" else 1
    assert np.abs(error_s).max() < 1.2 * layers
    assert heat.grid.coverage == 1.0 and heat.grid.observed_s == heat.grid.period_s
    assert heat.missing_s == heat.too_coarse_s == 0.0 and not heat.other_epochs
    tiles = sum((end_s - start_s) // 300 for start_s, end_s in selected.intervals().tolist())
    assert heat.zones[0].entries == tiles and heat.rejected_s == {"light": pytest.approx(0.01 * tiles)}


def test_hours_and_weekdays_are_selected(store: HistoryStore) -> None:
    selected = selection(
        "2026-03-20 00:00", "2026-04-12 00:00", hours=ClockRange(600, 720), weekdays=parse_weekdays("mon-fri")
    )
    heat = read(store, selected, "traffic")
    assert heat.grid.period_s == 16 * 7200
    # Each of the 16 stretches of time has its own carry.
    assert np.abs(heat.grid.heat_s - exact_s(selected, "traffic")).max() < 16 * 1.2


def test_what_is_not_stored_is_missing_or_too_coarse(store: HistoryStore) -> None:
    past = read(store, selection("2026-03-18 00:00", "2026-03-21 00:00"))
    assert past.missing_s == 2 * 86_400 and past.grid.coverage == pytest.approx(1 / 3)
    fine = read(store, selection("2026-03-21 10:00", "2026-03-21 12:30"))
    assert fine.too_coarse_s == 1800 and fine.missing_s == 0 and fine.grid.observed_s == 7200


def test_a_period_without_anything_is_an_error(store: HistoryStore) -> None:
    with pytest.raises(HistoryError, match="door: nothing was observed in this period"):
        read(store, selection("2026-01-01 00:00", "2026-01-02 00:00"))
    with pytest.raises(HistoryError, match="nothing was observed"):
        read_heat(store, "nobody", selection("2026-03-21 00:00", "2026-03-22 00:00").intervals(), "traffic")


def test_the_epoch_that_was_observed_longest_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history.sqlite3")
    store.add(CountingCamera(traffic_ms=random_ms(3), epoch=1).tiles(START, START + 3600))
    store.add(CountingCamera(traffic_ms=random_ms(4), epoch=2).tiles(START + 3600, START + 9000))
    selected = Selection(Period(START, START + 9000), OSLO)
    heat = read(store, selected)
    assert (heat.epoch, heat.other_epochs, heat.grid.observed_s) == (2, (1,), 5400)
    earlier = read_heat(store, "door", selected.intervals(), "traffic", epoch=1)
    assert (earlier.epoch, earlier.other_epochs, earlier.grid.observed_s) == (1, (2,), 3600)


def test_a_damaged_tile_is_left_out_and_lowers_coverage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = HistoryStore(tmp_path / "history.sqlite3")
    tiles = list(CountingCamera(traffic_ms=TRAFFIC).tiles(START, START + 3000))
    tiles[4] = replace(tiles[4], traffic=b"\x01garbage")
    store.add(tiles)
    heat = read(store, Selection(Period(START, START + 3000), OSLO))
    assert heat.damaged_tiles == 1 and heat.grid.coverage == pytest.approx(0.9)
    assert f"the tile from {tiles[4].start_s} cannot be read" in caplog.text


def test_a_whole_month_is_read_as_one_tile(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history.sqlite3")
    start, end = at("2026-02-01 00:00", OSLO), at("2026-03-01 00:00", OSLO)
    store.add(CountingCamera(traffic_ms=TRAFFIC, shape_hw=(2, 2)).tiles(start, end))
    roll_up(store, OSLO, end + 3600)
    prune(store, end + 1e9, keep_s=dict.fromkeys((Level.FIVE_MINUTES, Level.HOUR, Level.DAY), 0.0))
    heat = read(store, Selection(Period(start, end), OSLO))
    assert heat.grid.coverage == 1.0 and heat.grid.heat_s.any()


def test_what_is_stored_is_known_as_exactly_as_its_shortest_tiles(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history.sqlite3")
    assert stored_period(store, "door") is None
    first, last = at("2026-02-03 09:05", OSLO), at("2026-04-02 17:25", OSLO)
    store.add(CountingCamera(traffic_ms=TRAFFIC, shape_hw=(2, 2)).tiles(first, last))
    assert stored_period(store, "door") == (first, last)
    roll_up(store, OSLO, at("2026-04-04 00:00", OSLO))
    assert stored_period(store, "door") == (first, last), "the month and the last day are longer"
    prune(store, last + 1e9, keep_s=dict.fromkeys((Level.FIVE_MINUTES, Level.HOUR), 0.0))
    assert stored_period(store, "door") == (at("2026-02-03 00:00", OSLO), at("2026-04-03 00:00", OSLO))


def test_the_previous_selection_has_as_many_days() -> None:
    week = selection("2026-03-30 00:00", "2026-04-06 00:00", hours=ClockRange(600, 720))
    assert week.previous().words() == "2026-03-23 to 2026-03-29, 10:00-12:00", "with a day of 23 hours"
    morning = selection("2026-04-01 10:00", "2026-04-01 12:00")
    assert morning.previous().words() == "2026-04-01 08:00 to 10:00"
