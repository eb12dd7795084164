"""Reduces a camera's frames to its grid: brightness and colour without private areas, time since the previous frame."""

from __future__ import annotations

import cv2

from edgeheat.core.grid.frames import U8, Frame, GridFrame
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

    def read(self, frame: Frame, picture: U8 | None) -> GridFrame:
        """Return a frame on the grid; its grid and chroma are owned by the caller. `picture`: see GridFrame."""
        grid, chroma = to_grid(frame, self._grid_wh), frame.chroma(self._half_wh)
        if self._privacy is not None:
            grid[self._privacy > 0] = 0
            if chroma is not None:
                hidden = cv2.resize(self._privacy, chroma.shape[1::-1], interpolation=cv2.INTER_AREA)
                chroma[hidden > 0] = _NEUTRAL
        return GridFrame(grid, chroma, picture, self._take_elapsed_s(frame.mono_s), frame.mono_s, frame.wall_s)

    def _take_elapsed_s(self, mono_s: float) -> float:
        previous_s, self._previous_mono_s = self._previous_mono_s, mono_s
        elapsed_s = 0.0 if previous_s is None else mono_s - previous_s
        return elapsed_s if elapsed_s <= self._max_gap_s else 0.0
