"""Verifies the invariants S1 to S9 of the history file, which docs/design/history.md lists."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from edgeheat.defs.history import FIVE_MINUTES_S, Level
from edgeheat.errors import StoreDamaged
from edgeheat.store.history.connection import connect, explained
from edgeheat.store.history.damage import quick_check
from edgeheat.store.history.rows import PARTS_AND_PARENTS

BucketOf = Callable[[Level, int], tuple[int, int]]
"""Returns start and end of the bucket of a level that contains a Unix time, in the site's time zone."""

_MAX_ERRORS = 20
"""How many violations of one invariant are reported; a wrong time zone violates S3 with every tile."""

_MAX_CELL_BYTES = 16
"""More bytes than any encoding of a cell needs."""

_MAX_EXCESS_S = 2 * 3600
"""By how much a tile may be observed for longer than it lasts: an open tile goes on when the clock steps back."""

_SELECT_TILES = "SELECT name, level, start_s, end_s, epoch, {columns} FROM tile JOIN camera ON camera.id = camera_id"

_ZONE_COLUMNS = ("observed_ms", "motion_ms", "active_ms", "traffic_cell_ms", "dwell_cell_ms", "entries")


_PARENTS = f"{PARTS_AND_PARENTS} JOIN camera ON camera.id = part.camera_id"


def check_store(path: Path, bucket_of: BucketOf) -> list[str]:
    """Return every violation of an invariant as one line that starts with its number, empty if all hold.

    Reads the whole file, at one moment, and changes nothing. Raises StoreError if it cannot be read.
    """
    if problems := quick_check(path):
        return [f"S1: {problem}" for problem in problems]
    found: list[str] = []
    try:
        with closing(connect(path, read_only=True)) as connection, explained(path, "read"):
            connection.execute("BEGIN")
            for number, violations in _checks(connection, bucket_of).items():
                lines = [f"{number}: {line}" for line in islice(violations, _MAX_ERRORS + 1)]
                if len(lines) > _MAX_ERRORS:
                    lines[_MAX_ERRORS] = f"{number}: and more"
                found += lines
    except StoreDamaged as error:
        found.append(f"S1: {error}")
    return found


def _checks(connection: sqlite3.Connection, bucket_of: BucketOf) -> dict[str, Iterator[str]]:
    return {
        "S1": _broken_references(connection),
        "S2": _duplicates(connection),
        "S3": _wrong_buckets(connection, bucket_of),
        "S4": _wrong_nesting(connection, bucket_of),
        "S5": _wrong_parents(connection),
        "S6": _wrong_sums(connection),
        "S7": _wrong_undated(connection),
        "S8": _wrong_sizes(connection),
        "S9": _wrong_carries(connection),
    }


def _label(row: tuple[str, int, int, int, int]) -> str:
    camera, level, start_s, _, epoch = row
    return f"{camera}, {Level(level).name.lower().replace('_', ' ')} from {start_s}, epoch {epoch}"


def _broken_references(connection: sqlite3.Connection) -> Iterator[str]:
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"row {row} of {table} refers to a row of {parent} that is not there"


def _duplicates(connection: sqlite3.Connection) -> Iterator[str]:
    # NOT INDEXED: a damaged index must not hide what it should have prevented.
    sql = """
        SELECT camera_id, level, start_s, epoch, count(*) FROM tile NOT INDEXED
        GROUP BY camera_id, level, start_s, epoch, boot_id HAVING count(*) > 1
    """
    for camera, level, start_s, epoch, count in connection.execute(sql):
        yield f"{count} tiles of camera {camera}, level {level}, start {start_s}, epoch {epoch}"


def _wrong_buckets(connection: sqlite3.Connection, bucket_of: BucketOf) -> Iterator[str]:
    for *row, _ in connection.execute(_SELECT_TILES.format(columns="boot_id") + " WHERE boot_id = ''"):
        _, level, start_s, end_s, _ = row
        if level not in list(Level):
            yield f"a tile has the unknown level {level}"
        elif (start_s, end_s) != (right := bucket_of(Level(level), start_s)):
            yield f"{_label(row)}: it ends at {end_s}, and its bucket is {right[0]} to {right[1]}"


def _wrong_nesting(connection: sqlite3.Connection, bucket_of: BucketOf) -> Iterator[str]:
    sql = _SELECT_TILES.format(columns="boot_id") + " WHERE boot_id = '' AND level < ?"
    for *row, _ in connection.execute(sql, (Level.MONTH,)):
        _, level, start_s, end_s, _ = row
        outer_start_s, outer_end_s = bucket_of(Level(level + 1), start_s)
        if not outer_start_s <= start_s < end_s <= outer_end_s:
            yield f"{_label(row)}: it is not within one bucket of the next level"


def _wrong_parents(connection: sqlite3.Connection) -> Iterator[str]:
    columns = "name, part.level, part.start_s, part.end_s, part.epoch, part.rollup_state, count(parent.id)"
    sql = f"SELECT {columns} {_PARENTS} WHERE part.boot_id = '' GROUP BY part.id"
    for *row, state, parents in connection.execute(sql):
        if parents > 1:
            yield f"{_label(row)}: it lies in {parents} tiles of the next level"
        elif state and not parents:
            yield f"{_label(row)}: it counts as rolled up, but there is no tile of the next level"


