"""Scores a heat against the ground truth of a real recording, pixel by pixel.

Reference: Bylinskii, Judd, Oliva, Torralba and Durand 2019, "What do different evaluation metrics tell us about
saliency models?", IEEE TPAMI 41 (3).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.fidelity.scores import SIGMA_RATIO, AnyMap, cc, sim
from edgeheat.core.grid.frames import F64

TOLERANCE_PX = 2
"""Heat up to this many pixels away from a person, in any direction, is not false."""


@dataclass(frozen=True, slots=True)
class RealScores:
    """The scores of one heat; those that need seconds are None for a heat in another unit."""

    cc: float
    """Pearson correlation of the smoothed maps, -1..1."""

    sim: float
    """Histogram intersection of the smoothed maps, 0..1."""

    false_share: float
    """Share of the heat at pixels where nobody ever was, 0..1."""

    total_ratio: float | None
    """Sum of the heat ÷ sum of the ground truth."""

    lost: float | None
    """Share of the smoothed ground truth that the smoothed heat lacks, 0..1."""

    extra: float | None
    """Smoothed heat beyond the smoothed ground truth, as a share of the latter."""


def score(heat: AnyMap, presence_s: AnyMap, scored: NDArray[np.bool_], *, in_seconds: bool = True) -> RealScores:
    """Score a heat of any size; `presence_s` and `scored`, the pixels with ground truth: (height, width)."""
    height, width = presence_s.shape
    sized = cv2.resize(np.asarray(heat, np.float64), (width, height), interpolation=cv2.INTER_LINEAR)
    on = np.asarray(sized.clip(0) * scored, np.float64)
    heat_sum, truth_sum = float(on.sum()), float(presence_s.sum(dtype=np.float64))
    if heat_sum == 0:
        nothing = (0.0, 1.0, 0.0) if in_seconds else (None, None, None)
        return RealScores(0.0, 0.0, 0.0, *nothing)
    smooth_heat, smooth_truth = _smooth(on)[scored], _smooth(presence_s)[scored]
    side = 2 * TOLERANCE_PX + 1
    nobody = cv2.dilate((presence_s > 0).astype(np.uint8), np.ones((side, side), np.uint8)) == 0
    gap, smooth_sum = smooth_truth - smooth_heat, float(smooth_truth.sum())
    return RealScores(
        cc=cc(smooth_heat, smooth_truth),
        sim=sim(smooth_heat, smooth_truth),
        false_share=float(on[nobody & scored].sum()) / heat_sum,
        total_ratio=heat_sum / truth_sum if in_seconds else None,
        lost=float(gap.clip(0).sum()) / smooth_sum if in_seconds else None,
        extra=float((-gap).clip(0).sum()) / smooth_sum if in_seconds else None,
    )


def _smooth(values: AnyMap) -> F64:
    sigma = SIGMA_RATIO * values.shape[1]
    return np.asarray(cv2.GaussianBlur(values.astype(np.float64), (0, 0), sigma), np.float64)
