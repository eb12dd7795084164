"""Tells what moves from what stays: MOG2 on the grid, then a small opening and closing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from edgeheat.core.params import MotionParams
from edgeheat.core.types import U8

_SHADOW_DARKEST = 0.8
"""A shadow keeps at least this share of the floor's brightness.

OpenCV's 0.5 takes dark clothes for shadows where only brightness is seen: of 120 s in a synthetic shop 48 % of the
heat of those present was counted, with 0.8 it was 73 %, with shadows counted too 85 %.
"""

_FOREGROUND = 255
"""MOG2 marks shadows 127 and foreground 255."""


def empty_scene(grids: Sequence[U8]) -> U8:
    """Return the per-cell median of some grids: the scene without those who passed through it.

    All grids uint8 of one shape; the result has it too.
    """
    middle = len(grids) // 2
    return np.asarray(np.partition(np.stack(grids), middle, axis=0)[middle], np.uint8)


class Foreground:
    """A background model that starts from a known empty scene."""

    def __init__(self, params: MotionParams, empty: U8) -> None:
        self._history_s = params.history_s
        self._open = _disc(params.open_cells)
        self._close = _disc(params.close_cells)
        # OpenCV's history counts frames and only sets the rate of automatic learning, which is not used here.
        self._mog2 = cv2.createBackgroundSubtractorMOG2(
            varThreshold=params.var_threshold, detectShadows=params.detect_shadows
        )
        self._mog2.setShadowThreshold(_SHADOW_DARKEST)
        self._mog2.apply(empty, learningRate=1.0)

    def cells(self, grid: U8, dt_s: float) -> U8:
        """Return where `grid` (uint8) differs from the background: uint8, 255 or 0, owned by the caller.

        The model learns by the time that passed, not by frames: rate = 1 - exp(-dt / history).
        """
        rate = 1.0 - math.exp(-dt_s / self._history_s)
        marked = self._mog2.apply(grid, learningRate=rate)
        _, moving = cv2.threshold(marked, _FOREGROUND - 1, 255, cv2.THRESH_BINARY)
        if self._open is not None:
            moving = cv2.morphologyEx(moving, cv2.MORPH_OPEN, self._open)
        if self._close is not None:
            moving = cv2.morphologyEx(moving, cv2.MORPH_CLOSE, self._close)
        return np.asarray(moving, np.uint8)

    def scene(self) -> U8:
        """Return the empty scene as the model sees it now: uint8, the grid's shape, owned by the caller."""
        return np.asarray(self._mog2.getBackgroundImage(), np.uint8)


def _disc(diameter_cells: int) -> U8 | None:
    if diameter_cells < 2:
        return None
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter_cells, diameter_cells)), np.uint8)
