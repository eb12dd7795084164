"""The flicker mask: learns which places change for minutes on end without anybody coming or going."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import enlarged, halved, square

_COARSE = 4
"""Cells of the grid across one cell of the mask."""

_QUICK_S, _SLOW_S = 25.0, 60.0
_CHANGING, _PRESENT = 0.12, 0.5
"""A place is suspect where it changes from one second to the next so often, and shows something most of the time.

Changes at the outline do not count: people who stand sway there, the inside of a television changes. On the scenes of
docs/fidelity.md televisions have 0.15 to 0.3, dense queues up to 0.04, people close to a self-adapting camera up to
0.1.
"""

_SURE_S = 35.0
_LARGEST_RATIO = 0.15
_AROUND = 0.5
"""People come and go, so what is round a busy place is busy too; round a television nothing happens."""

_CALM = 0.015
"""A place comes back when it changes less often than this, as told over a minute."""


class FlickerMask:
    """Masks are 255 or 0, shape (grid height, grid width)."""

    def __init__(self, shape_hw: tuple[int, int]) -> None:
        self._shape_hw = shape_hw
        coarse_hw = max(1, shape_hw[0] // _COARSE), max(1, shape_hw[1] // _COARSE)
        self._there: F32 = np.zeros(coarse_hw, np.float32)
        self._there_s = 0.0
        self._present: F32 = np.zeros(coarse_hw, np.float32)
        self._changing: F32 = np.zeros(coarse_hw, np.float32)
        self._changing_slow: F32 = np.zeros(coarse_hw, np.float32)
        self._suspect_s: F32 = np.zeros(coarse_hw, np.float32)
        self._masked: NDArray[np.bool_] = np.zeros(coarse_hw, np.bool_)
        self.mask: U8 = np.zeros(shape_hw, np.uint8)
        """What is left out."""
        self.suspect: U8 = np.zeros(shape_hw, np.uint8)
        """What may be left out soon: nothing there should be counted for good."""

    @property
    def ratio(self) -> float:
        """Share of the picture that is left out, 0..1."""
        return float(np.count_nonzero(self._masked)) / self._masked.size

    def see(self, cells: U8, dt_s: float) -> None:
        """Note where something is, before anything is left out; for each frame."""
        self._there += self._shrunk(cells) * np.float32(dt_s)
        self._there_s += dt_s

    def learn(self, changed: U8, dt_s: float) -> None:
        """Judge anew, about once a second; `changed`: the cells with something that is not as it was a second ago."""
        if self._there_s <= 0.0:
            return
        there = self._there / np.float32(self._there_s)
        self._there.fill(0.0)
        self._there_s = 0.0
        changes = self._shrunk(changed)
        quick, slow = (np.float32(1.0 - math.exp(-dt_s / constant_s)) for constant_s in (_QUICK_S, _SLOW_S))
        self._present += quick * (there - self._present)
        self._changing += quick * (changes - self._changing)
        self._changing_slow += slow * (changes - self._changing_slow)
        core = cv2.erode(self._changing, square(3), borderType=cv2.BORDER_REPLICATE)
        hot = ((core > _CHANGING) & (self._present > _PRESENT)).astype(np.uint8)
        suspect = cv2.dilate(hot, square(3)) > 0
        # With a ceiling: a place is free again soon after its television is gone, however long that was on.
        self._suspect_s += np.where(suspect, np.float32(dt_s), np.float32(-dt_s))
        np.clip(self._suspect_s, 0.0, 2 * _SURE_S, out=self._suspect_s)
        if (self._suspect_s >= _SURE_S).any():
            self._take_in_contained()
        self._masked &= cv2.dilate(self._changing_slow, square(5)) >= _CALM
        self.mask = enlarged(self._masked.astype(np.uint8) * 255, self._shape_hw)
        doubtful = (self._suspect_s > 0) & ~self._masked
        self.suspect = enlarged(doubtful.astype(np.uint8) * 255, self._shape_hw)

    def state(self) -> dict[str, NDArray[np.float32]]:
        """Return what must outlive the process."""
        return {"masked": self._masked.astype(np.float32), "changing": self._changing_slow}

    def restore(self, state: dict[str, NDArray[np.float32]]) -> None:
        """Take up what `state` gave; raises ValueError where it is of another grid."""
        masked, changing = state["masked"], state["changing"]
        if masked.shape != self._masked.shape or changing.shape != masked.shape:
            raise ValueError(f"flicker mask: expected a grid of {self._masked.shape}, got {masked.shape}")
        self._masked, self._changing_slow = masked > 0, changing.astype(np.float32)
        self.mask = enlarged(self._masked.astype(np.uint8) * 255, self._shape_hw)

    def _take_in_contained(self) -> None:
        """Mask each suspect place round which it is quiet."""
        spots = ((self._suspect_s > _SURE_S / 7) & (self._present > 0.6 * _PRESENT)).astype(np.uint8)
        count, labels = cv2.connectedComponents(spots, connectivity=8)
        for label in range(1, count):
            spot = labels == label
            if spot.mean() > _LARGEST_RATIO or self._suspect_s[spot].max() < _SURE_S:
                continue
            own = spot.astype(np.uint8)
            around = (cv2.dilate(own, np.ones((9, 9), np.uint8)) > 0) & (
                cv2.dilate(own, np.ones((5, 5), np.uint8)) == 0
            )
            busiest = float(np.quantile(self._present[around], 0.9)) if around.any() else 0.0
            if busiest < _AROUND * float(self._present[spot].mean()):
                self._masked |= cv2.dilate(own, np.ones((3, 3), np.uint8)) > 0

    def _shrunk(self, cells: U8) -> F32:
        # Halving twice is much quicker than a quarter at once.
        small = halved(halved(cells)).astype(np.float32)
        small *= np.float32(1.0 / 255.0)
        return small
