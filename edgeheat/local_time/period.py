"""What a person selects from history: a period, times of day and weekdays."""

from __future__ import annotations

from dataclasses import dataclass

from edgeheat.defs.history import FIVE_MINUTES_S

DAY_MIN = 24 * 60
"""Minutes of a day on the clock."""

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


@dataclass(frozen=True, slots=True)
class ClockRange:
    """Times of day on the local clock, half-open; an end before the start is one of the next day: 22:00 to 06:00.

    Raises ValueError for times outside a day, between multiples of 5 minutes, or equal to each other.
    """

    start_min: int = 0
    """Start in minutes since midnight, 0 to 1435; a multiple of 5."""

    end_min: int = DAY_MIN
    """End in minutes since midnight, 0 to 1440; a multiple of 5."""

    def __post_init__(self) -> None:
        in_day = 0 <= self.start_min < DAY_MIN and 0 <= self.end_min <= DAY_MIN
        if not in_day or self.start_min % 5 or self.end_min % 5 or self.start_min == self.end_min:
            raise ValueError(f"times of one day in steps of 5 minutes were expected, not {self}")


WHOLE_DAY = ClockRange()
"""All times of day."""
