"""Tracks how much disk space the dated pictures take on each day, and deletes the oldest."""

from __future__ import annotations

import os
import re
from bisect import insort
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from edgeheat.atomic import TEMP_SUFFIX
from edgeheat.sinks.disk.retention import StoredFile, select_files_to_delete
from edgeheat.sinks.payload import EXTENSIONS

FILE_SUFFIXES = (*EXTENSIONS.values(), "json")
"""The extensions that the files of one picture may have: the picture's own, and that of its statistics."""

_YEAR = re.compile(r"\d{4}")
"""The name of a folder of one year."""

_TWO_DIGITS = re.compile(r"\d\d")
"""The name of a folder of one month or day."""

_FILE = re.compile(rf"(([01]\d|2[0-3])([0-5]\d)([0-5]\d)Z(?:-[0-9]{{1,6}})?)\.(?:{'|'.join(FILE_SUFFIXES)})")
"""The name of a dated file; groups: stem, hour, minute, second. A number follows where several share a second."""


class DatedPictures:
    """The files `<camera>/<heat>/YYYY/MM/DD/HHMMSSZ.*` below `base`: their size by day, and their deletion.

    Only the bytes of each day and the files of the oldest day are held in memory, since a month of many cameras is
    hundreds of thousands of files. Symbolic links are not followed, and other files are not touched.
    """

    def __init__(self, base: Path) -> None:
        """Read the whole tree below `base`, a resolved path, and remove unfinished files; raises OSError."""
        self._base = base
        self._day_bytes: dict[str, int] = {}
        self._oldest_day = ""
        self._oldest: list[StoredFile] = []
        for heat in self._heat_folders():
            _remove_unfinished(heat)
            for day, folder in _day_folders(heat):
                _remove_unfinished(folder)
                size_bytes = sum(entry.stat(follow_symlinks=False).st_size for entry in _files(folder))
                self._day_bytes[day] = self._day_bytes.get(day, 0) + size_bytes

    @property
    def total_bytes(self) -> int:
        """Size of all dated pictures and their statistics."""
        return sum(self._day_bytes.values())

    def add(self, stem: Path, wall_s: float, size_bytes: int) -> None:
        """Record a new picture; `stem` is its path without extension, `size_bytes` the sum of its files."""
        day = "/".join(stem.parts[-4:-1])
        self._day_bytes[day] = self._day_bytes.get(day, 0) + size_bytes
        if day == self._oldest_day:
            insort(self._oldest, StoredFile(wall_s, str(stem), size_bytes))

    def delete(self, *, older_than_s: float, excess_bytes: int) -> None:
        """Delete what is older than the instant `older_than_s`, then the oldest until `excess_bytes` are freed.

        Empty folders are removed as well. Raises OSError if a file cannot be deleted; the next call tries again.
        """
        while self._day_bytes:
            day = min(self._day_bytes)
            if excess_bytes <= 0 and _start_s(day) >= older_than_s:
                return
            if day != self._oldest_day:
                self._oldest_day, self._oldest = day, self._list(day)
            for file in select_files_to_delete(self._oldest, older_than_s=older_than_s, excess_bytes=excess_bytes):
                self._delete_file(file)
                excess_bytes -= file.size_bytes
            if self._oldest:
                return
            self._remove_oldest_day()

    def _delete_file(self, file: StoredFile) -> None:
        """Delete the first file of the oldest day."""
        folder = os.path.dirname(file.path)  # noqa: PTH120 (a Path for each of many files is slow)
        # The list may be a day old, and the folder may have been replaced by a link to another place.
        if os.path.realpath(folder) == folder:
            for suffix in FILE_SUFFIXES:
                Path(f"{file.path}.{suffix}").unlink(missing_ok=True)
        del self._oldest[0]
        self._day_bytes[self._oldest_day] -= file.size_bytes

    def _remove_oldest_day(self) -> None:
        for heat in self._heat_folders():
            for folder in (heat / self._oldest_day, heat / self._oldest_day[:7], heat / self._oldest_day[:4]):
                with suppress(OSError):  # it is not empty, does not exist, or may not be removed
                    folder.rmdir()
        del self._day_bytes[self._oldest_day]
        self._oldest_day = ""

    def _list(self, day: str) -> list[StoredFile]:
        """Return all pictures of one day, oldest first; a picture and its statistics are one StoredFile."""
        start_s = _start_s(day)
        sizes: dict[str, tuple[float, int]] = {}
        for heat in self._heat_folders():
            folder = heat / day
            if not folder.is_dir() or folder.resolve() != folder:
                continue
            for entry in _files(folder):
                match = _FILE.fullmatch(entry.name)
                assert match is not None  # _files yields only these
                time_s = start_s + int(match[2]) * 3600 + int(match[3]) * 60 + int(match[4])
                stem = f"{folder}/{match[1]}"
                size_bytes = entry.stat(follow_symlinks=False).st_size
                sizes[stem] = time_s, sizes.get(stem, (0.0, 0))[1] + size_bytes
        return sorted(StoredFile(time_s, stem, size_bytes) for stem, (time_s, size_bytes) in sizes.items())

    def _heat_folders(self) -> Iterator[Path]:
        for camera in _folders(self._base):
            yield from _folders(camera)


def _folders(folder: Path, name: re.Pattern[str] | None = None) -> list[Path]:
    with os.scandir(folder) as entries:
        return [
            folder / entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False) and (name is None or name.fullmatch(entry.name))
        ]


def _day_folders(heat: Path) -> Iterator[tuple[str, Path]]:
    for year in _folders(heat, _YEAR):
        for month in _folders(year, _TWO_DIGITS):
            for folder in _folders(month, _TWO_DIGITS):
                day = "/".join(folder.parts[-3:])
                with suppress(ValueError):  # there is no 31st of February
                    _start_s(day)
                    yield day, folder


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if _FILE.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                yield entry


def _remove_unfinished(folder: Path) -> None:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(".") and entry.name.endswith(TEMP_SUFFIX)]
    for name in names:
        (folder / name).unlink(missing_ok=True)


def _start_s(day: str) -> float:
    """Return the Unix time at which the day `YYYY/MM/DD` begins in UTC; raises ValueError if there is no such day."""
    year, month, day_of_month = map(int, day.split("/"))
    return datetime(year, month, day_of_month, tzinfo=UTC).timestamp()
