"""Clock, the protocol of the monotonic and wall clock that is passed to everything that measures time or waits."""

from __future__ import annotations

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
