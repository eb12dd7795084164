"""The words of the page."""

from __future__ import annotations

import math
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from edgeheat.defs.events import CellRejection, FrameRejection, HealthVerdict
from edgeheat.web import wording

from .events import NOON

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(4.4, "just now"), (59.4, "59 s ago"), (59.6, "1 min ago"), (119, "1 min ago"), (4859, "1 h 20 min ago")],
)
def test_an_age_is_cut_to_what_does_not_flicker(age_s: float, expected: str) -> None:
    assert wording.ago(NOON, NOON + age_s) == expected


def test_an_instant_of_another_day_is_told_with_its_date() -> None:
    assert wording.local_time(NOON - 86400, NOON, BERLIN) == "19 Nov 12:00"


def test_today_is_the_day_of_the_shop_not_of_utc() -> None:
    after_midnight = NOON + 12.5 * 3600  # 00:30 in Berlin, still the day before in UTC
    assert wording.local_time(after_midnight, after_midnight + 3600, BERLIN) == "00:30"


def test_a_clock_set_back_gives_no_negative_age() -> None:
    assert wording.ago(NOON + 100, NOON) == "just now"


def test_a_decaying_heat_is_told_by_its_half_life() -> None:
    assert wording.heat_period("decaying", 1800 / math.log(2)) == "fading by half every 30 min"


def test_a_heat_is_told_by_what_it_counts_and_covers() -> None:
    assert wording.heat_title("dwell", "window", 86400.0) == "Staying, last 24 h"
    assert wording.heat_title("traffic", "total", 7200.0) == "Movement, 2 h in all"


def test_every_reason_and_verdict_has_words() -> None:
    frames = wording.left_out_frames(dict.fromkeys(get_args(FrameRejection), 5.0))
    cells = wording.left_out_cells(dict.fromkeys(get_args(CellRejection), 0.1))
    assert (frames.count("5 s while"), cells.count("10 %")) == (3, 5)
    assert {*wording.TROUBLES, "ok"} == set(get_args(HealthVerdict))


def test_the_most_that_was_left_out_is_told_first() -> None:
    assert wording.left_out_cells({"shadow": 0.05, "ghost": 0.002, "flicker": 0.2}) == (
        "flicker 20 %, shadows 5 %, traces of what has gone under 1 %"
    )
