"""Which time a question selects, and which tiles answer it: compared with a look at every 5 minutes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeheat.core.heat.period import Cover, Intervals, cover, selected_intervals
from edgeheat.defs.history import FIVE_MINUTES_S, Level
from edgeheat.defs.hours import ClockRange
from edgeheat.local_time.buckets import bucket_of
from edgeheat.local_time.instants import local_text
from edgeheat.local_time.period import ALL_WEEKDAYS, WHOLE_DAY, Period

DAY_S = 86400
OSLO = ZoneInfo("Europe/Oslo")

# Time zones, and an instant near which their clocks change.
CHANGES = [
    ("UTC", "2026-03-29 00:00"),
    ("Europe/Oslo", "2026-03-29 01:00"),
    ("Europe/Oslo", "2026-10-25 01:00"),
    ("Australia/Lord_Howe", "2026-04-04 15:00"),
    ("Asia/Kathmandu", "2026-03-31 18:15"),
    ("Africa/Cairo", "2026-04-23 22:00"),
    ("Africa/Cairo", "2026-10-29 21:00"),
    ("America/Havana", "2026-11-01 05:00"),
    ("Antarctica/Casey", "2020-10-03 16:01"),
    ("Antarctica/Casey", "2021-03-13 13:00"),
]


def utc_s(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def local_s(text: str, timezone: ZoneInfo = OSLO) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone).timestamp())


@cache
def all_tiles(name: str, start_s: int, end_s: int) -> Mapping[Level, Intervals]:
    """The tiles of each level from the bucket of the start to that of the end."""
    tiles = {}
    for level in Level:
        spans = [bucket_of(level, start_s, ZoneInfo(name))]
        while spans[-1][1] < end_s:
            spans.append(bucket_of(level, spans[-1][1], ZoneInfo(name)))
        tiles[level] = np.array(spans)
    return tiles


def within(intervals: Intervals, at_s: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the intervals contain each instant."""
    started = np.searchsorted(np.sort(intervals[:, 0]), at_s, side="right")
    return started - np.searchsorted(np.sort(intervals[:, 1]), at_s, side="right")


def is_selected(at_s: int, timezone: ZoneInfo, hours: ClockRange, weekdays: frozenset[int]) -> bool:
    """The independent way: what the clock on the wall shows."""
    clock = datetime.fromtimestamp(at_s, timezone)
    minute, weekday = clock.hour * 60 + clock.minute, clock.weekday()
    if hours.start_min < hours.end_min:
        return hours.start_min <= minute < hours.end_min and weekday in weekdays
    evening = minute >= hours.start_min and weekday in weekdays
    return evening or (minute < hours.end_min and (weekday - 1) % 7 in weekdays)


periods = st.tuples(st.sampled_from(CHANGES), st.integers(0, 5 * 288), st.integers(1, 5 * 288))
clock_ranges = st.one_of(
    st.just(WHOLE_DAY),
    st.tuples(st.integers(0, 287), st.integers(0, 288))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: ClockRange(pair[0] * 5, pair[1] * 5)),
    st.tuples(st.integers(0, 23), st.integers(0, 24))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: ClockRange(pair[0] * 60, pair[1] * 60)),
)
weekday_sets = st.one_of(st.just(ALL_WEEKDAYS), st.frozensets(st.integers(0, 6)))


def make_period(drawn: tuple[tuple[str, str], int, int]) -> tuple[str, Period]:
    """A period of up to five days that starts in the five days before or at a change of the clock."""
    (name, change), tiles_before, tiles = drawn
    start_s = utc_s(change) // FIVE_MINUTES_S * FIVE_MINUTES_S - tiles_before * FIVE_MINUTES_S
    return name, Period(start_s, start_s + tiles * FIVE_MINUTES_S)


@given(periods, clock_ranges, weekday_sets)
def test_the_selection_is_what_the_clock_shows_every_5_minutes(
    drawn: tuple[tuple[str, str], int, int], hours: ClockRange, weekdays: frozenset[int]
) -> None:
    name, period = make_period(drawn)
    timezone = ZoneInfo(name)
    intervals = selected_intervals(period, timezone, hours, weekdays)
    at_s = np.arange(period.start_s, period.end_s, FIVE_MINUTES_S)
    expected = [is_selected(int(at), timezone, hours, weekdays) for at in at_s]
    assert within(intervals, at_s).tolist() == expected
    # They lie in the period, on the grid, and do not touch.
    assert not len(intervals) or (intervals.min() >= period.start_s and intervals.max() <= period.end_s)
    assert not (intervals % FIVE_MINUTES_S).any()
    assert (np.diff(intervals.ravel()) > 0).all()


def texts(intervals: Intervals) -> list[str]:
    return [f"{local_text(start, OSLO)} to {local_text(end, OSLO)[-5:]}" for start, end in intervals.tolist()]


