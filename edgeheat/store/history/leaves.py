"""Finds the finest tiles that together hold everything a camera has counted, and adds such tiles of another file."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from edgeheat.defs.history import Level, Tile
from edgeheat.errors import StoreError
from edgeheat.store.history.rows import RollupState, camera_id, insert_tile
from edgeheat.store.history.store import HistoryStore

_SELECT = """
    SELECT level, start_s, end_s, epoch, grid_width, grid_height, part_count, rollup_state FROM tile
    WHERE camera_id = ? AND boot_id = '' ORDER BY epoch, level DESC, start_s
"""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A stored tile of which no finer tiles hold the same any more."""

    level: Level
    start_s: int
    end_s: int
    epoch: int
    grid_wh: tuple[int, int]

    part_count: int
    """Number of tiles that it was summed from, which are not all stored."""


def find_leaves(store: HistoryStore, camera: str) -> list[Leaf]:
    """Return the finest tiles that together hold everything that is stored of a camera, once; by start and epoch.

    A five-minute tile is one, unless it is in an hour some of whose other parts were deleted: then the hour is.
    """
    with store.reading() as connection:
        rows = connection.execute(_SELECT, (camera_id(connection, camera),)).fetchall()
    leaves = []
    for _, of_epoch in groupby(rows, lambda row: row[3]):
        by_level = {level: list(tiles) for level, tiles in groupby(map(_Stored.of, of_epoch), lambda tile: tile.level)}
        leaves += [tile.leaf for tile in _leaves(by_level)]
    return sorted(leaves, key=lambda leaf: (leaf.start_s, leaf.epoch))


def add_leaves(store: HistoryStore, tiles: Iterable[tuple[Tile, int]]) -> int:
    """Store tiles of another file with their `part_count`, in one transaction; they are not rolled up yet.

    Returns how many. Raises StoreError, and stores nothing, if one of their keys is stored.
    """
    count = 0
    with store.writing() as connection:
        for tile, part_count in tiles:
            if not insert_tile(connection, tile, part_count=part_count):
                raise StoreError(f"{tile.camera}: another process has stored a tile of the same time: try again")
            count += 1
    return count


@dataclass(frozen=True, slots=True)
class _Stored:
    leaf: Leaf
    state: RollupState

    @classmethod
    def of(cls, row: tuple[int, ...]) -> _Stored:
        level, start_s, end_s, epoch, width, height, part_count, state = row
        return cls(Leaf(Level(level), start_s, end_s, epoch, (width, height), part_count), RollupState(state))

    @property
    def level(self) -> Level:
        return self.leaf.level


def _leaves(by_level: dict[Level, list[_Stored]]) -> Iterator[_Stored]:
    """Yield the leaves of one epoch, from its tiles by level, each in order of start."""
    contained: set[_Stored] = set()
    """Tiles of which a coarser leaf holds everything."""
    for level in sorted(Level, reverse=True):
        finer = by_level.get(Level(level - 1), []) if level else []
        starts = [tile.leaf.start_s for tile in finer]
        for tile in by_level.get(level, []):
            first, end = (bisect_left(starts, at_s) for at_s in (tile.leaf.start_s, tile.leaf.end_s))
            parts = [part for part in finer[first:end] if part.state is not RollupState.NOT_IN_PARENT]
            is_complete = bool(parts) and len(parts) == tile.leaf.part_count
            if tile in contained or not is_complete:
                contained.update(parts)
            if tile not in contained and not is_complete:
                yield tile
