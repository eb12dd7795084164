"""Median-filters a heat, so that its maximum is a place as large as a person and not a single outlier cell."""

from __future__ import annotations

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32

_WINDOW_CELLS = 5
"""Side of the square whose median is taken: a person covers more than half of it, an outlier less."""


def median_filter(heat_s: F32) -> F32:
    """Return for each cell the median of the 5 x 5 cells around it, owned by the caller.

    heat_s: float32, shape (height, width). Returns a copy of the heat if all medians are 0.
    Reference: Tukey 1977, Exploratory Data Analysis (median filter).
    """
    filtered = np.asarray(cv2.medianBlur(heat_s, _WINDOW_CELLS), np.float32)
    return filtered if filtered.any() else heat_s.copy()
