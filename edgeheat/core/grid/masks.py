"""Small tools on masks: kernels that grow with the grid, and the way to half the grid and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, U8, U32

_REFERENCE_WIDTH = 320
"""Reaches in cells are given for a grid so wide and grow with it; kernels that clean outlines stay as they are."""


@lru_cache
def square(cells: int, grid_width: int = _REFERENCE_WIDTH) -> U8:
    """Return a square kernel of an odd size, at least 1: `cells` across on a grid of 320, in proportion on others."""
    side = 2 * round((cells * grid_width / _REFERENCE_WIDTH - 1) / 2) + 1
    return np.ones((max(1, side), max(1, side)), np.uint8)


@lru_cache
def disc(diameter_cells: int) -> U8 | None:
    """Return a round kernel; None where it would change nothing."""
    if diameter_cells < 2:
        return None
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter_cells, diameter_cells)), np.uint8)


def widened(mask: U8, cells: int) -> U8:
    """Return the mask widened by a square of `cells` (see `square`); owned by the caller."""
    return np.asarray(cv2.dilate(mask, square(cells, mask.shape[1])), np.uint8)


def window_round(mask: U8, margin_cells: int) -> tuple[slice, slice]:
    """Return rows and columns of the smallest window with all that is not 0, and a margin round it in the grid."""
    left, top, width, height = cv2.boundingRect(mask)
    rows = slice(max(0, top - margin_cells), top + height + margin_cells)
    return rows, slice(max(0, left - margin_cells), left + width + margin_cells)


def half_hw(shape_hw: tuple[int, ...]) -> tuple[int, int]:
    """Return the (height, width) of half a grid."""
    return max(1, shape_hw[0] // 2), max(1, shape_hw[1] // 2)


def halved(cells: U8) -> U8:
    """Return an array (height, width) at half the grid, each cell the mean of four."""
    return np.asarray(cv2.resize(cells, half_hw(cells.shape)[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def enlarged(cells: U8, shape_hw: tuple[int, ...]) -> U8:
    """Return a mask of a coarser grid on a grid of (height, width)."""
    height, width = cells.shape
    if shape_hw == (2 * height, 2 * width):
        return _doubled(cells)
    if shape_hw == (4 * height, 4 * width):
        return _doubled(_doubled(cells))
    return np.asarray(cv2.resize(cells, (shape_hw[1], shape_hw[0]), interpolation=cv2.INTER_NEAREST), np.uint8)


def _doubled(cells: U8) -> U8:
    # OpenCV has a quick way to halve, but none to double: its resize takes three times as long as this.
    rows = cv2.merge((cells, cells)).reshape(cells.shape[0], -1)
    return np.asarray(cv2.hconcat((rows, rows)), np.uint8).reshape(2 * cells.shape[0], -1)


def softly_enlarged(field: F32, shape_hw: tuple[int, ...]) -> F32:
    """Return a field of a coarser grid on a grid of (height, width), without steps."""
    return np.asarray(cv2.resize(field, (shape_hw[1], shape_hw[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def above(cells: U8, level: float) -> U8:
    """Return 255 where an array of uint8 is above the level, else 0."""
    return np.asarray(cv2.threshold(cells, level, 255, cv2.THRESH_BINARY)[1], np.uint8)


def share(mask: U8) -> float:
    """Return the share of cells that are not 0."""
    return cv2.countNonZero(mask) / mask.size


@dataclass(frozen=True, slots=True)
class MotionMask:
    """Where people are in one analysed frame, and for how long that frame stands; masks are 255 or 0.

    All arrays have the shape (grid height, grid width).
    """

    cells: U8
    """Presence: where somebody is seen, moving or staying. Staying is counted later, see `dwell_ms`."""

    moving: U8
    """Traffic: the part of `cells` that moves and counts at once."""

    dwell_ms: U32 | None
    """Milliseconds of staying that became certain with this frame, of the seconds before it too; None: none did."""

    dt_s: float
    """Seconds since the analysed frame before it, 0 after a gap longer than `max_gap_s`."""

    mono_s: float
    wall_s: float
    moved_ms: U32 | None = None
    """The same of movement, where it was not counted at once: at the start, when what is empty is not known yet."""
