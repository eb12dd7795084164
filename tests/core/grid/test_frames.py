"""A frame knows its size and orientation and rejects what is not a picture."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.core.grid.frames import UPRIGHT, Frame, Orientation, SizeWH


def frame_of(luma: NDArray[Any]) -> Frame:
    return Frame(luma, 1.0, 2.0, lambda size_wh: np.zeros((size_wh[1], size_wh[0], 3), np.uint8))


def test_a_frame_s_size_is_width_and_height_and_its_colours_default_to_grey() -> None:
    frame = frame_of(np.zeros((90, 160), np.uint8))
    assert frame.size_wh == (160, 90)
    assert (frame.chroma((16, 9)), frame.levels) == (None, (0, 255))


@pytest.mark.parametrize("shape", [(90,), (90, 160, 3), (0, 160), (90, 0), ()])
def test_a_luma_plane_that_is_no_picture_is_rejected(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"luma: expected a shape of \(height, width\)"):
        frame_of(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("pixel_aspect", "orientation", "size_wh"),
    [
        (1.0, UPRIGHT, (160, 90)),
        (16 / 9, UPRIGHT, (284, 90)),
        (0.5, UPRIGHT, (160, 180)),
        (16 / 9, Orientation(transposed=True), (90, 284)),
        (1.0, Orientation(transposed=True, mirrored_x=True), (90, 160)),
        (1.0, Orientation(mirrored_y=True), (160, 90)),
    ],
)
def test_a_frame_s_size_is_the_one_at_which_it_is_shown(
    pixel_aspect: float, orientation: Orientation, size_wh: SizeWH
) -> None:
    frame = replace(frame_of(np.zeros((90, 160), np.uint8)), pixel_aspect=pixel_aspect, orientation=orientation)
    assert frame.size_wh == size_wh


@pytest.mark.parametrize(("transposed", "mirrored_x", "mirrored_y"), list(product((False, True), repeat=3)))
def test_every_orientation_turns_the_pixels_upright(transposed: bool, mirrored_x: bool, mirrored_y: bool) -> None:
    orientation = Orientation(transposed, mirrored_x, mirrored_y)
    stored = np.arange(24, dtype=np.uint8).reshape(4, 6)
    upright = orientation.upright(stored)
    assert upright.shape[::-1] == orientation.stored_wh((6, 4))
    assert upright.flags.c_contiguous
    for row, column in product(range(4), range(6)):
        x, y = (row, column) if transposed else (column, row)
        height, width = upright.shape
        assert upright[height - 1 - y if mirrored_y else y, width - 1 - x if mirrored_x else x] == stored[row, column]
