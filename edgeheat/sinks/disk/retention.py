"""Selects the stored files to delete: those past their age limit, then the oldest until enough space is free."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class StoredFile:
    """A picture with its statistics, kept or deleted as one; sorts from the oldest."""

    time_s: float
    """The instant of the picture, Unix time in seconds."""

    path: str
    """Absolute path without extension."""

    size_bytes: int


def select_files_to_delete(
    oldest_first: Iterable[StoredFile], *, older_than_s: float, excess_bytes: int
) -> list[StoredFile]:
    """Return the files to delete, always a prefix of `oldest_first`.

    A file is deleted if its instant lies before `older_than_s` (Unix time), or while those before it add up to less
    than `excess_bytes`. The input is consumed up to the first file that is kept.
    """
    selected: list[StoredFile] = []
    freed_bytes = 0
    for file in oldest_first:
        if file.time_s >= older_than_s and freed_bytes >= excess_bytes:
            break
        selected.append(file)
        freed_bytes += file.size_bytes
    return selected
