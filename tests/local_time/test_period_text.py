"""Periods, hours and weekdays as people write them, and the messages for what cannot be meant."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeheat.defs.hours import ClockRange
from edgeheat.local_time.instants import local_text
from edgeheat.local_time.period import Period
from edgeheat.local_time.period_text import parse_hours, parse_period, parse_time, parse_weekdays

OSLO = ZoneInfo("Europe/Oslo")
APIA = ZoneInfo("Pacific/Apia")
CAIRO = ZoneInfo("Africa/Cairo")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
MONDAY = datetime(2026, 11, 30, 14, 37, 12, tzinfo=OSLO).timestamp()


def words(period: Period, timezone: ZoneInfo = OSLO) -> str:
    return f"{local_text(period.start_s, timezone)} to {local_text(period.end_s, timezone)}"


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("today", "2026-11-30 00:00 to 2026-11-30 14:35"),
        ("yesterday", "2026-11-29 00:00 to 2026-11-30 00:00"),
        ("this week", "2026-11-30 00:00 to 2026-11-30 14:35"),
        ("last week", "2026-11-23 00:00 to 2026-11-30 00:00"),
        ("  Last-Week ", "2026-11-23 00:00 to 2026-11-30 00:00"),
        ("this month", "2026-11-01 00:00 to 2026-11-30 14:35"),
        ("last month", "2026-10-01 00:00 to 2026-11-01 00:00"),
        ("this year", "2026-01-01 00:00 to 2026-11-30 14:35"),
        ("last year", "2025-01-01 00:00 to 2026-01-01 00:00"),
        ("2025", "2025-01-01 00:00 to 2026-01-01 00:00"),
        ("2025-12", "2025-12-01 00:00 to 2026-01-01 00:00"),
        ("2026-11", "2026-11-01 00:00 to 2026-11-30 14:35"),
        ("2024-02-29", "2024-02-29 00:00 to 2024-03-01 00:00"),
        ("2025-12-31", "2025-12-31 00:00 to 2026-01-01 00:00"),
        ("2026-11-30 10:00", "2026-11-30 10:00 to 2026-11-30 14:35"),
        ("2026-11-30T10:00:00+01:00", "2026-11-30 10:00 to 2026-11-30 14:35"),
        ("2026-11-30 10:00Z", "2026-11-30 11:00 to 2026-11-30 14:35"),
        ("2026-11-30 08:00-0330", "2026-11-30 12:30 to 2026-11-30 14:35"),
        ("yesterday 9:30", "2026-11-29 09:30 to 2026-11-30 14:35"),
        ("-30m", "2026-11-30 14:05 to 2026-11-30 14:35"),
        ("-12h", "2026-11-30 02:35 to 2026-11-30 14:35"),
        ("-7d", "2026-11-23 14:35 to 2026-11-30 14:35"),
        ("-8w..-4w", "2026-10-05 15:35 to 2026-11-02 14:35"),  # 24 hours a day: summer time ended between
        ("2026-11-01..2026-11-07", "2026-11-01 00:00 to 2026-11-08 00:00"),
    ],
)
def test_one_text_names_a_whole_period(text: str, period: str) -> None:
    assert words(parse_period(text, None, MONDAY, OSLO)) == period


@pytest.mark.parametrize(
    ("from_text", "to_text", "period"),
    [
        ("2026-11-01", "2026-11-07", "2026-11-01 00:00 to 2026-11-08 00:00"),
        ("2026-11-01", "2026-11-01", "2026-11-01 00:00 to 2026-11-02 00:00"),
        ("2026-09", "2026-10", "2026-09-01 00:00 to 2026-11-01 00:00"),
        ("2026-11-29 10:00", "2026-11-29 12:00", "2026-11-29 10:00 to 2026-11-29 12:00"),
        ("2026-11-29 10:00", "2026-11-29", "2026-11-29 10:00 to 2026-11-30 00:00"),
        ("last week", "yesterday", "2026-11-23 00:00 to 2026-11-30 00:00"),
        ("2026-11-01", "now", "2026-11-01 00:00 to 2026-11-30 14:35"),
        ("2026-11-01", "2026-12-24", "2026-11-01 00:00 to 2026-11-30 14:35"),
        ("-2d", "-1d", "2026-11-28 14:35 to 2026-11-29 14:35"),
        ("2026-10-25 02:30+02:00", "2026-10-25 02:30+01:00", "2026-10-25 02:30 to 2026-10-25 02:30"),
    ],
)
def test_the_end_includes_the_day_that_it_names_and_not_the_instant(from_text: str, to_text: str, period: str) -> None:
    assert words(parse_period(from_text, to_text, MONDAY, OSLO)) == period


def test_the_two_instants_of_a_repeated_time_are_an_hour_apart() -> None:
    period = parse_period("2026-10-25 02:30+02:00", "2026-10-25 02:30+01:00", MONDAY, OSLO)
    assert period.end_s - period.start_s == 3600


def test_a_day_without_midnight_begins_at_the_jump() -> None:
    assert words(parse_period("2026-04-24", None, MONDAY, CAIRO), CAIRO) == "2026-04-24 01:00 to 2026-04-25 00:00"


FORMS = 'type a day (2026-11-30), a month (2026-11), a time (2026-11-30 10:00), "yesterday", "last week" or -7d'


@pytest.mark.parametrize(
    ("from_text", "to_text", "message"),
    [
        ("gestern", None, f'"gestern" is not a period; {FORMS}'),
        ("", None, f'"" is not a period; {FORMS}'),
        ("30.11.2026", None, f'"30.11.2026" is not a period; {FORMS}'),
        ("yesterday", "", f'"" is not a period; {FORMS}'),
        ("a\x1b[31m\nb", None, f'"a?[31m b" is not a period; {FORMS}'),
        ("x" * 99, None, f'"{"x" * 37}..." is not a period; {FORMS}'),
        ("٢٠٢٦", None, f'"٢٠٢٦" is not a period; {FORMS}'),
        ("tomorrow 10:00", None, '"tomorrow 10:00" is not a time; type it as 2026-11-30 10:00'),
        ("2026-13", None, '"2026-13" has the month 13; type year, month and day, such as 2026-11-30'),
        ("2026-11-31", None, '"2026-11-31" is not in the calendar: 2026-11 has 30 days'),
        ("2026-11-0 10:00", None, '"2026-11-0 10:00" is not in the calendar: 2026-11 has 30 days'),
        ("1970-01-01", None, '"1970-01-01" has the year 1970; type a year from 2000 to 2099'),
        ("9999", None, '"9999" has the year 9999; type a year from 2000 to 2099'),
        ("-9999999w", None, '"-9999999w" reaches back to before 2000; type a shorter one, such as -7d'),
        (
            "2026-11-30 10:03",
            None,
            '"2026-11-30 10:03" is too fine; history is kept in steps of 5 minutes: type 10:00',
        ),
        (
            "2026-11-30 24:00",
            None,
            '"2026-11-30 24:00" has a time that no clock shows; a day goes from 00:00 to 23:59',
        ),
        (
            "2026-11-30 10:00+27:00",
            None,
            '"2026-11-30 10:00+27:00" has an offset from UTC that no place has; type one such as +01:00, or none',
        ),
        ("2026-12", None, '"2026-12" is in the future; type a period that has begun'),
        ("2026-11-30 14:40", None, '"2026-11-30 14:40" is in the future; type a period that has begun'),
        ("now", None, '"now" is empty so far; type a period that began at least 5 minutes ago'),
        (
            "2026-11-07",
            "2026-11-01",
            '"2026-11-07" starts at 2026-11-07 00:00, which is not before "2026-11-01" ends, 2026-11-02 00:00; '
            "type the earlier one first",
        ),
        (
            "2026-03-29 02:30",
            None,
            '"2026-03-29 02:30" does not exist in Europe/Oslo, as the clock was set forward; '
            "type 2026-03-29 01:55 or 2026-03-29 03:00",
        ),
        (
            "2026-10-25 02:30",
            None,
            '"2026-10-25 02:30" occurs twice in Europe/Oslo, as the clock was set back; '
            "type 2026-10-25 02:30+02:00 or 2026-10-25 02:30+01:00",
        ),
    ],
)
def test_what_cannot_be_meant_is_rejected_with_what_to_type(from_text: str, to_text: str | None, message: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_period(from_text, to_text, MONDAY, OSLO)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "timezone", "advice"),
    [
        ("2011-12-30", APIA, "the calendar skipped it; type 2011-12-31"),
        ("2011-12-30 10:00", APIA, "type 2011-12-29 23:55 or 2011-12-31 00:00"),
        ("2026-10-04 02:15", LORD_HOWE, "type 2026-10-04 01:55 or 2026-10-04 02:30"),
        ("2026-04-05 01:45", LORD_HOWE, "type 2026-04-05 01:45+11:00 or 2026-04-05 01:45+10:30"),
        ("2026-04-24 00:30", CAIRO, "type 2026-04-23 23:55 or 2026-04-24 01:00"),
    ],
)
def test_the_advice_is_right_in_unusual_time_zones_too(text: str, timezone: ZoneInfo, advice: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as error:
        parse_period(text, None, MONDAY, timezone)
    assert str(error.value).endswith(advice)
    for form in advice.partition("type ")[2].split(" or "):
        parse_period(form, None, MONDAY, timezone)


def test_today_is_empty_until_its_first_five_minutes_are_over() -> None:
    midnight = datetime(2026, 11, 30, tzinfo=OSLO).timestamp()
    with pytest.raises(ValueError, match="is empty so far"):
        parse_period("today", None, midnight + 299, OSLO)
    assert words(parse_period("today", None, midnight + 300, OSLO)) == "2026-11-30 00:00 to 2026-11-30 00:05"


FRAGMENTS = [
    *("2026", "-", "11", "30", " ", "10", ":", "00", "T", "Z", "+", "-7d", "w", "..", "last", "week", "today", "now"),
    *("02:30", "2026-03-29", "2026-10-25", "99", "\n", "\x00", "²", "é"),
]


@example(["2026-10-25", " ", "02:30", "+", "02:30"])
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=8))
def test_any_text_is_a_period_or_gets_one_line(fragments: list[str]) -> None:
    text = "".join(fragments)
    for parse in (lambda: parse_period(text, None, MONDAY, OSLO), lambda: parse_period("-7d", text, MONDAY, OSLO)):
        try:
            period = parse()
        except ValueError as error:
            assert str(error).isprintable()
        else:
            assert period.start_s < period.end_s <= MONDAY
    for parse_selection in (parse_hours, parse_weekdays):
        try:
            parse_selection(text)
        except ValueError as error:
            assert str(error).isprintable()


@pytest.mark.parametrize(
    ("text", "start_min", "end_min"),
    [
        ("10-12", 600, 720),
        ("10:30-12:15", 630, 735),
        (" 9:05 - 18 ", 545, 1080),
        ("22-6", 1320, 360),
        ("22-24", 1320, 1440),
        ("0-24", 0, 1440),
    ],
)
def test_hours(text: str, start_min: int, end_min: int) -> None:
    assert parse_hours(text) == ClockRange(start_min, end_min)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ten", '"ten" is not a range of hours; type 10-12, 10:30-12:15 or 22-6'),
        ("10", '"10" is not a range of hours; type 10-12, 10:30-12:15 or 22-6'),
        ("10-25", '"10-25" has a time that no clock shows; hours go from 0 to 24, as in 10:30-24:00'),
        ("24-3", '"24-3" has a time that no clock shows; hours go from 0 to 24, as in 10:30-24:00'),
        ("10:60-12", '"10:60-12" has a time that no clock shows; hours go from 0 to 24, as in 10:30-24:00'),
        ("10:07-12", '"10:07-12" is too fine; history is kept in steps of 5 minutes: type 10:30-12:15'),
        ("9-9", '"9-9" is empty; type 0-24 for the whole day'),
    ],
)
def test_hours_that_cannot_be_meant_are_rejected(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_hours(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "weekdays"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sat,sun", {5, 6}),
        ("Fri - Mon", {4, 5, 6, 0}),
        ("wednesday", {2}),
        ("mon-mon", {0}),
        ("tue,thu-sat", {1, 3, 4, 5}),
        ("mon-sun", {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_weekdays(text: str, weekdays: set[int]) -> None:
    assert parse_weekdays(text) == weekdays


@pytest.mark.parametrize("text", ["", "mo", "montag", "mon-wed-fri", "mon,", "-", "mon;tue"])
def test_weekdays_that_cannot_be_meant_are_rejected(text: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_weekdays(text)
    assert str(error.value) == f'"{text}" does not name weekdays; type mon-fri or sat,sun'


@pytest.mark.parametrize(("start_s", "end_s"), [(0, 0), (300, 0), (1, 300), (0, 299)])
def test_a_period_consists_of_whole_tiles(start_s: int, end_s: int) -> None:
    with pytest.raises(ValueError, match="whole 5 minutes"):
        Period(start_s, end_s)


@pytest.mark.parametrize(("start_min", "end_min"), [(60, 60), (-5, 60), (1440, 60), (0, 1445), (1, 60), (0, 61)])
def test_times_of_day_lie_in_a_day(start_min: int, end_min: int) -> None:
    with pytest.raises(ValueError, match="steps of 5 minutes"):
        ClockRange(start_min, end_min)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-11-30 10:02", "2026-11-30T10:02:00+01:00"),
        ("2026-11-30T10:02:37", "2026-11-30T10:02:37+01:00"),
        ("2026-11-30 10:02:37Z", "2026-11-30T11:02:37+01:00"),
        ("2026-10-25 02:31:07 +01:00", "2026-10-25T02:31:07+01:00"),
        ("yesterday 9:03", "2026-11-29T09:03:00+01:00"),
        ("2026-11-30 14:37:12", "2026-11-30T14:37:12+01:00"),
    ],
)
def test_a_time_is_an_instant_to_the_second(text: str, iso: str) -> None:
    assert parse_time(text, MONDAY, OSLO) == datetime.fromisoformat(iso).timestamp()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026-11-30", '"2026-11-30" is not a time; type it as 2026-11-30 10:02 or 2026-11-30 10:02:37'),
        ("-2h", '"-2h" is not a time; type it as 2026-11-30 10:02 or 2026-11-30 10:02:37'),
        ("2026-11-30 14:37:13", '"2026-11-30 14:37:13" is in the future; type a time that has been'),
        ("2026-11-30 10:02:60", '"2026-11-30 10:02:60" has a time that no clock shows; a day goes from 00:00 to 23:59'),
        (
            "2026-11-30 10:02+01:01",
            '"2026-11-30 10:02+01:01" has an offset from UTC that no place has; type one such as +01:00, or none',
        ),
        (
            "2026-03-29 02:31:07",
            '"2026-03-29 02:31:07" does not exist in Europe/Oslo, as the clock was set forward; '
            "type 2026-03-29 01:55 or 2026-03-29 03:00",
        ),
        (
            "2026-10-25 02:31:07",
            '"2026-10-25 02:31:07" occurs twice in Europe/Oslo, as the clock was set back; '
            "type 2026-10-25 02:31:07+02:00 or 2026-10-25 02:31:07+01:00",
        ),
    ],
)
def test_a_time_that_cannot_be_meant_is_rejected_with_what_to_type(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        parse_time(text, MONDAY, OSLO)
    assert str(error.value) == message
