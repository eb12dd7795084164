"""When the wall clock is taken as right, and by how much it was wrong before."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeheat.daemon.clock_sync import ClockSync, hardware_clock_s, initial_clock_error, kernel_clock_synced
from edgeheat.defs.clock import WallClockError

BOOT_S = 20.0
WRONG_S = 1_000.0


class BootedClock:
    """A machine that booted a while ago, with a clock that the test sets."""

    def __init__(self) -> None:
        self.mono_s = BOOT_S
        self.offset_s = WRONG_S
        self.synced = False
        self.suspended_s = 0.0
        """For how long the process is suspended before each reading of the wall clock."""

    def monotonic(self) -> float:
        return self.mono_s

    def wall(self) -> float:
        self.mono_s += self.suspended_s
        return self.mono_s + self.offset_s

    def sleep(self, seconds: float) -> None:
        self.mono_s += seconds

    def is_synced(self) -> bool:
        return self.synced


def started(clock: BootedClock) -> tuple[ClockSync, WallClockError]:
    error = initial_clock_error(clock, clock.is_synced, lambda: None)
    return ClockSync(clock, error, clock.is_synced), error


def test_a_synchronised_clock_is_right_from_the_start() -> None:
    clock = BootedClock()
    clock.synced = True
    sync, error = started(clock)
    assert sync.is_right and sync.update() is None
    assert error.is_right(0.0, WRONG_S)


@pytest.mark.parametrize("set_by_s", [86_400.0, 12.0, -400_000_000.0])
def test_a_clock_that_is_set_is_right_whoever_set_it(set_by_s: float) -> None:
    clock = BootedClock()
    sync, error = started(clock)
    assert not sync.is_right and sync.update() is None
    clock.offset_s += set_by_s
    assert sync.update() == set_by_s
    assert sync.is_right and sync.update() is None
    assert not error.is_right(BOOT_S, BOOT_S + WRONG_S), "also asked afterwards"
    assert error.is_right(BOOT_S, BOOT_S + clock.offset_s)


def test_a_clock_that_a_time_server_leaves_as_it_is_was_right_all_the_time() -> None:
    clock = BootedClock()
    sync, error = started(clock)
    clock.offset_s += 3.0
    assert sync.update() is None
    clock.synced = True
    assert sync.update() == 0.0
    assert sync.is_right and error.is_right(BOOT_S, BOOT_S + WRONG_S)


def test_a_day_after_the_boot_the_clock_of_a_shop_without_a_network_is_taken_as_it_is() -> None:
    clock = BootedClock()
    sync, error = started(clock)
    clock.sleep(86_400.0 - BOOT_S - 1.0)
    assert sync.update() is None
    clock.sleep(1.0)
    assert sync.update() == 0.0
    assert error == WallClockError()
    assert started(clock)[0].is_right, "after a restart of edgeheat too"


def test_a_process_that_was_suspended_between_two_readings_does_not_take_it_for_a_set_clock() -> None:
    clock = BootedClock()
    sync, _ = started(clock)
    clock.suspended_s = 60.0
    assert sync.update() is None
    clock.suspended_s = 0.0
    assert sync.update() is None


@pytest.mark.parametrize(
    ("hardware", "is_right"),
    [
        ("1800000030\n", True),
        ("1800003600\n", False),  # in local time, or of another day
        ("40\n", False),  # without a battery
        ("", False),
        (None, False),
    ],
)
def test_a_clock_that_agrees_with_a_hardware_clock_on_a_battery_is_right(
    tmp_path: Path, hardware: str | None, is_right: bool
) -> None:
    """A shop without a network, whose machine is switched off every night, has a history too."""
    since_epoch = tmp_path / "since_epoch"
    if hardware is not None:
        since_epoch.write_text(hardware)
    clock = BootedClock()
    clock.offset_s = 1_800_000_000.0
    error = initial_clock_error(clock, lambda: False, lambda: hardware_clock_s(since_epoch))
    assert (error.wrong_offset_s is None) == is_right
    clock.offset_s = 0.0
    assert initial_clock_error(clock, lambda: False, lambda: 20.0).wrong_offset_s == 0.0, "both began in 1970"


def test_the_kernel_is_asked_and_where_it_does_not_answer_the_clock_is_taken_as_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kernel_clock_synced(tmp_path / "none") in {True, False}
    (tmp_path / "synchronized").touch()
    assert kernel_clock_synced(tmp_path / "synchronized")
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    assert kernel_clock_synced(tmp_path / "none")
