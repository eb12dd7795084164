"""redate: tiles of a wrong clock get their true date once, before the first tile of the right clock."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeheat.defs.history import FIVE_MINUTES_S, Level
from edgeheat.store.history.check import check_store
from edgeheat.store.history.redating import RedateResult, redate
from edgeheat.store.history.store import AddResult, HistoryStore
from tests.support.history import START_S, bucket_of, make_tile
from tests.support.history_rollup import roll_up

WRONG_S = 3000  # the clock of a Raspberry Pi without a battery begins in 1970
SYNCED_S = START_S + 1000.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HistoryStore]:
    with HistoryStore(tmp_path / "history.sqlite3") as opened:
        yield opened


def add_undated(store: HistoryStore, count: int, boot_id: str = "boot", start_s: int = WRONG_S) -> AddResult:
    tiles = (make_tile("door", start_s + n * FIVE_MINUTES_S, synced=False) for n in range(count))
    return store.add(tiles, boot_id)


def starts(store: HistoryStore) -> list[int]:
    return [key.start_s for key in store.keys("door", Level.FIVE_MINUTES, 0, 2**40)]


def test_tiles_of_a_wrong_clock_are_invisible_and_not_rolled_up(store: HistoryStore) -> None:
    add_undated(store, 24)
    assert starts(store) == []
    assert store.epochs("door") == []
    assert store.first_and_last("door") is None
    assert store.pending(Level.FIVE_MINUTES, 2**40) == []
    assert store.undated() == {"boot": 24}
    assert check_store(store.path, bucket_of) == []


def test_they_end_where_the_right_clock_begins(store: HistoryStore) -> None:
    add_undated(store, 3)
    # The last tile is open for 100 s when the clock is corrected, in the bucket from START_S + 900.
    result = redate(store, "boot", SYNCED_S - (WRONG_S + 700), SYNCED_S)
    assert (result.moved, result.discarded) == (3, 0)
    assert starts(store) == [START_S, START_S + 300, START_S + 600]
    assert store.undated() == {}
    assert roll_up(store, START_S + 3600) == 1
    assert check_store(store.path, bucket_of) == []


def test_whatever_the_clocks_say_no_tile_reaches_the_first_bucket_of_the_right_clock(store: HistoryStore) -> None:
    draw = random.Random(10)
    for number in range(300):
        boot, wrong_s = f"boot {number}", draw.uniform(0, 10_000)
        synced_s = START_S + number * 86_400 + draw.uniform(0, 10_000)
        last_s = int(wrong_s // FIVE_MINUTES_S) * FIVE_MINUTES_S
        store.add([make_tile("door", last_s, synced=False)], boot)
        shift_s = redate(store, boot, synced_s - wrong_s, synced_s).shift_s
        assert shift_s % FIVE_MINUTES_S == 0
        assert last_s + FIVE_MINUTES_S + shift_s == synced_s // FIVE_MINUTES_S * FIVE_MINUTES_S
        assert -2 * FIVE_MINUTES_S < shift_s - (synced_s - wrong_s) < 0, "never late, at most ten minutes early"
    assert len(starts(store)) == 300


def test_a_second_call_moves_nothing_and_later_copies_are_duplicates(store: HistoryStore) -> None:
    add_undated(store, 3)
    first = redate(store, "boot", SYNCED_S - 3700, SYNCED_S)
    assert redate(store, "boot", SYNCED_S, SYNCED_S) == RedateResult(0, 0, first.shift_s)
    assert add_undated(store, 3) == AddResult(stored=0, duplicates=3), "counted again after a crash"
    assert starts(store) == [START_S, START_S + 300, START_S + 600]


def test_tiles_of_several_boots_with_the_same_wrong_clock_are_all_kept(store: HistoryStore) -> None:
    assert add_undated(store, 2, "first").stored == 2
    assert add_undated(store, 2, "second").stored == 2
    redate(store, "first", SYNCED_S - 3400, SYNCED_S)
    redate(store, "second", SYNCED_S - 3400 + 3600, SYNCED_S + 3600)
    assert starts(store) == [START_S + 300, START_S + 600, START_S + 3900, START_S + 4200]


def test_a_clock_that_goes_on_where_it_was_at_shutdown_hides_no_tile(store: HistoryStore) -> None:
    """The saved clock of a Raspberry Pi gives the first tile after a restart the start of the last one before it."""
    store.add([make_tile("door", START_S)])
    assert add_undated(store, 2, start_s=START_S).stored == 2
    redate(store, "boot", 3600.0, START_S + 3600 + 500)
    assert starts(store) == [START_S, START_S + 3300, START_S + 3600]


def test_no_instant_gets_two_tiles(store: HistoryStore) -> None:
    store.add([make_tile("door", START_S + 300)])
    add_undated(store, 3)
    result = redate(store, "boot", SYNCED_S - (WRONG_S + 700), SYNCED_S)
    assert (result.moved, result.discarded) == (2, 1)
    assert starts(store) == [START_S, START_S + 300, START_S + 600]
    (kept,) = store.read("door", Level.FIVE_MINUTES, [(START_S + 300, START_S + 301)])
    assert kept == make_tile("door", START_S + 300)
    assert check_store(store.path, bucket_of) == []


def test_tiles_of_a_clock_that_was_right_all_the_time_stay_where_they_are(store: HistoryStore) -> None:
    add_undated(store, 2, start_s=START_S)
    assert redate(store, "boot", 0.0, START_S + 700.0) == RedateResult(2, 0, 0)
    # The tile that was open then, of which the first part was counted before.
    store.add([make_tile("door", START_S + 600, synced=False)], "boot")
    assert starts(store) == [START_S, START_S + 300, START_S + 600]
