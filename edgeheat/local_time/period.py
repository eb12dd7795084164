"""What a person selects from history: a period, times of day and weekdays."""

from __future__ import annotations

from dataclasses import dataclass

from edgeheat.defs.history import FIVE_MINUTES_S
from edgeheat.defs.hours import ClockRange

ALL_WEEKDAYS = frozenset(range(7))
"""Monday 0 to Sunday 6, as Python counts them."""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time, half-open, at least 5 minutes long; raises ValueError for any other."""

    start_s: int
    """Start, Unix time; a multiple of 5 minutes."""

    end_s: int
    """End, Unix time, not included; a multiple of 5 minutes."""

    def __post_init__(self) -> None:
        if self.start_s >= self.end_s or self.start_s % FIVE_MINUTES_S or self.end_s % FIVE_MINUTES_S:
            raise ValueError(f"a period of whole 5 minutes was expected, not {self.start_s} to {self.end_s}")


WHOLE_DAY = ClockRange()
"""All times of day."""
