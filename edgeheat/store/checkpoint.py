"""Keeps what must outlive a restart, two generations for each camera, and survives damaged files."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from edgeheat.atomic import replace, stage, sync_folder, write_remedy
from edgeheat.errors import StoreError

_log = logging.getLogger(__name__)

_VERSION = 1
_FORMAT = "format"
_MAX_BYTES = 1 << 30
_MAX_PAYLOAD_BYTES = _MAX_BYTES - (1 << 20)
_MAX_FORMAT_BYTES = 64 * 1024
_MAX_MEMBERS = 256
_MAX_SET_ASIDE = 2
_STEADY_DATE = (1980, 1, 1, 0, 0, 0)

# What zipfile, struct and json were seen to raise on damaged bytes, besides OSError.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    KeyError,
    IndexError,
    OverflowError,
    MemoryError,
)


class _DamagedError(Exception):
    """This generation cannot be used; the message is half a sentence that says why."""


def write_checkpoint(folder: Path, camera: str, payload: Mapping[str, bytes]) -> None:
    """Write `payload` to `<folder>/<camera>.ckpt` and keep the generation before it as `<camera>.ckpt.1`.

    The names in `payload` are plain words other than `format`. A power cut at any moment leaves at least one
    readable generation: the old one is only renamed once the new one is on the disk.
    Raises StoreError, with the remedy, when it cannot be written; ValueError on a name that cannot be used.
    """
    _check_names(payload)
    if (size_bytes := sum(map(len, payload.values()))) > _MAX_PAYLOAD_BYTES:
        raise StoreError(
            f"checkpoint of {camera} not written: it has {size_bytes} bytes, {_MAX_PAYLOAD_BYTES} are allowed; "
            "set a smaller grid_width or fewer heats"
        )
    newest, older = _generations(folder, camera)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temp = stage(newest, lambda file: _write_zip(file, payload), 0o600)
        try:
            _make_older(newest, older)
        except OSError:
            temp.unlink(missing_ok=True)
            raise
        replace(temp, newest)
        sync_folder(folder)
    except OSError as error:
        raise StoreError(f"checkpoint of {camera} not written to {folder}: {write_remedy(error)}") from error


def read_checkpoint(folder: Path, camera: str) -> Mapping[str, bytes] | None:
    """Return the payload of the newest generation that is whole, or None where there is none.

    A damaged generation is renamed to `<camera>.ckpt.damaged-N`, of which the newest two are kept,
    with one warning in the log; it never raises for the state of the files.
    """
    for path in _generations(folder, camera):
        try:
            return _read_zip(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (_DamagedError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            aside = _set_aside(path, camera)
            _log.warning(
                "%s: the checkpoint %s is damaged (%s); %s, and the one before it is used if there is one",
                camera,
                path,
                reason,
                f"kept as {aside.name}" if aside else "it could not be renamed",
            )
    return None


def _generations(folder: Path, camera: str) -> tuple[Path, Path]:
    return folder / f"{camera}.ckpt", folder / f"{camera}.ckpt.1"


def _check_names(payload: Mapping[str, bytes]) -> None:
    if len(payload) >= _MAX_MEMBERS:
        raise ValueError(f"checkpoint: expected under {_MAX_MEMBERS} members, got {len(payload)}")
    for name in payload:
        if name == _FORMAT or not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name):
            raise ValueError(f"checkpoint: {name!r} cannot be the name of a member")


def _write_zip(file: BinaryIO, payload: Mapping[str, bytes]) -> None:
    # The sizes stand in `format` too: a flipped bit in the zip's directory can make a member vanish unnoticed.
    head = {"version": _VERSION, "members": {name: len(data) for name, data in payload.items()}}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in ((_FORMAT, json.dumps(head).encode()), *payload.items()):
            archive.writestr(zipfile.ZipInfo(name, _STEADY_DATE), data)


def _read_zip(path: Path) -> Mapping[str, bytes]:
    """Read one generation; raises FileNotFoundError where there is none, else _DamagedError or OSError."""
    # O_NONBLOCK: a named pipe in its place must not block the start for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 (needs the flags)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _DamagedError("it is not a file")
        if not 0 < status.st_size <= _MAX_BYTES:
            raise _DamagedError(f"it has {status.st_size} bytes")
        try:
            with zipfile.ZipFile(file) as archive:
                return _members(archive, status.st_size)
        except _UNREADABLE as error:
            raise _DamagedError(str(error) or type(error).__name__) from error


def _members(archive: zipfile.ZipFile, file_bytes: int) -> Mapping[str, bytes]:
    infos = {info.filename: info for info in archive.infolist()}
    # Stored members that are together no longer than the file: nothing can unpack to more than was read.
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos.values()):
        raise _DamagedError("it holds compressed members")
    if len(infos) > _MAX_MEMBERS or sum(info.file_size for info in infos.values()) > file_bytes:
        raise _DamagedError("its directory is wrong")
    if _FORMAT not in infos or infos[_FORMAT].file_size > _MAX_FORMAT_BYTES:
        raise _DamagedError("its format cannot be told")
    head = json.loads(archive.read(_FORMAT))
    if not isinstance(head, dict) or head.get("version") != _VERSION:
        raise _DamagedError(f"this edgeheat reads version {_VERSION} only")
    payload = {name: archive.read(name) for name in infos if name != _FORMAT}
    if head.get("members") != {name: len(data) for name, data in payload.items()}:
        raise _DamagedError("members are missing")
    return payload


def _make_older(newest: Path, older: Path) -> None:
    """Move the newest generation, if there is one, to the place of the older."""
    for path in (newest, older):
        if path.is_dir() and not path.is_symlink():
            _set_aside(path, newest.stem)
    try:
        newest.replace(older)
    except FileNotFoundError:
        return


def _set_aside(path: Path, camera: str) -> Path | None:
    """Rename `path` to the next free `<camera>.ckpt.damaged-N` and keep two such; None where that fails."""
    pattern = re.compile(re.escape(camera) + r"\.ckpt\.damaged-(\d{1,9})")
    try:
        numbers = sorted(int(match[1]) for entry in path.parent.iterdir() if (match := pattern.fullmatch(entry.name)))
        aside = path.with_name(f"{camera}.ckpt.damaged-{numbers[-1] + 1 if numbers else 1}")
        path.rename(aside)
    except OSError:
        return None
    for number in numbers[: max(0, len(numbers) + 1 - _MAX_SET_ASIDE)]:
        _remove(path.with_name(f"{camera}.ckpt.damaged-{number}"))
    return aside


def _remove(path: Path) -> None:
    """Delete a file or an empty folder; what cannot be deleted stays, for it does no harm."""
    try:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    except OSError:
        return
