"""The hottest place is one of several cells together."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.grid.frames import F32
from edgeheat.core.heat.peak import places


def heat(*spots: tuple[slice, slice, float]) -> F32:
    grid: F32 = np.zeros((90, 160), np.float32)
    for rows, columns, seconds in spots:
        grid[rows, columns] = seconds
    return grid


def test_a_cell_that_stands_out_by_itself_is_no_place() -> None:
    person, odd = (slice(20, 50), slice(40, 48), 30.0), (slice(30, 33), slice(43, 45), 300.0)
    assert places(heat(person, odd)).max() == 30.0


@pytest.mark.parametrize("width", [3, 4, 9])
def test_somebody_narrow_is_a_place(width: int) -> None:
    assert places(heat((slice(20, 32), slice(40, 40 + width), 30.0))).max() == 30.0


def test_where_no_place_is_left_the_cells_count() -> None:
    few = heat((slice(5, 6), slice(7, 8), 2.0))
    np.testing.assert_array_equal(places(few), few)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3)])
def test_grids_smaller_than_a_place_are_read_too(shape: tuple[int, int]) -> None:
    assert places(np.full(shape, 4.0, np.float32)).max() == 4.0
