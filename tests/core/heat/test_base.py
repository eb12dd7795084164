"""What every heat has in common: its measure and its grid of seconds."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.heat.base import HeatGrid, add_measure, as_heat_grid
from edgeheat.defs.params import Measure
from tests.core.counting import CELL, SHAPE, increment


@pytest.mark.parametrize(
    ("what", "observed_s", "period_s", "coverage"),
    [
        ("half observed", 30.0, 60.0, 0.5),
        ("rounding beyond the period", 60.1, 60.0, 1.0),
        ("no period yet", 0.0, 0.0, 0.0),
    ],
)
def test_coverage_is_the_observed_share_of_the_period(
    what: str, observed_s: float, period_s: float, coverage: float
) -> None:
    assert HeatGrid(np.zeros((1, 1), np.float32), observed_s, period_s).coverage == coverage, what


@pytest.mark.parametrize(("measure", "counted_ms"), [("presence", 31_000), ("traffic", 1000), ("dwell", 30_000)])
@pytest.mark.parametrize("dtype", [np.float64, np.uint32])
def test_a_measure_takes_its_part_of_an_increment(measure: Measure, counted_ms: int, dtype: type) -> None:
    heat_ms = np.ones(SHAPE, dtype)
    add_measure(heat_ms, increment(1.0, 1000, 30_000), measure)
    assert (heat_ms[CELL], heat_ms.sum()) == (1 + counted_ms, counted_ms + heat_ms.size)


def test_a_heat_grid_is_in_seconds_and_does_not_share_memory() -> None:
    heat_ms = np.full(SHAPE, 1500, np.uint32)
    grid = as_heat_grid(heat_ms, 3000, 60.0)
    heat_ms[:] = 0
    assert (grid.heat_s.dtype, grid.heat_s.min(), grid.observed_s, grid.period_s) == (np.float32, 1.5, 3.0, 60.0)
