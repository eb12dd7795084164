"""Deletes tiles that are older than their level is kept, and the oldest fine tiles when the history is too large."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from edgeheat.defs.history import Level
from edgeheat.store.history.rows import PARTS_AND_PARENTS, RollupState
from edgeheat.store.history.schema import PAGE_BYTES
from edgeheat.store.history.store import HistoryStore

_DAY_S = 86_400

KEEP_S: dict[Level, float] = {Level.FIVE_MINUTES: 14 * _DAY_S, Level.HOUR: 400 * _DAY_S}
"""How long tiles of each level are kept by default; levels that are not listed are kept indefinitely."""

_BATCH_ROLLUPS = 5
"""Hours, days or months whose parts are deleted in one transaction: a few megabytes, so that nobody waits long."""

_Rollup: TypeAlias = tuple[int, int, int, int, int]
"""The parts of one tile: their camera's number, level and epoch, and the start and end of the tile."""

_SIZE_MARGIN_RATIO = 0.95
"""Share of the limit to which a history that exceeds it is cut, so that this is not necessary after every tile."""

_FREE_RATIO = 0.25
"""Share of unused pages from which the file is shrunk. Below, new tiles fill them: moving pages wears the card out."""

_VACUUM_PAGES = 1000
"""Pages returned to the file system in one transaction."""


@dataclass(slots=True)
class PruneResult:
    """What was deleted."""

    deleted: dict[Level, int] = field(default_factory=lambda: dict.fromkeys(Level, 0))
    """Number of tiles for each level."""

    undated: int = 0
    """Tiles of earlier boots whose clock was never synchronised; they cannot be dated any more."""

    too_large: bool = False
    """Whether the history is still larger than the limit: what remains is not rolled up yet, or months."""


def prune(
    store: HistoryStore,
    now_s: float,
    *,
    keep_s: Mapping[Level, float] = KEEP_S,
    max_bytes: int | None = None,
    boot_id: str = "",
) -> PruneResult:
    """Delete old tiles, in short transactions; a tile that is not rolled up as it is stays, whatever its age.

    All parts of an hour, day or month go together, once it has been over for as long as they are kept.

    `now_s` is the time of a synchronised clock, `boot_id` the running boot, whose tiles may still be re-dated. Months
    are never deleted. Raises ValueError if a level is kept for a shorter time than the one before.
    """
    result = PruneResult()
    kept_s = [(keep_s.get(level, float("inf")), level) for level in Level]
    for (shorter_s, shorter), (longer_s, longer) in pairwise(kept_s):
        if longer_s < shorter_s:
            raise ValueError(f"{longer.name} is kept for a shorter time than {shorter.name}")
    for level, seconds in keep_s.items():
        for batch in _batches(store, level, now_s - seconds):
            result.deleted[level] += _delete_parts(store, batch)
    if Level.FIVE_MINUTES in keep_s:
        result.undated = _delete_undated(store, now_s - keep_s[Level.FIVE_MINUTES], boot_id)
    if max_bytes is not None and used_bytes(store) > max_bytes:
        _cut(store, max_bytes, result)
    _shrink(store, max_bytes)
    return result


def used_bytes(store: HistoryStore) -> int:
    """Return the size of the history without the file's unused pages, which the next tiles will fill."""
    with store.reading() as connection:
        return (_pragma(connection, "page_count") - _pragma(connection, "freelist_count")) * PAGE_BYTES


def _cut(store: HistoryStore, max_bytes: int, result: PruneResult) -> None:
    for level in (Level.FIVE_MINUTES, Level.HOUR, Level.DAY):
        for batch in _batches(store, level, float("inf")):
            if used_bytes(store) <= _SIZE_MARGIN_RATIO * max_bytes:
                return
            result.deleted[level] += _delete_parts(store, batch)
    result.too_large = used_bytes(store) > max_bytes


def _batches(store: HistoryStore, level: Level, before_s: float) -> list[list[_Rollup]]:
    """Return the tiles that end by `before_s` and contain all their parts, of `level`, as these are; oldest first."""
    sql = f"""
        SELECT part.camera_id, part.level, part.epoch, parent.start_s, parent.end_s {PARTS_AND_PARENTS}
        WHERE part.level = ? AND part.boot_id = '' AND parent.end_s <= ?
        GROUP BY parent.id HAVING min(part.rollup_state = ?) ORDER BY parent.start_s, part.camera_id
    """
    with store.reading() as connection:
        rollups = connection.execute(sql, (level, before_s, RollupState.IN_PARENT)).fetchall()
    return [rollups[at : at + _BATCH_ROLLUPS] for at in range(0, len(rollups), _BATCH_ROLLUPS)]


def _delete_parts(store: HistoryStore, batch: list[_Rollup]) -> int:
    """Delete all parts of each tile of the batch, in one transaction; return how many.

    If one has come late meanwhile, they all stay: half of an hour would look like an hour in which the camera was off.
    """
    sql = """
        DELETE FROM tile WHERE camera_id = :camera AND level = :level AND epoch = :epoch AND boot_id = ''
        AND start_s >= :from_s AND start_s < :to_s AND NOT EXISTS (
            SELECT 1 FROM tile WHERE camera_id = :camera AND level = :level AND epoch = :epoch AND boot_id = ''
            AND start_s >= :from_s AND start_s < :to_s AND rollup_state != :in_parent
        )
    """
    names = ("camera", "level", "epoch", "from_s", "to_s", "in_parent")
    with store.writing() as connection:
        queries = (dict(zip(names, (*rollup, RollupState.IN_PARENT), strict=True)) for rollup in batch)
        return sum(connection.execute(sql, query).rowcount for query in queries)


def _delete_undated(store: HistoryStore, before_s: float, boot_id: str) -> int:
    sql = "DELETE FROM tile WHERE boot_id NOT IN ('', ?) AND end_s <= ?"
    with store.writing() as connection:
        return connection.execute(sql, (boot_id, before_s)).rowcount


def _shrink(store: HistoryStore, max_bytes: int | None) -> None:
    """Return unused pages to the file system if they are many, or if the file exceeds the limit by far."""
    pages_before = None
    while True:
        with store.writing() as connection:
            pages, free = (_pragma(connection, name) for name in ("page_count", "freelist_count"))
            over = max_bytes is not None and _SIZE_MARGIN_RATIO * pages * PAGE_BYTES > max_bytes
            if free == 0 or (free <= _FREE_RATIO * pages and not over) or pages == pages_before:
                return
            pages_before = pages
            # The pages are moved while the rows of the pragma are fetched.
            connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
