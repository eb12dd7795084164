"""Takes the camera's exposure out: one gain and one offset per frame that bring it to the light of the empty scene."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8

_SAMPLES = 2400
"""So many cells, evenly spread, are looked at: a fit of two numbers needs no more, and choosing them is what costs."""

_DARK, _BRIGHT = 4, 250
"""Grey levels outside of which the sensor clips and nothing can be told of the gain."""

_FIRST_TOLERANCE, _TOLERANCE = 25.0, 12.0
_FEWEST = 100
_FLAT = 30.0
"""A scene of less variance (grey levels squared) tells an offset, but no gain."""

_GAINS = (0.2, 5.0)
_SAME_GAIN, _SAME_OFFSET = 0.02, 1.5


class Exposure:
    """The gain and offset of the present frame against the empty scene: frame = gain x scene + offset."""

    def __init__(self) -> None:
        self.gain, self.offset = 1.0, 0.0

    @property
    def lift(self) -> float:
        """By how many of the scene's grey levels the camera brightens alike what is dark and what is bright."""
        return self.offset / self.gain if abs(self.offset) >= _SAME_OFFSET else 0.0

    def normalised(self, grid: U8, scene: U8, people: U8) -> U8:
        """Return `grid` as it would look in the light of `scene`; both uint8 of one shape.

        Fitted to the cells without `people` (not 0) by least squares over those that agree, so that a share of
        strangers below a half does not matter. May return `grid` itself.
        """
        step = max(1, round((grid.size / _SAMPLES) ** 0.5))
        seen, known = grid[::step, ::step].ravel(), scene[::step, ::step].ravel()
        fair = (people[::step, ::step].ravel() == 0) & (seen > _DARK) & (seen < _BRIGHT)
        if np.count_nonzero(fair) >= _FEWEST:
            self._fit(seen[fair].astype(np.float32), known[fair].astype(np.float32))
        if abs(self.gain - 1.0) < _SAME_GAIN and abs(self.offset) < _SAME_OFFSET:
            return grid
        return np.asarray(cv2.addWeighted(grid, 1.0 / self.gain, grid, 0.0, -self.offset / self.gain), np.uint8)

    def _fit(self, seen: F32, known: F32) -> None:
        fit = self.gain, self.offset
        # Mostly the last frame's fit still holds, and one step is enough.
        still = 2 * np.count_nonzero(_agreeing(seen, known, fit, _TOLERANCE)) >= len(seen)
        for tolerance in (_TOLERANCE,) if still else (_FIRST_TOLERANCE, _TOLERANCE):
            refined = _refined(seen, known, fit, tolerance)
            if refined is None:
                return
            fit = refined
        self.gain, self.offset = fit


_Fit = tuple[float, float]
"""Gain and offset."""


def _agreeing(seen: F32, known: F32, fit: _Fit, tolerance: float) -> NDArray[np.bool_]:
    expected = known * np.float32(fit[0])
    expected += np.float32(fit[1])
    expected -= seen
    return np.asarray(np.abs(expected, out=expected) < tolerance, np.bool_)


def _refined(seen: F32, known: F32, fit: _Fit, tolerance: float) -> _Fit | None:
    """Fit to the cells that agree with `fit`, or with a guess where most do not; None where hardly any do."""
    agree = _agreeing(seen, known, fit, tolerance)
    if 2 * np.count_nonzero(agree) < len(seen):
        agree = _agreeing(seen, known, _by_quantiles(seen, known), tolerance)
    if np.count_nonzero(agree) < _FEWEST:
        return None
    x, y = known[agree], seen[agree]
    # Not by mean(), which takes longer than all the rest of the fit.
    x_mean, y_mean = float(np.add.reduce(x)) / len(x), float(np.add.reduce(y)) / len(y)
    x -= np.float32(x_mean)
    variation = float(x @ x)
    gain = float(x @ y) / variation if variation > _FLAT * len(x) else 1.0
    gain = min(max(gain, _GAINS[0]), _GAINS[1])
    return gain, y_mean - gain * x_mean


def _by_quantiles(seen: F32, known: F32) -> _Fit:
    """Guess from the spread of the levels alone."""
    low, middle, high = (float(q) for q in np.quantile(known, (0.1, 0.5, 0.9)))
    seen_low, seen_middle, seen_high = (float(q) for q in np.quantile(seen, (0.1, 0.5, 0.9)))
    gain = min(max((seen_high - seen_low) / max(high - low, 1.0), _GAINS[0]), _GAINS[1])
    return gain, seen_middle - gain * middle
