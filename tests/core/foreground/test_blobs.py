"""Blobs that are too small for their position, or visible too briefly, are rejected."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.foreground.blobs import BlobFilter, feet
from edgeheat.core.grid.frames import U8
from edgeheat.defs.params import MotionParams

HW = (90, 160)


def cells_of(*blocks: tuple[int, int, int, int]) -> U8:
    """Cells of blocks (left, top, width, height)."""
    cells = np.zeros(HW, np.uint8)
    for left, top, width, height in blocks:
        cells[top : top + height, left : left + width] = 255
    return cells


def kept(cells: U8, seconds: float = 1.0, **motion: int) -> U8:
    blobs = BlobFilter(MotionParams(**motion), HW)  # type: ignore[arg-type]
    found = np.zeros(HW, np.uint8)
    for _ in range(round(seconds * 5)):
        found = blobs.mature(cells, 0.2)
    return found


def test_a_blob_of_sufficient_size_is_kept_unchanged() -> None:
    cells = cells_of((20, 20, 12, 30), (100, 40, 8, 16))
    np.testing.assert_array_equal(kept(cells), cells)


def test_a_speck_is_rejected_however_long_it_is_present() -> None:
    assert not kept(cells_of((20, 20, 2, 2)), 10.0).any()
    assert kept(cells_of((20, 20, 2, 2)), 10.0, min_blob_cells=4).any()


@pytest.mark.parametrize(("top", "counts"), [(0, True), (36, False), (70, False)])
def test_the_minimum_size_increases_from_far_to_near(top: int, counts: bool) -> None:
    found = kept(cells_of((40, top, 8, 8)), min_blob_cells=300, min_blob_far_cells=16)
    assert bool(found.any()) == counts


def test_the_minimum_size_is_that_at_the_lower_edge_of_the_blob() -> None:
    tall = cells_of((40, 4, 6, 80))
    assert not kept(tall, min_blob_cells=600, min_blob_far_cells=16).any()
    assert kept(tall, min_blob_cells=400, min_blob_far_cells=16).any()


def test_a_new_blob_counts_only_from_half_a_second_on() -> None:
    blobs = BlobFilter(MotionParams(), HW)
    blobs.mature(cells_of(), 5.0)
    blobs.mature(cells_of(), 0.2)
    there = [bool(blobs.mature(cells_of((20, 20, 12, 30)), 0.2).any()) for _ in range(4)]
    assert there == [False, False, True, True]


def test_a_blob_that_is_present_at_the_start_counts_at_once() -> None:
    assert kept(cells_of((20, 20, 12, 30)), 0.2).any()


def test_an_insect_that_jumps_never_reaches_the_minimum_age_and_a_walking_person_does() -> None:
    insects, walkers = BlobFilter(MotionParams(), HW), BlobFilter(MotionParams(), HW)
    for _ in range(4):
        insects.mature(cells_of(), 0.2)
        walkers.mature(cells_of(), 0.2)
    seen = [
        (
            bool(insects.mature(cells_of((5 + 30 * number % 120, 10 + 25 * number % 60, 8, 8)), 0.2).any()),
            bool(walkers.mature(cells_of((5 + 4 * number, 20, 12, 30)), 0.2).any()),
        )
        for number in range(15)
    ]
    assert not any(insect for insect, _ in seen)
    assert all(walker for _, walker in seen[3:])


def test_with_few_frames_a_second_every_blob_counts_at_once() -> None:
    blobs = BlobFilter(MotionParams(), HW)
    blobs.mature(cells_of(), 1.0)
    assert blobs.mature(cells_of((20, 20, 12, 30)), 1.0).any()


def test_feet_are_the_lower_edge_of_each_blob_and_grow_with_it() -> None:
    found = feet(cells_of((20, 10, 10, 60), (100, 40, 8, 20)))
    assert (found[61:70, 20:30] == 255).all() and not found[:61, 20:30].any()
    assert (found[57:60, 100:108] == 255).all() and not found[:56, 100:108].any()
    assert np.count_nonzero(found) == 9 * 10 + 3 * 8


def test_feet_follow_each_column_of_a_slanting_blob() -> None:
    cells = np.zeros(HW, np.uint8)
    for column in range(20):
        cells[20 : 40 + column, 50 + column] = 255
    found = feet(cells)
    for column in range(20):
        assert found[39 + column, 50 + column] == 255
        assert not found[:30, 50 + column].any()
    assert not feet(np.zeros(HW, np.uint8)).any()


def test_feet_at_the_lower_border_and_of_touching_boxes_stay_apart() -> None:
    high, low = (20, 10, 10, 40), (32, 50, 10, 40)
    found = feet(cells_of(high, low))
    assert (found[44:50, 20:30] == 255).all()
    assert (found[84:90, 32:42] == 255).all()
    assert np.count_nonzero(found) == 6 * 10 + 6 * 10
