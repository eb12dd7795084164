"""Removes the camera's own clock from the picture: the text is replaced by what surrounds it, so that people count."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.clock import Box, Changes, changes_between, find_clocks, overlap
from edgeheat.core.grid.frames import F32, U8, GridFrame

_SEARCH_S = 9.5
"""Length of a search; a bootstrap of 10 s holds one."""

_FIRST_SEARCHES_S = 120.0
"""For so long one search follows another; from then on only one of `_SEARCH_EVERY_S`."""

_SEARCH_EVERY_S = 45.0
"""A clock that is switched on later is found within this time and the length of a search."""

_KNOWN_SEARCH_EVERY_S = 300.0
"""The same where a clock is known: it is searched to see whether it is still there."""

_MAX_FRAME_GAP_S = 1.0
"""Frames farther apart are not compared."""

_KEPT_DOUBTFUL = 4
"""How many uncertain finds are kept, to be confirmed by another one at the same place."""

_MAX_TEXT_RATIO = 0.2
"""All text together covers at most this share of the picture."""

_EDGE_ROWS = 2
"""Rows above and below the text from which it is painted over."""

_FORGET_AFTER = 5
"""Text in which nothing changed during so many searches is gone."""


class ScreenText:
    """Knows where the camera writes its clock, and paints it over.

    Text is painted over with the rows above and below it, so that a person behind it is seen in it as well, and nothing
    is excluded.
    """

    def __init__(self) -> None:
        self._shape_hw: tuple[int, int] | None = None
        self._boxes: list[Box] = []
        self._unchanged: list[int] = []
        """For each of them: the number of searches since anything changed in it."""
        self._forgotten: list[Box] = []
        """What was text until the latest search."""
        self._doubtful: list[Box] = []
        """What the latest searches found without being certain."""
        self._previous: tuple[float, U8] | None = None
        self._history: list[Changes] = []
        self._started_s: float | None = None
        self._search_from_s = -float("inf")

    def remove_from(self, frame: GridFrame) -> bool:
        """Search a frame as the camera sent it, and paint over the text that is known.

        Returns whether more or less is text than before.
        """
        found = self._add(frame.grid, frame.mono_s)
        self.paint_over(frame.grid, frame.chroma)
        return found

    def search(self) -> bool:
        """Search what was seen since the last search; returns whether more or less is text than before."""
        (history, last), (self._history, self._previous) = (self._history, self._previous), ([], None)
        if not history or last is None or self._shape_hw is None or self._started_s is None:
            return False
        before = list(self._boxes)
        self._forget(history, self._shape_hw)
        clocks = find_clocks(history, last[1])
        doubtful = [clock.box for clock in clocks if not clock.certain]
        for clock in clocks:
            known = any(overlap(clock.box, box) for box in self._boxes)
            fits = sum(map(_area, [*self._boxes, clock.box])) <= _MAX_TEXT_RATIO * last[1].size
            if not known and fits and (clock.certain or any(overlap(clock.box, box) for box in self._doubtful)):
                self._boxes.append(clock.box)
                self._unchanged.append(0)
        self._doubtful = [*self._doubtful, *doubtful][-_KEPT_DOUBTFUL:]
        if history[-1].mono_s - self._started_s > _FIRST_SEARCHES_S and not doubtful:
            self._search_from_s = history[0].mono_s + (_KNOWN_SEARCH_EVERY_S if self._boxes else _SEARCH_EVERY_S)
        return self._boxes != before

    def paint_over(self, *planes: NDArray[Any] | None) -> None:
        """Replace the text in these arrays, in place, by the rows above and below it.

        Each shows the whole picture: float32 or uint8, (height, width) or (height, width, channels), of any size.
        """
        for plane in planes:
            if plane is not None:
                for box in self._scaled(plane.shape):
                    _paint(plane, box)

    @property
    def mask(self) -> U8 | None:
        """The cells of text, 255 or 0, (grid height, grid width), owned by the caller; None: there are none."""
        return self._mask(self._boxes)

    @property
    def forgotten(self) -> U8 | None:
        """The cells that were text until the latest search, as `mask`: the camera shows the shop there again."""
        return self._mask(self._forgotten)

    @property
    def ratio(self) -> float:
        """Share of the picture that is text, 0..1."""
        mask = self.mask
        return 0.0 if mask is None else cv2.countNonZero(mask) / mask.size

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that `restore` needs after a restart."""
        return {
            "text_boxes": np.array(self._boxes, np.int32).reshape(-1, 4),
            "text_grid": np.array(self._shape_hw or (0, 0), np.int32),
        }

    def restore(self, state: Mapping[str, NDArray[Any]], shape_hw: tuple[int, int]) -> None:
        """Restore what `state` gave, if it is in `state` and can be used; if not, the text is found again.

        `shape_hw`: the (height, width) of the grid that it must be of.
        """
        boxes, grid = state.get("text_boxes"), state.get("text_grid")
        if boxes is None or grid is None or not _is_state(boxes, grid) or tuple(grid) != shape_hw:
            return
        if sum((right - left) * (bottom - top) for left, top, right, bottom in boxes.tolist()) > (
            _MAX_TEXT_RATIO * shape_hw[0] * shape_hw[1]
        ):
            return
        self._shape_hw = int(grid[0]), int(grid[1])
        self._boxes = [(int(left), int(top), int(right), int(bottom)) for left, top, right, bottom in boxes]
        self._unchanged = [0] * len(self._boxes)

    def _add(self, grid: U8, mono_s: float) -> bool:
        if self._shape_hw != grid.shape:
            self._shape_hw = grid.shape[0], grid.shape[1]
            self._boxes, self._unchanged, self._forgotten, self._doubtful = [], [], [], []
            self._previous, self._history = None, []
        if mono_s < self._search_from_s:
            return False
        if self._started_s is None:
            self._started_s = mono_s
        previous, self._previous = self._previous, (mono_s, grid.copy())
        if previous is None or not 0.0 < mono_s - previous[0] <= _MAX_FRAME_GAP_S:
            self._history = []
            return False
        changes = changes_between(previous[1], grid, mono_s)
        if changes is not None:
            self._history.append(changes)
        return bool(self._history) and mono_s - self._history[0].mono_s >= _SEARCH_S and self.search()

    def _forget(self, history: list[Changes], shape_hw: tuple[int, int]) -> None:
        """Forget text that has not changed for long: the camera does not write it any more."""
        counts = np.bincount(np.concatenate([each.cells for each in history]), minlength=shape_hw[0] * shape_hw[1])
        changed = counts.reshape(shape_hw)
        for index, (left, top, right, bottom) in enumerate(self._boxes):
            self._unchanged[index] = 0 if changed[top:bottom, left:right].any() else self._unchanged[index] + 1
        kept = [index for index, searches in enumerate(self._unchanged) if searches < _FORGET_AFTER]
        self._forgotten = [box for index, box in enumerate(self._boxes) if index not in kept]
        self._boxes = [self._boxes[index] for index in kept]
        self._unchanged = [self._unchanged[index] for index in kept]

    def _mask(self, boxes: list[Box]) -> U8 | None:
        if not boxes or self._shape_hw is None:
            return None
        mask: U8 = np.zeros(self._shape_hw, np.uint8)
        for left, top, right, bottom in boxes:
            mask[top:bottom, left:right] = 255
        return mask

    def _scaled(self, shape: tuple[int, ...]) -> list[Box]:
        """Return the boxes in an array of the whole picture, rounded outwards."""
        if self._shape_hw is None:
            return []
        down, across = shape[0] / self._shape_hw[0], shape[1] / self._shape_hw[1]
        return [
            (int(left * across), int(top * down), math.ceil(right * across), math.ceil(bottom * down))
            for left, top, right, bottom in self._boxes
        ]


