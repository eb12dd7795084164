"""HistoryStore: adds and reads the tiles of all cameras in one SQLite file, and stores their rollups."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from edgeheat.defs.history import FIVE_MINUTES_S, EpochBackdrop, Level, Tile
from edgeheat.store.history.connection import connect, explained
from edgeheat.store.history.rollup_rows import check_sum, stored_parts, stored_rollup
from edgeheat.store.history.rows import (
    IN_RANGE,
    RollupState,
    added_camera_id,
    camera_id,
    insert_tile,
    range_query,
    replace_tile,
    stored_observed_ms,
    tile_from_row,
    zone_tiles,
)
from edgeheat.store.history.transaction import end_transaction, transaction

HISTORY_FILE = "history.sqlite3"
"""Name of the history file in the folder `state` of the storage folder."""


_ALWAYS_S = 1 << 62
"""Later than any tile."""


@dataclass(frozen=True, slots=True)
class AddResult:
    """How many of the tiles were stored."""

    stored: int
    duplicates: int
    """Tiles that were stored before, with the same camera, level, start and epoch; the stored ones stay as they are."""

    conflicts: int = 0
    """Those of the duplicates that were observed for longer than the stored tile: part of what they counted is lost."""


@dataclass(frozen=True, slots=True)
class TileKey:
    """Which stored tile there is, without its layers and zones."""

    camera: str
    level: Level
    start_s: int
    end_s: int
    epoch: int
    observed_ms: int
    rollup_state: RollupState
    """Whether the tile of the next level contains it."""


@dataclass(frozen=True, slots=True)
class Carry:
    """What the rollups of one level of a camera's epoch have left over: less than a unit per cell.

    The layers are encoded like those of a tile, in units of the level before.
    """

    version: int = 0
    """Changes with every rollup; `add_rollup` rejects a carry that is not the newest."""

    traffic: bytes = b""
    dwell: bytes = b""


class HistoryStore:
    """One connection to the history file; it serves the thread that opened it, and must not be used after a fork.

    The parent adds tiles while child processes read, roll up and prune the same file. All methods raise StoreError with
    the remedy; the file is then as it was before the call. They raise StoreDamaged if the file must be set aside.
    Times are Unix seconds. Tiles of an unsynchronised clock are invisible until they are re-dated (`redating.py`).
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file at `path`, and create or migrate it unless `read_only`."""
        self.path = path
        self._connection = connect(path, read_only)
        self._is_writing = False

    def __enter__(self) -> HistoryStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; calling it again does no harm."""
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Run the block as one transaction, of which everything is stored or nothing; may be nested."""
        if self._is_writing:
            yield self._connection
            return
        with explained(self.path, "written"), transaction(self._connection):
            self._is_writing = True
            try:
                yield self._connection
            finally:
                self._is_writing = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read the file as it is at one moment, even while other processes write; may be nested."""
        with explained(self.path, "read"):
            if self._connection.in_transaction:
                yield self._connection
                return
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                end_transaction(self._connection, "COMMIT")

    def add(self, tiles: Iterable[Tile], boot_id: str = "") -> AddResult:
        """Store closed five-minute tiles of any cameras in one transaction, and ignore those that are stored already.

        `boot_id` is the id of the boot in which tiles with `clock_synced=False` were counted. Raises ValueError for
        tiles of another level, or that are not five minutes of UTC.
        """
        stored = duplicates = conflicts = 0
        with self.writing() as connection:
            shift_s = self.redated_shift_s(boot_id)
            for tile in tiles:
                _check_five_minutes(tile, boot_id)
                # A tile of a re-dated boot comes late or is counted again after a crash: with the same shift it has the
                # key of the one that was re-dated.
                boot = "" if tile.clock_synced or shift_s is not None else boot_id
                shift = 0 if tile.clock_synced or shift_s is None else shift_s
                if insert_tile(connection, tile, boot_id=boot, shift_s=shift):
                    stored += 1
                else:
                    duplicates += 1
                    conflicts += tile.observed_ms > stored_observed_ms(connection, tile, boot_id=boot, shift_s=shift)
        return AddResult(stored, duplicates, conflicts)

    def set_backdrop(self, backdrop: EpochBackdrop) -> None:
        """Store a backdrop; replaces an earlier one of the same epoch."""
        with self.writing() as connection:
            number = added_camera_id(connection, backdrop.camera)
            connection.execute(
                "INSERT OR REPLACE INTO backdrop (camera_id, epoch, taken_s, jpeg) VALUES (?, ?, ?, ?)",
                (number, backdrop.epoch, backdrop.taken_s, backdrop.jpeg),
            )

    def backdrop(self, camera: str, epoch: int) -> bytes | None:
        """Return what the camera saw without people in the epoch, as JPEG; None if that is not known."""
        sql = "SELECT jpeg FROM backdrop WHERE camera_id = ? AND epoch = ?"
        with self.reading() as connection:
            row = connection.execute(sql, (camera_id(connection, camera), epoch)).fetchone()
            return None if row is None else bytes(row[0])

    def backdrops(self, camera: str) -> list[EpochBackdrop]:
        """Return the backdrops of all epochs of a camera."""
        sql = "SELECT epoch, taken_s, jpeg FROM backdrop WHERE camera_id = ? ORDER BY epoch"
        with self.reading() as connection:
            return [EpochBackdrop(camera, *row) for row in connection.execute(sql, (camera_id(connection, camera),))]

    def cameras(self) -> list[str]:
        """Return the names of all cameras that have tiles, or had some, in alphabetical order."""
        with self.reading() as connection:
            return [name for (name,) in connection.execute("SELECT name FROM camera ORDER BY name")]

    def epochs(self, camera: str, from_s: int = 0, to_s: int = _ALWAYS_S) -> list[int]:
        """Return the epochs of which tiles start in [from_s, to_s), oldest first."""
        sql = f"SELECT DISTINCT epoch FROM tile WHERE {IN_RANGE}"  # noqa: S608 (a constant)
        with self.reading() as connection:
            number = camera_id(connection, camera)
            queries = (range_query(number, level, from_s, to_s, None) for level in Level)
            return sorted({epoch for query in queries for (epoch,) in connection.execute(sql, query)})

    def highest_epochs(self) -> dict[str, int]:
        """Return the highest epoch of each camera that has tiles, also tiles that are not dated."""
        sql = "SELECT name, max(epoch) FROM tile JOIN camera ON camera.id = camera_id GROUP BY camera_id"
        with self.reading() as connection:
            return dict(connection.execute(sql).fetchall())

    def first_and_last(self, camera: str) -> tuple[int, int] | None:
        """Return the start of the camera's first tile and the end of its last; None if it has none."""
        sql = "SELECT min(start_s), max(end_s) FROM tile WHERE camera_id = ? AND boot_id = ''"
        with self.reading() as connection:
            first_s, last_s = connection.execute(sql, (camera_id(connection, camera),)).fetchone()
            return None if first_s is None else (first_s, last_s)

    def keys(self, camera: str, level: Level, from_s: int, to_s: int, epoch: int | None = None) -> list[TileKey]:
        """Return the tiles that start in [from_s, to_s), by start and epoch; of all epochs, or of one."""
        sql = f"SELECT start_s, end_s, epoch, observed_ms, rollup_state FROM tile WHERE {IN_RANGE}"  # noqa: S608 (a constant)
        with self.reading() as connection:
            query = range_query(camera_id(connection, camera), level, from_s, to_s, epoch)
            rows = connection.execute(f"{sql} {_of_epoch(epoch)} ORDER BY start_s, epoch", query)
            return [_key(camera, level, row) for row in rows]

    def spans(
        self, camera: str, level: Level, ranges: Sequence[tuple[int, int]], epoch: int
    ) -> list[tuple[int, int, int]]:
        """Return start, end and observed milliseconds of the tiles that start in one of the ranges [from_s, to_s).

        By range and start. Plain numbers, unlike `keys`, because a question may need those of thousands of tiles.
        """
        where = f"{IN_RANGE} {_of_epoch(epoch)}"
        sql = f"SELECT start_s, end_s, observed_ms FROM tile WHERE {where} ORDER BY start_s"  # noqa: S608 (constants)
        with self.reading() as connection:
            number = camera_id(connection, camera)
            queries = (range_query(number, level, from_s, to_s, epoch) for from_s, to_s in ranges)
            return [row for query in queries for row in connection.execute(sql, query)]

    def pending(self, level: Level, before_s: int) -> list[TileKey]:
        """Return the tiles that end by `before_s` and are not, or not as they are, part of the next level.

        They are ordered by camera, start and epoch. Months have no next level and are never pending.
        """
        if level is Level.MONTH:
            return []
        sql = """
            SELECT name, start_s, end_s, epoch, observed_ms, rollup_state FROM camera JOIN tile ON camera_id = camera.id
            WHERE level = ? AND boot_id = '' AND rollup_state != ? AND end_s <= ? ORDER BY name, start_s, epoch
        """
        with self.reading() as connection:
            rows = connection.execute(sql, (level, RollupState.IN_PARENT, before_s))
            return [_key(camera, level, rest) for camera, *rest in rows]

    def read(
        self,
        camera: str,
        level: Level,
        ranges: Sequence[tuple[int, int]],
        *,
        epoch: int | None = None,
        traffic: bool = True,
        dwell: bool = True,
        zones: bool = True,
    ) -> Iterator[Tile]:
        """Yield the tiles that start in one of the ranges [from_s, to_s), range by range, by start and epoch.

        A layer that is not wanted is not read from the disk, and is empty in the tiles; the same holds for zones. Give
        consecutive tiles as one range. Put several calls into one `reading()` to see the file at one moment. Write
        nothing through this object until the iterator is exhausted or closed.
        """
        layers = [
            ("traffic.units" if traffic else "NULL", "LEFT JOIN traffic ON traffic.tile_id = tile.id" * traffic),
            ("dwell.units" if dwell else "NULL", "LEFT JOIN dwell ON dwell.tile_id = tile.id" * dwell),
        ]
        columns, joins = (", ".join(column for column, _ in layers), " ".join(join for _, join in layers))
        sql = (
            "SELECT tile.id, start_s, end_s, epoch, grid_width, grid_height, observed_ms, rejected_ms, "  # noqa: S608 (constants)
            f"{columns} FROM tile {joins} WHERE {IN_RANGE} {_of_epoch(epoch)} ORDER BY start_s, epoch"
        )
        with self.reading() as connection:
            number = camera_id(connection, camera)
            for from_s, to_s in ranges:
                query = range_query(number, level, from_s, to_s, epoch)
                with closing(connection.execute(sql, query)) as rows:
                    in_range = zone_tiles(connection, IN_RANGE, query) if zones else {}
                    for tile_id, *row in rows:
                        yield tile_from_row(camera, level, row, tuple(in_range.get(tile_id, ())))

    def carry(self, camera: str, level: Level, epoch: int) -> Carry:
        """Return what the rollups to this level have left over so far; empty before the first."""
        sql = "SELECT version, traffic, dwell FROM carry WHERE camera_id = ? AND level = ? AND epoch = ?"
        with self.reading() as connection:
            row = connection.execute(sql, (camera_id(connection, camera), level, epoch)).fetchone()
            return Carry(*row) if row else Carry()

    def add_rollup(self, tile: Tile, part_starts: Collection[int], carry: Carry | None = None) -> bool:
        """Store a tile that is the sum of tiles of the level before, and mark these, in one transaction.

        `part_starts` are the starts of these tiles, of the same camera and epoch. `carry` is what is left over now,
        with the version of the carry that the sum began with. If the tile is stored already, because a part came late
        or has changed, it is replaced and is pending again itself. It is then the sum of either all parts that it had
        and the new ones; or, if no part has changed, of the stored tile and the new parts alone, which is right to the
        unit with a carry, and works after the earlier parts were pruned.

        Returns False, and stores nothing, if all parts are in it as they are, or another process has changed the carry.
        Raises ValueError if a part is not stored, has no place in the tile, or is in another tile already, which is
        possible where the site's time zone was changed; or if the tile was not observed for as long as its parts.
        """
        with self.writing() as connection:
            parts = stored_parts(connection, tile)
            if unknown := sorted(set(part_starts) - parts.keys()):
                raise ValueError(f"rollup of {tile.camera}: no part starts at {unknown[0]}")
            chosen = [parts[start_s] for start_s in part_starts]
            if all(part.state is RollupState.IN_PARENT for part in chosen):
                return False
            stored = stored_rollup(connection, tile)
            check_sum(tile, chosen, stored)
            if carry is not None and not _store_carry(connection, tile, carry):
                return False
            added = sum(part.state is RollupState.NOT_IN_PARENT for part in chosen)
            if stored is None:
                insert_tile(connection, tile, part_count=added)
            else:
                replace_tile(connection, stored.id, tile, stored.part_count + added, stored.state.after_change())
            connection.executemany(
                "UPDATE tile SET rollup_state = ? WHERE id = ? AND rollup_state != ?",
                [(RollupState.IN_PARENT, part.id, RollupState.IN_PARENT) for part in chosen],
            )
            return True

    def undated(self) -> dict[str, int]:
        """Return the number of tiles with an unsynchronised clock for each boot id."""
        sql = "SELECT boot_id, count(*) FROM tile WHERE boot_id != '' GROUP BY boot_id"
        with self.reading() as connection:
            return dict(connection.execute(sql).fetchall())

    def redated_shift_s(self, boot_id: str) -> int | None:
        """Return by how much the tiles of a boot were moved; None if they were not."""
        with self.reading() as connection:
            row = connection.execute("SELECT shift_s FROM redated_boot WHERE id = ?", (boot_id,)).fetchone()
            return None if row is None else int(row[0])

    def size_bytes(self) -> int:
        """Return the size of the file and of its write-ahead log on the disk."""
        with explained(self.path, "read"):
            files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
            return sum(file.stat().st_size for file in files if file.exists())


