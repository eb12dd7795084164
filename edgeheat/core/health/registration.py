"""Image registration: estimates the translation between two pictures from their edges, independent of lighting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32
from edgeheat.core.grid.shift import shift_between

_EDGE_FLOOR = 4.0
"""Grey levels per cell, added to the local mean gradient before dividing by it: noise in flat areas stays small."""

_SUFFICIENT_CORRELATION = 0.6
"""Correlation of a nearby shift at or above which no farther one is searched for."""

_MAX_SHIFT_RATIO = 0.5
"""Largest accepted shift, as a fraction of width and height."""


def edge_strength(picture: F32) -> F32:
    """Return the gradient magnitude divided by its local mean; float32 of the picture's shape, owned by the caller.

    The local normalisation cancels brightness, contrast and their sign. `picture` is float32 (height, width) in grey
    levels.

    Reference: Sobel and Feldman 1968 (gradient); Jarrett et al. 2009 (local contrast normalisation).
    """
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.0)
    gradients = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    strength = cv2.magnitude(*gradients)
    side = picture.shape[1] // 10 * 2 + 1
    local_mean = np.asarray(cv2.blur(strength, (side, side)), np.float32)
    return np.asarray(strength / (local_mean + np.float32(_EDGE_FLOOR)), np.float32)


def correlation(first: F32, second: F32) -> float:
    """Return the correlation coefficient of two arrays of one shape, -1..1; 0 where one of them is constant.

    Reference: Pearson 1895.
    """
    a, b = first - first.mean(), second - second.mean()
    power = float((a * a).sum()) * float((b * b).sum())
    return float((a * b).sum()) / power**0.5 if power > 0 else 0.0


def estimate_shift(reference: F32, current: F32) -> tuple[tuple[float, float], float]:
    """Return the shift of `current` against `reference`, (right, down) in cells, and the correlation once it is undone.

    Both are `edge_strength` pictures of one shape. Up to an eighth of the width the shift is found by template
    matching, to a fraction of a cell; up to half of the picture by phase correlation, whose result is taken only if it
    correlates better. A low correlation means that no shift was found.

    Reference: Kuglin and Hines 1975 (phase correlation); Lewis 1995 (normalised cross-correlation).
    """
    shift = _nearby_shift(reference, current)
    fit = _correlation_at(reference, current, shift)
    if fit < _SUFFICIENT_CORRELATION:
        far = shift_between(reference, current)
        far_fit = _correlation_at(reference, current, far)
        if far_fit > fit:
            shift, fit = far, far_fit
    return shift, fit


def _nearby_shift(reference: F32, current: F32) -> tuple[float, float]:
    """The shift of up to an eighth of the width at which the middle of `current` matches `reference` best."""
    height, width = current.shape
    x_margin, y_margin = width // 8, min(width // 8, height // 3)
    middle = current[y_margin : height - y_margin, x_margin : width - x_margin]
    scores = cv2.matchTemplate(reference, middle, cv2.TM_CCOEFF_NORMED)
    _, _, _, (x, y) = cv2.minMaxLoc(scores)
    return x_margin - _subpixel_peak(scores[y, :], x), y_margin - _subpixel_peak(scores[:, x], y)


def _subpixel_peak(scores: NDArray[Any], best: int) -> float:
    """The vertex of the parabola through the best score and its two neighbours. Reference: Tian and Huhns 1986."""
    if not 0 < best < len(scores) - 1:
        return float(best)
    before, at, after = (float(score) for score in scores[best - 1 : best + 2])
    curvature = before - 2 * at + after
    return best + (0.5 * (before - after) / curvature if curvature < 0 else 0.0)


def _correlation_at(reference: F32, current: F32, shift: Sequence[float]) -> float:
    """Correlation of `current` with the shifted `reference` where they overlap; -1 for shifts beyond the limit."""
    dx, dy = shift
    height, width = current.shape
    if abs(dx) > _MAX_SHIFT_RATIO * width or abs(dy) > _MAX_SHIFT_RATIO * height:
        return -1.0
    shifted = cv2.warpAffine(reference, np.array([[1, 0, dx], [0, 1, dy]], np.float32), (width, height))
    left, right = max(0, math.ceil(dx)), min(width, width + math.floor(dx))
    top, bottom = max(0, math.ceil(dy)), min(height, height + math.floor(dy))
    overlap = (slice(top, bottom), slice(left, right))
    return correlation(np.asarray(shifted[overlap], np.float32), current[overlap])
