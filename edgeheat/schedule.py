"""Computes when snapshots are due, from an interval or a cron line in local time, as an APScheduler trigger.

APScheduler's own cron trigger is not used: it counts weekdays from Monday, requires day *and* weekday to match where
cron requires *either*, and iterates over every missed run after a step of the clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from apscheduler.triggers.base import BaseTrigger

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_DAY_S = 86400
_HOUR_S = 3600
_HORIZON_DAYS = 40 * 366
"""Days to search for the next instant: 29 February on a given weekday can be 40 years away, as 2100 is no leap year."""

# Days of the months that have fewer than 31, in leap years.
_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
# The names that cron accepts, in the order of their numbers.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class CronFields:
    """The values that the five fields of a cron line match, as in Unix cron."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 Sunday to 6 Saturday."""

    either_day: bool
    """Whether both day and weekday are restricted, so that a match of either is sufficient, as in Unix cron."""

    def matches_day(self, day: date) -> bool:
        """Return whether the line matches this local day."""
        in_days, in_weekdays = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        matches = in_days or in_weekdays if self.either_day else in_days and in_weekdays
        return matches and day.month in self.months


def parse_cron(text: str) -> CronFields:
    """Parse `minute hour day month weekday`: `*`, `5`, `1-5`, `*/10`, `8-20/2`, lists, month and weekday names.

    Weekdays count from Sunday: 0 and 7 are both Sunday. Raises ValueError, naming the invalid field.
    """
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(
            f'is "{text}", which has {len(fields)} fields; write minute, hour, day, month and weekday, '
            'such as "*/5 9-20 * * *"'
        )
    minutes = _parse_field("minute", fields[0], 0, 59)
    hours = _parse_field("hour", fields[1], 0, 23)
    days = _parse_field("day", fields[2], 1, 31)
    months = _parse_field("month", fields[3], 1, 12, dict(zip(_MONTHS, range(1, 13), strict=True)))
    weekdays = _parse_field("weekday", fields[4], 0, 7, dict(zip(_WEEKDAYS, range(7), strict=True)))
    either_day = "*" not in {fields[2][0], fields[4][0]}
    if not either_day and all(min(days) > _LONGEST_MONTH.get(month, 31) for month in months):
        raise ValueError(f'is "{text}", which names a day that none of its months has')
    return CronFields(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(weekday % 7 for weekday in weekdays),
        either_day=either_day,
    )


