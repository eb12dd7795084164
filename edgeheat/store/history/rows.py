"""Converts tiles and zone figures to rows of the history file and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

from edgeheat.defs.history import Level, Tile, ZoneTile

_SIGN = 1 << 63

IN_RANGE = "camera_id = :camera AND level = :level AND boot_id = '' AND start_s >= :from_s AND start_s < :to_s"
"""Condition for the dated tiles of one camera and level that start in a range; `range_query` has its parameters."""

_INSERT_TILE = """
    INSERT INTO tile (camera_id, level, start_s, epoch, boot_id, end_s, grid_width, grid_height, observed_ms,
        rejected_ms, part_count, rollup_state)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""

_UPDATE_TILE = """
    UPDATE tile SET end_s = ?, grid_width = ?, grid_height = ?, observed_ms = ?, rejected_ms = ?, part_count = ?,
        rollup_state = ? WHERE id = ?
"""

_INSERT_ZONE_TILE = """
    INSERT INTO zone_tile (tile_id, zone_id, observed_ms, motion_ms, active_ms, traffic_cell_ms, dwell_cell_ms, entries)
    VALUES (?, (SELECT id FROM zone WHERE name = ? AND key = ?), ?, ?, ?, ?, ?, ?)
"""

_SELECT_ZONE_TILES = """
    SELECT tile_id, name, key, zone_tile.observed_ms, motion_ms, active_ms, traffic_cell_ms, dwell_cell_ms, entries
    FROM tile CROSS JOIN zone_tile ON tile_id = tile.id CROSS JOIN zone ON zone.id = zone_id
"""

# The limits of parent.start_s are longer than any hour, day and month: without them every tile before is compared.
PARTS_AND_PARENTS = """
    FROM tile AS part LEFT JOIN tile AS parent
    ON parent.camera_id = part.camera_id AND parent.level = part.level + 1 AND parent.epoch = part.epoch
    AND parent.boot_id = '' AND parent.start_s <= part.start_s AND parent.end_s > part.start_s
    AND parent.start_s > part.start_s - CASE part.level WHEN 0 THEN 14400 WHEN 1 THEN 180000 ELSE 2764800 END
"""
"""Each tile with the stored tiles of the next level that contain its start; there should be one at most."""


class RollupState(IntEnum):
    """Whether a tile is part of the tile of the next level that contains it."""

    NOT_IN_PARENT = 0
    """It was not added to the next level yet."""

    IN_PARENT = 1
    """It was added to the next level."""

    CHANGED = 2
    """It was added, and has been replaced since: the tile of the next level must be summed again."""

    def after_change(self) -> RollupState:
        """Return the state of the tile when it is replaced."""
        return RollupState.NOT_IN_PARENT if self is RollupState.NOT_IN_PARENT else RollupState.CHANGED


def to_signed(key: int) -> int:
    """Return a zone's key, 0 to 2**64 - 1, as the signed number that SQLite can store."""
    if not 0 <= key < 2 * _SIGN:
        raise ValueError(f"zone key {key} is not an unsigned 64-bit number")
    return key - 2 * _SIGN if key >= _SIGN else key


def to_unsigned(stored: int) -> int:
    """Return the zone's key that `to_signed` converted."""
    return stored + 2 * _SIGN if stored < 0 else stored


def camera_id(connection: sqlite3.Connection, camera: str) -> int | None:
    """Return the number of the camera in the file, None if it has none."""
    row = connection.execute("SELECT id FROM camera WHERE name = ?", (camera,)).fetchone()
    return None if row is None else int(row[0])


def added_camera_id(connection: sqlite3.Connection, camera: str) -> int:
    """Return the number of the camera, which gets one if it has none."""
    connection.execute("INSERT INTO camera (name) VALUES (?) ON CONFLICT DO NOTHING", (camera,))
    number = camera_id(connection, camera)
    assert number is not None
    return number


def range_query(number: int | None, level: Level, from_s: int, to_s: int, epoch: int | None) -> dict[str, int | None]:
    """Return the parameters of `IN_RANGE`, and the epoch; `number` is the camera's in the file."""
    return {"camera": number, "level": level, "from_s": from_s, "to_s": to_s, "epoch": epoch}


