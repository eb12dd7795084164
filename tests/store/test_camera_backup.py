"""Conversion of a backup to and from a checkpoint's members, and the shift of its times after a reboot."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from edgeheat.store.camera_backup import CameraBackup, backup_from_members, backup_to_members


@dataclass
class FixedClock:
    mono_s: float
    wall_s: float

    def monotonic(self) -> float:
        return self.mono_s

    def wall(self) -> float:
        return self.wall_s

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError


BACKUP = CameraBackup(b"heats", [b"", b"one", b"another"])


def test_a_backup_is_the_same_after_a_checkpoint() -> None:
    members = backup_to_members(BACKUP, FixedClock(100.0, 1000.0), "boot-1")
    assert len(members) == 3
    back, _ = backup_from_members(members, FixedClock(150.0, 1050.0), "boot-1")
    assert back == replace(BACKUP, saved_wall_s=1000.0)


@pytest.mark.parametrize(
    ("case", "now", "boot", "shift_s"),
    [
        ("within one boot times stay, even if the wall clock was set", (160.0, 9e9), "boot-1", 0.0),
        ("after a restart 600 s later times move so that 600 s have passed", (5.0, 1600.0), "boot-2", -695.0),
        ("a wall clock that runs backwards means no time has passed", (5.0, 0.0), "boot-2", -95.0),
        ("without a boot id only the wall clock counts", (160.0, 1060.0), "", 0.0),
    ],
)
def test_times_are_shifted_by_the_time_that_has_passed(
    case: str, now: tuple[float, float], boot: str, shift_s: float
) -> None:
    members = backup_to_members(BACKUP, FixedClock(100.0, 1000.0), "boot-1")
    _, shift = backup_from_members(members, FixedClock(*now), boot)
    assert shift == pytest.approx(shift_s), case


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("when.json", b"{}"),
        ("when.json", b"[1]"),
        ("when.json", b"\xff"),
        ("when.json", b'{"mono_s": NaN, "wall_s": 1}'),
        ("increments", b"\x05\x00"),
    ],
)
def test_invalid_members_are_rejected(member: str, content: bytes) -> None:
    members = backup_to_members(BACKUP, FixedClock(100.0, 1000.0), "boot-1") | {member: content}
    with pytest.raises(ValueError, match=r"when\.json|increments"):
        backup_from_members(members, FixedClock(100.0, 1000.0), "boot-1")


def test_members_of_another_version_are_rejected_rather_than_read_as_empty() -> None:
    members = dict(backup_to_members(CameraBackup(b"heats"), FixedClock(100.0, 1000.0), "boot-1"))
    members["heats.npz"] = members.pop("heats")
    with pytest.raises(ValueError, match="neither heats nor increments"):
        backup_from_members(members, FixedClock(100.0, 1000.0), "boot-1")
