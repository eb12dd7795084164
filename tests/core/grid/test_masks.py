"""Set operations on masks, kernels that scale with the grid, and the way to half the grid and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.core.grid import masks
from edgeheat.core.grid.frames import U8


def mask_of(*rows: str) -> U8:
    return np.array([[255 if cell == "#" else 0 for cell in row] for row in rows], np.uint8)


FIRST, SECOND = mask_of("##..", "##.."), mask_of(".##.", ".##.")


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (masks.union(FIRST, SECOND), mask_of("###.", "###.")),
        (masks.intersection(FIRST, SECOND), mask_of(".#..", ".#..")),
        (masks.difference(FIRST, SECOND), mask_of("#...", "#...")),
        (masks.invert(FIRST), mask_of("..##", "..##")),
    ],
)
def test_masks_combine_as_sets_do(found: U8, wanted: U8) -> None:
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == np.uint8


@given(st.integers(0, 2**32 - 1))
def test_a_mask_is_the_union_of_what_is_in_another_and_what_is_not(seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = (masks.as_mask(random.random((7, 9)) < 0.5) for _ in range(2))
    parts = masks.union(masks.intersection(first, second), masks.difference(first, second))
    np.testing.assert_array_equal(parts, first)
    np.testing.assert_array_equal(masks.difference(first, second), masks.intersection(first, masks.invert(second)))


def test_operations_leave_their_arguments_alone() -> None:
    first, second = FIRST.copy(), SECOND.copy()
    for operation in (masks.union, masks.intersection, masks.difference):
        operation(first, second)[:] = 7
    masks.invert(first)[:] = 7
    np.testing.assert_array_equal(first, FIRST)
    np.testing.assert_array_equal(second, SECOND)


def test_a_value_must_exceed_the_limit_and_not_only_reach_it() -> None:
    values = np.array([[9, 10, 11]], np.uint8)
    np.testing.assert_array_equal(masks.exceeds(values, 10), [[0, 0, 255]])
    np.testing.assert_array_equal(masks.exceeds(values, np.array([[8, 10, 12]], np.uint8)), [[255, 0, 0]])


def test_a_difference_of_grey_levels_has_no_sign() -> None:
    np.testing.assert_array_equal(
        masks.absolute_difference(np.array([[3, 200]], np.uint8), np.array([[10, 190]], np.uint8)), [[7, 10]]
    )


def test_the_ratio_is_of_all_cells() -> None:
    assert masks.ratio_of(FIRST) == 0.5
    assert masks.ratio_of(mask_of("....")) == 0.0


@pytest.mark.parametrize(("cells", "grid_width", "side"), [(7, 320, 7), (7, 640, 13), (7, 160, 3), (1, 16, 1)])
def test_a_kernel_scales_with_the_grid_and_stays_odd(cells: int, grid_width: int, side: int) -> None:
    assert masks.square_kernel(cells, grid_width).shape == (side, side)


@pytest.mark.parametrize(("cells", "grid_width", "side"), [(21, 320, 11), (21, 640, 21), (1, 320, 1)])
def test_a_kernel_at_half_the_grid_is_half_as_wide(cells: int, grid_width: int, side: int) -> None:
    assert masks.square_kernel_at_half(cells, grid_width).shape == (side, side)


def test_a_disc_of_one_cell_or_none_is_no_kernel() -> None:
    assert masks.round_kernel(0) is None and masks.round_kernel(1) is None
    assert masks.round_kernel(3) is not None


@given(st.integers(1, 40), st.integers(1, 40))
def test_any_grid_can_be_halved_and_enlarged_again(height: int, width: int) -> None:
    full = np.full((height, width), 255, np.uint8)
    half = masks.halved(full)
    assert half.shape == masks.half_hw((height, width)) and (half == 255).all()
    again = masks.enlarged(half, (height, width))
    assert again.shape == (height, width) and (again == 255).all()


@pytest.mark.parametrize("times", [2, 4, 3])
def test_each_cell_becomes_a_square_when_a_mask_is_enlarged(times: int) -> None:
    coarse = mask_of("#.", ".#", "##")
    wanted = coarse.repeat(times, axis=0).repeat(times, axis=1)
    np.testing.assert_array_equal(masks.enlarged(coarse, (3 * times, 2 * times)), wanted)


def test_a_field_is_enlarged_without_steps() -> None:
    found = masks.interpolated(np.array([[0.0, 8.0]], np.float32), (1, 16))
    assert found.dtype == np.float32
    assert (np.diff(found[0]) >= 0.0).all() and np.diff(found[0]).max() <= 1.0


def test_the_window_around_a_mask_keeps_its_margin_inside_the_grid() -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[2:5, 25:28] = 255
    rows, columns = masks.window_around(mask, 4)
    assert (rows.start, columns.start) == (0, 21)
    assert mask[rows, columns].shape == (9, 9)


def test_opening_removes_what_is_small_and_closing_fills_gaps() -> None:
    speck, gap = mask_of(".....", ".#...", "....."), mask_of("##.##", "##.##", "##.##")
    assert not masks.opened(speck, masks.square_kernel(3)).any()
    assert (masks.closed(gap, masks.square_kernel(3)) == 255).all()
