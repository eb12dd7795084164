"""What a report is about: whole days in local time, their names, and what they are compared with."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from edgeheat.defs.params import ReportKind
from edgeheat.errors import HistoryError
from edgeheat.history.report.period import ReportPeriod
from edgeheat.local_time.period import Period
from edgeheat.local_time.period_text import parse_period
from tests.support.tiles import at

OSLO = ZoneInfo("Europe/Oslo")
DAY = ReportPeriod(date(2026, 4, 18), date(2026, 4, 19))
WEEK = ReportPeriod(date(2026, 4, 13), date(2026, 4, 20))
MONTH = ReportPeriod(date(2026, 4, 1), date(2026, 5, 1))
TEN_DAYS = ReportPeriod(date(2026, 4, 1), date(2026, 4, 11))


@pytest.mark.parametrize(
    ("period", "kind", "name", "words", "before"),
    [
        (DAY, "day", "2026-04-18", "Saturday, 18 April 2026", "2026-04-11"),
        (WEEK, "week", "2026-W16", "13 to 19 April 2026", "2026-W15"),
        (MONTH, "month", "2026-04", "April 2026", "2026-03"),
        (TEN_DAYS, "days", "2026-04-01_2026-04-10", "1 to 10 April 2026", "2026-03-22_2026-03-31"),
        (
            ReportPeriod(date(2026, 12, 28), date(2027, 1, 4)),
            "week",
            "2026-W53",
            "28 December 2026 to 3 January 2027",
            "2026-W52",
        ),
        (
            ReportPeriod(date(2026, 3, 30), date(2026, 4, 6)),
            "week",
            "2026-W14",
            "30 March to 5 April 2026",
            "2026-W13",
        ),
        (ReportPeriod(date(2026, 2, 1), date(2026, 3, 1)), "month", "2026-02", "February 2026", "2026-01"),
        (ReportPeriod(date(2026, 12, 1), date(2027, 1, 1)), "month", "2026-12", "December 2026", "2026-11"),
    ],
)
def test_names(period: ReportPeriod, kind: str, name: str, words: str, before: str) -> None:
    assert (period.kind, period.name, period.words, period.before().name) == (kind, name, words, before)


@pytest.mark.parametrize(
    ("period", "words"),
    [
        (DAY, "the Saturday before"),
        (WEEK, "the week before"),
        (MONTH, "the month before"),
        (TEN_DAYS, "the 10 days before"),
    ],
)
def test_what_it_is_compared_with_in_words(period: ReportPeriod, words: str) -> None:
    assert period.before_words == words


@pytest.mark.parametrize(
    ("kind", "today", "name"),
    [
        ("day", date(2026, 3, 1), "2026-02-28"),
        ("week", date(2026, 3, 2), "2026-W09"),
        ("week", date(2026, 3, 1), "2026-W08"),
        ("month", date(2026, 3, 1), "2026-02"),
        ("month", date(2026, 3, 31), "2026-02"),
        ("month", date(2027, 1, 1), "2026-12"),
    ],
)
def test_the_last_that_is_over(kind: ReportKind, today: date, name: str) -> None:
    period = ReportPeriod.last(kind, today)
    assert (period.kind, period.name) == (kind, name)


@pytest.mark.parametrize(
    ("text", "now", "name"),
    [
        ("last-week", "2026-03-30 10:00", "2026-W13"),  # the clocks changed on its Sunday
        ("yesterday", "2026-03-30 00:00", "2026-03-29"),
        ("last-month", "2026-04-01 00:00", "2026-03"),
        ("2026-04", "2026-04-11 17:35", "2026-04-01_2026-04-10"),  # as far as its days are over
        ("2026-03-30 10:00..2026-04-03 12:00", "2026-04-11 17:35", "2026-03-31_2026-04-02"),
    ],
)
def test_what_people_type_becomes_whole_days(text: str, now: str, name: str) -> None:
    assert ReportPeriod.within(parse_period(text, None, at(now, OSLO), OSLO), OSLO).name == name


def test_part_of_a_day_is_rejected_with_what_to_type() -> None:
    today = Period(at("2026-04-18 00:00", OSLO), at("2026-04-18 17:00", OSLO))
    with pytest.raises(HistoryError, match="no day of this period is over: type yesterday, last-week or last-month"):
        ReportPeriod.within(today, OSLO)


@pytest.mark.parametrize("period", [WEEK, MONTH, ReportPeriod(date(2026, 4, 15), date(2026, 4, 22))])
def test_the_weeks_of_the_test_are_whole_and_end_in_the_period(period: ReportPeriod) -> None:
    found = period.weeks()
    assert found is not None
    before, last = found
    assert before.following == last.first and last.first.weekday() == 0
    assert (last.following - last.first).days == (before.following - before.first).days == 28
    assert period.first < last.following <= period.following


def test_a_single_day_claims_nothing_about_weeks() -> None:
    assert DAY.weeks() is None


def test_a_day_on_which_clocks_change_has_its_true_length() -> None:
    day = ReportPeriod(date(2026, 3, 29), date(2026, 3, 30)).period(OSLO)
    assert day.end_s - day.start_s == 23 * 3600
