"""Tiles add up to local hours, days and months, right to a unit, also with late, replaced and damaged parts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.core.heat.tile import TileSum
from edgeheat.defs.history import Level, Tile
from edgeheat.history.rollup import roll_up
from edgeheat.local_time.buckets import bucket_of
from edgeheat.store.history.check import check_store
from edgeheat.store.history.store import Carry, HistoryStore
from tests.support.tiles import CountingCamera, at, random_ms

OSLO = ZoneInfo("Europe/Oslo")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
START = at("2026-03-27 00:00", OSLO)
FOREVER = (0, 1 << 40)


def ms_of(tile: Tile, layer: str = "traffic") -> NDArray[np.int64]:
    total = TileSum(tile.grid_wh[::-1])
    total.add(getattr(tile, layer))
    return total.result_units() * tile.level.unit_ms


def stored(store: HistoryStore, level: Level, camera: str = "door") -> list[Tile]:
    return list(store.read(camera, level, [FOREVER]))


def assert_sound(store: HistoryStore) -> None:
    assert check_store(store.path, lambda level, unix_s: bucket_of(level, unix_s, OSLO)) == []


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history.sqlite3")


def test_what_an_hour_leaves_over_is_stored_in_units_of_its_parts(store: HistoryStore) -> None:
    """In milliseconds it would take twice the bytes."""
    camera = CountingCamera(traffic_ms=random_ms(1), dwell_ms=random_ms(2))
    store.add(camera.tiles(START, START + 3600))
    roll_up(store, OSLO, START + 2 * 3600)
    (hour,) = stored(store, Level.HOUR)
    carry = store.carry("door", Level.HOUR, epoch=1)
    for layer, carried in (("traffic", carry.traffic), ("dwell", carry.dwell)):
        left_over = TileSum(hour.grid_wh[::-1])
        left_over.add(carried)
        assert 0 < left_over.result_units().max() < 5
        counted_ms = sum(ms_of(part, layer) for part in stored(store, Level.FIVE_MINUTES))
        np.testing.assert_array_equal(ms_of(hour, layer) + 200 * left_over.result_units(), counted_ms)


def test_hours_days_and_months_are_right_to_a_unit_across_a_change_of_the_clock(store: HistoryStore) -> None:
    camera = CountingCamera(traffic_ms=random_ms(1), dwell_ms=random_ms(2))
    end = at("2026-04-02 00:00", OSLO)
    store.add(camera.tiles(START, end))
    assert roll_up(store, OSLO, end + 3600) == (6 * 24 - 1) + 6 + 1
    hours, days, months = (stored(store, level) for level in (Level.HOUR, Level.DAY, Level.MONTH))
    assert [day.end_s - day.start_s for day in days] == [86_400, 86_400, 82_800, 86_400, 86_400, 86_400]
    assert all(first.end_s == second.start_s for tiles in (hours, days) for first, second in pairwise(tiles))
    exact = camera.total_traffic_ms
    for tiles in (hours, days):
        error_ms = sum(ms_of(tile) for tile in tiles) - exact
        assert (error_ms > -1200).all() and (error_ms <= 0).all(), "less than one unit of both levels"
    assert sum(day.observed_ms for day in days) == len(range(START, end, 300)) * 300_000
    assert months[0].start_s == at("2026-03-01 00:00", OSLO) and months[0].observed_ms == sum(
        day.observed_ms for day in days[:5]
    )
    np.testing.assert_array_equal(ms_of(months[0], "dwell"), sum(ms_of(day, "dwell") for day in days[:5]))
    assert {zone.name: zone.entries for zone in months[0].zones} == {"all": len(range(START, days[4].end_s, 300))}
    assert months[0].rejected_ms == {"light": 10 * months[0].zones[0].entries}
    assert_sound(store)
    assert roll_up(store, OSLO, end + 3600) == 0


def test_hours_of_a_site_at_a_quarter_hour_are_its_own(store: HistoryStore) -> None:
    start = at("2026-03-27 00:00", KATHMANDU)
    store.add(CountingCamera(traffic_ms=random_ms(3)).tiles(start, start + 86_400))
    roll_up(store, KATHMANDU, start + 90_000)
    assert [hour.start_s - start for hour in stored(store, Level.HOUR)] == list(range(0, 86_400, 3600))
    assert [(day.start_s, day.observed_ms) for day in stored(store, Level.DAY)] == [(start, 86_400_000)]


def test_an_hour_is_rolled_up_when_late_tiles_have_arrived(store: HistoryStore) -> None:
    store.add(CountingCamera(traffic_ms=random_ms(4)).tiles(START, START + 3600))
    assert roll_up(store, OSLO, START + 3600 + 899) == 0
    assert roll_up(store, OSLO, START + 3600 + 900) == 1


def test_a_late_tile_is_added_to_its_hour_day_and_month(store: HistoryStore) -> None:
    camera = CountingCamera(traffic_ms=random_ms(5))
    tiles = list(camera.tiles(START, at("2026-04-01 00:00", OSLO)))
    late = tiles.pop(100)
    store.add(tiles)
    after = at("2026-04-01 02:00", OSLO)
    roll_up(store, OSLO, after)
    store.add([late])
    assert roll_up(store, OSLO, after) == 3
    for level in (Level.HOUR, Level.DAY, Level.MONTH):
        sum_ms = sum(ms_of(tile) for tile in stored(store, level))
        assert (np.abs(sum_ms - camera.total_traffic_ms) < 1200).all()
        assert sum(tile.observed_ms for tile in stored(store, level)) == 300_000 * (len(tiles) + 1)
    assert_sound(store)


def test_epochs_and_cameras_are_never_added(store: HistoryStore) -> None:
    for number, (name, epoch) in enumerate([("door", 1), ("door", 2), ("till", 1)]):
        store.add(CountingCamera(name, traffic_ms=random_ms(number), epoch=epoch).tiles(START, START + 3600))
    assert roll_up(store, OSLO, START + 7200) == 3
    assert [(tile.epoch, tile.observed_ms) for tile in stored(store, Level.HOUR)] == [(1, 3_600_000), (2, 3_600_000)]
    assert len(stored(store, Level.HOUR, "till")) == 1


def test_a_damaged_tile_costs_its_heat_and_nothing_else(store: HistoryStore, caplog: pytest.LogCaptureFixture) -> None:
    tiles = list(CountingCamera(traffic_ms=random_ms(6)).tiles(START, START + 3600))
    tiles[3] = replace(tiles[3], traffic=tiles[3].traffic[:-2])
    store.add(tiles)
    assert roll_up(store, OSLO, START + 7200) == 1
    hour = stored(store, Level.HOUR)[0]
    whole_ms = sum(ms_of(tile) for index, tile in enumerate(tiles) if index != 3)
    assert (np.abs(ms_of(hour) - whole_ms) < 1000).all()
    assert hour.observed_ms == 3_600_000 and hour.zones[0].entries == 12
    assert f"the heat of the tile from {tiles[3].start_s} is lost" in caplog.text
    assert_sound(store)


def test_rolling_up_continues_after_the_time_zone_of_the_site_was_corrected(store: HistoryStore) -> None:
    camera = CountingCamera(traffic_ms=random_ms(7))
    tiles = list(camera.tiles(START, START + 4 * 86_400))
    store.add(tiles[:500])
    roll_up(store, UTC, tiles[499].end_s + 900)
    store.add(tiles[500:])
    roll_up(store, KATHMANDU, tiles[-1].end_s + 2 * 86_400)
    for level in (Level.HOUR, Level.DAY):
        assert sum(tile.observed_ms for tile in stored(store, level)) == 300_000 * len(tiles)


class RejectingStore(HistoryStore):
    """A history that cannot store the sums of one camera."""

    def add_rollup(self, tile: Tile, part_starts: Collection[int], carry: Carry | None = None) -> bool:
        if tile.camera == "till":
            raise ValueError("rollup of till: parts are in another tile already")
        return super().add_rollup(tile, part_starts, carry)


def test_sums_are_stored_even_if_a_later_one_of_the_same_transaction_cannot_be(tmp_path: Path) -> None:
    store = RejectingStore(tmp_path / "history.sqlite3")
    for name in ("door", "till"):
        store.add(CountingCamera(name, traffic_ms=random_ms(1)).tiles(START, START + 2 * 3600))
    with pytest.raises(ValueError, match="rollup of till"):
        roll_up(store, OSLO, START + 3 * 3600)
    assert len(stored(store, Level.HOUR)) == 2
    with HistoryStore(store.path) as again:
        assert roll_up(again, OSLO, START + 3 * 3600) == 2
        assert_sound(again)


def test_the_hours_of_several_cameras_are_one_transaction(store: HistoryStore) -> None:
    """Pages that they have in common are then written once."""
    for name in ("door", "till", "shelf"):
        store.add(CountingCamera(name, traffic_ms=random_ms(1)).tiles(START, START + 3600))
    statements: list[str] = []
    with store.reading() as connection:
        connection.set_trace_callback(statements.append)
    assert roll_up(store, OSLO, START + 2 * 3600) == 3
    assert statements.count("BEGIN IMMEDIATE") == 1
