"""The words of the page."""

from __future__ import annotations

import math
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.web import words

from .events import NOON

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (119, "1 min"),
        (3600, "1 h"),
        (4800, "1 h 20 min"),
        (86400, "24 h"),
        (2 * 86400 + 5 * 3600, "2 d 5 h"),
        (7 * 86400, "7 d"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, expected: str) -> None:
    assert words.duration(seconds) == expected


def test_an_instant_of_another_day_is_told_with_its_date() -> None:
    assert words.local_time(NOON - 86400, NOON, BERLIN) == "19 Nov 12:00"


def test_today_is_the_day_of_the_shop_not_of_utc() -> None:
    after_midnight = NOON + 12.5 * 3600  # 00:30 in Berlin, still the day before in UTC
    assert words.local_time(after_midnight, after_midnight + 3600, BERLIN) == "00:30"


def test_a_clock_set_back_gives_no_negative_age() -> None:
    assert words.ago(NOON + 100, NOON) == "just now"


@given(st.floats(0, 1))
def test_a_share_is_never_rounded_to_none_or_all(share: float) -> None:
    text = words.percent(share)
    assert (text == "0 %") == (share == 0)
    assert (text == "100 %") <= math.isclose(share, 1)


def test_a_decaying_heat_is_told_by_its_half_life() -> None:
    assert words.heat_period("decaying", 1800 / math.log(2)) == "fading by half every 30 min"
