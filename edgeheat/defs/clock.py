"""Clock, the protocol of the clocks that is passed to everything that measures time or waits, and their error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """A source of time; the daemon passes the machine's clocks, tests and offline runs a simulated one."""

    def monotonic(self) -> float:
        """Return seconds that never jump, since an arbitrary start."""
        ...

    def wall(self) -> float:
        """Return Unix time in seconds; jumps when the machine's clock is set."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time."""
        ...


CLOCK_STEP_S = 10.0
"""A wall clock that moved by this much against the monotonic clock was set. Less is of no concern to five minutes."""


@dataclass(slots=True)
class WallClockError:
    """Which of the times that a machine's wall clock has told since its boot are wrong."""

    wrong_offset_s: float | None = None
    """Wall minus monotonic time of the clock before it was set; None where it was right from the start."""

    def is_right(self, mono_s: float, wall_s: float) -> bool:
        """Return whether the clock was right when it told `wall_s`, at the monotonic time `mono_s` of this boot.

        This is known for every instant, whenever it is asked: frames that wait are counted after the clock was set.
        """
        return self.wrong_offset_s is None or abs(wall_s - mono_s - self.wrong_offset_s) >= CLOCK_STEP_S
