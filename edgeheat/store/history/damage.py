"""Finds out whether the history file is damaged, and sets a damaged one aside so that a new one can be started."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from edgeheat.errors import StoreDamaged
from edgeheat.store.history.connection import connect, explained
from edgeheat.store.history.store import HistoryStore

_MAX_SET_ASIDE = 2
"""How many damaged histories are kept for inspection; each may be hundreds of megabytes."""

_MAX_PROBLEMS = 10
"""How many problems of one file are reported."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """A damaged history that a new one replaced; the caller reports it."""

    path: Path
    """Where the damaged file is now."""

    reason: str


def open_or_replace(path: Path, now_s: float) -> tuple[HistoryStore, SetAside | None]:
    """Open the history; a damaged file is set aside first, and a new one is created.

    `now_s` is the Unix time for the name of the damaged file. Raises StoreError if the file cannot be used for another
    reason, such as a full disk.
    """
    try:
        return HistoryStore(path), None
    except StoreDamaged as error:
        aside = set_aside(path, now_s)
        return HistoryStore(path), SetAside(aside, str(error))


def quick_check(path: Path) -> list[str]:
    """Return what is wrong with the structure of the file, empty if nothing is; reads the whole file.

    Takes as long as the disk needs for that. It does not look into the layers, whose encoding has a check of its own.
    """
    try:
        with closing(connect(path, read_only=True)) as connection, explained(path, "read"):
            rows = connection.execute(f"PRAGMA quick_check({_MAX_PROBLEMS})").fetchall()
    except StoreDamaged as error:
        return [str(error)]
    return [problem for (problem,) in rows if problem != "ok"]


def set_aside(path: Path, now_s: float) -> Path:
    """Rename the file and its log to `<name>.damaged-<UTC date>`, and keep the newest of such files.

    Every connection to the file must be closed, or be closed soon without a write. Raises StoreError.
    """
    day = datetime.fromtimestamp(now_s, UTC).date().isoformat()
    with explained(path, "set aside"):
        earlier = _set_aside_before(path)
        aside = path.with_name(_free_name(f"{path.name}.damaged-{day}", {file.name for file in earlier}))
        # The log goes first: SQLite would add a log that was left behind to the next file of this name.
        for suffix in ("-wal", "-shm", ""):
            file = path.with_name(path.name + suffix)
            if file.exists():
                file.rename(aside.with_name(aside.name + suffix))
        for file in earlier[: max(0, len(earlier) + 1 - _MAX_SET_ASIDE)]:
            for suffix in ("-wal", "-shm", ""):
                file.with_name(file.name + suffix).unlink(missing_ok=True)
    return aside


def _set_aside_before(path: Path) -> list[Path]:
    """Return the files that were set aside before, oldest first."""
    pattern = re.compile(re.escape(path.name) + r"\.damaged-\d{4}-\d\d-\d\d(-\d+)?")
    found = [entry for entry in path.parent.iterdir() if pattern.fullmatch(entry.name)]
    # By the time of the renaming, because the date in the name is that of a clock that may have been wrong.
    return sorted(found, key=lambda entry: entry.stat().st_ctime_ns)


def _free_name(name: str, taken: set[str]) -> str:
    number = 1
    while (numbered := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return numbered
