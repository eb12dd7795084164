"""The files that `render` writes: checked before any work, staged beside their place, put there all together."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from edgeheat import atomic
from edgeheat.errors import EdgeheatError

_MODE = 0o666


def check_target(path: Path, suffixes: Sequence[str], source: str) -> None:
    """Raise EdgeheatError where `path` cannot become an output, so that nobody waits for a picture in vain.

    suffixes: the endings that are known for this kind of output, in lower case.
    """
    if path.suffix.lower() not in suffixes:
        raise EdgeheatError(f"{path}: the name must end in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise EdgeheatError(f"{path}: there is no folder {path.parent}: make it first, or name another")
    if path.is_dir():
        raise EdgeheatError(f"{path}: that is a folder: name a file in it")
    if not os.access(path.parent, os.W_OK):
        raise EdgeheatError(f"{path}: the folder {path.parent} may not be written: name another")
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise EdgeheatError(f"{path}: that is the recording itself: name another file")


class StagedOutputs:
    """Collects finished files under temporary names; leaves none behind unless `place` put them where they belong."""

    def __init__(self) -> None:
        self._staged: list[tuple[Path, Path]] = []

    def __enter__(self) -> StagedOutputs:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for temp, _ in self._staged:
            temp.unlink(missing_ok=True)

    def stage(self, path: Path, fill: Callable[[BinaryIO], object]) -> None:
        """Write one output through `fill`, forced to the disk; raises EdgeheatError."""
        try:
            self._staged.append((atomic.stage(path, fill, _MODE), path))
        except OSError as error:
            raise EdgeheatError(f"{path} could not be written: {atomic.write_remedy(error)}") from error

    def stage_by_name(self, path: Path, write: Callable[[Path], object]) -> None:
        """Like `stage`, for writers that must open the file themselves; `write` gets the temporary name."""
        temp = atomic.temp_beside(path)
        try:
            temp.unlink(missing_ok=True)
            self._staged.append((temp, path))
            write(temp)
            with temp.open("rb") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise EdgeheatError(f"{path} could not be written: {atomic.write_remedy(error)}") from error

    def place(self, *, overwrite: bool) -> tuple[Path, ...]:
        """Rename everything to its place and return the names.

        Where a name is taken and `overwrite` is off, it is counted up: heat.png, heat_1.png, heat_2.png.
        """
        placed = []
        while self._staged:
            temp, path = self._staged[0]
            try:
                target = path if overwrite else _reserved(path)
                atomic.replace(temp, target)
                atomic.sync_folder(target.parent)
            except OSError as error:
                raise EdgeheatError(f"{path} could not be written: {atomic.write_remedy(error)}") from error
            placed.append(target)
            del self._staged[0]
        return tuple(placed)


def _reserved(path: Path) -> Path:
    """Return the first free name, taken by an empty file, so that two renders at once do not choose the same."""
    number, target = 0, path
    while True:
        try:
            target.open("xb").close()
        except FileExistsError:
            number += 1
            target = path.with_stem(f"{path.stem}_{number}")
        else:
            return target
