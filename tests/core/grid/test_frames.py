"""A frame knows its size and rejects what is not a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.core.grid.frames import Frame


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
