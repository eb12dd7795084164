"""How alike a heat and the truth are, as the saliency field measures it, and how much heat lies where nobody was.

All maps are float arrays of shape (height, width), never negative. They are compared on one grid, GRID_HW, to which
`on_grid` brings maps of any size. Formulas of CC and SIM, and the habit of smoothing first: Bylinskii, Judd, Oliva,
Torralba and Durand, "What do different evaluation metrics tell us about saliency models?", IEEE TPAMI 41 (3), 2019,
and the MIT saliency benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
AnyMap = NDArray[Any]

GRID_HW = (180, 320)
"""The grid on which everything is compared."""

SIGMA_RATIO = 0.017
"""Sigma of the smoothing, as a share of the map's width."""

TOLERANCE_CELLS = 2
"""Heat that lies so many cells beside somebody's place, in any direction, is not false."""


@dataclass(frozen=True, slots=True)
class Scores:
    """One heat against the truth."""

    cc: float
    """Pearson correlation of the smoothed maps, -1..1."""

    sim: float
    """Histogram intersection of the smoothed maps, 0..1."""

    total_ratio: float | None
    """Sum of the heat ÷ sum of the truth; None where the heat is not in seconds."""

    false_share: float
    """Share of the heat where nobody ever was, 0..1."""


def score(heat: AnyMap, presence_s: AnyMap, *, in_seconds: bool = True) -> Scores:
    """Hold a heat against the truth, the seconds in which each place showed somebody; maps of any size."""
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

    Cells that lie partly in one are weighted by the part, so that the mean of the map stays, up or down in size.
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
    """Return the map under a Gaussian whose sigma is SIGMA_RATIO of its width.

    Mirrored at the edges, so that the sum stays: nothing is lost that happened at the picture's edge.
    """
    sigma = SIGMA_RATIO * values.shape[1]
    blurred = cv2.GaussianBlur(values.astype(np.float64), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float64)


def cc(heat: AnyMap, truth: AnyMap) -> float:
    """Return the Pearson correlation of two maps: cov(P, Q) / (std(P) std(Q)); 0 where either is flat or empty."""
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
    """Return the sum of the heat ÷ the sum of the truth, both in seconds; where the truth is empty 1 for no heat."""
    heat_sum, truth_sum = _sum(heat), _sum(truth)
    if truth_sum > 0:
        return heat_sum / truth_sum
    return float("inf") if heat_sum > 0 else 1.0


def false_share(heat: AnyMap, presence_s: AnyMap) -> float:
    """Return the share of the heat in cells more than TOLERANCE_CELLS away from where anybody ever was; 0 for none."""
    heat_sum = _sum(heat)
    if heat_sum <= 0:
        return 0.0
    side = 2 * TOLERANCE_CELLS + 1
    somebody = cv2.dilate((presence_s > 0).astype(np.uint8), np.ones((side, side), np.uint8))
    return _sum(heat[somebody == 0]) / heat_sum


def _sum(values: AnyMap) -> float:
    return float(np.sum(values, dtype=np.float64))
