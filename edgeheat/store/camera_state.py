"""A camera's saved state: the parent's copy of its heats, which outlives the worker and, on disk, the machine."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgeheat.defs.clock import Clock

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LENGTH = struct.Struct("<I")


@dataclass(slots=True)
class CameraBackup:
    """What is needed to go on counting for one camera; the bytes are the workers' and are never opened here."""

    saved: bytes | None = None
    increments: list[bytes] = field(default_factory=list)

    def replace(self, saved: bytes | None) -> None:
        """Take a complete state; it holds every increment so far."""
        self.saved = saved
        self.increments.clear()

    def clear(self) -> None:
        """Release the bytes: a worker's arguments live as long as its process, and these are megabytes."""
        self.saved = None
        self.increments.clear()

    def copy(self) -> CameraBackup:
        """Return a backup that stays as it is while this one goes on; the bytes themselves are shared."""
        return CameraBackup(self.saved, list(self.increments))


def boot_id() -> str:
    """Return the machine's word for the time since it started; times on the monotonic clock compare within it only."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def to_members(backup: CameraBackup, clock: Clock, boot: str) -> dict[str, bytes]:
    """Return the backup as the members of a checkpoint file."""
    when = {"mono_s": clock.monotonic(), "wall_s": clock.wall(), "boot_id": boot}
    members = {"when.json": json.dumps(when).encode()}
    if backup.saved is not None:
        members["heats"] = backup.saved
    if backup.increments:
        members["increments"] = b"".join(_LENGTH.pack(len(packed)) + packed for packed in backup.increments)
    return members


def from_members(members: Mapping[str, bytes], clock: Clock, boot: str) -> tuple[CameraBackup, float]:
    """Return the backup in a checkpoint file's members, and the seconds by which its times must be moved.

    Within one start of the machine that is 0. After a restart the time that passed is told by wall time;
    where that runs backwards (a Pi without a clock) no time is taken to have passed.
    Raises ValueError where the members are not a checkpoint of this kind.
    """
    try:
        when = json.loads(members["when.json"])
        mono_s, wall_s = float(when["mono_s"]), float(when["wall_s"])
        if not (math.isfinite(mono_s) and math.isfinite(wall_s)):
            raise ValueError("its times are no numbers")
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"no readable when.json: {error}") from error
    backup = CameraBackup(members.get("heats"), _split(members.get("increments", b"")))
    if boot and when.get("boot_id") == boot:
        return backup, 0.0
    return backup, clock.monotonic() - max(0.0, clock.wall() - wall_s) - mono_s


def _split(joined: bytes) -> list[bytes]:
    parts = []
    at = 0
    while at < len(joined):
        if at + _LENGTH.size > len(joined):
            raise ValueError("the increments end in the middle of a length")
        (size,) = _LENGTH.unpack_from(joined, at)
        at += _LENGTH.size
        parts.append(joined[at : at + size])
        at += size
    return parts