def test_hours_across_midnight_belong_to_the_day_on_which_they_start() -> None:
    week = Period(local_s("2026-11-23"), local_s("2026-11-30"))
    friday = selected_intervals(week, OSLO, ClockRange(22 * 60, 6 * 60), frozenset({4}))
    assert texts(friday) == ["2026-11-27 22:00 to 06:00"]
    sunday = selected_intervals(week, OSLO, ClockRange(22 * 60, 6 * 60), frozenset({6}))
    # The first is the end of the Sunday before.
    assert texts(sunday) == ["2026-11-23 00:00 to 06:00", "2026-11-29 22:00 to 00:00"]


def test_hours_where_the_clock_changes() -> None:
    night = ClockRange(2 * 60, 3 * 60)
    spring = selected_intervals(Period(local_s("2026-03-28"), local_s("2026-03-31")), OSLO, night)
    assert texts(spring) == ["2026-03-28 02:00 to 03:00", "2026-03-30 02:00 to 03:00"]
    autumn = selected_intervals(Period(local_s("2026-10-24"), local_s("2026-10-26")), OSLO, night)
    assert np.diff(autumn).ravel().tolist() == [3600, 7200]


def test_nothing_is_selected_without_weekdays() -> None:
    nothing = selected_intervals(Period(0, DAY_S), OSLO, weekdays=frozenset())
    assert nothing.shape == (0, 2)
    answer = cover_stored(nothing, all_tiles("UTC", 0, DAY_S))
    assert [len(tiles) for tiles in answer.tiles.values()] == [0, 0, 0, 0]
    assert len(answer.missing) == len(answer.too_coarse) == 0


# Tiles


def cover_stored(intervals: Intervals, stored: dict[Level, Intervals]) -> Cover:
    return cover(intervals, stored, lambda level, _: stored[level])


def tile_count(answer: Cover) -> dict[Level, int]:
    return {level: len(tiles) for level, tiles in answer.tiles.items() if len(tiles)}


YEAR = Period(local_s("2026-01-01"), local_s("2027-01-01"))


@pytest.mark.parametrize(
    ("what", "period", "hours", "weekdays", "tiles"),
    [
        ("a year", YEAR, WHOLE_DAY, ALL_WEEKDAYS, {Level.MONTH: 12}),
        ("10 to 12 of a year", YEAR, ClockRange(600, 720), ALL_WEEKDAYS, {Level.HOUR: 730}),
        ("Saturdays of a year", YEAR, WHOLE_DAY, frozenset({5}), {Level.DAY: 52}),
        (
            "from one time to another",
            Period(local_s("2026-01-15 10:00"), local_s("2026-12-30 10:35")),
            WHOLE_DAY,
            ALL_WEEKDAYS,
            {Level.MONTH: 10, Level.DAY: 45, Level.HOUR: 24, Level.FIVE_MINUTES: 7},
        ),
        (
            "the hour that autumn repeats",
            Period(local_s("2026-10-25"), local_s("2026-10-26")),
            ClockRange(120, 180),
            ALL_WEEKDAYS,
            {Level.HOUR: 2},
        ),
    ],
)
def test_the_longest_tiles_are_read(
    what: str, period: Period, hours: ClockRange, weekdays: frozenset[int], tiles: dict[Level, int]
) -> None:
    available = all_tiles("Europe/Oslo", YEAR.start_s, YEAR.end_s)
    answer = cover_stored(selected_intervals(period, OSLO, hours, weekdays), available)
    assert tile_count(answer) == tiles, what
    assert len(answer.too_coarse) == len(answer.missing) == 0


def stored_until(now: str) -> dict[Level, Intervals]:
    """The tiles of November 2026 that are complete at a local time."""
    tiles = all_tiles("Europe/Oslo", local_s("2026-11-01"), local_s("2026-12-01"))
    return {level: spans[spans[:, 1] <= local_s(now)] for level, spans in tiles.items()}


def test_what_has_not_been_rolled_up_yet_is_read_in_shorter_tiles() -> None:
    november = selected_intervals(Period(local_s("2026-11-01"), local_s("2026-11-30 14:35")), OSLO)
    answer = cover_stored(november, stored_until("2026-11-30 14:35"))
    assert tile_count(answer) == {Level.DAY: 29, Level.HOUR: 14, Level.FIVE_MINUTES: 7}
    assert len(answer.too_coarse) == len(answer.missing) == 0


def test_a_longer_tile_never_stands_for_a_part_of_it() -> None:
    """After 14 days hours are kept, and tiles of 5 minutes are not."""
    stored = stored_until("2026-12-01")
    fine = stored[Level.FIVE_MINUTES]
    stored[Level.FIVE_MINUTES] = fine[fine[:, 0] >= local_s("2026-11-17")]
    late_morning = ClockRange(10 * 60 + 30, 12 * 60)
    answer = cover_stored(
        selected_intervals(Period(local_s("2026-11-16"), local_s("2026-11-18")), OSLO, late_morning), stored
    )
    assert tile_count(answer) == {Level.HOUR: 2, Level.FIVE_MINUTES: 6}
    assert texts(answer.too_coarse) == ["2026-11-16 10:30 to 11:00"]
    assert len(answer.missing) == 0