def _is_state(boxes: NDArray[Any], grid: NDArray[Any]) -> bool:
    """Whether these are boxes on a grid, as `ScreenText.state` returns them."""
    if (
        boxes.dtype.kind != "i"
        or grid.dtype.kind != "i"
        or boxes.ndim != 2
        or boxes.shape[1] != 4
        or grid.shape != (2,)
    ):
        return False
    left, top, right, bottom = boxes.T
    ordered = (left >= 0) & (left < right) & (right <= grid[1]) & (top >= 0) & (top < bottom) & (bottom <= grid[0])
    return bool(ordered.all())


def _paint(plane: NDArray[Any], box: Box) -> None:
    """Fill a box from its upper to its lower edge; at the edge of the picture only from the other one."""
    left, top, right, bottom = box
    above, below = plane[max(0, top - _EDGE_ROWS) : top, left:right], plane[bottom : bottom + _EDGE_ROWS, left:right]
    text = plane[top:bottom, left:right]
    if not len(above) and not len(below):
        text[:] = text.mean(axis=(0, 1))
        return
    edges = np.concatenate((above, below))
    filled = _blend(len(text), len(above), len(below)) @ edges.reshape(len(edges), -1).astype(np.float32)
    if plane.dtype == np.uint8:
        filled += 0.5
    text[:] = filled.reshape(text.shape)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


@lru_cache
def _blend(rows: int, above: int, below: int) -> F32:
    """Return the weights of the rows above and below in each of some rows between, (rows, above + below)."""
    share = np.arange(1, rows + 1, dtype=np.float32)[:, None] / (rows + 1)
    if not above or not below:
        return np.full((rows, above + below), 1.0 / (above + below), np.float32)
    return np.hstack([(1.0 - share).repeat(above, 1) / above, share.repeat(below, 1) / below]).astype(np.float32)
