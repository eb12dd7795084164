"""The clock that is injected everywhere: tests play their own."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Time, injected: a test plays its own."""

    def monotonic(self) -> float:
        """Seconds that never jump."""
        ...

    def wall(self) -> float:
        """Unix time in seconds; may jump."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time."""
        ...