def _check_five_minutes(tile: Tile, boot_id: str) -> None:
    if tile.level is not Level.FIVE_MINUTES:
        raise ValueError(f"tile of {tile.camera}: only five-minute tiles are added, not {tile.level!r}")
    if tile.start_s % FIVE_MINUTES_S or tile.end_s != tile.start_s + FIVE_MINUTES_S:
        raise ValueError(f"tile of {tile.camera}: {tile.start_s} to {tile.end_s} is not one of the five minutes of UTC")
    if not tile.clock_synced and not boot_id:
        raise ValueError(f"tile of {tile.camera}: its clock was not synchronised, and no boot id was given")


def _of_epoch(epoch: int | None) -> str:
    return "" if epoch is None else "AND epoch = :epoch"


def _key(camera: str, level: Level, row: Sequence[int]) -> TileKey:
    start_s, end_s, epoch, observed_ms, state = row
    return TileKey(camera, level, start_s, end_s, epoch, observed_ms, RollupState(state))


def _store_carry(connection: sqlite3.Connection, tile: Tile, carry: Carry) -> bool:
    """Replace the carry if the stored one has the version of `carry`; return whether it had."""
    sql = """
        INSERT INTO carry (camera_id, level, epoch, version, traffic, dwell) SELECT id, ?, ?, 0, x'', x'' FROM camera
        WHERE name = ? ON CONFLICT DO NOTHING
    """
    connection.execute(sql, (tile.level, tile.epoch, tile.camera))
    sql = """
        UPDATE carry SET version = version + 1, traffic = ?, dwell = ?
        WHERE camera_id = ? AND level = ? AND epoch = ? AND version = ?
    """
    key = (camera_id(connection, tile.camera), tile.level, tile.epoch, carry.version)
    return connection.execute(sql, (carry.traffic, carry.dwell, *key)).rowcount == 1
