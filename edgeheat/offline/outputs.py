"""Writes output files as a group: checked before any work, written under temporary names, then renamed together."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from edgeheat import atomic
from edgeheat.errors import EdgeheatError

_MODE = 0o666
"""Permissions of new files, before the umask."""


def check_target(path: Path, suffixes: Sequence[str], source: str) -> None:
    """Raise EdgeheatError where `path` cannot be written, so that the error appears before the long work.

    suffixes: accepted endings of the name, in lower case. source: the recording, which must not be overwritten.
    """
    if path.suffix.lower() not in suffixes:
        raise EdgeheatError(f"{path}: the name must end in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise EdgeheatError(f"{path}: there is no folder {path.parent}: create it, or choose another")
    if path.is_dir():
        raise EdgeheatError(f"{path}: that is a folder: give the name of a file")
    if not os.access(path.parent, os.W_OK):
        raise EdgeheatError(f"{path}: the folder {path.parent} is not writable: choose another")
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise EdgeheatError(f"{path}: that is the recording itself: choose another name")


class StagedOutputs:
    """A context manager that writes files under temporary names and deletes those that `commit` has not renamed."""

    def __init__(self) -> None:
        self._staged: list[tuple[Path, Path]] = []

    def __enter__(self) -> StagedOutputs:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for temp, _ in self._staged:
            temp.unlink(missing_ok=True)

    def stage(self, path: Path, fill: Callable[[BinaryIO], object]) -> None:
        """Let `fill` write the content of one output and flush it to disk; raises EdgeheatError."""
        try:
            self._staged.append((atomic.stage(path, fill, _MODE), path))
        except OSError as error:
            raise EdgeheatError(f"{path} could not be written: {atomic.write_remedy(error)}") from error

    def stage_by_name(self, path: Path, write: Callable[[Path], object]) -> None:
        """Like `stage`, for libraries that open the file themselves; `write` is called with the temporary name."""
        temp = atomic.temp_beside(path)
        try:
            temp.unlink(missing_ok=True)
            self._staged.append((temp, path))
            write(temp)
            with temp.open("rb") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise EdgeheatError(f"{path} could not be written: {atomic.write_remedy(error)}") from error

    def commit(self, *, overwrite: bool) -> tuple[Path, ...]:
        """Rename all files to their final names and return these.

        Without `overwrite`, existing files are kept and a number is added: heat.png, heat_1.png, heat_2.png. Raises
        EdgeheatError.
        """
        committed = []
        while self._staged:
            temp, path = self._staged[0]
            try:
                target = path if overwrite else _reserve_free_name(path)
                atomic.replace(temp, target)
                atomic.sync_folder(target.parent)
            except OSError as error:
                raise EdgeheatError(f"{path} could not be written: {atomic.write_remedy(error)}") from error
            committed.append(target)
            del self._staged[0]
        return tuple(committed)


def _reserve_free_name(path: Path) -> Path:
    """Return the first free name, reserved by an empty file against other processes that look for one."""
    number, target = 0, path
    while True:
        try:
            target.open("xb").close()
        except FileExistsError:
            number += 1
            target = path.with_stem(f"{path.stem}_{number}")
        else:
            return target
