"""prune: old tiles go level by level, never one that is not rolled up; the file shrinks when much is free."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edgeheat.defs.history import FIVE_MINUTES_S, Level
from edgeheat.store.history.check import check_store
from edgeheat.store.history.retention import KEEP_S, prune, used_bytes
from edgeheat.store.history.store import HistoryStore
from tests.support.history import DAY_S, START_S, bucket_of, make_tile
from tests.support.history_rollup import roll_up, roll_up_one

DAYS = 20
END_S = START_S + DAYS * DAY_S
WHOLE_MONTH = 30 * DAY_S


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HistoryStore]:
    """Twenty days of two cameras, four tiles of five minutes an hour; all but the last hour is rolled up."""
    with HistoryStore(tmp_path / "history.sqlite3") as opened:
        starts = [START_S + hour * 3600 + n * 900 for hour in range(24 * DAYS) for n in range(4)]
        opened.add(make_tile(camera, start_s, size=2000) for start_s in starts for camera in ("door", "till"))
        roll_up(opened, END_S - 1, size=2000)
        yield opened


def starts(store: HistoryStore, level: Level, camera: str = "door") -> list[int]:
    return [key.start_s for key in store.keys(camera, level, 0, 2**40)]


def test_each_level_is_kept_for_its_time(store: HistoryStore) -> None:
    keep_s = {Level.FIVE_MINUTES: 14 * DAY_S, Level.HOUR: 18 * DAY_S}
    result = prune(store, END_S, keep_s=keep_s)
    assert result.deleted == {
        Level.FIVE_MINUTES: 2 * 4 * 24 * 6,
        Level.HOUR: 2 * 24 * 2,
        Level.DAY: 0,
        Level.MONTH: 0,
    }
    assert min(starts(store, Level.FIVE_MINUTES)) == END_S - 14 * DAY_S
    assert min(starts(store, Level.HOUR, "till")) == END_S - 18 * DAY_S
    assert len(starts(store, Level.DAY)) == DAYS - 1
    assert check_store(store.path, bucket_of) == []


def test_by_default_five_minutes_are_kept_for_14_days_and_hours_for_400() -> None:
    assert KEEP_S == {Level.FIVE_MINUTES: 14 * DAY_S, Level.HOUR: 400 * DAY_S}


def test_a_tile_that_is_not_rolled_up_stays_whatever_its_age(store: HistoryStore) -> None:
    prune(store, END_S + 1000 * DAY_S, max_bytes=0)
    assert starts(store, Level.FIVE_MINUTES) == [END_S - 3600 + n * 900 for n in range(4)]
    assert starts(store, Level.HOUR) == [END_S - DAY_S + hour * 3600 for hour in range(23)]
    assert len(starts(store, Level.DAY)) == DAYS - 1
    assert roll_up(store, START_S + WHOLE_MONTH, size=2000) == 2 * 3
    assert check_store(store.path, bucket_of) == []


def test_all_parts_of_an_hour_go_together_when_the_hour_is_old_enough(store: HistoryStore) -> None:
    for minutes in range(0, 90, 10):
        prune(store, END_S + 60 * minutes, keep_s={Level.FIVE_MINUTES: 5 * DAY_S})
        assert min(starts(store, Level.FIVE_MINUTES)) == END_S - 5 * DAY_S + minutes // 60 * 3600


def test_parts_stay_until_the_late_one_among_them_is_rolled_up(store: HistoryStore) -> None:
    first_hour, first_day = (START_S, START_S + 3600), (START_S, START_S + DAY_S)
    keep_s = {Level.FIVE_MINUTES: (DAYS - 1) * DAY_S, Level.HOUR: (DAYS - 1) * DAY_S}
    store.add([make_tile("door", START_S + FIVE_MINUTES_S)])
    prune(store, END_S, keep_s={Level.FIVE_MINUTES: (DAYS - 1) * DAY_S})
    assert len(store.keys("door", Level.FIVE_MINUTES, *first_day)) == 5
    assert len(store.keys("till", Level.FIVE_MINUTES, *first_day)) == 0

    assert roll_up_one(store, "door", Level.HOUR, first_hour)
    prune(store, END_S, keep_s=keep_s)
    assert len(store.keys("door", Level.FIVE_MINUTES, *first_day)) == 0
    assert len(store.keys("door", Level.HOUR, *first_day)) == 24, "their day does not contain the change"
    assert len(store.keys("till", Level.HOUR, *first_day)) == 0

    assert roll_up_one(store, "door", Level.DAY, first_day)
    prune(store, END_S, keep_s=keep_s)
    assert len(store.keys("door", Level.HOUR, *first_day)) == 0


def test_a_tile_that_comes_after_the_other_parts_were_deleted_is_added_to_their_sum(store: HistoryStore) -> None:
    prune(store, END_S, keep_s={Level.FIVE_MINUTES: 3600})
    (day,) = store.read("door", Level.DAY, [(START_S, START_S + DAY_S)])
    late = make_tile("door", START_S + FIVE_MINUTES_S)
    store.add([late])
    assert roll_up(store, END_S - 1, size=2000) == 2
    (changed,) = store.read("door", Level.DAY, [(START_S, START_S + DAY_S)])
    assert changed.observed_ms == day.observed_ms + late.observed_ms
    assert check_store(store.path, bucket_of) == []


def test_an_order_of_levels_that_would_delete_rollups_before_their_parts_is_rejected(store: HistoryStore) -> None:
    with pytest.raises(ValueError, match="HOUR is kept for a shorter time than FIVE_MINUTES"):
        prune(store, END_S, keep_s={Level.FIVE_MINUTES: 2 * DAY_S, Level.HOUR: DAY_S})


def test_over_the_limit_the_oldest_fine_tiles_of_all_cameras_go_first(store: HistoryStore) -> None:
    before = len(starts(store, Level.FIVE_MINUTES))
    limit = used_bytes(store) * 3 // 4
    result = prune(store, END_S, keep_s={}, max_bytes=limit)
    assert used_bytes(store) <= limit
    assert not result.too_large
    assert result.deleted[Level.HOUR] == result.deleted[Level.DAY] == 0
    left = [starts(store, Level.FIVE_MINUTES, camera) for camera in ("door", "till")]
    assert abs(left[0][0] - left[1][0]) <= 3600
    assert before // 2 < len(left[0]) < before
    assert max(left[0]) == END_S - 900
    assert prune(store, END_S, keep_s={}, max_bytes=limit).deleted == dict.fromkeys(Level, 0)
    assert check_store(store.path, bucket_of) == []


def test_a_limit_that_cannot_be_met_is_reported_and_months_stay(store: HistoryStore) -> None:
    roll_up(store, START_S + WHOLE_MONTH, size=2000)
    result = prune(store, END_S, max_bytes=4096)
    assert result.too_large
    assert [len(starts(store, level)) for level in Level] == [0, 0, 0, 1]
    assert check_store(store.path, bucket_of) == []


def test_the_file_shrinks_when_much_is_free_and_not_for_the_tiles_of_a_day(store: HistoryStore) -> None:
    prune(store, END_S, keep_s={Level.FIVE_MINUTES: (DAYS - 1) * DAY_S})
    with store.reading() as connection:
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    assert free > 0
    store.close()
    whole = store.path.stat().st_size
    with HistoryStore(store.path) as again:
        prune(again, END_S, keep_s={Level.FIVE_MINUTES: 3600})
    assert store.path.stat().st_size < whole / 2
    assert check_store(store.path, bucket_of) == []


def test_tiles_of_a_boot_whose_clock_was_never_right_go_when_they_look_old(store: HistoryStore) -> None:
    store.add([make_tile("door", 3000, synced=False)], boot_id="dead")
    store.add([make_tile("door", 3000, synced=False)], boot_id="running")
    store.add([make_tile("door", END_S, synced=False)], boot_id="recent")
    assert prune(store, END_S, boot_id="running").undated == 1
    assert store.undated() == {"running": 1, "recent": 1}


def test_a_file_that_cannot_shrink_does_not_stop_pruning(store: HistoryStore) -> None:
    """As one that was copied with VACUUM INTO, which may lose the setting."""
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        store.close()
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("VACUUM")
    with HistoryStore(store.path) as again:
        assert prune(again, END_S, keep_s={Level.FIVE_MINUTES: 3600}).deleted[Level.FIVE_MINUTES]
