"""After the median filter, the maximum of a heat is a place as large as a person, not an outlier cell."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.grid.frames import F32
from edgeheat.core.heat.median_filter import median_filter


def heat(*spots: tuple[slice, slice, float]) -> F32:
    grid: F32 = np.zeros((90, 160), np.float32)
    for rows, columns, seconds in spots:
        grid[rows, columns] = seconds
    return grid


def test_an_outlier_does_not_set_the_peak() -> None:
    person, outlier = (slice(20, 50), slice(40, 48), 30.0), (slice(30, 33), slice(43, 45), 300.0)
    assert median_filter(heat(person, outlier)).max() == 30.0


@pytest.mark.parametrize("width", [3, 4, 9])
def test_a_narrow_person_sets_the_peak(width: int) -> None:
    assert median_filter(heat((slice(20, 32), slice(40, 40 + width), 30.0))).max() == 30.0


def test_a_heat_of_few_cells_is_returned_as_it_is() -> None:
    few = heat((slice(5, 6), slice(7, 8), 2.0))
    np.testing.assert_array_equal(median_filter(few), few)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3)])
def test_grids_smaller_than_the_median_s_square_work(shape: tuple[int, int]) -> None:
    assert median_filter(np.full(shape, 4.0, np.float32)).max() == 4.0


def test_the_heat_itself_is_not_changed() -> None:
    few = heat((slice(5, 6), slice(7, 8), 2.0))
    median_filter(few)[:] = 9
    assert few.sum() == 2.0
