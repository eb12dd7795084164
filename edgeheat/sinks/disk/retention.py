"""Decides which stored files must go: those too old, then the oldest until enough room is won."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class StoredFile:
    """One thing that retention keeps or deletes as a whole; sorts from the oldest."""

    time_s: float
    """The instant it belongs to, Unix time in seconds."""

    path: str
    size_bytes: int


def to_delete(oldest_first: Iterable[StoredFile], *, older_than_s: float, excess_bytes: int) -> list[StoredFile]:
    """Return the files that must go, oldest first: always a beginning of `oldest_first`.

    A file goes when its instant lies before `older_than_s` (Unix time), or while those before it
    add up to less than `excess_bytes`. The input is read no further than to the first file that stays.
    """
    doomed: list[StoredFile] = []
    freed_bytes = 0
    for file in oldest_first:
        if file.time_s >= older_than_s and freed_bytes >= excess_bytes:
            break
        doomed.append(file)
        freed_bytes += file.size_bytes
    return doomed
