"""Tiles hold what the increments counted, whatever the clock does, and a replay makes the same tiles again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.packing import pack, unpack
from edgeheat.core.heat.tile import TileSum
from edgeheat.core.heat.tile_builder import TileBuilder
from edgeheat.defs.history import Level, Tile, ZoneTile
from tests.core.counting import CELL, LEFT, SHAPE, TOP, ZONES, increment

NOON_S = 1_700_000_400
"""Start of a tile."""

UNIT_MS = Level.FIVE_MINUTES.unit_ms


def builder(zones: ZoneMasks = ZONES) -> TileBuilder:
    return TileBuilder("aisle", zones, 1)


def at(after_s: float, traffic_ms: int = 1000, dwell_ms: int = 0, **more: Any) -> Increment:
    """An increment that ends so many seconds after noon."""
    return replace(increment(after_s, traffic_ms, dwell_ms, wall_s=NOON_S + after_s), **more)


def tiles_of(increments: Iterable[Increment], into: TileBuilder | None = None, *, end: bool = True) -> list[Tile]:
    building = builder() if into is None else into
    closed = [building.add(each) for each in increments]
    if end:
        closed.append(building.end_epoch())
    return [tile for tile in closed if tile is not None]


def decoded_ms(tiles: Iterable[Tile], layer: str) -> NDArray[np.int64]:
    total = TileSum(SHAPE)
    for tile in tiles:
        total.add(getattr(tile, layer))
    return UNIT_MS * total.result_units()


def exact_ms(increments: Iterable[Increment], layer: str) -> NDArray[np.int64]:
    grids = [getattr(each, f"{layer}_ms") for each in increments]
    return sum((grid.astype(np.int64) for grid in grids if grid is not None), np.zeros(SHAPE, np.int64))


def saved_and_restored(building: TileBuilder, zones: ZoneMasks = ZONES) -> TileBuilder:
    _, state = unpack(pack({}, building.state()))
    restored = TileBuilder("aisle", zones, 1)
    restored.restore(state)
    return restored


@st.composite
def sequences(draw: st.DrawFn) -> list[Increment]:
    """Increments at any times, also with a clock that is set, of any traffic, dwell and rejected time."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    increments, wall_s = [], float(NOON_S)
    for number in range(draw(st.integers(1, 40))):
        wall_s += float(random.choice([1.0, 1.0, 100.0, 299.0, 2000.0, -50.0, -3000.0, -90_000.0]))
        observed_ms = int(random.choice([0, 400, 1000]))
        traffic_ms = (random.integers(0, observed_ms + 1, SHAPE) * (random.random(SHAPE) < 0.5)).astype(np.uint16)
        dwell_ms = random.integers(0, 300_000, SHAPE).astype(np.uint32) if random.random() < 0.3 else None
        rejected_ms = {"light": 1000 - observed_ms} if observed_ms < 1000 and random.random() < 0.5 else {}
        counters = random.integers(0, 1000, (len(ZONES.keys), 6)) * (observed_ms > 0)
        synced = bool(random.random() < 0.9)
        increments.append(
            Increment(
                traffic_ms, dwell_ms, observed_ms, float(number), wall_s, ZONES.keys, counters, rejected_ms, synced
            )
        )
    return increments


@given(sequences())
def test_the_tiles_of_an_epoch_are_right_to_half_a_unit_and_their_counters_exactly(increments: list[Increment]) -> None:
    tiles = tiles_of(increments)
    for layer in ("traffic", "dwell"):
        error_ms = decoded_ms(tiles, layer) - exact_ms(increments, layer)
        assert np.abs(error_ms).max() <= UNIT_MS // 2
    assert sum(tile.observed_ms for tile in tiles) == sum(each.observed_ms for each in increments)
    for reason in ("light",):
        rejected_ms = sum(each.rejected_ms.get(reason, 0) for each in increments)
        assert sum(tile.rejected_ms.get(reason, 0) for tile in tiles) == rejected_ms
    for row, key in enumerate(ZONES.keys):
        zones = [zone for tile in tiles for zone in tile.zones if zone.key == key]
        expected = sum(each.zone_counters[row] for each in increments)
        figures = ("observed_ms", "motion_ms", "active_ms", "traffic_cell_ms", "dwell_cell_ms", "entries")
        assert [sum(getattr(zone, figure) for zone in zones) for figure in figures] == list(expected)


