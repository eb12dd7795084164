"""Opens the history file with its settings, and turns SQLite's errors into messages that a user can act on."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeheat.atomic import write_remedy
from edgeheat.errors import StoreDamaged, StoreError
from edgeheat.store.history import schema

_BUSY_TIMEOUT_S = 30.0
"""How long a process waits for the other's transaction, which flushes at most a few megabytes to the card."""

_WAL_LIMIT_BYTES = 16 << 20
"""A write-ahead log that a long query let grow is cut back to this size."""

_CHECKPOINT_PAGES = 2000
"""The log is copied to the file when it has 8 MB: a page that was written several times by then is copied once."""

_SETTINGS = [
    "foreign_keys = ON",
    # A transaction that was committed survives a power cut.
    "synchronous = FULL",
    # Debian's SQLite overwrites with zeros whatever is deleted, which wears the card out.
    "secure_delete = OFF",
    "temp_store = MEMORY",
    f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
    f"journal_size_limit = {_WAL_LIMIT_BYTES}",
]
"""Settings of each connection to the file."""


def connect(path: Path, read_only: bool = False) -> sqlite3.Connection:
    """Open the history file; create or migrate it unless `read_only`.

    The connection commits each statement unless a transaction was begun, and serves the thread that opened it.
    Raises StoreDamaged if the file must be set aside, StoreError with the remedy if it cannot be used as it is.
    """
    with explained(path, "opened"):
        if read_only:
            _raise_if_unreadable(path)
        else:
            _create(path)
        mode = "rw" if not read_only else "ro&immutable=1" if _is_unchangeable(path) else "ro"
        uri = f"{path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, timeout=_BUSY_TIMEOUT_S, isolation_level=None, uri=True)
        try:
            _prepare(connection, path, read_only)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def explained(path: Path, done: str) -> Iterator[None]:
    """Convert the errors of SQLite and of the file system; `done` is what could not be, such as "read"."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"history {path} cannot be {done}: {write_remedy(error)}") from error
    except sqlite3.Error as error:
        raise _store_error(error, path, done) from error


def _no_history(path: Path) -> StoreError:
    return StoreError(f"there is no history in {path} yet: the first tiles are stored after five minutes of counting")


def _raise_if_unreadable(path: Path) -> None:
    try:
        path.stat()
        readable = os.access(path, os.R_OK)
    except FileNotFoundError:
        raise _no_history(path) from None
    except PermissionError:
        readable = False
    if not readable:
        raise StoreError(
            f"history {path} may not be read by this user (uid {os.getuid()}): run this as the user that runs edgeheat"
        )


def _is_unchangeable(path: Path) -> bool:
    """Whether the file is on a read-only file system, and complete: then SQLite needs no files beside it."""
    log = path.with_name(f"{path.name}-wal")
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY) and not (log.exists() and log.stat().st_size)


def _create(path: Path) -> None:
    """Create an empty file that only its owner may read, unless there is one, and check that it can be written.

    A file that exists is not opened here: closing it would release the locks of every connection of this process.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        _raise_if_read_only(path)


def _raise_if_read_only(path: Path) -> None:
    """Raise the OSError with which writing the file, or the log beside it, would fail."""
    for place in (path, path.parent):
        if os.statvfs(place).f_flag & os.ST_RDONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(place))
        if not os.access(place, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(place))


def _prepare(connection: sqlite3.Connection, path: Path, read_only: bool) -> None:
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}")
    if schema.is_foreign(connection):
        raise StoreDamaged(f"history {path} is the database of another program")
    version = schema.version_of(connection)
    if version > schema.SCHEMA_VERSION:
        raise StoreError(
            f"history {path} was written by a newer edgeheat (its version is {version}, this edgeheat reads up to "
            f"{schema.SCHEMA_VERSION}): install that edgeheat again, or move the file elsewhere to start a new history"
        )
    if read_only and version < schema.SCHEMA_VERSION:
        raise _no_history(path)
    if not read_only:
        # Both have an effect only on an empty file.
        connection.execute(f"PRAGMA page_size = {schema.PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL")
        schema.migrate(connection)
    for table in schema.TABLES:
        try:
            connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()  # noqa: S608 (a constant)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
                raise StoreDamaged(f"history {path} is damaged ({error})") from error
            raise


def _store_error(error: sqlite3.Error, path: Path, done: str) -> StoreError:
    # The lowest byte is the kind of the error; the others say where in SQLite it occurred.
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreDamaged(f"history {path} is damaged ({error})")
        case sqlite3.SQLITE_FULL:
            reason = write_remedy(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            reason = _why_not_writable(path) or str(error)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            reason = f"another process has been writing to it for {_BUSY_TIMEOUT_S:.0f} s: it is tried again later"
        case sqlite3.SQLITE_IOERR:
            reason = f"{error}: look at `dmesg` for what is wrong with the disk"
        case _:
            reason = str(error)
    return StoreError(f"history {path} cannot be {done}: {reason}")


def _why_not_writable(path: Path) -> str:
    try:
        _raise_if_read_only(path)
    except OSError as error:
        return write_remedy(error)
    return ""
