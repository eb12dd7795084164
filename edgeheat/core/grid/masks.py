"""What one frame adds to the heat, and operations on masks of grid cells: sets, morphology, half resolution and back.

Masks are uint8 and 255 or 0. Every result is a new array, owned by the caller,
except for kernels, which are shared and only to be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8, U32, SizeWH
from edgeheat.defs.events import FrameRejection

_REFERENCE_WIDTH = 320
"""Grid width to which kernel sizes refer; on other grids they scale in proportion."""


@dataclass(frozen=True, slots=True)
class MotionMask:
    """What one analysed frame adds to the heat; masks are 255 or 0.

    All arrays have the shape (grid height, grid width).
    """

    cells: U8
    """Presence: cells with a person, moving or stationary. Stationary time is counted later, see `dwell_ms`."""

    moving: U8
    """Traffic: the part of `cells` that moves and counts at once."""

    dwell_ms: U32 | None
    """Milliseconds of dwell confirmed with this frame, including those of earlier frames; None if there is none."""

    dt_s: float
    """Seconds since the previous analysed frame; 0 after a gap longer than `max_gap_s`."""

    mono_s: float
    """Time of the frame on the monotonic clock, in seconds."""

    wall_s: float
    """The same instant as Unix time in seconds."""

    moved_ms: U32 | None = None
    """Milliseconds of traffic confirmed with this frame that did not count at once; None if there is none."""

    rejection: FrameRejection | None = None
    """Why nothing of the whole frame counts; None: it counts."""

    rejected_s: float = 0.0
    """Seconds since the previous analysed frame where the frame was rejected; `dt_s` is 0 then."""


def as_mask(selected: NDArray[np.bool_]) -> U8:
    """Return 255 where `selected` is True, else 0."""
    return selected.astype(np.uint8) * np.uint8(255)


def union(first: U8, second: U8) -> U8:
    """Return the cells that are set in either of two masks of equal shape."""
    return np.asarray(cv2.bitwise_or(first, second), np.uint8)


def intersection(first: U8, second: U8) -> U8:
    """Return the cells that are set in both of two masks of equal shape."""
    return np.asarray(cv2.bitwise_and(first, second), np.uint8)


def difference(first: U8, second: U8) -> U8:
    """Return the cells that are set in the first and not in the second of two masks of equal shape."""
    return np.asarray(cv2.subtract(first, second), np.uint8)


def invert(mask: U8) -> U8:
    """Return the cells that are not set."""
    return np.asarray(cv2.bitwise_not(mask), np.uint8)


def absolute_difference(first: U8, second: U8) -> U8:
    """Return the absolute difference of two uint8 arrays of equal shape, cell by cell."""
    return np.asarray(cv2.absdiff(first, second), np.uint8)


def as_levels(values: NDArray[Any], factor: float = 1.0, offset: float = 0.0) -> U8:
    """Return `values * factor + offset` as grey levels: its absolute value, rounded and at most 255, uint8."""
    return np.asarray(cv2.convertScaleAbs(values, alpha=factor, beta=offset), np.uint8)


def exceeds(values: NDArray[Any], limit: float | NDArray[Any]) -> U8:
    """Return 255 where `values` exceed the limit, else 0.

    `values` is uint8 where the limit is one number; else both are arrays of one shape and dtype.
    """
    if isinstance(limit, np.ndarray):
        return np.asarray(cv2.compare(values, limit, cv2.CMP_GT), np.uint8)
    return np.asarray(cv2.threshold(values, limit, 255, cv2.THRESH_BINARY)[1], np.uint8)


def ratio_of(mask: U8) -> float:
    """Return the fraction of the cells that is set, 0..1."""
    return cv2.countNonZero(mask) / mask.size


@lru_cache
def square_kernel(cells: int, grid_width: int = _REFERENCE_WIDTH) -> U8:
    """Return a square kernel of an odd size, at least 1: `cells` across on a grid of 320, in proportion on others."""
    side = 2 * round((cells * grid_width / _REFERENCE_WIDTH - 1) / 2) + 1
    return np.ones((max(1, side), max(1, side)), np.uint8)


@lru_cache
def square_kernel_at_half(cells: int, grid_width: int) -> U8:
    """Return a square kernel for arrays at half a grid of `grid_width`: `cells` of a grid of 320 across."""
    side = 2 * max(0, round((cells * grid_width / _REFERENCE_WIDTH / 2 - 1) / 2)) + 1
    return np.ones((side, side), np.uint8)


@lru_cache
def round_kernel(diameter_cells: int) -> U8 | None:
    """Return a round kernel; None where it would change nothing."""
    if diameter_cells < 2:
        return None
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter_cells, diameter_cells)), np.uint8)


def dilated_by(mask: U8, kernel: U8) -> U8:
    """Return the mask dilated by a kernel."""
    return np.asarray(cv2.dilate(mask, kernel), np.uint8)


def dilated(mask: U8, cells: int) -> U8:
    """Return the mask dilated by a square of `cells` (see `square_kernel`)."""
    return dilated_by(mask, square_kernel(cells, mask.shape[1]))


def dilated_at_half(mask: U8, cells: int) -> U8:
    """Return the mask, dilated by `cells` of the grid, at half the grid."""
    return dilated_by(exceeds(halved(mask), 0), square_kernel_at_half(cells, mask.shape[1]))


def opened(mask: U8, kernel: U8) -> U8:
    """Return the morphological opening of a mask: what is smaller than the kernel is removed."""
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), np.uint8)


def closed(mask: U8, kernel: U8) -> U8:
    """Return the morphological closing of a mask, which fills gaps smaller than the kernel."""
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, kernel), np.uint8)


def window_around(mask: U8, margin_cells: int) -> tuple[slice, slice]:
    """Return rows and columns of the bounding box of the set cells, expanded by a margin inside the grid."""
    left, top, width, height = cv2.boundingRect(mask)
    rows = slice(max(0, top - margin_cells), top + height + margin_cells)
    return rows, slice(max(0, left - margin_cells), left + width + margin_cells)


def half_hw(shape_hw: tuple[int, ...]) -> tuple[int, int]:
    """Return the (height, width) at half resolution, at least (1, 1)."""
    return max(1, shape_hw[0] // 2), max(1, shape_hw[1] // 2)


def resized(cells: U8, size_wh: SizeWH) -> U8:
    """Return a grid or picture at (width, height) by area averaging: each cell is the mean of what it covers."""
    return np.asarray(cv2.resize(cells, size_wh, interpolation=cv2.INTER_AREA), np.uint8)


def halved(cells: U8) -> U8:
    """Return an array (height, width) at half resolution, each cell the mean of four."""
    height, width = half_hw(cells.shape)
    return resized(cells, (width, height))


def enlarged(cells: U8, shape_hw: tuple[int, ...]) -> U8:
    """Return a mask of a coarser grid at (height, width), each cell repeated."""
    height, width = cells.shape
    if shape_hw == (2 * height, 2 * width):
        return _doubled(cells)
    if shape_hw == (4 * height, 4 * width):
        return _doubled(_doubled(cells))
    return np.asarray(cv2.resize(cells, (shape_hw[1], shape_hw[0]), interpolation=cv2.INTER_NEAREST), np.uint8)


def _doubled(cells: U8) -> U8:
    # OpenCV has a fast path to halve but none to double: its resize takes three times as long as this.
    rows = cv2.merge((cells, cells)).reshape(cells.shape[0], -1)
    return np.asarray(cv2.hconcat((rows, rows)), np.uint8).reshape(2 * cells.shape[0], -1)


def interpolated(field: F32, shape_hw: tuple[int, ...]) -> F32:
    """Return a field of a coarser grid at (height, width), bilinearly interpolated."""
    return np.asarray(cv2.resize(field, (shape_hw[1], shape_hw[0]), interpolation=cv2.INTER_LINEAR), np.float32)
