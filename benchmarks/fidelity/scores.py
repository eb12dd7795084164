"""Compares a heat with the ground truth: correlation, histogram intersection, total, and share of false heat.

All maps are non-negative arrays of shape (height, width). They are compared on one grid, GRID_HW, to which `on_grid`
scales maps of any size. CC and SIM, and smoothing before them, are those of research on visual attention.

Reference: Bylinskii, Judd, Oliva, Torralba and Durand 2019, "What do different evaluation metrics tell us about
saliency models?", IEEE TPAMI 41 (3); MIT saliency benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F64

AnyMap = NDArray[Any]
"""A map of any size and type."""

GRID_HW = (180, 320)
"""Height and width of the grid on which all maps are compared."""

SIGMA_RATIO = 0.017
"""Sigma of the smoothing, as a fraction of the map's width."""

TOLERANCE_CELLS = 2
"""Heat up to this many cells away from a person, in any direction, is not false."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one heat."""

    cc: float
    """Pearson correlation of the smoothed maps, -1..1."""

    sim: float
    """Histogram intersection of the smoothed maps, 0..1."""

    total_ratio: float | None
    """Sum of the heat ÷ sum of the ground truth; None if the heat is not in seconds."""

    false_share: float
    """Share of the heat at places where nobody ever was, 0..1."""


def score(heat: AnyMap, presence_s: AnyMap, *, in_seconds: bool = True) -> Scores:
    """Score a heat against `presence_s`, the seconds in which each place showed a person; maps of any size."""
    on, truth = on_grid(heat), on_grid(presence_s)
    smooth_heat, smooth_truth = smooth(on), smooth(truth)
    return Scores(
        cc=cc(smooth_heat, smooth_truth),
        sim=sim(smooth_heat, smooth_truth),
        total_ratio=total_ratio(on, truth) if in_seconds else None,
        false_share=false_share(on, truth),
    )


def on_grid(values: AnyMap, shape_hw: tuple[int, int] = GRID_HW) -> F64:
    """Return the map on another grid by area averaging: each cell is the mean of what it covers; owned by the caller.

    Partly covered cells are weighted by the covered part, so the mean of the map is preserved in both directions.
    """
    down, across = _shares(values.shape[0], shape_hw[0]), _shares(values.shape[1], shape_hw[1])
    return np.asarray(down @ values.astype(np.float64) @ across.T, np.float64)


def _shares(source: int, target: int) -> F64:
    """Return how much of each target cell every source cell covers: shape (target, source), rows of sum 1."""
    edges = np.arange(target + 1) * (source / target)
    left, right = edges[:-1, None], edges[1:, None]
    cells = np.arange(source)[None, :]
    covered = np.minimum(right, cells + 1) - np.maximum(left, cells)
    return np.asarray(np.maximum(covered, 0) * (target / source), np.float64)


def smooth(values: AnyMap) -> F64:
    """Return the map smoothed by a Gaussian with a sigma of SIGMA_RATIO times its width.

    Mirrored at the edges, so that the sum is preserved.
    """
    sigma = SIGMA_RATIO * values.shape[1]
    blurred = cv2.GaussianBlur(values.astype(np.float64), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float64)


def cc(heat: AnyMap, truth: AnyMap) -> float:
    """Return the Pearson correlation of two maps: cov(P, Q) / (std(P) std(Q)); 0 if either is constant or empty."""
    p, q = heat - np.mean(heat, dtype=np.float64), truth - np.mean(truth, dtype=np.float64)
    norm = float(np.sqrt(np.sum(p * p)) * np.sqrt(np.sum(q * q)))
    return float(np.sum(p * q)) / norm if norm > 0 else 0.0


def sim(heat: AnyMap, truth: AnyMap) -> float:
    """Return the similarity: sum of min(P, Q) over the cells, both maps normalised to a sum of 1; 0 if one is empty."""
    heat_sum, truth_sum = _sum(heat), _sum(truth)
    if heat_sum <= 0 or truth_sum <= 0:
        return 0.0
    return float(np.sum(np.minimum(heat / heat_sum, truth / truth_sum)))


def total_ratio(heat: AnyMap, truth: AnyMap) -> float:
    """Return the sum of the heat ÷ the sum of the truth, both in seconds.

    If the truth is empty: 1 without heat, else infinity.
    """
    heat_sum, truth_sum = _sum(heat), _sum(truth)
    if truth_sum > 0:
        return heat_sum / truth_sum
    return float("inf") if heat_sum > 0 else 1.0


def false_share(heat: AnyMap, presence_s: AnyMap) -> float:
    """Return the share of the heat in cells more than TOLERANCE_CELLS away from any person; 0 without heat."""
    heat_sum = _sum(heat)
    if heat_sum <= 0:
        return 0.0
    side = 2 * TOLERANCE_CELLS + 1
    occupied = cv2.dilate((presence_s > 0).astype(np.uint8), np.ones((side, side), np.uint8))
    return _sum(heat[occupied == 0]) / heat_sum


def _sum(values: AnyMap) -> float:
    return float(np.sum(values, dtype=np.float64))
