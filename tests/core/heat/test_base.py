"""What every heat has in common: its measure, its grid of seconds, and the checks of saved arrays."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.heat.base import HeatGrid, add_measure, as_heat_grid, checked_copy
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


def test_a_saved_array_is_copied() -> None:
    saved = np.ones(SHAPE, np.uint32)
    checked_copy(saved, SHAPE, np.uint32)[:] = 5
    assert (saved == 1).all()


@pytest.mark.parametrize("saved", [np.zeros((2, 2), np.uint32), np.zeros(SHAPE, np.uint16), np.zeros(SHAPE, np.int32)])
def test_a_saved_array_of_another_shape_or_dtype_is_rejected(saved: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"heat: expected uint32 \(6, 8\)"):
        checked_copy(saved, SHAPE, np.uint32)