def _parse_field(what: str, text: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    def number(word: str) -> int:
        value = (names or {}).get(word.lower(), int(word) if word.isascii() and word.isdigit() else -1)
        if not low <= value <= high:
            raise ValueError(f'has the {what} "{text}"; {what}s go from {low} to {high}')
        return value

    values: set[int] = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, dash, last = span.partition("-")
        start = low if span == "*" else number(first)
        stop = number(last) if dash else (high if span == "*" or step else start)
        if ("/" in item and not (step.isascii() and step.isdigit() and int(step) > 0)) or stop < start:
            raise ValueError(f'has the {what} "{text}"; write it as in "*", "5", "1-5", "*/10" or "8-20/2"')
        values.update(range(start, stop + 1, int(step or 1)))
    return values


class SnapshotSchedule:
    """The instants at which snapshots are due; the next one is computed without iterating over those before it.

    A schedule for every hour (every = "10m", or cron with `*` for the hour) follows the local clock: it continues
    through the hour that autumn repeats and has no instants in the hour that spring skips. Any other schedule names
    times of day, and each comes exactly once a day: at its first occurrence in autumn, and at the instant of the jump
    in spring.
    """

    def __init__(
        self, timezone: tzinfo, seconds_of_day: Sequence[int], matches_day: Callable[[date], bool], every_hour: bool
    ) -> None:
        """`seconds_of_day` are the ascending times of a local day in seconds; use `every` or `cron` instead."""
        self._timezone = timezone
        self._seconds_of_day = seconds_of_day
        self._matches_day = matches_day
        self._every_hour = every_hour

    @classmethod
    def every(cls, period_s: int, timezone: tzinfo) -> SnapshotSchedule:
        """Return the schedule of every `period_s` seconds from local midnight; ValueError unless it divides a day."""
        if not 1 <= period_s <= _DAY_S or _DAY_S % period_s:
            raise ValueError(f"a period of {period_s} s does not divide a day evenly")
        return cls(timezone, range(0, _DAY_S, period_s), lambda _: True, _HOUR_S % period_s == 0)

    @classmethod
    def cron(cls, text: str, timezone: tzinfo) -> SnapshotSchedule:
        """Return the schedule of a cron line, see `parse_cron`."""
        fields = parse_cron(text)
        seconds = tuple(hour * _HOUR_S + minute * 60 for hour in fields.hours for minute in fields.minutes)
        return cls(timezone, seconds, fields.matches_day, len(fields.hours) == 24)

    def after(self, instant: datetime) -> datetime:
        """Return the first instant of the schedule later than `instant` (aware), in UTC."""
        at, skip = instant.astimezone(UTC).replace(microsecond=0), _SECOND
        while True:
            local = at.astimezone(self._timezone).replace(tzinfo=None)
            slot = self._slot_from(local + skip)
            candidate = at + (slot - local)
            change = self._first_clock_change(at, candidate)
            if change is not None:
                if not self._every_hour and slot < change.astimezone(self._timezone).replace(tzinfo=None):
                    return change
                at, skip = change, timedelta(0)
            elif self._every_hour or candidate.astimezone(self._timezone).fold == 0:
                return candidate
            else:
                at, skip = candidate, _SECOND

    def _slot_from(self, local: datetime) -> datetime:
        """Return the first time of the schedule at or after `local`, both naive local times."""
        day, second = local.date(), local.hour * _HOUR_S + local.minute * 60 + local.second
        for _ in range(_HORIZON_DAYS):
            index = bisect_left(self._seconds_of_day, second)
            if index < len(self._seconds_of_day) and self._matches_day(day):
                return datetime.combine(day, time.min) + timedelta(seconds=self._seconds_of_day[index])
            day, second = day + _DAY, 0
        raise ValueError("the schedule has no instants")

    def _first_clock_change(self, start: datetime, end: datetime) -> datetime | None:
        """Return the first instant in (start, end] at which the local offset from UTC changes; None if it does not."""
        offset = start.astimezone(self._timezone).utcoffset()
        before = start
        while before < end:
            beyond = min(before + _DAY, end)
            if beyond.astimezone(self._timezone).utcoffset() != offset:
                while beyond - before > _SECOND:
                    middle = before + timedelta(seconds=int((beyond - before).total_seconds()) // 2)
                    same = middle.astimezone(self._timezone).utcoffset() == offset
                    before, beyond = (middle, beyond) if same else (before, middle)
                return beyond
            before = beyond
        return None


class ScheduleTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """An APScheduler trigger that fires at the next instant of a schedule; instants that were missed are skipped.

    It returns UTC because APScheduler compares the result with its own now, and Python compares two datetimes of the
    same time zone by their local times, which is an hour wrong in the hour that autumn repeats. Set the scheduler to
    UTC too.
    """

    def __init__(self, schedule: SnapshotSchedule, stagger_s: float = 0.0) -> None:
        """Fire `stagger_s` seconds after each instant, so that cameras do not all render at once."""
        self._schedule = schedule
        self._stagger = timedelta(seconds=stagger_s)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the first instant after `now` plus the stagger; the previous one does not matter."""
        return self._schedule.after(now.astimezone(UTC) - self._stagger) + self._stagger


def stagger_s(index: int, count: int) -> float:
    """Return the delay of camera `index` of `count`: at most half a second after the one before, and below 5 s."""
    return index * min(0.5, 5.0 / count)
