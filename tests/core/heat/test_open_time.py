"""The share of a heat's period in which the shop was open, compared with a sum over every five minutes."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edgeheat.core.heat.base import as_heat_grid
from edgeheat.core.heat.open_time import open_ratio
from edgeheat.defs.hours import ClockRange, OpeningHours
from edgeheat.defs.params import HeatKind
from edgeheat.local_time.opening import is_open

OSLO = ZoneInfo("Europe/Oslo")
SHOP = OpeningHours((*[(ClockRange(9 * 60, 13 * 60), ClockRange(15 * 60, 20 * 60))] * 6, ()), {})
DAY_S = 86400.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=OSLO).timestamp()


@pytest.mark.parametrize(
    ("kind", "period_s", "instant", "open_s"),
    [
        ("window", 3600.0, "2026-11-27 12:30:10", 3600),
        ("window", 3600.0, "2026-11-27 13:30:10", 3600 - 1810),
        ("window", 3600.0, "2026-11-27 15:00:00", 0),
        ("window", 3600.0, "2026-11-27 15:00:07", 7),
        ("window", DAY_S, "2026-11-27 23:00:00", 9 * 3600),
        ("window", DAY_S, "2026-11-29 23:00:00", 0),
        ("window", 7 * DAY_S, "2026-11-29 23:00:00", 54 * 3600),
        ("total", 11 * 3600.0, "2026-11-27 20:00:00", 9 * 3600),
    ],
)
def test_the_open_time_of_windows_and_totals(kind: HeatKind, period_s: float, instant: str, open_s: float) -> None:
    assert open_ratio(SHOP, OSLO, kind, period_s, at(instant)) * period_s == pytest.approx(open_s)


@pytest.mark.parametrize("instant", ["2026-11-27 09:10", "2026-11-27 13:30", "2026-11-29 12:00"])
def test_the_open_time_of_a_decaying_heat_is_weighted_like_what_it_counts(instant: str) -> None:
    mean_life_s, now_s, step_s = 2597.0, at(instant), 5.0
    ages_s = [step_s * (index + 0.5) for index in range(int(20 * mean_life_s / step_s))]
    weights = (math.exp(-age_s / mean_life_s) for age_s in ages_s)
    seconds = (step_s * w for age_s, w in zip(ages_s, weights, strict=True) if is_open(SHOP, now_s - age_s, OSLO))
    assert open_ratio(SHOP, OSLO, "decaying", mean_life_s, now_s) * mean_life_s == pytest.approx(sum(seconds), abs=3)


def test_a_shop_that_never_closes_is_open_all_the_time() -> None:
    assert open_ratio(None, UTC, "window", 3600.0, at("2026-11-29 12:00")) == 1.0


def test_no_coverage_exceeds_one_or_divides_by_zero() -> None:
    grid = as_heat_grid(np.zeros((2, 2)), 1000.0, 3600.0)
    assert replace(grid, open_ratio=0.0).coverage == 0.0
    assert replace(grid, open_ratio=1e-9).coverage == 1.0