@given(sequences(), st.data())
def test_any_run_of_complete_tiles_is_right_to_less_than_one_unit(increments: list[Increment], data: Any) -> None:
    building = builder()
    ends, tiles = [0], []
    for number, each in enumerate(increments):
        tile = building.add(each)
        if tile is not None:
            tiles.append(tile)
            ends.append(number)
    first = data.draw(st.integers(0, len(tiles)))
    last = data.draw(st.integers(first, len(tiles)))
    for layer in ("traffic", "dwell"):
        error_ms = decoded_ms(tiles[first:last], layer) - exact_ms(increments[ends[first] : ends[last]], layer)
        assert np.abs(error_ms).max() < UNIT_MS


@given(sequences(), st.data())
def test_a_replay_from_any_saved_state_makes_the_same_tiles_byte_for_byte(
    increments: list[Increment], data: Any
) -> None:
    saved_at = data.draw(st.integers(0, len(increments)))
    first = builder()
    before = tiles_of(increments[:saved_at], first, end=False)
    second = saved_and_restored(first)
    after = tiles_of(increments[saved_at:], first)
    again = [Increment.unpack(each.pack()) for each in increments[saved_at:]]
    assert tiles_of(again, second) == after
    assert before + after == tiles_of(increments)


def test_a_tile_says_what_was_counted_in_its_five_minutes() -> None:
    increments = [at(1, 1000), at(2, 450, 90_000, rejected_ms={"light": 300}), at(299.9, 0, rejected_ms={"light": 5})]
    building = builder()
    assert tiles_of(increments, building, end=False) == []
    closed = building.add(at(300.0))
    assert closed is not None
    assert (closed.camera, closed.level, closed.epoch, closed.grid_wh) == ("aisle", Level.FIVE_MINUTES, 1, SHAPE[::-1])
    assert (closed.start_s, closed.end_s) == (NOON_S, NOON_S + 300)
    assert (closed.observed_ms, closed.rejected_ms, closed.clock_synced) == (3000, {"light": 305}, True)
    assert [decoded_ms([closed], layer)[CELL] for layer in ("traffic", "dwell")] == [1400, 90_000]
    assert [zone.name for zone in closed.zones] == ["all", "left", "top"]
    assert closed.zones[0] == ZoneTile("all", ZONES.keys[0], 3000, 3000, 3000, 1450, 90_000, 3)


def test_what_is_less_than_a_unit_is_in_the_next_tile_and_rounded_at_the_end() -> None:
    tiles = tiles_of([at(1, 350), at(301, 150), at(601, 100)])
    assert [decoded_ms([tile], "traffic")[CELL] for tile in tiles] == [200, 200, 200]


@pytest.mark.parametrize(
    ("what", "after_s", "starts_s"),
    [
        ("the clock steps back within the tile", [200, 100, 301], [0, 300]),
        ("it steps back by most of an hour, and runs on", [1, -3299, -1, 299, 300], [0, 300]),
        ("it steps back by two hours, and runs on", [1, -7199, -6899], [0, -7200, -6900]),
        ("it steps ahead by a day, and back again", [1, 86_401, 2], [0, 86_400, 0]),
        ("nothing is counted for an hour", [1, 3601], [0, 3600]),
    ],
)
def test_every_increment_is_in_one_tile_whatever_the_clock_does(
    what: str, after_s: Sequence[float], starts_s: Sequence[int]
) -> None:
    tiles = tiles_of(at(each) for each in after_s)
    assert [tile.start_s - NOON_S for tile in tiles] == starts_s
    assert sum(tile.observed_ms for tile in tiles) == 1000 * len(after_s)


def test_there_is_no_tile_where_nothing_was_observed_counted_or_rejected() -> None:
    nothing = Increment(np.zeros(SHAPE, np.uint16), None, 0, 1.0, NOON_S + 1.0)
    assert tiles_of([nothing, replace(nothing, wall_s=NOON_S + 400.0)]) == []
    dark = replace(nothing, rejected_ms={"unhealthy": 1000})
    assert [tile.rejected_ms for tile in tiles_of([dark])] == [{"unhealthy": 1000}]
    assert builder().end_epoch() is None


def test_a_tile_of_which_one_second_was_counted_with_a_wrong_clock_is_marked() -> None:
    tiles = tiles_of([at(1), at(2, clock_synced=False), at(3), at(301)])
    assert [tile.clock_synced for tile in tiles] == [False, True]