def test_time_in_which_the_camera_was_off_is_missing_and_not_too_coarse() -> None:
    stored = stored_until("2026-12-01")
    for level in (Level.FIVE_MINUTES, Level.HOUR):
        spans = stored[level]
        stored[level] = spans[
            (spans[:, 1] <= local_s("2026-11-16 10:00")) | (spans[:, 0] >= local_s("2026-11-16 12:00"))
        ]
    answer = cover_stored(
        selected_intervals(Period(local_s("2026-11-16 09:00"), local_s("2026-11-16 13:00")), OSLO), stored
    )
    assert tile_count(answer) == {Level.HOUR: 2}
    assert texts(answer.missing) == ["2026-11-16 10:00 to 12:00"]
    assert len(answer.too_coarse) == 0


def test_intervals_that_touch_or_overlap_are_read_once() -> None:
    stored = all_tiles("UTC", 0, DAY_S)
    answer = cover_stored(np.array([[0, 1800], [1800, 3600], [2400, 2700]]), stored)
    assert answer.tiles[Level.HOUR].tolist() == [[0, 3600]]
    assert tile_count(answer) == {Level.HOUR: 1}


def test_no_instant_is_read_twice_after_the_time_zone_of_the_site_was_changed() -> None:
    """The last day of the old time zone and the first of the new one overlap, and so do their hours."""
    kolkata = ZoneInfo("Asia/Kolkata")
    old = all_tiles("Europe/Oslo", local_s("2026-11-01"), local_s("2026-11-05"))
    new = all_tiles("Asia/Kolkata", local_s("2026-11-05 00:00", kolkata), local_s("2026-11-08 00:00", kolkata))
    stored = {level: np.sort(np.concatenate([old[level], new[level]]), axis=0) for level in Level}
    period = Period(local_s("2026-11-02"), local_s("2026-11-07 00:00", kolkata))
    check(cover_stored(selected_intervals(period, OSLO), stored), np.array([[period.start_s, period.end_s]]))


def check(answer: Cover, intervals: Intervals) -> None:
    """The parts of the answer are exactly the intervals, and nothing is in two of them."""
    parts = np.concatenate([*answer.tiles.values(), answer.too_coarse, answer.missing])
    at_s = np.arange(intervals.min() - DAY_S, intervals.max() + DAY_S, FIVE_MINUTES_S)
    assert within(parts, at_s).tolist() == within(intervals, at_s).tolist()


def fewest(
    level: Level, span: tuple[int, int], wanted: set[int], stored: Mapping[Level, set[tuple[int, int]]], name: str
) -> int:
    """The number of tiles that a bucket needs, the slow way: itself, or else what its parts need."""
    instants = range(*span, FIVE_MINUTES_S)
    if span in stored[level] and wanted.issuperset(instants):
        return 1
    if level is Level.FIVE_MINUTES or wanted.isdisjoint(instants):
        return 0
    shorter = all_tiles(name, *span)[Level(level - 1)].tolist()
    return sum(fewest(Level(level - 1), (start, end), wanted, stored, name) for start, end in shorter)


def is_too_coarse(at_s: int, stored: Mapping[Level, Intervals]) -> bool:
    """Whether a tile contains the instant, and the shortest of these has no shorter tiles in it."""
    for level in sorted(stored):
        for start, end in stored[level].tolist():
            if start <= at_s < end:
                shorter = [stored[finer] for finer in stored if finer < level]
                return level > 0 and not any(((s[:, 0] >= start) & (s[:, 0] < end)).any() for s in shorter)
    return False


@given(
    periods,
    clock_ranges,
    weekday_sets,
    st.lists(st.sampled_from([0.0, 0.5, 0.95, 1.0]), min_size=4, max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_the_cover_is_exact_and_the_fewest_tiles(
    drawn: tuple[tuple[str, str], int, int],
    hours: ClockRange,
    weekdays: frozenset[int],
    ratios: list[float],
    seed: int,
) -> None:
    name, period = make_period(drawn)
    intervals = selected_intervals(period, ZoneInfo(name), hours, weekdays)
    every = all_tiles(name, period.start_s, period.end_s)
    rng = np.random.default_rng(seed)
    stored = {level: every[level][rng.random(len(every[level])) < ratios[level]] for level in Level}
    answer = cover_stored(intervals, stored)
    if not len(intervals):
        return
    check(answer, intervals)

    for level, tiles in answer.tiles.items():
        assert set(map(tuple, tiles.tolist())) <= set(map(tuple, stored[level].tolist()))
    wanted = {at for start, end in intervals.tolist() for at in range(start, end, FIVE_MINUTES_S)}
    keys = {level: set(map(tuple, tiles.tolist())) for level, tiles in stored.items()}
    needed = sum(fewest(Level.MONTH, (start, end), wanted, keys, name) for start, end in every[Level.MONTH].tolist())
    assert sum(tile_count(answer).values()) == needed

    for start, _ in answer.too_coarse.tolist():
        assert is_too_coarse(start, stored)
    for start, end in answer.missing.tolist():
        assert not is_too_coarse(start, stored)
        assert not is_too_coarse(end - FIVE_MINUTES_S, stored)
