"""The gradient of a change of light: small for light, which changes neighbouring cells alike, large for people."""

from __future__ import annotations

import numpy as np

from edgeheat.core.grid.frames import F32

_HALF_REFERENCE_WIDTH = 160
"""Cells across half a grid of 320."""


def gradient_per_cell(change: F32) -> F32:
    """Return the size of the gradient of a field at half the grid, per cell of half a grid of 320.

    `change`: float32 (height, width), the logarithm of a ratio. The last row and column have one direction only. On
    coarser grids it is not scaled: there people have less texture. Owned by the caller.
    """
    gradient = np.zeros_like(change)
    np.abs(change[:, 1:] - change[:, :-1], out=gradient[:, :-1])
    gradient[:-1] += np.abs(change[1:] - change[:-1])
    gradient *= np.float32(max(1.0, change.shape[1] / _HALF_REFERENCE_WIDTH))
    return gradient
