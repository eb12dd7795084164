"""The finest tiles that hold everything that is stored, each second once, and how they enter another file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeheat.defs.history import FIVE_MINUTES_S, Level
from edgeheat.errors import StoreError
from edgeheat.store.history.leaves import add_leaves, find_leaves
from edgeheat.store.history.retention import prune
from edgeheat.store.history.store import HistoryStore
from tests.support.history import DAY_S, START_S, make_tile
from tests.support.history_rollup import roll_up

NOW_S = START_S + 3 * DAY_S


def spans(store: HistoryStore) -> list[tuple[Level, int, int]]:
    return [(leaf.level, leaf.start_s - START_S, leaf.part_count) for leaf in find_leaves(store, "door")]


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    """Two hours of two tiles each, and an hour a day later; nothing is rolled up."""
    store = HistoryStore(tmp_path / "history.sqlite3")
    store.add(make_tile("door", START_S + at_s) for at_s in (0, 300, 3600, 3900, DAY_S, DAY_S + 300))
    return store


def test_tiles_of_five_minutes_are_the_leaves_as_long_as_they_are_stored(store: HistoryStore) -> None:
    expected = [(Level.FIVE_MINUTES, at_s, 0) for at_s in (0, 300, 3600, 3900, DAY_S, DAY_S + 300)]
    assert spans(store) == expected
    roll_up(store, NOW_S)
    assert spans(store) == expected


def test_where_parts_were_deleted_the_sum_is_the_leaf(store: HistoryStore) -> None:
    roll_up(store, NOW_S)
    prune(store, START_S + DAY_S + 3600, keep_s={Level.FIVE_MINUTES: DAY_S - 3600})
    assert spans(store) == [
        (Level.HOUR, 0, 2),
        (Level.HOUR, 3600, 2),
        (Level.FIVE_MINUTES, DAY_S, 0),
        (Level.FIVE_MINUTES, DAY_S + 300, 0),
    ]
    prune(store, START_S + 2 * DAY_S, keep_s={Level.FIVE_MINUTES: 0, Level.HOUR: DAY_S})
    assert spans(store) == [(Level.DAY, 0, 2), (Level.HOUR, DAY_S, 2)]


def test_a_part_that_came_late_is_a_leaf_until_its_hour_contains_it(store: HistoryStore) -> None:
    roll_up(store, NOW_S)
    prune(store, NOW_S, keep_s={Level.FIVE_MINUTES: 0})
    store.add([make_tile("door", START_S + 600)])
    assert spans(store)[:2] == [(Level.HOUR, 0, 2), (Level.FIVE_MINUTES, 600, 0)]
    roll_up(store, NOW_S)
    assert spans(store)[:2] == [(Level.HOUR, 0, 3), (Level.HOUR, 3600, 2)]


def test_leaves_are_added_completely_or_not_at_all(store: HistoryStore, tmp_path: Path) -> None:
    with HistoryStore(tmp_path / "other.sqlite3") as other:
        new, known = make_tile("door", START_S), make_tile("door", START_S + FIVE_MINUTES_S)
        other.add([known])
        with pytest.raises(StoreError, match="door: another process has stored a tile of the same time: try again"):
            add_leaves(other, [(new, 0), (known, 0)])
        assert spans(other) == [(Level.FIVE_MINUTES, 300, 0)]
        assert add_leaves(other, [(new, 0)]) == 1
