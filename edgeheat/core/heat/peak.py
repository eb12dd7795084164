"""Smooths a heat so that its peak is the hottest place a person fits into, not a single outlier cell."""

from __future__ import annotations

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32

_WINDOW_CELLS = 5
"""Side of the square whose median is taken: a person covers more than half of it, an outlier less."""


def local_median(heat_s: F32) -> F32:
    """Return for each cell the median of the square around it, owned by the caller.

    heat_s: float32, shape (height, width). Where all medians are 0, a copy of the heat itself.
    Reference: Tukey 1977, Exploratory Data Analysis (median filter).
    """
    smoothed = np.asarray(cv2.medianBlur(heat_s, _WINDOW_CELLS), np.float32)
    return smoothed if smoothed.any() else heat_s.copy()
