"""Finds how hot the hottest places of a heat are, and not its odd cells."""

from __future__ import annotations

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32

_PLACE_CELLS = 5
"""Nobody is smaller than most of a square so wide; a cell that stands out from it by itself is a mistake."""


def places(heat_s: F32) -> F32:
    """Return for each cell the median of the square around it: how hot the place is; owned by the caller.

    heat_s: float32, shape (height, width). Where that leaves nothing at all, the heat as it is.
    """
    found = np.asarray(cv2.medianBlur(heat_s, _PLACE_CELLS), np.float32)
    return found if found.any() else heat_s.copy()
