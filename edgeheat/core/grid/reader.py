"""Reduces a camera's frames to its grid: brightness and colour without private areas, time since the previous frame."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from edgeheat.core.grid import letterbox
from edgeheat.core.grid.frames import U8, Frame, GridFrame, SizeWH
from edgeheat.core.grid.masks import half_hw
from edgeheat.core.grid.sampling import to_grid

_NEUTRAL = 128
"""Cb and Cr of grey."""


class GridReader:
    """Reduces frames of any size to one grid, in their order."""

    def __init__(self, shape_hw: tuple[int, int], privacy: U8 | None, max_gap_s: float) -> None:
        """`shape_hw`: (height, width) of the grid. `privacy`: cells to black out, 255 or 0; None if there are none.

        `max_gap_s`: a longer pause between two frames is a gap and counts as 0 s.
        """
        self._grid_wh = shape_hw[::-1]
        self._half_wh = half_hw(shape_hw)[::-1]
        self._privacy = privacy
        self._max_gap_s = max_gap_s
        self._previous_mono_s: float | None = None
        self._previous_grid: U8 | None = None
        self._previous_chroma: U8 | None = None

    def read(self, frame: Frame, picture: U8 | None) -> GridFrame:
        """Return a frame on the grid. `picture`: see GridFrame.

        A frame of another shape than the grid is not stretched; cells that it does not cover keep their last values,
        so that nothing seems to happen there. What the caller writes into grid and chroma are such values too.
        """
        grid = _fitted(lambda size_wh: to_grid(frame, size_wh), frame.size_wh, self._grid_wh, self._previous_grid)
        assert grid is not None
        chroma = _fitted(frame.chroma, frame.size_wh, self._half_wh, self._previous_chroma)
        if self._privacy is not None:
            grid[self._privacy > 0] = 0
            if chroma is not None:
                hidden = cv2.resize(self._privacy, chroma.shape[1::-1], interpolation=cv2.INTER_AREA)
                chroma[hidden > 0] = _NEUTRAL
        self._previous_grid, self._previous_chroma = grid, chroma
        return GridFrame(grid, chroma, picture, self._take_elapsed_s(frame.mono_s), frame.mono_s, frame.wall_s)

    def _take_elapsed_s(self, mono_s: float) -> float:
        previous_s, self._previous_mono_s = self._previous_mono_s, mono_s
        elapsed_s = 0.0 if previous_s is None else mono_s - previous_s
        return elapsed_s if elapsed_s <= self._max_gap_s else 0.0


def _fitted(
    convert: Callable[[SizeWH], U8 | None], picture_wh: SizeWH, canvas_wh: SizeWH, last: U8 | None
) -> U8 | None:
    """Return a picture on a canvas of its own or another shape; what it does not cover is taken from `last`."""
    area = letterbox.covered(picture_wh, canvas_wh)
    picture = convert(canvas_wh if area is None else letterbox.size_wh(area))
    if area is None or picture is None:
        return picture
    canvas = np.full((*canvas_wh[::-1], *picture.shape[2:]), _NEUTRAL, np.uint8) if last is None else last.copy()
    canvas[area] = picture
    return canvas
