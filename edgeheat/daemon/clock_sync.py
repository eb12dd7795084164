"""Finds out whether the machine's wall clock is right: that of a Raspberry Pi is wrong until the network sets it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

from edgeheat.defs.clock import CLOCK_STEP_S, Clock, WallClockError

_TIMESYNCD = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd creates this file when it has set the clock."""

_HARDWARE_CLOCK = Path("/sys/class/rtc/rtc0/since_epoch")
"""The Unix time of the hardware clock, which Linux takes at boot where there is one."""

_PLAUSIBLE_S = 1_735_689_600.0
"""The beginning of 2025: an earlier time is that of a hardware clock without a battery."""

_SAME_TIME_S = 60.0
"""Largest difference of two clocks that show the same time; a hardware clock has whole seconds."""

_STA_UNSYNC = 0x40
"""Bit of `timex.status` while no time server has set the clock, and again hours after the last one did."""

_TAKEN_AFTER_S = 86_400.0
"""A clock that nobody has set for this long after the boot is taken as it is: a shop without a network has one too."""

_QUICK_S = 1.0
"""Longest time between two readings of the clocks that are compared; the process may be suspended in between."""


class _Timex(ctypes.Structure):
    """The beginning of `struct timex`, with space for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def kernel_clock_synced(timesyncd: Path = _TIMESYNCD) -> bool:
    """Return whether a time server has set the clock; True where that cannot be known, as in some containers."""
    if timesyncd.exists():
        return True
    timex = _Timex()
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    except (AttributeError, OSError):
        return True
    return state == -1 or not timex.status & _STA_UNSYNC


def hardware_clock_s(since_epoch: Path = _HARDWARE_CLOCK) -> float | None:
    """Return the Unix time of the clock that runs on a battery; None where there is none."""
    try:
        return float(since_epoch.read_text())
    except (OSError, ValueError):
        return None


def initial_clock_error(
    clock: Clock,
    is_synced: Callable[[], bool] = kernel_clock_synced,
    hardware_s: Callable[[], float | None] = hardware_clock_s,
) -> WallClockError:
    """Return the error of the wall clock at the start of the daemon."""
    wall_s, battery_s = clock.wall(), hardware_s()
    # One without a battery begins in 1970, and the system then goes on from the time of its last shutdown.
    is_kept = battery_s is not None and battery_s > _PLAUSIBLE_S and abs(battery_s - wall_s) < _SAME_TIME_S
    if is_synced() or is_kept or clock.monotonic() >= _TAKEN_AFTER_S:
        return WallClockError()
    return WallClockError(clock.wall() - clock.monotonic())


class ClockSync:
    """Notices when a wrong clock becomes right, and then updates its error; parent and workers each have one.

    It is right once it was set, by a time server or by hand; or once a time server has found that it needs not be set;
    or a day after the boot. `clock.monotonic()` must be the time since the boot.
    """

    def __init__(
        self, clock: Clock, error: WallClockError, is_synced: Callable[[], bool] = kernel_clock_synced
    ) -> None:
        self._clock = clock
        self._error = error
        self._is_synced = is_synced
        self._is_right = error.wrong_offset_s is None

    @property
    def is_right(self) -> bool:
        """Whether the clock is right now."""
        return self._is_right

    def update(self) -> float | None:
        """Check again; return by how many seconds the clock was wrong if it has become right, else None.

        0 if it was right all the time. Call it every second or so until `is_right`.
        """
        wrong_offset_s = self._error.wrong_offset_s
        if self._is_right or wrong_offset_s is None:
            return None
        before_s = self._clock.monotonic()
        set_by_s = self._clock.wall() - before_s - wrong_offset_s
        now_s = self._clock.monotonic()
        if now_s - before_s > _QUICK_S:
            return None
        if abs(set_by_s) >= CLOCK_STEP_S:
            self._is_right = True
            return set_by_s
        if self._is_synced() or now_s >= _TAKEN_AFTER_S:
            self._is_right = True
            self._error.wrong_offset_s = None
            return 0.0
        return None
