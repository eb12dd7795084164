"""Finds by how far one picture is moved against another, as a whole."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32


def shift_between(before: F32, now: F32) -> tuple[float, float]:
    """Return by how many cells, to the right and down, `now` is moved against `before`; up to half of the picture.

    Both are float32, (height, width), and are not changed. The result is meaningless where the pictures have nothing in
    common.
    Reference: phase correlation, Kuglin and Hines 1975.
    """
    # New arrays: OpenCV 5 multiplies the window into its arguments where it need not pad them.
    (right, down), _ = cv2.phaseCorrelate(
        before - before.mean(), now - now.mean(), _hanning_window(now.shape[1], now.shape[0])
    )
    return right, down


@lru_cache(maxsize=2)
def _hanning_window(width: int, height: int) -> F32:
    return np.asarray(cv2.createHanningWindow((width, height), cv2.CV_32F), np.float32)
