"""Fits a logistic regression to weighted samples, and measures how well a score separates two classes.

Reference: Hosmer and Lemeshow 1989, Applied Logistic Regression (Newton's method); Hanley and McNeil 1982 (area under
the receiver operating characteristic).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, F64

_RIDGE = 3e-4
"""Penalty on half the sum of the squared weights, against the mean loss of a sample: keeps correlated ones small."""

_MAX_STEPS = 50

_CONVERGED = 1e-6
"""The fit has ended when no weight changes by more than this."""

_MAX_LOGIT = 30.0
"""Greater logits count as this, so that their exponential is finite."""


def fit(design: F32, positive: NDArray[np.bool_], share: F64) -> F64:
    """Return the weights, one a column of `design` (samples, columns), that explain which samples are positive.

    `share`: how much each sample counts, > 0, in proportion to the others. Raises ValueError if it does not converge.
    """
    columns, shares = design.astype(np.float64), share / share.sum()
    weights: F64 = np.zeros(columns.shape[1])
    for _ in range(_MAX_STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(columns @ weights, -_MAX_LOGIT, _MAX_LOGIT)))
        gradient = columns.T @ (shares * (positive - probability)) - _RIDGE * weights
        curvature = shares * probability * (1.0 - probability)
        hessian = (columns * curvature[:, None]).T @ columns + _RIDGE * np.eye(len(weights))
        step = np.linalg.solve(hessian, gradient)
        weights += step
        if np.abs(step).max() < _CONVERGED:
            return weights
    raise ValueError(f"the fit did not converge in {_MAX_STEPS} steps")


def auc(score: F64, positive: NDArray[np.bool_]) -> float:
    """Return how probable it is that a positive sample has a higher score than another one; ties count half.

    NaN where all samples are of one class.
    """
    positives, others = np.count_nonzero(positive), np.count_nonzero(~positive)
    if not positives or not others:
        return float("nan")
    _, group, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2  # of each group of ties: the mean of their ranks, from 1
    return float((rank[group][positive].sum() - positives * (positives + 1) / 2) / (positives * others))
