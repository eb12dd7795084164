"""The backup of a camera's heats, and its conversion to and from the members of a checkpoint file."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgeheat.defs.clock import Clock
from edgeheat.defs.history import Tile

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""Linux writes a new random id here at each boot."""

_LENGTH = struct.Struct("<I")
"""Precedes each increment in the `increments` member: its length in bytes."""


@dataclass(slots=True)
class CameraBackup:
    """The heats that a restarted worker continues with, as bytes that the parent keeps and never decodes."""

    saved: bytes | None = None
    """The complete state that the worker sent last; None if it has not sent any."""

    increments: list[bytes] = field(default_factory=list)
    """What the worker counted since then, in order."""

    saved_wall_s: float = 0.0
    """Unix time at which a backup that was read from a checkpoint was written."""

    stored_tiles: tuple[Tile, ...] = ()
    """The tiles that history has of the time since then."""

    def replace(self, saved: bytes | None) -> None:
        """Set a new complete state, which includes every increment so far."""
        self.saved = saved
        self.increments.clear()
        self.stored_tiles = ()

    def clear(self) -> None:
        """Release the bytes: a worker's arguments live as long as its process, and these are several megabytes."""
        self.replace(None)

    def copy(self) -> CameraBackup:
        """Return a backup that does not change with this one; the bytes themselves are shared."""
        return CameraBackup(self.saved, list(self.increments), self.saved_wall_s, self.stored_tiles)


def boot_id() -> str:
    """Return the id of this boot, empty if unknown; monotonic times are comparable only within one boot."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def backup_to_members(backup: CameraBackup, clock: Clock, boot: str) -> dict[str, bytes]:
    """Return the members of a checkpoint file that holds the backup; `boot` is the id of this boot."""
    when = {"mono_s": clock.monotonic(), "wall_s": clock.wall(), "boot_id": boot}
    members = {"when.json": json.dumps(when).encode()}
    if backup.saved is not None:
        members["heats"] = backup.saved
    if backup.increments:
        members["increments"] = b"".join(_LENGTH.pack(len(packed)) + packed for packed in backup.increments)
    return members


def backup_from_members(members: Mapping[str, bytes], clock: Clock, boot: str) -> tuple[CameraBackup, float]:
    """Return the backup in a checkpoint file's members, and the seconds to add to its monotonic times.

    Within one boot that is 0. After a reboot the wall clock tells how much time has passed; if it went backwards (a Pi
    without a battery-backed clock), no time is assumed to have passed. Raises ValueError for invalid members.
    """
    try:
        when = json.loads(members["when.json"])
        mono_s, wall_s = float(when["mono_s"]), float(when["wall_s"])
        if not (math.isfinite(mono_s) and math.isfinite(wall_s)):
            raise ValueError("its times are not finite")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no readable when.json: {error}") from error
    if not members.keys() & {"heats", "increments"}:
        raise ValueError("neither heats nor increments in it; another version of edgeheat may have written it")
    backup = CameraBackup(members.get("heats"), _split_increments(members.get("increments", b"")), wall_s)
    if boot and when.get("boot_id") == boot:
        return backup, 0.0
    return backup, clock.monotonic() - max(0.0, clock.wall() - wall_s) - mono_s


def _split_increments(joined: bytes) -> list[bytes]:
    increments = []
    offset = 0
    while offset < len(joined):
        if offset + _LENGTH.size > len(joined):
            raise ValueError("the increments end in the middle of a length")
        (size,) = _LENGTH.unpack_from(joined, offset)
        offset += _LENGTH.size
        increments.append(joined[offset : offset + size])
        offset += size
    return increments