def test_a_tile_is_closed_some_seconds_after_its_end_although_no_frame_comes() -> None:
    building = builder()
    assert building.close_if_due(NOON_S) is None, "there is none yet"
    building.add(at(299))
    assert building.close_if_due(NOON_S + 301) is None, "an increment may still arrive"
    closed = building.close_if_due(NOON_S + 330)
    assert closed is not None and closed.start_s == NOON_S
    assert building.close_if_due(NOON_S + 330) is None
    assert building.close_if_due(NOON_S + 9000) is None, "of the hours since there is nothing to report"
    building.add(at(299.5))
    late = building.add(at(9000))
    assert late is not None and late.start_s == NOON_S + 300, "no second tile has the same start"


def test_a_zone_that_was_redrawn_within_a_tile_is_in_it_twice() -> None:
    redrawn = replace(LEFT, polygon=LEFT.polygon[:3])
    later = ZoneMasks.from_params((redrawn, TOP), SHAPE[::-1])
    first = builder()
    first.add(at(1))
    second = saved_and_restored(first, later)
    second.add(at(2))  # was counted before the restart, and is replayed
    second.add(replace(increment(3.0, wall_s=NOON_S + 3.0, zones=later)))
    third = saved_and_restored(second, later)
    (tile,) = tiles_of([], third)
    zones = {(zone.name, zone.key): zone.observed_ms for zone in tile.zones}
    assert zones == {
        ("all", ZONES.keys[0]): 3000,
        ("left", ZONES.keys[1]): 2000,
        ("left", later.keys[1]): 1000,
        ("top", ZONES.keys[2]): 3000,
    }


def test_the_names_of_earlier_zones_are_not_saved_for_ever() -> None:
    first = builder()
    first.add(at(1))
    whole = ZoneMasks.from_params((), SHAPE[::-1])
    second = saved_and_restored(first, whole)
    assert len(second.state()["zone_keys"]) == 3
    second.add(replace(increment(301.0, wall_s=NOON_S + 301.0, zones=whole)))
    assert len(second.state()["zone_keys"]) == 1


def test_an_increment_of_another_grid_is_rejected_and_changes_nothing() -> None:
    building = builder()
    building.add(at(1))
    with pytest.raises(ValueError, match="tile: expected an increment of"):
        building.add(Increment(np.zeros((2, 2), np.uint16), None, 1000, 400.0, NOON_S + 400.0))
    assert tiles_of([], building) == tiles_of([at(1)])


def test_a_saved_state_that_does_not_fit_is_rejected_and_changes_nothing() -> None:
    saved = builder()
    saved.add(at(1, rejected_ms={"light": 3}))
    state = saved.state()
    text = state["description"].tobytes()

    def said(before: bytes, after: bytes) -> dict[str, Any]:
        assert before in text
        return {"description": np.frombuffer(text.replace(before, after), np.uint8)}

    negative = np.full_like(state["zone_counters"], -1)
    forgeries: list[dict[str, Any]] = [
        {"traffic_ms": np.zeros((2, 2), np.uint32)},
        {"dwell_ms": np.zeros(SHAPE, np.int64)},
        {"zone_keys": state["zone_keys"][:2]},
        {"zone_counters": state["zone_counters"][:, :5]},
        {"zone_counters": negative},
        {"description": np.zeros(3, np.uint8)},
        {"description": np.frombuffer(b"[" * 100_000, np.uint8)},
        {"description": np.frombuffer(b"[]", np.uint8)},
        said(str(NOON_S).encode(), b"1700000401"),
        said(str(NOON_S).encode(), b"1e400"),
        said(b'"observed_ms": 1000', b'"observed_ms": -1'),
        said(b'{"light": 3}', b'{"light": -3}'),
        said(b'{"light": 3}', b"[3]"),
        said(b'"zones": ["all", ', b'"zones": ['),
    ]
    for forged in forgeries:
        building = builder()
        with pytest.raises(ValueError, match="the open tile cannot be restored"):
            building.restore({**state, **forged})
        assert tiles_of([at(1)], building) == tiles_of([at(1)])
    for missing in state:
        with pytest.raises(ValueError, match="the open tile cannot be restored"):
            builder().restore({name: array for name, array in state.items() if name != missing})
