"""When a shop is open: compared with a look at the clock every 5 minutes, in time zones whose clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.defs.history import FIVE_MINUTES_S
from edgeheat.defs.hours import ClockRange, OpeningHours
from edgeheat.local_time.instants import local_text
from edgeheat.local_time.opening import is_open, next_change_s, open_intervals
from edgeheat.local_time.period import Period

OSLO = ZoneInfo("Europe/Oslo")
DAYTIME = (ClockRange(9 * 60, 20 * 60),)
NIGHT = (ClockRange(18 * 60, 2 * 60),)

# Time zones, and an instant near which their clocks change.
CHANGES = [
    ("UTC", "2026-03-29 00:00"),
    ("Europe/Oslo", "2026-03-29 01:00"),
    ("Europe/Oslo", "2026-10-25 01:00"),
    ("Australia/Lord_Howe", "2026-04-04 15:00"),
    ("Australia/Lord_Howe", "2026-10-03 15:30"),
    ("Asia/Kathmandu", "2026-03-31 18:15"),
    ("Africa/Cairo", "2026-04-23 22:00"),  # midnight is skipped
    ("Africa/Cairo", "2026-10-29 21:00"),  # the hour before midnight is repeated
    ("America/Havana", "2026-11-01 05:00"),  # the hour after midnight is repeated
    ("Antarctica/Casey", "2020-10-03 16:01"),
    ("Pacific/Apia", "2011-12-30 10:00"),  # the date line: a day is skipped
]


def utc_s(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def local_s(text: str, timezone: ZoneInfo = OSLO) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone).timestamp())


def shows_open(hours: OpeningHours, at_s: int, timezone: ZoneInfo) -> bool:
    """The independent way: the minutes at which the shop is open, listed day by day."""
    clock = datetime.fromtimestamp(at_s, timezone).replace(tzinfo=None, fold=0)
    for day in (clock.date() - timedelta(days=1), clock.date()):
        for each in hours.dates.get(day, hours.weekdays[day.weekday()]):
            length_min = (each.end_min - each.start_min) % 1440 or 1440
            opens = datetime.combine(day, datetime.min.time()) + timedelta(minutes=each.start_min)
            if opens <= clock < opens + timedelta(minutes=length_min):
                return True
    return False


clock_ranges = (
    st.tuples(st.integers(0, 287), st.integers(0, 288))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: ClockRange(pair[0] * 5, pair[1] * 5))
)
days = st.lists(clock_ranges, max_size=2).map(tuple)
weeks = st.tuples(*[days] * 7)
exceptions = st.dictionaries(st.integers(-3, 3), days, max_size=3)


@given(st.sampled_from(CHANGES), weeks, exceptions, st.integers(0, 3 * 288), st.integers(1, 5 * 288))
def test_the_intervals_are_what_the_clock_shows_every_5_minutes(
    change: tuple[str, str],
    week: tuple[tuple[ClockRange, ...], ...],
    near: dict[int, tuple[ClockRange, ...]],
    tiles_before: int,
    tiles: int,
) -> None:
    name, at = change
    timezone, change_s = ZoneInfo(name), utc_s(at) // FIVE_MINUTES_S * FIVE_MINUTES_S
    day = datetime.fromtimestamp(change_s, timezone).date()
    hours = OpeningHours(week, {day + timedelta(days=distance): on_day for distance, on_day in near.items()})
    start_s = change_s - tiles_before * FIVE_MINUTES_S
    period = Period(start_s, start_s + tiles * FIVE_MINUTES_S)

    intervals = open_intervals(hours, period, timezone)

    inside = {at_s for start, end in intervals for at_s in range(start, end, FIVE_MINUTES_S)}
    for at_s in range(period.start_s, period.end_s, FIVE_MINUTES_S):
        expected = shows_open(hours, at_s, timezone)
        assert (at_s in inside) == expected
        assert is_open(hours, at_s, timezone) == is_open(hours, at_s + 299.9, timezone) == expected
    # They lie in the period, on the grid, in order, and do not touch.
    edges = [at_s for interval in intervals for at_s in interval]
    assert all(earlier < later for earlier, later in pairwise([period.start_s - 1, *edges, period.end_s + 1]))
    assert not any(at_s % FIVE_MINUTES_S for at_s in edges)


@given(st.sampled_from(CHANGES), weeks, st.integers(0, 3 * 86400))
def test_the_next_change_is_the_first(
    change: tuple[str, str], week: tuple[tuple[ClockRange, ...], ...], before_s: int
) -> None:
    name, at = change
    hours, timezone, now_s = OpeningHours(week, {}), ZoneInfo(name), utc_s(at) - before_s
    found_s = next_change_s(hours, now_s, timezone)
    open_now = is_open(hours, now_s, timezone)
    until_s = now_s + 8 * 86400 if found_s is None else found_s
    assert all(is_open(hours, at_s, timezone) == open_now for at_s in range(now_s, until_s, FIVE_MINUTES_S))
    assert found_s is None or (found_s > now_s and is_open(hours, found_s, timezone) != open_now)


def texts(hours: OpeningHours, first: str, last: str, timezone: ZoneInfo = OSLO) -> list[str]:
    period = Period(local_s(first, timezone), local_s(last, timezone))
    return [
        f"{local_text(start, timezone)} to {local_text(end, timezone)[-5:]}"
        for start, end in open_intervals(hours, period, timezone)
    ]


def test_times_across_midnight_belong_to_the_day_on_which_they_start() -> None:
    bar = OpeningHours((*[()] * 4, NIGHT, NIGHT, ()), {date(2026, 11, 28): DAYTIME})
    # The exception replaces what starts on Saturday; what began on Friday goes on.
    assert texts(bar, "2026-11-27", "2026-11-30") == ["2026-11-27 18:00 to 02:00", "2026-11-28 09:00 to 20:00"]


def test_a_shop_that_is_open_at_night_is_open_longer_or_shorter_when_the_clock_changes() -> None:
    bar = OpeningHours((NIGHT,) * 7, {})

    def length_h(evening: str) -> float:
        at_s = local_s(evening)
        return ((next_change_s(bar, at_s, OSLO) or 0) - at_s) / 3600

    assert length_h("2026-03-27 18:00") == 8.0
    # 02:00 is skipped: it closes at the jump to 03:00.
    assert length_h("2026-03-28 18:00") == 8.0
    long_night = OpeningHours(((ClockRange(18 * 60, 3 * 60),),) * 7, {})
    saturday_s = local_s("2026-10-24 18:00")
    assert ((next_change_s(long_night, saturday_s, OSLO) or 0) - saturday_s) / 3600 == 10.0


def test_what_the_clock_repeats_is_open_twice() -> None:
    early = OpeningHours(((ClockRange(2 * 60, 2 * 60 + 30),),) * 7, {})
    changes = open_intervals(early, Period(utc_s("2026-10-25 00:00"), utc_s("2026-10-25 02:00")), OSLO)
    half_hour_s = 1800
    assert changes == [
        (utc_s("2026-10-25 00:00"), utc_s("2026-10-25 00:00") + half_hour_s),
        (utc_s("2026-10-25 01:00"), utc_s("2026-10-25 01:00") + half_hour_s),
    ]


def test_without_hours_it_is_always_open() -> None:
    period = Period(utc_s("2026-03-29"), utc_s("2026-04-29"))
    assert open_intervals(None, period, OSLO) == [(period.start_s, period.end_s)]
    assert is_open(None, period.start_s, OSLO)
    assert next_change_s(None, period.start_s, OSLO) is None


def test_the_end_of_a_season_is_found() -> None:
    summer = {date(2027, 6, 1): DAYTIME}
    kiosk = OpeningHours(((),) * 7, summer)
    assert next_change_s(kiosk, local_s("2026-09-01"), OSLO) == local_s("2027-06-01 09:00")
    assert next_change_s(kiosk, local_s("2027-07-01"), OSLO) is None


def test_hours_need_seven_weekdays() -> None:
    with pytest.raises(ValueError, match="7 weekdays"):
        OpeningHours((DAYTIME,), {})