def _wrong_sums(connection: sqlite3.Connection) -> Iterator[str]:
    """Compare each rolled-up tile with its parts, if all of these are still stored and none has changed."""
    columns = "name, parent.level, parent.start_s, parent.end_s, parent.epoch, parent.id, parent.observed_ms"
    sums = "sum(part.observed_ms), group_concat(part.id)"
    sql = f"""
        SELECT {columns}, {sums} {_PARENTS} WHERE part.rollup_state = 1 AND parent.id NOT NULL
        GROUP BY parent.id HAVING count(*) = parent.part_count
    """
    for *row, parent_id, observed_ms, sum_ms, part_ids in connection.execute(sql):
        if observed_ms != sum_ms:
            yield f"{_label(row)}: observed for {observed_ms} ms, its parts for {sum_ms} ms"
        if _rejected_ms(connection, str(parent_id)) != _rejected_ms(connection, part_ids):
            yield f"{_label(row)}: its rejected times are not the sum of those of its parts"
        if _zones(connection, str(parent_id)) != _zones(connection, part_ids):
            yield f"{_label(row)}: its zone figures are not the sum of those of its parts"


def _rejected_ms(connection: sqlite3.Connection, tile_ids: str) -> list[tuple[str, int]]:
    sql = """
        SELECT rejected.key, sum(rejected.value) FROM tile, json_each(rejected_ms) AS rejected
        WHERE tile.id IN (SELECT value FROM json_each(?))
        GROUP BY rejected.key HAVING sum(rejected.value) != 0 ORDER BY rejected.key
    """
    return connection.execute(sql, (f"[{tile_ids}]",)).fetchall()


def _zones(connection: sqlite3.Connection, tile_ids: str) -> list[tuple[int, ...]]:
    sums = ", ".join(f"sum({column})" for column in _ZONE_COLUMNS)
    where = "WHERE tile_id IN (SELECT value FROM json_each(?))"
    sql = f"SELECT zone_id, {sums} FROM zone_tile {where} GROUP BY zone_id ORDER BY zone_id"  # noqa: S608 (constants)
    return connection.execute(sql, (f"[{tile_ids}]",)).fetchall()


def _wrong_undated(connection: sqlite3.Connection) -> Iterator[str]:
    sql = _SELECT_TILES.format(columns="rollup_state") + " WHERE boot_id != '' AND (level != 0 OR rollup_state != 0)"
    for *row, _ in connection.execute(sql):
        yield f"{_label(row)}: its clock was not synchronised, but it was rolled up"
    sql = _SELECT_TILES.format(columns="boot_id") + " WHERE boot_id IN (SELECT id FROM redated_boot)"  # noqa: S608 (constants)
    for *row, boot_id in connection.execute(sql):
        yield f"{_label(row)}: the tiles of boot {boot_id} were re-dated, but not this one"
    sql = (
        _SELECT_TILES.format(columns="boot_id") + " WHERE boot_id != '' AND (start_s % ? != 0 OR end_s - start_s != ?)"
    )
    for *row, _ in connection.execute(sql, (FIVE_MINUTES_S, FIVE_MINUTES_S)):
        yield f"{_label(row)}: it ends at {row[3]}, which is not five minutes"


def _wrong_sizes(connection: sqlite3.Connection) -> Iterator[str]:
    columns = (
        "grid_width, grid_height, observed_ms, coalesce(length(traffic.units), 0), coalesce(length(dwell.units), 0)"
    )
    layers = " LEFT JOIN traffic ON traffic.tile_id = tile.id LEFT JOIN dwell ON dwell.tile_id = tile.id"
    for *row, width, height, observed_ms, traffic, dwell in connection.execute(
        _SELECT_TILES.format(columns=columns) + layers
    ):
        if width < 1 or height < 1:
            yield f"{_label(row)}: its grid has {width} x {height} cells"
        if not 0 <= observed_ms <= 1000 * (row[3] - row[2] + _MAX_EXCESS_S):
            yield f"{_label(row)}: it lasts {row[3] - row[2]} s and was observed for {observed_ms} ms"
        if max(traffic, dwell) > _MAX_CELL_BYTES * width * height:
            yield f"{_label(row)}: a layer has {max(traffic, dwell)} bytes for {width} x {height} cells"
    negative = " OR ".join(f"zone_tile.{column} < 0" for column in _ZONE_COLUMNS)
    zones = f" JOIN zone_tile ON tile_id = tile.id WHERE {negative} GROUP BY tile.id"
    for *row, _ in connection.execute(_SELECT_TILES.format(columns="boot_id") + zones):
        yield f"{_label(row)}: a zone has a negative figure"
    sql = """
        SELECT name, epoch, count(DISTINCT grid_width || 'x' || grid_height) AS grids
        FROM tile JOIN camera ON camera.id = camera_id GROUP BY camera_id, epoch HAVING grids > 1
    """
    for camera, epoch, grids in connection.execute(sql):
        yield f"{camera}, epoch {epoch}: its tiles have {grids} different grids"


def _wrong_carries(connection: sqlite3.Connection) -> Iterator[str]:
    sql = """
        SELECT name, level, epoch FROM carry JOIN camera ON camera.id = camera_id WHERE NOT EXISTS (
            SELECT 1 FROM tile WHERE tile.camera_id = carry.camera_id AND tile.epoch = carry.epoch
        )
    """
    for camera, level, epoch in connection.execute(sql):
        yield f"{camera}: a carry of level {level} for epoch {epoch}, which has no tile"
