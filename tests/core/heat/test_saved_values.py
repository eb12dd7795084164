"""Tests of the checks of saved arrays and numbers."""

import math

import numpy as np
import pytest

from edgeheat.core.heat.saved_values import checked_copy, checked_number, checked_shape_hw

SHAPE = (6, 8)


def test_a_saved_array_is_copied() -> None:
    saved = np.ones(SHAPE, np.uint32)
    checked_copy(saved, SHAPE, np.uint32)[:] = 5
    assert (saved == 1).all()


@pytest.mark.parametrize("saved", [np.zeros((2, 2), np.uint32), np.zeros(SHAPE, np.uint16), np.zeros(SHAPE, np.int32)])
def test_a_saved_array_of_another_shape_or_dtype_is_rejected(saved: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"heat: expected uint32 \(6, 8\)"):
        checked_copy(saved, SHAPE, np.uint32)


def test_a_number_is_returned_as_it_is() -> None:
    assert [checked_number(value) for value in (0, -3.5, np.int64(7), 1e14)] == [0.0, -3.5, 7.0, 1e14]
    assert checked_number(-math.inf, unset=-math.inf) == -math.inf


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e15, -1e15, np.int64(2**62)])
def test_a_number_that_is_no_time_is_rejected(value: float) -> None:
    with pytest.raises(ValueError, match="expected a time within 1e\\+14"):
        checked_number(value)
    with pytest.raises(ValueError, match="expected a time"):
        checked_number(math.inf, unset=-math.inf)
    with pytest.raises(ValueError, match="expected one number"):
        checked_number(np.full(1, value))


def test_a_grid_has_two_sides_of_1_to_4096_cells() -> None:
    assert checked_shape_hw((1, 4096)) == (1, 4096)
    for shape in ((), (4,), (0, 5), (5, -1), (4097, 1), (2, 2, 2)):
        with pytest.raises(ValueError, match="expected a grid"):
            checked_shape_hw(shape)
