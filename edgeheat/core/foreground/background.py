"""The empty scene: brightness and colour of every cell without people, how sure that is, and how noisy the cell is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import above, enlarged, half_hw, halved, softly_enlarged

_LEARN_S, _ODD_LEARN_S, _NOISE_S = 30.0, 60.0, 20.0
"""Time constants: of cells as they were, of cells in a shadow or a patch of light, and of the noise."""

_FIRST_NOISE = 2.5
_TIMES_NOISE = 5.0
_TOLERANCES = (15, 60)
"""Grey levels by which a cell may differ: times its mean absolute noise, within these bounds.

Below 15 the blocks that H.264 leaves of a passer-by count as well (docs/fidelity.md has the figures).
"""

_LIGHT_SIGMA = 5.0
"""Of the light's unevenness, in cells of half a grid of 320."""
_LIGHT_STEP, _LIGHT_DEAD = 0.7, 0.01
_LIGHT_RATIOS = (0.6, 1.6)
_BLACK = 4.0
"""Grey levels added before a ratio is taken, so that noise in the dark stays small."""


def median_background(grids: Sequence[U8]) -> U8:
    """Return the per-cell median of some grids: the scene without those who passed through it.

    All grids uint8 of one shape (of any number of axes); the result has it too.
    """
    middle = len(grids) // 2
    return np.asarray(np.partition(np.stack(grids), middle, axis=0)[middle], np.uint8)


def tint_of(chroma: U8, gain: float) -> F32:
    """Return Cb and Cr as float32 around 0, shape (2, height, width), in the light of an exposure of gain 1.

    `chroma`: uint8 around 128, shape (height, width, 2).
    """
    tint = np.empty((2, *chroma.shape[:2]), np.float32)
    tint[0], tint[1] = cv2.split(chroma)
    tint -= np.float32(128.0)
    tint *= np.float32(1.0 / gain)
    return tint


class BackgroundModel:
    """What each cell shows without people. Grids are (height, width); colour and sureness are kept at half the grid."""

    def __init__(self, luma: U8, tint: F32 | None, seen_s: F32) -> None:
        """`luma`: uint8. `tint`: see `tint_of`, or None where the picture is grey.

        `seen_s`: float32 at half the grid, seconds for which each cell was seen to be so. All owned from here on.
        """
        self._luma = luma.astype(np.float32)
        self.luma = luma
        self.half: U8 = halved(luma)
        """The brightness at half the grid."""
        self.tint = tint
        self.seen_s = seen_s
        self._noise: F32 = np.full(luma.shape, _FIRST_NOISE, np.float32)
        self.tolerance: U8 = np.full(luma.shape, _TOLERANCES[0] + 5, np.uint8)
        """Grey levels by which a cell may differ from `luma` without being anything."""

    def learn(self, luma: U8, tint: F32 | None, calm: U8, odd: U8, dt_s: float) -> None:
        """Follow what is seen, after `dt_s`: where it is `calm`, more slowly where it is `odd` (masks, 255 or 0)."""
        cv2.accumulateWeighted(luma, self._luma, _rate(dt_s, _LEARN_S), mask=calm)
        cv2.accumulateWeighted(luma, self._luma, _rate(dt_s, _ODD_LEARN_S), mask=odd)
        self._round()
        if tint is not None and self.tint is not None:
            calm_half = above(halved(calm), 254)
            for mine, seen in zip(self.tint, tint, strict=True):
                cv2.accumulateWeighted(seen, mine, _rate(dt_s, _LEARN_S), mask=calm_half)
        cv2.accumulateWeighted(cv2.absdiff(luma, self.luma), self._noise, _rate(dt_s, _NOISE_S), mask=calm)
        # Half a level less, for it rounds.
        levels = cv2.convertScaleAbs(cv2.blur(self._noise, (3, 3)), alpha=_TIMES_NOISE, beta=-0.5)
        # Not cv2.min and cv2.max: with a number they give four cells for a grid of one.
        self.tolerance = np.clip(levels, *_TOLERANCES).astype(np.uint8)

    def light_change(self, luma: U8, calm: U8) -> F32 | None:
        """Return by how much each cell became brighter since the scene was learnt, as a factor; None: it did not.

        Told by the `calm` cells (255) around, so that it is known behind people too. float32 (height, width).
        """
        # So smooth a field needs no more than a quarter of the grid.
        seen, known = (halved(half).astype(np.float32) + np.float32(_BLACK) for half in (halved(luma), self.half))
        ratio = seen / known
        fair = (halved(halved(calm)) == 255) & (ratio > _LIGHT_RATIOS[0]) & (ratio < _LIGHT_RATIOS[1])
        weight = fair.astype(np.float32)
        sigma = max(0.5, _LIGHT_SIGMA * luma.shape[1] / 320) / 2
        logs, weights = (cv2.GaussianBlur(each, (0, 0), sigma) for each in (cv2.log(ratio) * weight, weight))
        change = logs / np.maximum(weights, 1e-3) * np.clip(weights / 0.05, 0.0, 1.0)
        change = np.sign(change) * np.maximum(np.abs(change) - _LIGHT_DEAD, 0.0)
        if not change.any():
            return None
        return softly_enlarged(np.exp(_LIGHT_STEP * change).astype(np.float32), luma.shape)

    def relight(self, factor: F32) -> None:
        """Make each cell brighter by its factor."""
        np.multiply(self._luma, factor, out=self._luma)
        np.clip(self._luma, 0.0, 255.0, out=self._luma)
        self._round()

    def replace(self, cells: U8, luma: U8, tint: F32 | None) -> None:
        """Take what is seen in `cells` (255, at half the grid) for the empty scene."""
        cv2.copyTo(luma.astype(np.float32), enlarged(cells, luma.shape), self._luma)
        self._round()
        if tint is not None and self.tint is not None:
            self.tint[:, cells > 0] = tint[:, cells > 0]

    def _round(self) -> None:
        self.luma = np.asarray(cv2.convertScaleAbs(self._luma), np.uint8)
        self.half = halved(self.luma)


def seen_so(grids: Sequence[U8], scene: U8, length_s: float) -> F32:
    """Return for how long each cell of half the grid agreed with `scene` while `grids` were taken, in seconds."""
    seen = np.zeros(half_hw(scene.shape), np.float32)
    for grid in grids:
        seen += halved(
            np.asarray(cv2.bitwise_not(above(np.asarray(cv2.absdiff(grid, scene), np.uint8), _TOLERANCES[0])), np.uint8)
        )
    return seen * np.float32(length_s / 255.0 / len(grids))


def _rate(dt_s: float, constant_s: float) -> float:
    return 1.0 - math.exp(-dt_s / constant_s)
