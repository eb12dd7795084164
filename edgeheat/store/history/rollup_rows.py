"""Looks up the stored parts of an hour, day or month, and checks that it is their sum."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from edgeheat.defs.history import Level, Tile
from edgeheat.store.history.rows import IN_RANGE, RollupState, camera_id, range_query


class StoredRow(NamedTuple):
    """What `add_rollup` must know of a stored tile."""

    id: int
    start_s: int
    observed_ms: int
    part_count: int
    state: RollupState


def stored_parts(connection: sqlite3.Connection, tile: Tile) -> dict[int, StoredRow]:
    """Return the stored tiles of the level before that lie in the tile, by start.

    Raises ValueError for five minutes, which have no parts.
    """
    if tile.level is Level.FIVE_MINUTES:
        raise ValueError(f"rollup of {tile.camera}: a five-minute tile has no parts")
    query = range_query(camera_id(connection, tile.camera), Level(tile.level - 1), tile.start_s, tile.end_s, tile.epoch)
    return {row.start_s: row for row in _rows(connection, "AND end_s <= :to_s", query)}


def stored_rollup(connection: sqlite3.Connection, tile: Tile) -> StoredRow | None:
    """Return the stored tile with the same key, None if there is none."""
    query = range_query(camera_id(connection, tile.camera), tile.level, tile.start_s, tile.start_s + 1, tile.epoch)
    return next(_rows(connection, "", query), None)


def _rows(connection: sqlite3.Connection, condition: str, query: Mapping[str, int | None]) -> Iterator[StoredRow]:
    sql = f"""
        SELECT id, start_s, observed_ms, part_count, rollup_state FROM tile
        WHERE {IN_RANGE} AND epoch = :epoch {condition}
    """  # noqa: S608 (constants)
    for tile_id, start_s, observed_ms, part_count, state in connection.execute(sql, query):
        yield StoredRow(tile_id, start_s, observed_ms, part_count, RollupState(state))


def check_sum(tile: Tile, parts: Sequence[StoredRow], stored: StoredRow | None) -> None:
    """Raise ValueError unless the tile is the sum of its parts, or of the stored tile and parts that are new in it."""
    of_camera = f"rollup of {tile.camera}"
    observed_ms = sum(part.observed_ms for part in parts)
    earlier = sum(part.state is not RollupState.NOT_IN_PARENT for part in parts)
    if stored is None and earlier:
        raise ValueError(f"{of_camera}: parts from {tile.start_s} on are in another tile already")
    if stored is not None and earlier == 0:
        observed_ms += stored.observed_ms
    elif stored is not None and earlier != stored.part_count:
        raise ValueError(f"{of_camera}: {earlier} of {stored.part_count} parts of the stored tile are in it")
    if tile.observed_ms != observed_ms:
        raise ValueError(f"{of_camera}: observed for {tile.observed_ms} ms, its parts for {observed_ms} ms")
