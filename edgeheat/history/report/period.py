"""The whole local days that a report is about, what they are called, and what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from typing import Literal

from edgeheat.defs.params import ReportKind
from edgeheat.errors import HistoryError
from edgeheat.local_time.instants import day_start_s, local_day
from edgeheat.local_time.period import Period

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_FOUR_WEEKS = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """At least one whole local day."""

    first: date
    following: date
    """The first day after it."""

    @classmethod
    def within(cls, period: Period, timezone: tzinfo) -> ReportPeriod:
        """Return the whole days of a period; raises HistoryError where it has none."""
        first, following = (local_day(at_s, timezone) for at_s in (period.start_s, period.end_s))
        if day_start_s(first, timezone) < period.start_s:
            first += _DAY
        if first >= following:
            raise HistoryError(
                "a report is about whole days, and no day of this period is over: type yesterday, last-week or "
                "last-month"
            )
        return cls(first, following)

    @classmethod
    def last(cls, kind: ReportKind, day: date) -> ReportPeriod:
        """Return the last day, week or month that ended before `day`, or on the day before it."""
        match kind:
            case "day":
                return cls(day - _DAY, day)
            case "week":
                monday = day - timedelta(days=day.weekday())
                return cls(monday - _WEEK, monday)
            case "month":
                following = day.replace(day=1)
                return cls((following - _DAY).replace(day=1), following)

    @property
    def kind(self) -> ReportKind | Literal["days"]:
        """Whether it is a day, a week from Monday to Sunday, a calendar month, or other days."""
        if self.following - self.first == _DAY:
            return "day"
        if self.following - self.first == _WEEK and self.first.weekday() == 0:
            return "week"
        if self.first.day == 1 and self.following == (self.first.replace(day=28) + _WEEK).replace(day=1):
            return "month"
        return "days"

    @property
    def last_day(self) -> date:
        """The last day that belongs to it."""
        return self.following - _DAY

    @property
    def name(self) -> str:
        """Name of the report's files: `2026-04-18`, `2026-W16`, `2026-04` or `2026-04-01_2026-04-10`."""
        match self.kind:
            case "day":
                return f"{self.first}"
            case "week":
                return f"{self.first:%G-W%V}"
            case "month":
                return f"{self.first:%Y-%m}"
            case "days":
                return f"{self.first}_{self.last_day}"

    @property
    def words(self) -> str:
        """It in words: "Saturday, 18 April 2026", "13 to 19 April 2026", "April 2026"."""
        match self.kind:
            case "day":
                return f"{self.first:%A, %-d %B %Y}"
            case "month":
                return f"{self.first:%B %Y}"
        last = self.last_day
        if self.first.year != last.year:
            return f"{self.first:%-d %B %Y} to {last:%-d %B %Y}"
        return f"{self.first:{'%-d' if self.first.month == last.month else '%-d %B'}} to {last:%-d %B %Y}"

    @property
    def heading(self) -> str:
        """What kind of report it is: "Weekly report, week 16"."""
        match self.kind:
            case "day":
                return "Daily report"
            case "week":
                return f"Weekly report, week {self.first:%-V}"
            case "month":
                return "Monthly report"
            case "days":
                return f"Report of {(self.following - self.first).days} days"

    def before(self) -> ReportPeriod:
        """Return what it is compared with: the period before, but for a day the same weekday of the week before."""
        match self.kind:
            case "day":
                return ReportPeriod(self.first - _WEEK, self.following - _WEEK)
            case "month":
                return ReportPeriod.last("month", self.first)
        return ReportPeriod(self.first - (self.following - self.first), self.first)

    @property
    def before_words(self) -> str:
        """What `before` is called: "the week before", "the Saturday before"."""
        match self.kind:
            case "day":
                return f"the {self.first:%A} before"
            case "days":
                return f"the {(self.following - self.first).days} days before"
        return f"the {self.kind} before"

    @property
    def on_before(self) -> str:
        """The same as an adverb: "in the week before", "on the Saturday before"."""
        return f"{'on' if self.kind == 'day' else 'in'} {self.before_words}"

    def weeks(self) -> tuple[ReportPeriod, ReportPeriod] | None:
        """Return the four whole weeks before the last four, and the last four that ended in it; None for a day."""
        if self.kind == "day":
            return None
        monday = self.following - timedelta(days=self.following.weekday())
        return (
            ReportPeriod(monday - 2 * _FOUR_WEEKS, monday - _FOUR_WEEKS),
            ReportPeriod(monday - _FOUR_WEEKS, monday),
        )

    def period(self, timezone: tzinfo) -> Period:
        """Return when it begins and ends in Unix time."""
        return Period(day_start_s(self.first, timezone), day_start_s(self.following, timezone))
