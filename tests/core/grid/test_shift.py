"""A picture that is moved as a whole is found at the place where it was moved to."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.grid.shift import shift_between


@pytest.mark.parametrize(("right", "down"), [(0, 0), (5, -3), (-40, 12)])
def test_the_shift_of_a_whole_picture_is_found_and_the_pictures_are_unchanged(right: int, down: int) -> None:
    texture = np.random.default_rng(1).random((120, 260)).astype(np.float32)
    before = texture[20:110, 50:210].copy()
    now = texture[20 - down : 110 - down, 50 - right : 210 - right].copy()
    copies = before.copy(), now.copy()
    assert shift_between(before, now) == pytest.approx((right, down), abs=0.2)
    np.testing.assert_array_equal((before, now), copies)