def insert_tile(
    connection: sqlite3.Connection, tile: Tile, *, boot_id: str = "", shift_s: int = 0, part_count: int = 0
) -> bool:
    """Insert a tile, `shift_s` later than it says; return False if one of its key is stored already."""
    number = added_camera_id(connection, tile.camera)
    key = (number, tile.level, tile.start_s + shift_s, tile.epoch, boot_id)
    cursor = connection.execute(
        _INSERT_TILE, (*key, tile.end_s + shift_s, *_figures(tile), part_count, RollupState.NOT_IN_PARENT)
    )
    if cursor.rowcount == 0:
        return False
    assert cursor.lastrowid is not None
    _insert_content(connection, cursor.lastrowid, tile)
    return True


def replace_tile(connection: sqlite3.Connection, tile_id: int, tile: Tile, part_count: int, state: RollupState) -> None:
    """Replace everything in a stored tile but its key."""
    connection.execute(_UPDATE_TILE, (tile.end_s, *_figures(tile), part_count, state, tile_id))
    for table in ("traffic", "dwell", "zone_tile"):
        connection.execute(f"DELETE FROM {table} WHERE tile_id = ?", (tile_id,))  # noqa: S608 (a constant)
    _insert_content(connection, tile_id, tile)


def zone_tiles(
    connection: sqlite3.Connection, condition: str, query: Mapping[str, int | None]
) -> dict[int, list[ZoneTile]]:
    """Return the zone figures of the tiles that meet a condition, by the id of their tile.

    The zones of a tile are in the order in which they came into the file.
    """
    found: dict[int, list[ZoneTile]] = {}
    for tile_id, name, key, *figures in connection.execute(f"{_SELECT_ZONE_TILES} WHERE {condition}", query):
        found.setdefault(tile_id, []).append(ZoneTile(name, to_unsigned(key), *figures))
    return found


def stored_observed_ms(connection: sqlite3.Connection, tile: Tile, *, boot_id: str = "", shift_s: int = 0) -> int:
    """Return for how long the stored tile of the same key was observed; there must be one."""
    sql = """
        SELECT observed_ms FROM tile JOIN camera ON camera.id = camera_id
        WHERE name = ? AND level = ? AND start_s = ? AND epoch = ? AND boot_id = ?
    """
    key = (tile.camera, tile.level, tile.start_s + shift_s, tile.epoch, boot_id)
    return int(connection.execute(sql, key).fetchone()[0])


def _figures(tile: Tile) -> tuple[int, int, int, str]:
    rejected_ms = json.dumps(dict(tile.rejected_ms), separators=(",", ":"))
    return *tile.grid_wh, tile.observed_ms, rejected_ms


def _insert_content(connection: sqlite3.Connection, tile_id: int, tile: Tile) -> None:
    if tile.traffic:
        connection.execute("INSERT INTO traffic (tile_id, units) VALUES (?, ?)", (tile_id, tile.traffic))
    if tile.dwell:
        connection.execute("INSERT INTO dwell (tile_id, units) VALUES (?, ?)", (tile_id, tile.dwell))
    names = [(zone.name, to_signed(zone.key)) for zone in tile.zones]
    connection.executemany("INSERT INTO zone (name, key) VALUES (?, ?) ON CONFLICT DO NOTHING", names)
    connection.executemany(
        _INSERT_ZONE_TILE,
        [
            (
                *(tile_id, *name),
                *(zone.observed_ms, zone.motion_ms, zone.active_ms),
                *(zone.traffic_cell_ms, zone.dwell_cell_ms, zone.entries),
            )
            for name, zone in zip(names, tile.zones, strict=True)
        ],
    )


def tile_from_row(camera: str, level: Level, row: Sequence[Any], zones: tuple[ZoneTile, ...]) -> Tile:
    """Return the tile of a row: start_s, end_s, epoch, width, height, observed_ms, rejected_ms, traffic, dwell."""
    start_s, end_s, epoch, width, height, observed_ms, rejected_ms, traffic, dwell = row
    return Tile(
        camera=camera,
        level=level,
        start_s=start_s,
        end_s=end_s,
        epoch=epoch,
        grid_wh=(width, height),
        observed_ms=observed_ms,
        traffic=traffic or b"",
        dwell=dwell or b"",
        rejected_ms=json.loads(rejected_ms),
        zones=zones,
    )
