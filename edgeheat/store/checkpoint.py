"""Writes and reads checkpoint files; keeps the previous file of each camera, and uses it if the newest is damaged."""

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
"""Version of the file format; a file of another version is set aside like a damaged one."""

_FORMAT = "format"
"""Name of the member that lists the version and the other members with their sizes."""

_MAX_CHECKPOINT_BYTES = 1 << 30
"""A larger file is not read: it is damaged, and could fill the memory."""

_MAX_PAYLOAD_BYTES = _MAX_CHECKPOINT_BYTES - (1 << 20)
"""Limit of what is written: below `_MAX_CHECKPOINT_BYTES`, because the zip directory adds to it."""

_MAX_FORMAT_BYTES = 64 * 1024
"""A larger `format` member is damaged."""

_MAX_MEMBERS = 256
"""Most members of one file."""

_MAX_DAMAGED = 2
"""How many damaged files of a camera are kept for inspection."""

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""Date of every member, so that equal payloads give equal files."""

# The exceptions that zipfile, struct and json raise on damaged bytes, besides OSError.
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
    """The file cannot be used; the message is the reason, such as "members are missing"."""


def write_checkpoint(folder: Path, camera: str, payload: Mapping[str, bytes]) -> None:
    """Write `payload` to `<folder>/<camera>.ckpt`; the previous generation becomes `<camera>.ckpt.1`.

    The names in `payload` match `[A-Za-z0-9._-]{1,100}` and are not `format`. A power cut at any moment leaves at least
    one readable generation: the old one is renamed only when the new one is on the disk.
    Raises StoreError, with the remedy, if it cannot be written; ValueError for an invalid name.
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
    """Return the payload of the newest intact generation, or None if there is none; never raises.

    A damaged generation is renamed to `<camera>.ckpt.damaged-N`, of which the newest two are kept, and logged once.
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
                "%s: the checkpoint %s is damaged (%s); %s, and the previous one is used if there is one",
                camera,
                path,
                reason,
                f"renamed to {aside.name}" if aside else "it could not be renamed",
            )
    return None


def _generations(folder: Path, camera: str) -> tuple[Path, Path]:
    return folder / f"{camera}.ckpt", folder / f"{camera}.ckpt.1"


def _check_names(payload: Mapping[str, bytes]) -> None:
    if len(payload) >= _MAX_MEMBERS:
        raise ValueError(f"checkpoint: expected under {_MAX_MEMBERS} members, got {len(payload)}")
    for name in payload:
        if name == _FORMAT or not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name):
            raise ValueError(f"checkpoint: {name!r} is not a valid member name")


def _write_zip(file: BinaryIO, payload: Mapping[str, bytes]) -> None:
    # The sizes are in `format` too: a flipped bit in the zip's directory can make a member disappear unnoticed.
    head = {"version": _VERSION, "members": {name: len(data) for name, data in payload.items()}}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in ((_FORMAT, json.dumps(head).encode()), *payload.items()):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), data)


def _read_zip(path: Path) -> Mapping[str, bytes]:
    """Return the payload of one generation; raises FileNotFoundError if there is none, _DamagedError or OSError."""
    # O_NONBLOCK: a named pipe in its place must not block startup indefinitely.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 (needs the flags)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _DamagedError("it is not a file")
        if not 0 < status.st_size <= _MAX_CHECKPOINT_BYTES:
            raise _DamagedError(f"it has {status.st_size} bytes")
        try:
            with zipfile.ZipFile(file) as archive:
                return _members(archive, status.st_size)
        except _UNREADABLE as error:
            raise _DamagedError(str(error) or type(error).__name__) from error


def _members(archive: zipfile.ZipFile, file_bytes: int) -> Mapping[str, bytes]:
    infos = {info.filename: info for info in archive.infolist()}
    # Uncompressed members that are together no longer than the file cannot expand to more than was read.
    if any(info.compress_type != zipfile.ZIP_STORED for info in infos.values()):
        raise _DamagedError("it holds compressed members")
    if len(infos) > _MAX_MEMBERS or sum(info.file_size for info in infos.values()) > file_bytes:
        raise _DamagedError("its directory is wrong")
    if _FORMAT not in infos or infos[_FORMAT].file_size > _MAX_FORMAT_BYTES:
        raise _DamagedError("it has no readable format member")
    head = json.loads(archive.read(_FORMAT))
    if not isinstance(head, dict) or head.get("version") != _VERSION:
        raise _DamagedError(f"this edgeheat reads only version {_VERSION}")
    payload = {name: archive.read(name) for name in infos if name != _FORMAT}
    if head.get("members") != {name: len(data) for name, data in payload.items()}:
        raise _DamagedError("members are missing")
    return payload


def _make_older(newest: Path, older: Path) -> None:
    """Rename the newest generation, if there is one, to the older."""
    for path in (newest, older):
        if path.is_dir() and not path.is_symlink():
            _set_aside(path, newest.stem)
    try:
        newest.replace(older)
    except FileNotFoundError:
        return


def _set_aside(path: Path, camera: str) -> Path | None:
    """Rename `path` to the next free `<camera>.ckpt.damaged-N` and keep the newest two; None if that fails."""
    pattern = re.compile(re.escape(camera) + r"\.ckpt\.damaged-(\d{1,9})")
    try:
        numbers = sorted(int(match[1]) for entry in path.parent.iterdir() if (match := pattern.fullmatch(entry.name)))
        aside = path.with_name(f"{camera}.ckpt.damaged-{numbers[-1] + 1 if numbers else 1}")
        path.rename(aside)
    except OSError:
        return None
    for number in numbers[: max(0, len(numbers) + 1 - _MAX_DAMAGED)]:
        _remove(path.with_name(f"{camera}.ckpt.damaged-{number}"))
    return aside


def _remove(path: Path) -> None:
    """Delete a file or an empty folder; one that cannot be deleted does no harm."""
    try:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    except OSError:
        return
