"""The only place that reads the machine's clocks."""

from __future__ import annotations

import time


class SystemClock:
    """The machine's own clocks; `monotonic` is one and the same for all processes since the machine started."""

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    def wall(self) -> float:
        """Unix time in seconds; may jump."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        time.sleep(seconds)
