"""Compensates automatic exposure: estimates the gain and offset of a frame against the background and undoes them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8

_SAMPLES = 2400
"""About so many cells, evenly spaced, are fitted: two parameters need no more, and selecting cells is what costs."""

_MIN_LEVEL = 4
"""Grey levels below which the sensor clips and the gain cannot be estimated."""

_MAX_LEVEL = 250
"""Grey levels above which the sensor clips and the gain cannot be estimated."""

_COARSE_TOLERANCE = 25.0
"""Grey levels within which a cell supports the fit, while the fit of the previous frame does not hold."""

_TOLERANCE = 12.0
"""Grey levels within which a cell supports the final fit."""

_MIN_SAMPLES = 100
"""With fewer usable cells the fit stays as it is."""

_MIN_VARIANCE = 30.0
"""A background with less variance (grey levels squared) determines an offset but no gain."""

_MIN_GAIN = 0.2
"""Least gain of a fit; a larger change of exposure is left to the illumination gate."""

_MAX_GAIN = 5.0
"""Greatest gain of a fit; a larger change of exposure is left to the illumination gate."""

_SAME_GAIN = 0.02
"""A gain this close to 1 is noise: the frame is used as it is if its offset is below `_SAME_OFFSET` too."""

_SAME_OFFSET = 1.5
"""Grey levels: an offset below this is noise: the frame is used as it is if its gain is within `_SAME_GAIN` too."""


class ExposureCompensation:
    """The gain and offset of the present frame against the background: frame = gain x background + offset.

    Least squares, trimmed to the cells that agree and refined from the previous frame's fit; nothing is random.
    Reference: Rousseeuw and Leroy 1987, Robust Regression and Outlier Detection; the affine photometric model is that
    of Hager and Belhumeur 1998.
    """

    def __init__(self) -> None:
        self.gain, self.offset = 1.0, 0.0

    @property
    def lift(self) -> float:
        """The offset, in grey levels of the background; 0 where it is only noise."""
        return self.offset / self.gain if abs(self.offset) >= _SAME_OFFSET else 0.0

    def normalised(self, grid: U8, background: U8, occupied: U8) -> U8:
        """Return `grid` as it would look in the light of `background`; both uint8 of one shape.

        Fitted by least squares to the cells that are not `occupied` (0) and agree with the fit, so a share of changed
        cells below a half does not matter. May return `grid` itself.
        """
        step = max(1, round((grid.size / _SAMPLES) ** 0.5))
        seen, known = grid[::step, ::step].ravel(), background[::step, ::step].ravel()
        usable = (occupied[::step, ::step].ravel() == 0) & (seen > _MIN_LEVEL) & (seen < _MAX_LEVEL)
        if np.count_nonzero(usable) >= _MIN_SAMPLES:
            self._fit(seen[usable].astype(np.float32), known[usable].astype(np.float32))
        if abs(self.gain - 1.0) < _SAME_GAIN and abs(self.offset) < _SAME_OFFSET:
            return grid
        return np.asarray(cv2.addWeighted(grid, 1.0 / self.gain, grid, 0.0, -self.offset / self.gain), np.uint8)

    def _fit(self, seen: F32, known: F32) -> None:
        fit = self.gain, self.offset
        # Mostly the previous frame's fit still holds, and one step is enough.
        holds = 2 * np.count_nonzero(_inliers(seen, known, fit, _TOLERANCE)) >= len(seen)
        for tolerance in (_TOLERANCE,) if holds else (_COARSE_TOLERANCE, _TOLERANCE):
            refined = _refined(seen, known, fit, tolerance)
            if refined is None:
                return
            fit = refined
        self.gain, self.offset = fit


_Fit = tuple[float, float]
"""Gain and offset."""


def _inliers(seen: F32, known: F32, fit: _Fit, tolerance: float) -> NDArray[np.bool_]:
    residual = known * np.float32(fit[0])
    residual += np.float32(fit[1])
    residual -= seen
    return np.asarray(np.abs(residual, out=residual) < tolerance, np.bool_)


def _refined(seen: F32, known: F32, fit: _Fit, tolerance: float) -> _Fit | None:
    """Fit to the cells that agree with `fit`, or with a guess where most do not; None where too few agree."""
    inliers = _inliers(seen, known, fit, tolerance)
    if 2 * np.count_nonzero(inliers) < len(seen):
        inliers = _inliers(seen, known, _guess_by_quantiles(seen, known), tolerance)
    if np.count_nonzero(inliers) < _MIN_SAMPLES:
        return None
    x, y = known[inliers], seen[inliers]
    # Not by mean(), which takes longer than all the rest of the fit.
    x_mean, y_mean = float(np.add.reduce(x)) / len(x), float(np.add.reduce(y)) / len(y)
    x -= np.float32(x_mean)
    variation = float(x @ x)
    gain = float(x @ y) / variation if variation > _MIN_VARIANCE * len(x) else 1.0
    gain = min(max(gain, _MIN_GAIN), _MAX_GAIN)
    return gain, y_mean - gain * x_mean


def _guess_by_quantiles(seen: F32, known: F32) -> _Fit:
    """Guess from the spread of the grey levels alone."""
    low, middle, high = (float(q) for q in np.quantile(known, (0.1, 0.5, 0.9)))
    seen_low, seen_middle, seen_high = (float(q) for q in np.quantile(seen, (0.1, 0.5, 0.9)))
    gain = min(max((seen_high - seen_low) / max(high - low, 1.0), _MIN_GAIN), _MAX_GAIN)
    return gain, seen_middle - gain * middle
