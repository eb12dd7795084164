"""The buckets of every time zone, 2020 to 2028: 5 minutes lie in one hour, an hour in one day, a day in one month."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.defs.history import FIVE_MINUTES_S, Level
from edgeheat.local_time.buckets import bucket_of
from tests.local_time.time_zones import END_S, START_S, Clock, all_clocks

HOUR_S = 3600
DAY_S = 86400

# One of each kind: whole hours, half hours, quarters, a change of 30 minutes, of 2 and 3 hours, and at midnight.
TYPICAL = [
    *("UTC", "Europe/Oslo", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "Antarctica/Troll"),
    *("Antarctica/Casey", "Africa/Cairo", "America/Havana", "America/Santiago"),
]


def starts_of(clock: Clock) -> dict[Level, NDArray[np.int64]]:
    """Where the buckets of each level start, the independent way: from what the clock shows every 5 minutes."""
    local_s = clock.local_s()
    at_s = np.arange(START_S, END_S, FIVE_MINUTES_S)
    new_hour = (np.diff(local_s // HOUR_S) != 0) | (np.diff(local_s - at_s) != 0)
    hours_s, local_hours_s = at_s[1:][new_hour], local_s[1:][new_hour]
    # A day that has begun never yields to the one before.
    days, first_hours = np.unique(np.maximum.accumulate(local_hours_s // DAY_S), return_index=True)
    _, first_days = np.unique(days.astype("datetime64[D]").astype("datetime64[M]"), return_index=True)
    days_s = hours_s[first_hours][1:]  # the first day and the first month are not complete
    return {Level.HOUR: hours_s, Level.DAY: days_s, Level.MONTH: days_s[first_days[1:] - 1]}


def check_buckets(clock: Clock, level: Level, starts: NDArray[np.int64]) -> None:
    """Compare each bucket with the start of the next: its first, its middle and its last tile all belong to it."""
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        for instant in (start, (start + end) // 2, end - 1):
            assert bucket_of(level, instant, clock.timezone) == (start, end), (clock.names[0], level, instant)


def near_changes(clock: Clock, starts: NDArray[np.int64], range_s: int) -> list[NDArray[np.int64]]:
    """The starts close to each change of the clock, change by change."""
    return [starts[abs(starts - change) < range_s] for change in clock.changes_s]


def test_buckets_around_every_change_of_every_clock() -> None:
    for clock in all_clocks():
        starts = starts_of(clock)
        assert not (starts[Level.HOUR] % FIVE_MINUTES_S).any(), clock.names
        assert np.diff(starts[Level.HOUR]).max() == HOUR_S, clock.names
        check_buckets(clock, Level.MONTH, starts[Level.MONTH])
        for days in near_changes(clock, starts[Level.DAY], 2 * DAY_S):
            check_buckets(clock, Level.DAY, days)
        for hours in near_changes(clock, starts[Level.HOUR], 4 * HOUR_S):
            check_buckets(clock, Level.HOUR, hours)


@pytest.mark.parametrize("name", TYPICAL)
def test_all_days_of_nine_years_and_all_hours_of_one(name: str) -> None:
    clock = next(clock for clock in all_clocks() if name in clock.names)
    starts = starts_of(clock)
    check_buckets(clock, Level.DAY, starts[Level.DAY])
    check_buckets(clock, Level.HOUR, starts[Level.HOUR][: 366 * 24])


def lengths(name: str, level: Level, day: str) -> list[float]:
    """Lengths, in hours, of the buckets of a level that lie in the local day."""
    timezone = ZoneInfo(name)
    noon = int(datetime.fromisoformat(f"{day} 12:00").replace(tzinfo=timezone).timestamp())
    at, end = bucket_of(Level.DAY, noon, timezone)
    found = []
    while at < end:
        _, bucket_end = bucket_of(level, at, timezone)
        found.append((bucket_end - at) / HOUR_S)
        at = bucket_end
    return found


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Oslo", "2026-03-29", [1] * 23),
        ("Europe/Oslo", "2026-10-25", [1] * 25),
        ("Australia/Lord_Howe", "2026-04-05", [1, 1, 0.5, *[1] * 22]),  # 01:30 to 02:00 comes twice
        ("Australia/Lord_Howe", "2026-10-04", [1, 1, 0.5, *[1] * 21]),  # 02:00 to 02:30 is skipped
        ("Africa/Cairo", "2026-04-24", [1] * 23),
        ("Africa/Cairo", "2026-10-29", [1] * 25),
        ("Antarctica/Troll", "2026-03-29", [1] * 22),
        ("Antarctica/Casey", "2020-10-04", [1 / 12, 11 / 12, *[1] * 20]),  # at 00:01 the clock jumped to 03:01
    ],
)
def test_the_hours_of_a_day_on_which_the_clock_changes(name: str, day: str, hours: list[float]) -> None:
    assert lengths(name, Level.HOUR, day) == hours
    assert lengths(name, Level.DAY, day) == [pytest.approx(sum(hours))]


def test_the_day_that_samoa_left_out_is_in_no_bucket() -> None:
    apia = ZoneInfo("Pacific/Apia")
    jump = int(datetime(2011, 12, 30, 10, tzinfo=UTC).timestamp())
    assert bucket_of(Level.DAY, jump - 1, apia) == (jump - DAY_S, jump)
    assert bucket_of(Level.DAY, jump, apia) == (jump, jump + DAY_S)
    assert bucket_of(Level.MONTH, jump, apia)[1] == jump + DAY_S


def test_time_before_1970_and_in_december_has_buckets_too() -> None:
    assert bucket_of(Level.FIVE_MINUTES, -1, ZoneInfo("UTC")) == (-300, 0)
    assert bucket_of(Level.MONTH, -1, ZoneInfo("UTC")) == (-31 * DAY_S, 0)
