"""Grids of milliseconds travel in few bytes, and nothing of them is lost."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeheat.core.heat.packing import pack_leading, pack_ms, unpack_leading, unpack_ms

LARGEST = 2**32 - 1
CELL_MS = st.one_of(
    st.integers(0, LARGEST),
    st.integers(0, 31).map(lambda power: 2**power),
    st.integers(1, 32).map(lambda power: 2**power - 1),
)


@st.composite
def grids(draw: st.DrawFn) -> NDArray[np.uint32]:
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    cells = draw(st.lists(CELL_MS, min_size=height * width, max_size=height * width))
    return np.array(cells, np.uint32).reshape(height, width)


@given(grids())
def test_the_leading_digits_and_what_they_leave_over_are_the_grid(grid_ms: NDArray[np.uint32]) -> None:
    packed, rest_ms = pack_leading(grid_ms)
    leading_ms = unpack_leading(packed, (grid_ms.shape[0], grid_ms.shape[1]))
    np.testing.assert_array_equal(leading_ms.astype(np.uint64) + rest_ms, grid_ms)
    assert (9 * rest_ms.astype(np.uint64) <= grid_ms).all()
    assert not rest_ms[grid_ms < 16].any()
    digits = [np.binary_repr(int(cell)).rstrip("0") for cell in leading_ms.ravel()]
    assert max(map(len, digits)) <= 4


@given(grids())
def test_a_grid_that_was_packed_to_the_millisecond_is_read_too(grid_ms: NDArray[np.uint32]) -> None:
    np.testing.assert_array_equal(unpack_leading(pack_ms(grid_ms), (grid_ms.shape[0], grid_ms.shape[1])), grid_ms)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.int64])
def test_what_is_packed_exactly_comes_back_exactly(dtype: Any) -> None:
    grid_ms = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (5, 7)).astype(dtype)
    np.testing.assert_array_equal(unpack_ms(pack_ms(grid_ms), (5, 7), dtype), grid_ms)


@pytest.mark.parametrize(
    ("what", "packed", "reason"),
    [
        ("no zlib", b"nonsense", "not a packed grid"),
        ("too small", pack_leading(np.zeros((2, 2), np.uint32))[0], "expected 6 or 24 bytes, got 4"),
        ("too large", pack_ms(np.zeros((4, 4), np.uint32)), "expected 6 or 24 bytes, got 25"),
        ("cut off", pack_leading(np.zeros((2, 3), np.uint32))[0][:-3], "packed grid: expected"),
        ("of no number", zlib.compress(bytes([255, 0, 0, 0, 0, 0])), "codes up to 239, got 255"),
    ],
)
def test_bytes_that_are_no_packed_grid_are_refused(what: str, packed: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack_leading(packed, (2, 3))
