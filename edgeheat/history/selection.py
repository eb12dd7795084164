"""What a person asks history for: a period, with hours, weekdays and opening hours, as intervals of time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta, tzinfo

import numpy as np

from edgeheat.core.heat.period import Intervals, inside_and_outside, selected_intervals
from edgeheat.defs.history import Level
from edgeheat.defs.hours import ClockRange, HoursLayer, OpeningHours
from edgeheat.local_time.buckets import bucket_of
from edgeheat.local_time.instants import day_start_s, local_day, local_text
from edgeheat.local_time.opening import open_intervals
from edgeheat.local_time.period import ALL_WEEKDAYS, WHOLE_DAY, Period


@dataclass(frozen=True, slots=True)
class Selection:
    """The times of day and the weekdays of a period, in the site's time zone, while the shop is open."""

    period: Period
    timezone: tzinfo
    hours: ClockRange = WHOLE_DAY
    weekdays: frozenset[int] = ALL_WEEKDAYS
    """Monday 0 to Sunday 6."""

    opening: OpeningHours | None = None
    """None for a shop that never closes."""

    layer: HoursLayer = "open"
    """Without `opening` it has no effect: see `shown_layer`."""

    @property
    def shown_layer(self) -> HoursLayer:
        """Which time it is about; all, where the shop never closes."""
        return "all" if self.opening is None else self.layer

    def intervals(self) -> Intervals:
        """Return the selected time; empty if the period has none of it."""
        selected = selected_intervals(self.period, self.timezone, self.hours, self.weekdays)
        if self.shown_layer == "all":
            return selected
        inside, outside = inside_and_outside(selected, self._open())
        return inside if self.layer == "open" else outside

    def uncounted(self) -> Intervals:
        """Return the time of the period outside opening hours, if nothing is counted then; else empty.

        It is not selected, but a longer tile that contains some of it is as good as one that does not.
        """
        whole = np.array([(self.period.start_s, self.period.end_s)], np.int64)
        if self.opening is None or self.layer != "open" or self.opening.outside != "pause":
            return whole[:0]
        return inside_and_outside(whole, self._open())[1]

    def weeks(self) -> list[Selection]:
        """Return the selections of the whole local weeks, Monday to Sunday, that lie in the period, in order."""
        first = local_day(self.period.start_s, self.timezone)
        monday = first + timedelta(days=-first.weekday() % 7)
        if day_start_s(monday, self.timezone) < self.period.start_s:
            monday += timedelta(days=7)  # the period starts within a Monday
        weeks = []
        while (end_s := day_start_s(monday + timedelta(days=7), self.timezone)) <= self.period.end_s:
            weeks.append(replace(self, period=Period(day_start_s(monday, self.timezone), end_s)))
            monday += timedelta(days=7)
        return weeks

    def parts(self, level: Level) -> list[Selection]:
        """Return the selections of the hours, days or months that the period has, in order; cut at its ends."""
        parts = []
        start_s = self.period.start_s
        while start_s < self.period.end_s:
            end_s = min(bucket_of(level, start_s, self.timezone)[1], self.period.end_s)
            parts.append(replace(self, period=Period(start_s, end_s)))
            start_s = end_s
        return parts

    def previous(self) -> Selection:
        """Return the selection of as many local days directly before; of as many seconds if it has no whole days."""
        start_s, end_s = self.period.start_s, self.period.end_s
        first, following = local_day(start_s, self.timezone), local_day(end_s, self.timezone)
        before_s = 2 * start_s - end_s
        if (start_s, end_s) == (day_start_s(first, self.timezone), day_start_s(following, self.timezone)):
            before_s = day_start_s(first - (following - first), self.timezone)
        return replace(self, period=Period(before_s, start_s))

    def words(self) -> str:
        """Return it in words: "2026-11-23 to 2026-11-29, 10:00-12:00, Mon-Fri, open hours"."""
        layer = [] if self.opening is None else [_LAYER_WORDS[self.layer]]
        period = _period_words(self.period, self.timezone)
        return ", ".join([period, *_hours_words(self.hours), *_weekday_words(self.weekdays), *layer])

    def why_nothing(self) -> str:
        """Return why nothing was observed, as the end of a sentence, where the settings say so; else empty."""
        if self.opening is None or self.layer != "closed" or self.opening.outside == "count":
            return ""
        return '; nothing is counted outside opening hours unless [hours] has outside = "count"'

    def _open(self) -> Intervals:
        return np.array(open_intervals(self.opening, self.period, self.timezone), np.int64).reshape(-1, 2)


_LAYER_WORDS: dict[HoursLayer, str] = {
    "open": "open hours",
    "closed": "outside open hours",
    "all": "open and closed hours",
}


def _period_words(period: Period, timezone: tzinfo) -> str:
    first, last = local_day(period.start_s, timezone), local_day(period.end_s - 1, timezone)
    whole = period.start_s == day_start_s(first, timezone) and period.end_s == day_start_s(
        last + timedelta(days=1), timezone
    )
    if whole:
        return f"{first}" if first == last else f"{first} to {last}"
    start, end = (local_text(at_s, timezone) for at_s in (period.start_s, period.end_s))
    return f"{start} to {end.removeprefix(f'{first} ')}"


def _hours_words(hours: ClockRange) -> list[str]:
    if hours == WHOLE_DAY:
        return []
    start, end = (f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (hours.start_min, hours.end_min))
    return [f"{start}-{end}"]


_SHORT_WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def _weekday_words(weekdays: frozenset[int]) -> list[str]:
    if weekdays == ALL_WEEKDAYS:
        return []
    numbers = sorted(weekdays)
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return [f"{_SHORT_WEEKDAYS[numbers[0]]}-{_SHORT_WEEKDAYS[numbers[-1]]}"]
    return [" ".join(_SHORT_WEEKDAYS[number] for number in numbers)]
