"""Takes the camera's exposure out: one gain and one offset per frame that bring it to the light of the empty scene."""

from __future__ import annotations

import cv2
import numpy as np

from edgeheat.core.types import F32, U8

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
        gain, offset = self.gain, self.offset
        for tolerance in (_FIRST_TOLERANCE, _TOLERANCE):
            agree = np.abs(gain * known + offset - seen) < tolerance
            if 2 * np.count_nonzero(agree) < len(seen):
                gain, offset = _by_quantiles(seen, known)
                agree = np.abs(gain * known + offset - seen) < tolerance
            if np.count_nonzero(agree) < _FEWEST:
                return
            x, y = known[agree], seen[agree]
            # Not by mean(), which takes longer than all the rest of the fit.
            x_mean, y_mean = float(np.add.reduce(x)) / len(x), float(np.add.reduce(y)) / len(y)
            x -= np.float32(x_mean)
            variation = float(x @ x)
            gain = float(x @ y) / variation if variation > _FLAT * len(x) else 1.0
            gain = min(max(gain, _GAINS[0]), _GAINS[1])
            offset = y_mean - gain * x_mean
        self.gain, self.offset = gain, offset


def _by_quantiles(seen: F32, known: F32) -> tuple[float, float]:
    """Guess from the spread of the levels alone, where most of the cells do not agree with the last frame's fit."""
    low, middle, high = (float(q) for q in np.quantile(known, (0.1, 0.5, 0.9)))
    seen_low, seen_middle, seen_high = (float(q) for q in np.quantile(seen, (0.1, 0.5, 0.9)))
    gain = min(max((seen_high - seen_low) / max(high - low, 1.0), _GAINS[0]), _GAINS[1])
    return gain, seen_middle - gain * middle
