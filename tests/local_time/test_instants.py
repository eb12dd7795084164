"""Local times where clocks change, in every time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from edgeheat.defs.history import FIVE_MINUTES_S
from edgeheat.local_time.instants import day_start_s, instants_of, local_day, local_text, offset_segments, utc_offset_s
from tests.local_time.time_zones import END_S, START_S, all_clocks

OSLO = ZoneInfo("Europe/Oslo")


def utc_s(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_the_segments_show_what_every_clock_shows() -> None:
    """The independent way: ask the time zone every twelve hours, for each name."""
    sampled_s = range(START_S, END_S, 12 * 3600)
    for clock in all_clocks():
        assert all(offset % FIVE_MINUTES_S == 0 for _, _, offset in clock.segments), clock.names
        expected_s = clock.local_s()[:: 12 * 12] - sampled_s
        for name in clock.names:
            timezone = ZoneInfo(name)
            assert expected_s.tolist() == [utc_offset_s(at, timezone) for at in sampled_s], name


def test_a_change_takes_effect_at_the_next_multiple_of_5_minutes() -> None:
    """Casey in Antarctica set its clock from 00:01 to 03:01."""
    casey = ZoneInfo("Antarctica/Casey")
    before, after = offset_segments(utc_s("2020-10-03"), utc_s("2020-10-05"), casey)
    assert before == (utc_s("2020-10-03"), utc_s("2020-10-03 16:05"), 8 * 3600)
    assert after == (utc_s("2020-10-03 16:05"), utc_s("2020-10-05"), 11 * 3600)


def test_both_changes_of_a_year_are_found() -> None:
    changes = offset_segments(utc_s("2026-03-01"), utc_s("2026-12-01"), OSLO)
    assert [start for start, _, _ in changes[1:]] == [utc_s("2026-03-29 01:00"), utc_s("2026-10-25 01:00")]


@pytest.mark.parametrize(
    ("local", "found"),
    [
        ("2026-03-29 01:55", ["2026-03-29 00:55"]),
        ("2026-03-29 02:00", []),
        ("2026-03-29 02:55", []),
        ("2026-03-29 03:00", ["2026-03-29 01:00"]),
        ("2026-10-25 01:55", ["2026-10-24 23:55"]),
        ("2026-10-25 02:00", ["2026-10-25 00:00", "2026-10-25 01:00"]),
        ("2026-10-25 03:00", ["2026-10-25 02:00"]),
    ],
)
def test_a_local_time_happens_once_never_or_twice(local: str, found: list[str]) -> None:
    assert instants_of(datetime.fromisoformat(local), OSLO) == tuple(utc_s(text) for text in found)


@pytest.mark.parametrize(
    ("name", "day", "start"),
    [
        ("Europe/Oslo", "2026-11-30", "2026-11-29 23:00"),
        ("Asia/Kathmandu", "2026-11-30", "2026-11-29 18:15"),
        ("Africa/Cairo", "2026-04-24", "2026-04-23 22:00"),  # 00:00 is skipped: the day begins at 01:00
        ("Africa/Cairo", "2026-10-30", "2026-10-29 22:00"),  # 23:00 of the day before is repeated
        ("America/Havana", "2026-11-01", "2026-11-01 04:00"),  # 00:00 comes twice, the first time in summer time
        ("America/Havana", "2026-11-02", "2026-11-02 05:00"),
        ("Pacific/Apia", "2011-12-30", "2011-12-30 10:00"),  # the day that Samoa left out
        ("Pacific/Apia", "2011-12-31", "2011-12-30 10:00"),
        ("America/St_Johns", "2006-10-29", "2006-10-29 02:30"),  # at 00:01 the clock went back to 23:01
    ],
)
def test_a_day_begins_when_the_local_date_first_reaches_it(name: str, day: str, start: str) -> None:
    assert day_start_s(date.fromisoformat(day), ZoneInfo(name)) == utc_s(start)


def test_time_repeated_across_midnight_belongs_to_the_day_that_has_begun() -> None:
    st_johns = ZoneInfo("America/St_Johns")
    repeated = utc_s("2006-10-29 02:45")
    assert local_text(repeated, st_johns) == "2006-10-28 23:15"
    assert local_day(repeated, st_johns) == date(2006, 10, 29)
