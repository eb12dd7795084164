"""Decaying heat follows its closed form for weeks."""

from __future__ import annotations

import math

import pytest

from edgeheat.core.heat.decaying import DecayingHeat
from tests.core.counting import SHAPE, WALL, ZONES, active_s, cell_s, increment


def decaying(half_life_s: float) -> DecayingHeat:
    return DecayingHeat(SHAPE, len(ZONES.keys), "presence", half_life_s)


def test_decaying_heat_follows_the_closed_form_over_six_simulated_weeks() -> None:
    half_life_s, every_s = 7 * 86400.0, 60.0
    heat = decaying(half_life_s)
    steps = int(6 * 7 * 86400 / every_s)
    for step in range(steps):
        heat.add(increment(step * every_s))
    ratio = 2 ** (-every_s / half_life_s)
    expected = (1 - ratio**steps) / (1 - ratio)
    for now_s, wanted in (((steps - 1) * every_s, expected), ((steps - 1) * every_s + half_life_s, expected / 2)):
        assert cell_s(heat, now_s) == pytest.approx(wanted, rel=1e-6)
        assert active_s(heat, now_s) == pytest.approx(wanted, rel=1e-6)


def test_decaying_heat_that_is_observed_without_a_gap_for_long_is_fully_covered() -> None:
    heat = decaying(60.0)
    for second in range(1200):
        heat.add(increment(float(second)))
    grid = heat.read(1199.0, WALL)
    assert grid.coverage == pytest.approx(1.0, abs=0.01)
    assert grid.period_s == pytest.approx(60 / math.log(2))


def test_an_increment_that_arrives_late_does_not_undo_decay() -> None:
    heat = decaying(60.0)
    heat.add(increment(100.0))
    heat.add(increment(40.0))
    assert cell_s(heat, 160.0) == pytest.approx(1.0)
