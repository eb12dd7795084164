"""Finds how far a picture has moved against another, by their edges, whatever the light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32

_EDGE_FLOOR = 4.0
"""Grey levels a cell, added where edges are divided by the edges around them, so that noise stays small."""

_CLEAR_FIT = 0.6
"""Where a nearby shift fits so well, none farther away is searched for."""

_FARTHEST_RATIO = 0.5
"""A shift is believed up to this share of width and height."""


def edges_of(picture: F32) -> F32:
    """Return the strength of a picture's edges relative to those around them; owned by the caller, of its shape.

    Light, contrast and its sign cancel out. `picture` in grey levels.
    """
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.0)
    slopes = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    strength = cv2.magnitude(*slopes)
    side = picture.shape[1] // 10 * 2 + 1
    around = np.asarray(cv2.blur(strength, (side, side)), np.float32)
    return np.asarray(strength / (around + np.float32(_EDGE_FLOOR)), np.float32)


def correlation(first: F32, second: F32) -> float:
    """Return Pearson's correlation of two arrays of one shape, -1..1; 0 where one of them is constant."""
    a, b = first - first.mean(), second - second.mean()
    power = float((a * a).sum()) * float((b * b).sum())
    return float((a * b).sum()) / power**0.5 if power > 0 else 0.0


def estimate_shift(there: F32, here: F32) -> tuple[tuple[float, float], float]:
    """Return how far `here` lies to the right of `there` and below it, in cells, and how well they correlate then.

    Both `edges_of` pictures of one shape. Nearby it is exact, farther away (up to half of the picture) it is a guess
    that the correlation tells from a wrong one: -1 where there is none.
    """
    shift = _nearby_shift(there, here)
    fit = _fit_at(there, here, shift)
    if fit < _CLEAR_FIT:
        # Fresh arrays: OpenCV 5 multiplies the window into its arguments where it need not pad them.
        far, _ = cv2.phaseCorrelate(there - there.mean(), here - here.mean(), _window(here.shape[1], here.shape[0]))
        far_fit = _fit_at(there, here, far)
        if far_fit > fit:
            shift, fit = (far[0], far[1]), far_fit
    return shift, fit


def _nearby_shift(there: F32, here: F32) -> tuple[float, float]:
    """The shift, up to an eighth of the width, at which the middle of the picture correlates best with the reference.

    Between cells a parabola through the best and its neighbours is followed to its top.
    """
    height, width = here.shape
    x_room, y_room = width // 8, min(width // 8, height // 3)
    middle = here[y_room : height - y_room, x_room : width - x_room]
    fits = cv2.matchTemplate(there, middle, cv2.TM_CCOEFF_NORMED)
    _, _, _, (x, y) = cv2.minMaxLoc(fits)
    return x_room - _top(fits[y, :], x), y_room - _top(fits[:, x], y)


def _top(fits: NDArray[Any], best: int) -> float:
    if not 0 < best < len(fits) - 1:
        return float(best)
    before, at, after = (float(fit) for fit in fits[best - 1 : best + 2])
    bend = before - 2 * at + after
    return best + (0.5 * (before - after) / bend if bend < 0 else 0.0)


def _fit_at(there: F32, here: F32, shift: Sequence[float]) -> float:
    """Correlation where `there`, moved by `shift`, and `here` overlap; -1 where they hardly do."""
    dx, dy = shift
    height, width = here.shape
    if abs(dx) > _FARTHEST_RATIO * width or abs(dy) > _FARTHEST_RATIO * height:
        return -1.0
    moved = cv2.warpAffine(there, np.array([[1, 0, dx], [0, 1, dy]], np.float32), (width, height))
    left, right = max(0, math.ceil(dx)), min(width, width + math.floor(dx))
    top, bottom = max(0, math.ceil(dy)), min(height, height + math.floor(dy))
    common = (slice(top, bottom), slice(left, right))
    return correlation(np.asarray(moved[common], np.float32), here[common])


@lru_cache(maxsize=2)
def _window(width: int, height: int) -> cv2.typing.MatLike:
    return cv2.createHanningWindow((width, height), cv2.CV_32F)
