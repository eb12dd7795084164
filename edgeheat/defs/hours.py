"""A shop's opening hours, by weekday and for single dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

DAY_MIN = 24 * 60
"""Minutes of a day on the clock."""

Outside = Literal["pause", "count"]
"""What happens outside opening hours: `pause`, no frame is read; `count`, frames are counted in the history only."""

HoursLayer = Literal["open", "closed", "all"]
"""Which time an answer of the history is about: within opening hours, outside, or both."""


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


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """When a shop is open; one that never closes has no OpeningHours. Raises ValueError unless there are 7 weekdays.

    `edgeheat.local_time.opening` finds out whether it is open at an instant.
    """

    weekdays: tuple[tuple[ClockRange, ...], ...]
    """For Monday to Sunday, the times that start on that day; empty where it is closed."""

    dates: Mapping[date, tuple[ClockRange, ...]]
    """The times that start on these dates, in place of those of their weekdays."""

    outside: Outside = "pause"

    def __post_init__(self) -> None:
        if len(self.weekdays) != 7:
            raise ValueError(f"hours of 7 weekdays were expected, not of {len(self.weekdays)}")

    def starting_on(self, day: date) -> tuple[ClockRange, ...]:
        """Return the times that start on a local date; those across midnight end on the next."""
        return self.dates.get(day, self.weekdays[day.weekday()])
