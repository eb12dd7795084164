"""Detects movement: which cells changed within the last moment, and where enough of them did for a moving person."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.masks import absolute_difference, enlarged, exceeds, halved, square_kernel

_MOTION_CELLS = 21
"""Width in cells of the square around a cell of which enough must have changed for the cell to show movement."""

_MOTION_RATIO = 0.08
"""Share of that square that must have changed within `_MOTION_INTERVAL_S`."""

_MOTION_INTERVAL_S = 0.18
"""The time between two frames at 5 a second, less some slack: movement means the same at every frame rate."""


class MotionDetector:
    """Compares each frame with the one of a moment ago.

    Reference: temporal differencing over a fixed interval, Lipton, Fujiyoshi and Patil 1998.
    """

    def __init__(self) -> None:
        self._elapsed_s = 0.0
        self._recent: deque[tuple[float, U8]] = deque()
        """Frames of the last moment with their times, the oldest of them old enough to compare with."""

    def changed(self, luma: U8, dt_s: float, tolerance: float) -> U8:
        """Return 255 where a frame differs from the one of a moment ago by more than `tolerance` grey levels.

        `luma`: uint8, exposure compensated; kept, so not to be changed afterwards.
        """
        self._elapsed_s += dt_s
        self._recent.append((self._elapsed_s, luma))
        # A gap counts as no time. If each frame of a slow camera follows a gap, none would ever be old enough to drop.
        while len(self._recent) > 2 and dt_s <= 0.0:
            self._recent.popleft()
        while len(self._recent) > 1 and self._elapsed_s - self._recent[1][0] >= _MOTION_INTERVAL_S:
            self._recent.popleft()
        return exceeds(absolute_difference(luma, self._recent[0][1]), tolerance)

    @property
    def kept_frames(self) -> int:
        """How many frames are kept to compare with."""
        return len(self._recent)

    def restart(self) -> None:
        """Forget the frames of the last moment: they were normalised to another background."""
        self._recent.clear()


def moving_areas(changed: U8) -> U8:
    """Return 255 in the cells around which much changed within the last moment; `changed` is 255 or 0."""
    # Summed at half the grid, which is half the work; the square's size is given in cells of the whole grid too.
    half = halved(changed)
    side = square_kernel((_MOTION_CELLS + 1) // 2, changed.shape[1]).shape
    return enlarged(exceeds(np.asarray(cv2.blur(half, side), np.uint8), 255 * _MOTION_RATIO), changed.shape)
