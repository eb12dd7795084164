"""HistoryStore: what is added is read, once; rollups are stored with their parts and their carry or not at all."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgeheat.defs.history import FIVE_MINUTES_S, EpochBackdrop, Level
from edgeheat.errors import StoreError
from edgeheat.store.history.check import check_store
from edgeheat.store.history.rows import RollupState
from edgeheat.store.history.store import AddResult, Carry, HistoryStore
from tests.support.history import DAY_S, START_S, add_up, bucket_of, make_tile
from tests.support.history_rollup import roll_up, roll_up_one

HOUR = (START_S, START_S + 3600)
ONE_HOUR = [make_tile("door", START_S + n * FIVE_MINUTES_S) for n in range(12)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HistoryStore]:
    with HistoryStore(tmp_path / "state/history.sqlite3") as opened:
        yield opened


def starts(store: HistoryStore, camera: str = "door", level: Level = Level.FIVE_MINUTES) -> list[int]:
    return [key.start_s for key in store.keys(camera, level, 0, 2**40)]


def test_every_field_of_a_tile_comes_back_as_it_was(store: HistoryStore) -> None:
    assert store.add(ONE_HOUR) == AddResult(stored=12, duplicates=0)
    assert list(store.read("door", Level.FIVE_MINUTES, [HOUR])) == ONE_HOUR


def test_a_tile_without_movement_zones_and_rejections_comes_back_too(store: HistoryStore) -> None:
    empty = replace(ONE_HOUR[0], traffic=b"", dwell=b"", zones=(), rejected_ms={})
    store.add([empty])
    assert list(store.read("door", Level.FIVE_MINUTES, [HOUR])) == [empty]


def test_only_the_wanted_layers_and_zones_are_read(store: HistoryStore) -> None:
    store.add(ONE_HOUR[:1])
    (only_traffic,) = store.read("door", Level.FIVE_MINUTES, [HOUR], dwell=False, zones=False)
    (only_dwell,) = store.read("door", Level.FIVE_MINUTES, [HOUR], traffic=False)
    assert only_traffic == replace(ONE_HOUR[0], dwell=b"", zones=())
    assert only_dwell == replace(ONE_HOUR[0], traffic=b"")


def test_spans_are_those_of_the_tiles_that_start_in_one_of_the_ranges(store: HistoryStore) -> None:
    store.add([*ONE_HOUR, make_tile("door", START_S, epoch=2)])
    ranges = [(START_S, START_S + 301), (START_S + 3300, 2**40)]
    chosen = [ONE_HOUR[number] for number in (0, 1, 11)]
    expected = [(tile.start_s, tile.end_s, tile.observed_ms) for tile in chosen]
    assert store.spans("door", Level.FIVE_MINUTES, ranges, epoch=1) == expected
    assert store.spans("nobody", Level.FIVE_MINUTES, ranges, epoch=1) == []


def test_each_tile_has_its_own_zones_whatever_the_range(store: HistoryStore) -> None:
    tiles = [
        replace(tile, zones=tuple(replace(zone, entries=number) for zone in tile.zones[number % 3 :]))
        for number, tile in enumerate(ONE_HOUR)
    ]
    store.add(tiles)
    halves = [(START_S, START_S + 1800), (START_S + 1800, START_S + 3600)]
    assert list(store.read("door", Level.FIVE_MINUTES, halves)) == tiles


def test_a_tile_that_is_stored_already_is_a_duplicate_and_stays_as_it_was(store: HistoryStore) -> None:
    store.add(ONE_HOUR[:2])
    again = replace(ONE_HOUR[1], observed_ms=1)
    assert store.add([again, ONE_HOUR[2]]) == AddResult(stored=1, duplicates=1)
    assert list(store.read("door", Level.FIVE_MINUTES, [HOUR])) == ONE_HOUR[:3]


def test_tiles_of_other_cameras_and_epochs_are_other_tiles(store: HistoryStore) -> None:
    others = [make_tile("till", START_S), make_tile("door", START_S, epoch=2)]
    assert store.add([ONE_HOUR[0], *others]).stored == 3
    assert store.cameras() == ["door", "till"]
    assert store.epochs("door") == [1, 2]
    assert store.epochs("nobody") == []
    assert store.epochs("door", START_S + 300) == []
    assert list(store.read("door", Level.FIVE_MINUTES, [HOUR], epoch=2)) == others[1:]
    assert [key.epoch for key in store.keys("door", Level.FIVE_MINUTES, *HOUR)] == [1, 2]
    assert [key.epoch for key in store.keys("door", Level.FIVE_MINUTES, *HOUR, epoch=1)] == [1]


def test_ranges_contain_their_start_and_not_their_end(store: HistoryStore) -> None:
    store.add(reversed(ONE_HOUR))
    ranges = [(START_S, START_S + 600), (START_S + 1500, START_S + 1501), (START_S + 3000, START_S + 3300)]
    read = [tile.start_s - START_S for tile in store.read("door", Level.FIVE_MINUTES, ranges)]
    assert read == [0, 300, 1500, 3000]


def test_first_and_last_are_the_ends_of_what_is_stored(store: HistoryStore) -> None:
    assert store.first_and_last("door") is None
    store.add(ONE_HOUR[3:5])
    assert store.first_and_last("door") == (ONE_HOUR[3].start_s, ONE_HOUR[4].end_s)


@pytest.mark.parametrize(
    ("tile", "error"),
    [
        (replace(ONE_HOUR[0], level=Level.HOUR), "only five-minute tiles are added"),
        (replace(ONE_HOUR[0], start_s=START_S + 1, end_s=START_S + 301), "is not one of the five minutes of UTC"),
        (replace(ONE_HOUR[0], end_s=START_S + 600), "is not one of the five minutes of UTC"),
        (replace(ONE_HOUR[0], clock_synced=False), "no boot id was given"),
        (replace(ONE_HOUR[0], zones=(replace(ONE_HOUR[0].zones[0], key=2**64),)), "unsigned 64-bit number"),
    ],
)
def test_an_invalid_tile_is_rejected_and_nothing_of_the_call_is_stored(
    store: HistoryStore, tile: object, error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        store.add([ONE_HOUR[1], tile])  # type: ignore[list-item]
    assert starts(store) == []
    assert store.add(ONE_HOUR).stored == 12


def test_a_rollup_is_stored_with_its_carry_and_its_parts_are_no_longer_pending(store: HistoryStore) -> None:
    store.add(ONE_HOUR)
    assert [key.start_s for key in store.pending(Level.FIVE_MINUTES, HOUR[1])] == starts(store)
    hour = add_up(ONE_HOUR, Level.HOUR)
    assert store.carry("door", Level.HOUR, 1) == Carry()
    assert store.add_rollup(hour, starts(store), Carry(0, b"left", b"over"))
    assert store.carry("door", Level.HOUR, 1) == Carry(1, b"left", b"over")
    assert list(store.read("door", Level.HOUR, [HOUR])) == [hour]
    assert store.pending(Level.FIVE_MINUTES, HOUR[1]) == []
    assert all(key.rollup_state is RollupState.IN_PARENT for key in store.keys("door", Level.FIVE_MINUTES, *HOUR))
    assert check_store(store.path, bucket_of) == []


def test_a_rollup_that_is_stored_already_changes_nothing(store: HistoryStore) -> None:
    store.add(ONE_HOUR)
    hour = add_up(ONE_HOUR, Level.HOUR)
    assert store.add_rollup(hour, starts(store), Carry(0, b"left", b"over"))
    again = replace(hour, observed_ms=0)
    assert not store.add_rollup(again, starts(store), Carry(1, b"twice", b"twice"))
    assert store.carry("door", Level.HOUR, 1) == Carry(1, b"left", b"over")
    assert list(store.read("door", Level.HOUR, [HOUR])) == [hour]


def test_a_rollup_with_an_outdated_carry_is_not_stored(store: HistoryStore) -> None:
    store.add([*ONE_HOUR, *(make_tile("door", HOUR[1] + n * FIVE_MINUTES_S) for n in range(12))])
    outdated = store.carry("door", Level.HOUR, 1)
    assert roll_up_one(store, "door", Level.HOUR, HOUR)
    later = (HOUR[1], HOUR[1] + 3600)
    parts = list(store.read("door", Level.FIVE_MINUTES, [later]))
    assert not store.add_rollup(add_up(parts, Level.HOUR), [part.start_s for part in parts], outdated)
    assert starts(store, level=Level.HOUR) == [START_S]
    assert len(store.pending(Level.FIVE_MINUTES, later[1])) == 12


def test_a_rollup_of_tiles_that_are_not_stored_is_rejected(store: HistoryStore) -> None:
    store.add(ONE_HOUR[:3])
    hour = add_up(ONE_HOUR, Level.HOUR)
    with pytest.raises(ValueError, match=f"no part starts at {ONE_HOUR[3].start_s}"):
        store.add_rollup(hour, [tile.start_s for tile in ONE_HOUR])
    with pytest.raises(ValueError, match="a five-minute tile has no parts"):
        store.add_rollup(ONE_HOUR[0], [])
    assert starts(store, level=Level.HOUR) == []


def test_a_part_is_never_in_two_tiles(store: HistoryStore) -> None:
    """As after a change of the time zone, when the hours begin half an hour later."""
    store.add([*ONE_HOUR, *(make_tile("door", HOUR[1] + n * FIVE_MINUTES_S) for n in range(6))])
    assert roll_up_one(store, "door", Level.HOUR, HOUR)
    shifted = (START_S + 1800, START_S + 5400)
    parts = list(store.read("door", Level.FIVE_MINUTES, [shifted]))
    hour = replace(add_up(parts, Level.HOUR), start_s=shifted[0], end_s=shifted[1])
    with pytest.raises(ValueError, match="are in another tile already"):
        store.add_rollup(hour, [part.start_s for part in parts])
    new = [part for part in parts if part.start_s >= HOUR[1]]
    hour = replace(add_up(new, Level.HOUR), start_s=shifted[0], end_s=shifted[1])
    assert store.add_rollup(hour, [part.start_s for part in new])


def test_a_rollup_that_is_not_the_sum_of_its_parts_is_rejected(store: HistoryStore) -> None:
    store.add(ONE_HOUR[:6])
    hour = add_up(ONE_HOUR[:6], Level.HOUR)
    with pytest.raises(ValueError, match="observed for"):
        store.add_rollup(replace(hour, observed_ms=hour.observed_ms - 1), starts(store))
    assert store.add_rollup(hour, starts(store))
    store.add(ONE_HOUR[6:7])
    late = ONE_HOUR[6]
    with pytest.raises(ValueError, match="observed for"):
        store.add_rollup(add_up([late], Level.HOUR), [late.start_s])
    with pytest.raises(ValueError, match="1 of 6 parts of the stored tile are in it"):
        store.add_rollup(add_up([ONE_HOUR[0], late], Level.HOUR), [ONE_HOUR[0].start_s, late.start_s])
    assert list(store.read("door", Level.HOUR, [HOUR])) == [hour]
    assert store.add_rollup(add_up(ONE_HOUR[:7], Level.HOUR), starts(store)), "all parts, and the new one"
    assert check_store(store.path, bucket_of) == []


def test_days_and_months_are_rolled_up_from_the_level_before(store: HistoryStore) -> None:
    store.add(make_tile("door", START_S + n * FIVE_MINUTES_S) for n in range(12 * 24 * 31))
    assert roll_up(store, START_S + 31 * DAY_S) == 24 * 31 + 31 + 1
    assert check_store(store.path, bucket_of) == []
    (month,) = store.read("door", Level.MONTH, [(0, 2**40)])
    days = store.read("door", Level.FIVE_MINUTES, [(START_S, START_S + 30 * DAY_S)])
    assert month.observed_ms == sum(tile.observed_ms for tile in days)
    assert len(store.pending(Level.DAY, 2**40)) == 1, "the 31st day belongs to the next month"
    assert store.pending(Level.MONTH, 2**40) == []


def test_a_tile_that_comes_late_is_added_to_every_level(store: HistoryStore) -> None:
    tiles = [make_tile("door", START_S + n * FIVE_MINUTES_S) for n in range(12 * 24 * 30)]
    late = tiles.pop(700)
    store.add(tiles)
    roll_up(store, START_S + 30 * DAY_S)
    store.add([late])
    assert [key.start_s for key in store.pending(Level.FIVE_MINUTES, 2**40)] == [late.start_s]
    assert roll_up(store, START_S + 30 * DAY_S) == 3
    assert check_store(store.path, bucket_of) == []
    (month,) = store.read("door", Level.MONTH, [(0, 2**40)])
    assert month.observed_ms == late.observed_ms + sum(tile.observed_ms for tile in tiles)
    assert not any(store.pending(level, 2**40) for level in Level)


def test_another_process_sees_what_was_committed_and_one_moment_only(store: HistoryStore) -> None:
    store.add(ONE_HOUR[:1])
    with HistoryStore(store.path, read_only=True) as reader, reader.reading():
        assert len(starts(reader)) == 1
        store.add(ONE_HOUR[1:])
        assert len(starts(reader)) == 1
    with HistoryStore(store.path, read_only=True) as reader:
        assert len(starts(reader)) == 12
        with pytest.raises(StoreError, match="cannot be written"):
            reader.add([make_tile("till", START_S)])


def test_only_the_owner_may_read_the_file(store: HistoryStore) -> None:
    store.add(ONE_HOUR)
    assert {stat.S_IMODE(path.stat().st_mode) for path in store.path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert store.size_bytes() == sum(
        path.stat().st_size for path in store.path.parent.iterdir() if not path.name.endswith("-shm")
    )


def test_a_tile_that_was_observed_for_longer_than_the_stored_one_is_a_conflict(store: HistoryStore) -> None:
    store.add(ONE_HOUR[:1])
    longer, earlier_state = (replace(ONE_HOUR[0], observed_ms=ONE_HOUR[0].observed_ms + ms) for ms in (1, -1))
    assert store.add([longer, earlier_state, ONE_HOUR[0]]) == AddResult(stored=0, duplicates=3, conflicts=1)
    assert list(store.read("door", Level.FIVE_MINUTES, [HOUR])) == ONE_HOUR[:1]


def test_the_highest_epoch_of_each_camera_includes_tiles_that_are_not_dated(store: HistoryStore) -> None:
    assert store.highest_epochs() == {}
    undated = make_tile("till", START_S, epoch=4, synced=False)
    store.add([make_tile("door", START_S, epoch=3), make_tile("door", START_S + 300, epoch=2), undated], "boot")
    assert store.highest_epochs() == {"door": 3, "till": 4}


def test_each_epoch_has_one_backdrop_the_newest(store: HistoryStore) -> None:
    assert store.backdrop("door", 1) is None
    store.set_backdrop(EpochBackdrop("door", 1, START_S, b"first"))
    store.set_backdrop(EpochBackdrop("door", 2, START_S, b"moved"))
    store.set_backdrop(EpochBackdrop("door", 1, START_S + 86_400.0, b"later"))
    assert [store.backdrop("door", epoch) for epoch in (1, 2, 3)] == [b"later", b"moved", None]
    assert check_store(store.path, bucket_of) == []


def test_nested_writes_are_stored_together_or_not_at_all(store: HistoryStore) -> None:
    with pytest.raises(ValueError), store.writing():
        store.set_backdrop(EpochBackdrop("door", 1, START_S, b"picture"))
        store.add(ONE_HOUR[:1])
        raise ValueError
    assert store.cameras() == []
    with store.writing():
        store.set_backdrop(EpochBackdrop("door", 1, START_S, b"picture"))
        store.add(ONE_HOUR[:1])
    assert store.backdrop("door", 1) == b"picture" and starts(store) == [START_S]
