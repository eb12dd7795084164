"""Zone counters follow their zones into another order."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.heat.zone_counters import Counter, align_counters, zero_counters


def test_counters_move_to_the_new_place_of_their_zone_and_new_zones_get_zeros() -> None:
    counters = np.arange(1, 2 * 3 * len(Counter) + 1).reshape(2, 3, len(Counter))
    moved = align_counters(counters, (7, 8, 9), (9, 5, 7))
    np.testing.assert_array_equal(moved[:, 0], counters[:, 2])
    np.testing.assert_array_equal(moved[:, 2], counters[:, 0])
    assert not moved[:, 1].any()
    assert moved.dtype == counters.dtype


def test_aligned_counters_are_owned_by_the_caller() -> None:
    counters = np.ones((2, len(Counter)), np.float64)
    align_counters(counters, (7, 8), (7, 8))[:] = 5
    assert (counters == 1).all()


@pytest.mark.parametrize("shape", [(3, len(Counter)), (2, len(Counter) + 1), (len(Counter),)])
def test_counters_of_other_zones_are_rejected(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"zone counters: expected a shape of \(\.\.\., 2, 6\)"):
        align_counters(np.zeros(shape), (7, 8), (9,))


def test_without_zones_there_are_no_counters() -> None:
    assert zero_counters(0).shape == (0, len(Counter))
    assert not align_counters(zero_counters(0), (), (7,)).any()
