"""SystemClock, the Clock that reads the machine's clocks; the only module that does, all others are passed a Clock."""

from __future__ import annotations

import time


class SystemClock:
    """The machine's monotonic and wall clock; `monotonic` is the same for all processes of this boot."""

    def monotonic(self) -> float:
        """Return seconds since boot; they never jump."""
        return time.monotonic()

    def wall(self) -> float:
        """Return Unix time in seconds; jumps when the machine's clock is set."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time."""
        time.sleep(seconds)
