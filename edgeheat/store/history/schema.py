"""The tables of the history file, and the migrations that create them."""

from __future__ import annotations

import sqlite3

from edgeheat.store.history.transaction import transaction

APPLICATION_ID = 0x65644874
"""Marks an SQLite file as a history of edgeheat: `edHt`."""

PAGE_BYTES = 4096
"""Page size of the file; pages of 16 kB nearly double the bytes that are written."""

_TILES = (
    "CREATE TABLE camera (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    # boot_id is empty unless the clock of that boot was wrong: then start_s is what the wrong clock said.
    # part_count: the number of tiles of the level before that this tile is the sum of.
    """
    CREATE TABLE tile (
        id INTEGER PRIMARY KEY,
        camera_id INTEGER NOT NULL REFERENCES camera,
        level INTEGER NOT NULL,
        start_s INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        boot_id TEXT NOT NULL,
        end_s INTEGER NOT NULL,
        grid_width INTEGER NOT NULL,
        grid_height INTEGER NOT NULL,
        observed_ms INTEGER NOT NULL,
        rejected_ms TEXT NOT NULL,
        part_count INTEGER NOT NULL,
        rollup_state INTEGER NOT NULL,
        UNIQUE (camera_id, level, start_s, epoch, boot_id)
    )
    """,
    # The layers are apart from the tiles and from each other, because SQLite reads all bytes of a row up to the
    # column that is asked for: keys are found without reading a layer, and dwell is read without traffic.
    "CREATE TABLE traffic (tile_id INTEGER PRIMARY KEY REFERENCES tile ON DELETE CASCADE, units BLOB NOT NULL)",
    "CREATE TABLE dwell (tile_id INTEGER PRIMARY KEY REFERENCES tile ON DELETE CASCADE, units BLOB NOT NULL)",
    # key: the zone's key as a signed number, because SQLite has no unsigned ones.
    "CREATE TABLE zone (id INTEGER PRIMARY KEY, name TEXT NOT NULL, key INTEGER NOT NULL, UNIQUE (name, key))",
    """
    CREATE TABLE zone_tile (
        tile_id INTEGER NOT NULL REFERENCES tile ON DELETE CASCADE,
        zone_id INTEGER NOT NULL REFERENCES zone,
        observed_ms INTEGER NOT NULL,
        motion_ms INTEGER NOT NULL,
        active_ms INTEGER NOT NULL,
        traffic_cell_ms INTEGER NOT NULL,
        dwell_cell_ms INTEGER NOT NULL,
        entries INTEGER NOT NULL,
        PRIMARY KEY (tile_id, zone_id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE carry (
        camera_id INTEGER NOT NULL REFERENCES camera,
        level INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        version INTEGER NOT NULL,
        traffic BLOB NOT NULL,
        dwell BLOB NOT NULL,
        PRIMARY KEY (camera_id, level, epoch)
    )
    """,
    # The boots whose tiles were re-dated, so that a tile that is counted again after a crash gets the same date.
    "CREATE TABLE redated_boot (id TEXT PRIMARY KEY, shift_s INTEGER NOT NULL)",
    # What a camera saw in an epoch, without people: heats of that time are drawn on it.
    """
    CREATE TABLE backdrop (
        camera_id INTEGER NOT NULL REFERENCES camera,
        epoch INTEGER NOT NULL,
        taken_s REAL NOT NULL,
        jpeg BLOB NOT NULL,
        PRIMARY KEY (camera_id, epoch)
    )
    """,
)

_MIGRATIONS = [_TILES]
"""The statements that lead from version n to n + 1, at index n; a released entry never changes."""

SCHEMA_VERSION = len(_MIGRATIONS)
"""Version of the tables that this edgeheat writes (`PRAGMA user_version`)."""

TABLES = ["camera", "tile", "traffic", "dwell", "zone", "zone_tile", "carry", "redated_boot", "backdrop"]
"""All tables of `SCHEMA_VERSION`."""


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the file's tables, 0 for a new file."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def is_foreign(connection: sqlite3.Connection) -> bool:
    """Whether the file is a database with tables that are not a history's."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(tables) and application_id != APPLICATION_ID


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to `SCHEMA_VERSION`, each step completely or not at all; two processes may do so at once."""
    while version_of(connection) < SCHEMA_VERSION:
        with transaction(connection):
            # Another process may have migrated while this one waited for the lock.
            version = version_of(connection)
            if version < SCHEMA_VERSION:
                for statement in _MIGRATIONS[version]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version + 1}")
