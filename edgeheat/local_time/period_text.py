"""Parses periods, times of day and weekdays as people write them: "last week", "2026-11", "-7d", "10-12", "mon-fri"."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from edgeheat.defs.history import FIVE_MINUTES_S
from edgeheat.defs.hours import DAY_MIN, ClockRange
from edgeheat.local_time.instants import day_start_s, instants_of, local_day, local_text, offset_segments, utc_offset_s
from edgeheat.local_time.period import Period

_PERIOD_FORMS = 'a day (2026-11-30), a month (2026-11), a time (2026-11-30 10:00), "yesterday", "last week" or -7d'
"""What may be typed; the most usual forms are sufficient."""

_FIRST_YEAR = 2000
"""Years before it are mistyped: no camera counted then."""

_LAST_YEAR = 2099
"""Years after it are mistyped."""

_UNIT_S = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_RELATIVE_TEXT = re.compile(r"-(\d{1,7})([mhdw])", re.ASCII)
_NAMED_TEXT = re.compile(r"(this|last)[ _-](week|month|year)")
_DAY_TEXT = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_MONTH_TEXT = re.compile(r"(\d{4})-(\d{1,2})", re.ASCII)
_YEAR_TEXT = re.compile(r"\d{4}", re.ASCII)
_TIME_TEXT = re.compile(r"(\S+?)[ t](\d{1,2}):(\d{2})(?::(\d{2}))? ?(z|[+-]\d{2}:?\d{2})?", re.ASCII)
_CLOCK_RANGE_TEXT = re.compile(r"(\d{1,2})(?::(\d{2}))? ?- ?(\d{1,2})(?::(\d{2}))?", re.ASCII)
DAYS_FROM_MONDAY = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""The weekdays, in the order of their numbers."""


