"""Keeps the blobs that can be people: large enough for their place in the picture, and seen for more than a moment."""

from __future__ import annotations

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import (
    closed,
    dilated_by,
    enlarged,
    exceeds,
    half_hw,
    halved,
    intersection,
    opened,
    round_kernel,
    square_kernel,
    window_around,
)
from edgeheat.defs.params import MotionParams

_MIN_AGE_S = 0.5
"""A blob counts once it overlapped itself for so long: insects and rain close to the lens are gone by then."""

_MAX_OVERLAP_GAP_S = 0.4
"""With frames so far apart a walking person does not overlap themselves any more, so every blob counts at once."""

_MIN_FILLED = 60
"""Of 255: a cell of half the grid belongs to a blob from a quarter of it on."""

_FEET_HEIGHT_RATIO = 0.15
"""Share of a blob's height that is its feet."""


class BlobFilter:
    """Removes specks and blobs that are too small or too brief, on one grid.

    Reference: connected components, Rosenfeld and Pfaltz 1966; opening and closing, Serra 1982.
    """

    def __init__(self, params: MotionParams, shape_hw: tuple[int, int]) -> None:
        self._open, self._close = round_kernel(params.open_cells), round_kernel(params.close_cells)
        self._margin_cells = params.open_cells + params.close_cells
        near = float(params.min_blob_cells)
        far = near if params.min_blob_far_cells is None else float(params.min_blob_far_cells)
        height = half_hw(shape_hw)[0]
        # Blobs are counted at half the grid, where a cell is four.
        self._min_cells = np.linspace(far, near, height + 1, dtype=np.float32) / 4.0
        self._age_s: F32 = np.full(half_hw(shape_hw), _MIN_AGE_S, np.float32)

    def cleaned(self, cells: U8) -> U8:
        """Return the mask opened, which removes specks, then closed, which fills holes; owned by the caller."""
        cleaned = np.zeros_like(cells)
        window = window_around(cells, self._margin_cells)
        part = cells[window]
        if part.size and self._open is not None:
            part = opened(part, self._open)
        if part.size and self._close is not None:
            part = closed(part, self._close)
        cleaned[window] = part
        return cleaned

    def mature(self, cells: U8, dt_s: float) -> U8:
        """Return the cells (255 or 0) of blobs that are large and old enough, after `dt_s`; owned by the caller."""
        half = exceeds(halved(cells), _MIN_FILLED)
        if not cv2.countNonZero(half):
            self._age_s.fill(0.0)
            return np.zeros_like(cells)
        # Without statistics, which take longer than all that follows.
        count, labels = cv2.connectedComponents(half, connectivity=8)
        # Of truth values; of numbers it takes six times as long.
        inside = np.flatnonzero(half > 0)
        label = labels.ravel()[inside].astype(np.intp)
        oldest = np.zeros(count, np.float32)
        np.maximum.at(oldest, label, self._age_s.ravel()[inside])
        age_s = oldest + np.float32(dt_s)
        if dt_s >= _MAX_OVERLAP_GAP_S:
            np.maximum(age_s, _MIN_AGE_S, out=age_s)
        lower_edge = np.zeros(count, np.intp)
        # Cells come row by row: each blob keeps its last.
        lower_edge[label] = inside // half.shape[1] + 1
        large = np.bincount(label, minlength=count) >= self._min_cells[lower_edge]
        ages: F32 = np.zeros(half.shape, np.float32)
        ages.ravel()[inside] = age_s[label]
        self._age_s = np.asarray(cv2.dilate(ages, square_kernel(5)), np.float32)
        kept: U8 = np.zeros(half.shape, np.uint8)
        kept.ravel()[inside] = np.where(large & (age_s >= _MIN_AGE_S), np.uint8(255), np.uint8(0))[label]
        whole = dilated_by(kept, square_kernel(3))
        return intersection(cells, enlarged(whole, cells.shape))


def feet(cells: U8) -> U8:
    """Return the lower edge of each blob (255 or 0): in every column what lies within 15 % of its height of its end.

    The strip grows with the blob, so that near and far feet are as deep on the floor. Owned by the caller.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cells, connectivity=8)
    found: U8 = np.zeros_like(cells)
    for blob in range(1, count):
        left, top, width, height, _ = stats[blob]
        window = slice(top, top + height), slice(left, left + width)
        body = np.pad((labels[window] == blob).astype(np.uint8), ((0, 1), (0, 0)))
        strip = max(1, round(_FEET_HEIGHT_RATIO * height))
        # A cell is at the lower edge where the cell `strip` below it, or one between, is outside.
        below = cv2.erode(
            body, np.ones((strip + 1, 1), np.uint8), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT, borderValue=0
        )
        found[window] |= ((body - below)[:-1] * 255).astype(np.uint8)
    return found
