"""The status page's texts of times, ages, heats and rejections."""

from __future__ import annotations

import math
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from edgeheat.defs.events import CellRejection, FrameRejection, HealthVerdict
from edgeheat.defs.history import HistoryStatus
from edgeheat.web import page_text

from .events import NOON

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(4.4, "just now"), (59.4, "59 s ago"), (59.6, "1 min ago"), (119, "1 min ago"), (4859, "1 h 20 min ago")],
)
def test_an_age_above_a_minute_has_no_seconds(age_s: float, expected: str) -> None:
    assert page_text.age_text(NOON, NOON + age_s) == expected


def test_an_instant_of_another_day_has_its_date() -> None:
    assert page_text.local_time_text(NOON - 86400, NOON, BERLIN) == "19 Nov 12:00"


def test_today_is_the_day_of_the_shop_not_of_utc() -> None:
    after_midnight = NOON + 12.5 * 3600  # 00:30 in Berlin, still the day before in UTC
    assert page_text.local_time_text(after_midnight, after_midnight + 3600, BERLIN) == "00:30"


def test_an_instant_in_the_future_is_just_now() -> None:
    assert page_text.age_text(NOON + 100, NOON) == "just now"


def test_a_decaying_heat_has_its_half_life() -> None:
    assert page_text.period_text("decaying", 1800 / math.log(2)) == "fading by half every 30 min"


def test_a_title_has_measure_and_period() -> None:
    assert page_text.heat_title("dwell", "window", 86400.0) == "Staying, last 24 h"
    assert page_text.heat_title("traffic", "total", 7200.0) == "Movement, 2 h in total"


def test_every_reason_and_verdict_has_a_text() -> None:
    frames = page_text.rejected_frames_text(dict.fromkeys(get_args(FrameRejection), 5.0))
    cells = page_text.rejected_cells_text(dict.fromkeys(get_args(CellRejection), 0.1))
    assert (frames.count("5 s while"), cells.count("10 %")) == (3, 5)
    assert {*page_text.HEALTH_PROBLEMS, "ok"} == set(get_args(HealthVerdict))


def test_the_largest_share_is_first() -> None:
    assert page_text.rejected_cells_text({"shadow": 0.05, "ghost": 0.002, "flicker": 0.2}) == (
        "flicker 20 %, shadows 5 %, traces of removed objects under 1 %"
    )


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (None, ""),
        (HistoryStatus(), "History from the first five minutes on"),
        (HistoryStatus(last_stored_wall_s=NOON, size_bytes=12_400_000), "History stored at 12:00, 12 MB"),
        (HistoryStatus(last_stored_wall_s=NOON - 86_400, size_bytes=5000), "History stored at 19 Nov 12:00, 1 MB"),
        (HistoryStatus(last_stored_wall_s=NOON, is_dated=False), "History waits until this machine's clock is set"),
    ],
)
def test_the_history_has_one_line(history: HistoryStatus | None, expected: str) -> None:
    assert page_text.history_text(history, NOON, BERLIN) == expected
