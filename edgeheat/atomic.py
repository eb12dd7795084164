"""Writes files atomically, so that after a power cut a file is the old or the new one; and explains write errors."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

TEMP_SUFFIX = ".edgeheat-tmp"
"""Suffix of unfinished files; the module that owns a folder may delete them at startup."""


def temp_beside(path: Path) -> Path:
    """Return the temporary name for writing `path`: hidden, in the same folder, so that it can be renamed."""
    return path.with_name(f".{path.name}{TEMP_SUFFIX}")


def stage(path: Path, fill: Callable[[BinaryIO], object], mode: int) -> Path:
    """Write a temporary file beside `path` through `fill`, flush it to the disk and return its name.

    `mode` are the permission bits before the umask. Raises OSError, and then no file is left behind.
    """
    temp = temp_beside(path)
    temp.unlink(missing_ok=True)
    try:
        # O_EXCL: a symbolic link placed there by another user is never followed.
        with open(os.open(temp, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "w+b") as file:  # noqa: PTH123 (needs the mode)
            fill(file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    return temp


def replace(temp: Path, path: Path) -> None:
    """Rename the staged file `temp` to `path`; raises OSError, and then `temp` is deleted."""
    try:
        temp.replace(path)
    except OSError:
        temp.unlink(missing_ok=True)
        raise


def write_atomic(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write `data` to `path` completely or not at all; raises OSError.

    After a power cut the file is the old or the new one; call `sync_folder` as well to be certain of the new one.
    """
    replace(stage(path, lambda file: file.write(data), mode), path)


def sync_folder(folder: Path) -> None:
    """Flush the names in `folder` to the disk, so that a rename survives a power cut; raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_remedy(error: OSError) -> str:
    """Return why a write failed and what the user should do, as the end of a one-line message."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full: make room on it, or keep less"
        case errno.EROFS:
            return "the disk is read-only: look at `dmesg`, the card may be worn out"
        case errno.EACCES | errno.EPERM:
            return f"it may not be written: give it to the user that runs edgeheat (uid {os.getuid()})"
        case errno.ENOTDIR:
            return f"{error.filename}, or a file where a folder above it should be, is in the way: move it elsewhere"
        case errno.EEXIST | errno.EISDIR | errno.ELOOP:
            return f"{error.filename} is in the way: move it elsewhere"
        case _:
            return f"{error.strerror or error}: look at `dmesg` for what is wrong with the disk"