def parse_period(from_text: str, to_text: str | None, now_s: float, timezone: tzinfo) -> Period:
    """Return the period between two texts; without `to_text`, the whole period that `from_text` names.

    Days, weeks (from Monday), months and years count from their beginning and to their end, so that `to_text` includes
    the day that it names: "2026-11-01" to "2026-11-07" is a week. A time, "now" and a duration back from now are
    instants; one alone reaches until now. "d" and "w" are 24 hours and 7 times 24 hours. `A..B` is the same as A and B
    in two texts. A period that has begun ends now, at the last multiple of 5 minutes.

    Raises ValueError with one line that says what to type: malformed, in the future, reversed or empty, and local times
    that the clock skips or, unless an offset from UTC is given, repeats.
    """
    if to_text is None and ".." in from_text:
        from_text, _, to_text = from_text.partition("..")
    tile_now_s = int(now_s // FIVE_MINUTES_S) * FIVE_MINUTES_S
    start_s, end_s = _parse_span(from_text, tile_now_s, timezone)
    if to_text is not None:
        _, end_s = _parse_span(to_text, tile_now_s, timezone)
    elif start_s == end_s:
        end_s = tile_now_s
    if start_s > now_s:
        raise ValueError(f"{_shown(from_text)} is in the future; type a period that has begun")
    if to_text is not None and start_s >= end_s:
        start, end = local_text(start_s, timezone), local_text(end_s, timezone)
        raise ValueError(
            f"{_shown(from_text)} starts at {start}, which is not before {_shown(to_text)} ends, {end}; "
            "type the earlier one first"
        )
    if start_s >= tile_now_s:
        raise ValueError(f"{_shown(from_text)} is empty so far; type a period that began at least 5 minutes ago")
    return Period(start_s, min(end_s, tile_now_s))


def parse_time(text: str, now_s: float, timezone: tzinfo) -> int:
    """Return the Unix time of "2026-11-30 10:02", "2026-11-30 10:02:37+01:00" or "yesterday 10:02".

    Raises ValueError with one line that says what to type: malformed, in the future, and local times that the clock
    skips or, unless an offset from UTC is given, repeats.
    """
    match = _TIME_TEXT.fullmatch(" ".join(text.lower().split()))
    if match is None:
        raise ValueError(f"{_shown(text)} is not a time; type it as 2026-11-30 10:02 or 2026-11-30 10:02:37")
    instant_s = _parse_time(text, match, local_day(int(now_s), timezone), timezone)
    if instant_s > now_s:
        raise ValueError(f"{_shown(text)} is in the future; type a time that has been")
    return instant_s


def parse_hours(text: str) -> ClockRange:
    """Return the times of day of "10-12", "10:30-12:15" or, across midnight, "22-6".

    Raises ValueError with one line that says what to type.
    """
    match = _CLOCK_RANGE_TEXT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{_shown(text)} is not a range of hours; type 10-12, 10:30-12:15 or 22-6")
    start_min, end_min = (int(match[i]) * 60 + int(match[i + 1] or 0) for i in (1, 3))
    minutes = [int(part or 0) for part in (match[2], match[4])]
    if max(minutes) > 59 or start_min >= DAY_MIN or end_min > DAY_MIN:
        raise ValueError(f"{_shown(text)} has a time that no clock shows; hours go from 0 to 24, as in 10:30-24:00")
    if any(minute % 5 for minute in minutes):
        raise ValueError(f"{_shown(text)} is too fine; history is kept in steps of 5 minutes: type 10:30-12:15")
    if start_min == end_min:
        raise ValueError(f"{_shown(text)} is empty; type 0-24 for the whole day")
    return ClockRange(start_min, end_min)


def parse_weekdays(text: str) -> frozenset[int]:
    """Return the weekdays, Monday 0 to Sunday 6, of "mon-fri", "sat,sun" or "fri-mon"; full names are accepted.

    Raises ValueError with one line that says what to type.
    """
    weekdays: set[int] = set()
    for item in text.lower().split(","):
        names = [name.strip() for name in item.split("-")]
        found = [
            i for name in names for i, day in enumerate(DAYS_FROM_MONDAY) if len(name) > 2 and day.startswith(name)
        ]
        if len(found) != len(names) or len(names) > 2:
            raise ValueError(f"{_shown(text)} does not name weekdays; type mon-fri or sat,sun")
        weekdays |= {(found[0] + i) % 7 for i in range((found[-1] - found[0]) % 7 + 1)}
    return frozenset(weekdays)


def _parse_span(text: str, tile_now_s: int, timezone: tzinfo) -> tuple[int, int]:
    """Return start and end, in Unix time, of what the text names; they are equal for an instant."""
    words = " ".join(text.lower().split())
    if words == "now":
        return tile_now_s, tile_now_s
    if match := _RELATIVE_TEXT.fullmatch(words):
        instant_s = tile_now_s - int(match[1]) * _UNIT_S[match[2]]
        instant_s -= instant_s % FIVE_MINUTES_S
        if instant_s < day_start_s(date(_FIRST_YEAR, 1, 1), timezone):
            raise ValueError(f"{_shown(text)} reaches back to before {_FIRST_YEAR}; type a shorter one, such as -7d")
        return instant_s, instant_s
    today = local_day(tile_now_s, timezone)
    if match := _TIME_TEXT.fullmatch(words):
        instant_s = _parse_time(text, match, today, timezone)
        if instant_s % FIVE_MINUTES_S:
            whole = f"{match[2]}:{int(match[3]) // 5 * 5:02}"
            raise ValueError(f"{_shown(text)} is too fine; history is kept in steps of 5 minutes: type {whole}")
        return instant_s, instant_s
    first, following = _parse_days(text, words, today)
    start_s, end_s = day_start_s(first, timezone), day_start_s(following, timezone)
    if start_s == end_s:
        raise ValueError(f"{_shown(text)} does not exist in {timezone}: the calendar skipped it; type {following}")
    return start_s, end_s


def _parse_days(text: str, words: str, today: date) -> tuple[date, date]:
    """Return the first day of what the words name, and the first day after it."""
    if (day := _parse_day(text, words, today)) is not None:
        return day, day + timedelta(days=1)
    if match := _NAMED_TEXT.fullmatch(words):
        before = match[1] == "last"
        if match[2] == "week":
            monday = today - timedelta(days=today.weekday() + 7 * before)
            return monday, monday + timedelta(days=7)
        if match[2] == "month":
            return _month(today.year, today.month - before)
        return date(today.year - before, 1, 1), date(today.year - before + 1, 1, 1)
    if match := _MONTH_TEXT.fullmatch(words):
        year, month = _checked_month(text, match[1], match[2])
        return _month(year, month)
    if _YEAR_TEXT.fullmatch(words):
        year, _ = _checked_month(text, words, "1")
        return date(year, 1, 1), date(year + 1, 1, 1)
    raise ValueError(f"{_shown(text)} is not a period; type {_PERIOD_FORMS}")


def _parse_day(text: str, words: str, today: date) -> date | None:
    """Return the day that "today", "yesterday" or a date name; None if the words are none of these."""
    if words in {"today", "yesterday"}:
        return today - timedelta(days=words == "yesterday")
    match = _DAY_TEXT.fullmatch(words)
    if match is None:
        return None
    year, month = _checked_month(text, match[1], match[2])
    _, days = monthrange(year, month)
    if not 1 <= int(match[3]) <= days:
        raise ValueError(f"{_shown(text)} is not in the calendar: {year}-{month:02} has {days} days")
    return date(year, month, int(match[3]))


def _checked_month(text: str, year: str, month: str) -> tuple[int, int]:
    """Return year and month as numbers; `text` is what the user typed."""
    if not _FIRST_YEAR <= int(year) <= _LAST_YEAR:
        raise ValueError(f"{_shown(text)} has the year {year}; type a year from {_FIRST_YEAR} to {_LAST_YEAR}")
    if not 1 <= int(month) <= 12:
        raise ValueError(f"{_shown(text)} has the month {month}; type year, month and day, such as 2026-11-30")
    return int(year), int(month)


def _month(year: int, month: int) -> tuple[date, date]:
    """Return the first day of the month and of the next one; month 0 is December of the year before."""
    index = year * 12 + month - 1
    return date(index // 12, index % 12 + 1, 1), date((index + 1) // 12, (index + 1) % 12 + 1, 1)


def _parse_time(text: str, match: re.Match[str], today: date, timezone: tzinfo) -> int:
    """Return the instant of a day and a time, with or without an offset from UTC."""
    day = _parse_day(text, match[1], today)
    if day is None:
        raise ValueError(f"{_shown(text)} is not a time; type it as 2026-11-30 10:00")
    hour, minute, second = int(match[2]), int(match[3]), int(match[4] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{_shown(text)} has a time that no clock shows; a day goes from 00:00 to 23:59")
    local = datetime.combine(day, time(hour, minute, second))
    if match[5]:
        return _with_offset(text, local, match[5])
    found = instants_of(local, timezone)
    if len(found) == 1:
        return found[0]
    if found:
        shown = local.isoformat(" ", "seconds" if second else "minutes")
        forms = " or ".join(f"{shown}{_offset_text(utc_offset_s(at, timezone))}" for at in found)
        raise ValueError(f"{_shown(text)} occurs twice in {timezone}, as the clock was set back; type {forms}")
    local = local.replace(minute=minute // 5 * 5, second=0)
    before_s, after_s = sorted(int(local.replace(tzinfo=timezone, fold=fold).timestamp()) for fold in (0, 1))
    change_s = offset_segments(before_s, after_s + FIVE_MINUTES_S, timezone)[1][0]
    before, after = (local_text(at, timezone) for at in (change_s - FIVE_MINUTES_S, change_s))
    raise ValueError(
        f"{_shown(text)} does not exist in {timezone}, as the clock was set forward; type {before} or {after}"
    )


def _with_offset(text: str, local: datetime, offset: str) -> int:
    """Return the instant of a local time with its offset from UTC: "z", "+02:00" or "-0330"."""
    try:
        instant = datetime.fromisoformat(f"{local.isoformat()}{offset.upper()}")
    except ValueError:
        instant = None
    if instant is None or (instant - local.replace(tzinfo=UTC)) % timedelta(seconds=FIVE_MINUTES_S):
        raise ValueError(f"{_shown(text)} has an offset from UTC that no place has; type one such as +01:00, or none")
    return int(instant.timestamp())


def _offset_text(offset_s: int) -> str:
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    return f"{'-' if offset_s < 0 else '+'}{hours:02}:{minutes:02}"


def _shown(text: str) -> str:
    """Return what the user typed in quotation marks, on one line and at most 40 characters of it."""
    printable = "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
    return f'"{printable}"' if len(printable) <= 40 else f'"{printable[:37]}..."'
