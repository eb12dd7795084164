"""The flicker mask: learns which places change for minutes without anyone coming or going, such as a television."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import as_mask, enlarged, halved, square_kernel

_COARSE_CELLS = 4
"""Cells of the grid across one cell of the mask."""

_FAST_S = 25.0
"""Time constant of how often a place is occupied and changes, by which a place becomes suspect."""

_SLOW_S = 60.0
"""Time constant of how often a place changes, by which a masked one is released."""

_MIN_CHANGE_RATIO = 0.12
"""A suspect place changes from one second to the next in more than this share of the seconds.

Changes at the outline do not count: people who stand sway there, the inside of a television changes. On the scenes of
docs/fidelity.md televisions have 0.15 to 0.3, dense queues up to 0.04, people close to a camera that adapts its
exposure up to 0.1.
"""

_MIN_OCCUPIED_RATIO = 0.5
"""A suspect place also shows something in more than this share of the time."""

_CONFIRM_S = 35.0
"""A place is masked after it was suspect for so long."""

_PROBABLE_S = 5.0
"""A place that was suspect for so long belongs to a masked place that touches it."""

_PROBABLE_OCCUPIED_RATIO = 0.3
"""Such a place, suspect for less than `_CONFIRM_S`, must show something in more than this share of the time."""

_MAX_AREA_RATIO = 0.15
"""A place larger than this share of the picture is never masked."""

_MAX_SURROUNDING_RATIO = 0.5
"""People come and go, so the surroundings of a busy place are busy too: a place is masked only where its surroundings
are occupied for less than this share of the time in which the place itself is."""

_SURROUNDING_QUANTILE = 0.9
"""Quantile of the surroundings that is compared: their busiest tenth decides."""

_MIN_INSIDE_RATIO = 0.5
"""A blob of which more than this share lies in masked places is rejected, all of it."""

_RELEASE_CHANGE_RATIO = 0.015
"""A masked place is released when it changes in less than this share of the seconds."""


class FlickerMask:
    """Masks places that stay occupied and keep changing while their surroundings are quiet, such as a television.

    The share of time in which each place is occupied and changes is averaged over two time constants: by the fast one a
    place becomes suspect and then masked, by the slow one it is released. Masks are 255 or 0, (grid height, grid
    width).
    Reference: exponential running average, as in Wren et al. 1997, Pfinder; compare Toyama et al. 1999, Wallflower
    (vacillating background).
    """

    def __init__(self, shape_hw: tuple[int, int]) -> None:
        self._shape_hw = shape_hw
        coarse_hw = max(1, shape_hw[0] // _COARSE_CELLS), max(1, shape_hw[1] // _COARSE_CELLS)
        self._tick_occupied_s: F32 = np.zeros(coarse_hw, np.float32)
        self._tick_s = 0.0
        self._occupied: F32 = np.zeros(coarse_hw, np.float32)
        self._changing: F32 = np.zeros(coarse_hw, np.float32)
        self._changing_slow: F32 = np.zeros(coarse_hw, np.float32)
        self._suspect_s: F32 = np.zeros(coarse_hw, np.float32)
        self._masked: NDArray[np.bool_] = np.zeros(coarse_hw, np.bool_)
        self.mask: U8 = np.zeros(shape_hw, np.uint8)
        """Masked cells (255); what lies mostly in them does not count."""
        self.suspect: U8 = np.zeros(shape_hw, np.uint8)
        """Cells (255) that may be masked soon: time there stays pending."""

    @property
    def ratio(self) -> float:
        """Masked share of the picture, 0..1."""
        return float(np.count_nonzero(self._masked)) / self._masked.size

    def add(self, cells: U8, dt_s: float) -> None:
        """Note the occupied cells (255) of a frame, masked ones included; `dt_s`: the time it stands for."""
        self._tick_occupied_s += self._coarse(cells) * np.float32(dt_s)
        self._tick_s += dt_s

    def learn(self, changed: U8, dt_s: float) -> None:
        """Update the mask, about once a second.

        `changed`: 255 in the occupied cells that look different from a second ago.
        """
        if self._tick_s <= 0.0:
            return
        occupied = self._tick_occupied_s / np.float32(self._tick_s)
        self._tick_occupied_s.fill(0.0)
        self._tick_s = 0.0
        changes = self._coarse(changed)
        fast, slow = (np.float32(1.0 - math.exp(-dt_s / constant_s)) for constant_s in (_FAST_S, _SLOW_S))
        self._occupied += fast * (occupied - self._occupied)
        self._changing += fast * (changes - self._changing)
        self._changing_slow += slow * (changes - self._changing_slow)
        core = cv2.erode(self._changing, square_kernel(3), borderType=cv2.BORDER_REPLICATE)
        hot = ((core > _MIN_CHANGE_RATIO) & (self._occupied > _MIN_OCCUPIED_RATIO)).astype(np.uint8)
        suspect = cv2.dilate(hot, square_kernel(3)) > 0
        # With a ceiling: a place is free again soon after its television is gone, however long that was on.
        self._suspect_s += np.where(suspect, np.float32(dt_s), np.float32(-dt_s))
        np.clip(self._suspect_s, 0.0, 2 * _CONFIRM_S, out=self._suspect_s)
        if (self._suspect_s >= _CONFIRM_S).any():
            self._mask_isolated()
        self._masked &= cv2.dilate(self._changing_slow, square_kernel(5)) >= _RELEASE_CHANGE_RATIO
        self.mask = enlarged(as_mask(self._masked), self._shape_hw)
        self.suspect = enlarged(as_mask((self._suspect_s > 0) & ~self._masked), self._shape_hw)

    def rejected(self, present: U8) -> U8:
        """Return the cells (255) of the blobs in `present` (255) that lie mostly in masked places; owned by the caller.

        A person in front of a television is larger than it, or stands partly beside it, and counts.
        """
        if not self._masked.any():
            return np.zeros_like(present)
        count, labels = cv2.connectedComponents(present, connectivity=8)
        inside = np.bincount(labels[self.mask > 0], minlength=count)
        mostly = inside > _MIN_INSIDE_RATIO * np.maximum(np.bincount(labels.ravel(), minlength=count), 1)
        mostly[0] = False
        return as_mask(mostly[labels])

    def state(self) -> dict[str, NDArray[np.float32]]:
        """Return the arrays that `restore` needs after a restart."""
        return {"masked": self._masked.astype(np.float32), "changing": self._changing_slow}

    def restore(self, state: dict[str, NDArray[np.float32]]) -> None:
        """Restore what `state` gave; raises ValueError where it is of another grid."""
        masked, changing = state["masked"], state["changing"]
        if masked.shape != self._masked.shape or changing.shape != masked.shape:
            raise ValueError(f"flicker mask: expected a grid of {self._masked.shape}, got {masked.shape}")
        self._masked, self._changing_slow = masked > 0, changing.astype(np.float32)
        self.mask = enlarged(as_mask(self._masked), self._shape_hw)

    def _mask_isolated(self) -> None:
        """Mask each suspect place whose surroundings are quiet."""
        probable = (self._suspect_s > _PROBABLE_S) & (self._occupied > _PROBABLE_OCCUPIED_RATIO)
        count, labels = cv2.connectedComponents(probable.astype(np.uint8), connectivity=8)
        for label in range(1, count):
            place = labels == label
            if place.mean() > _MAX_AREA_RATIO or self._suspect_s[place].max() < _CONFIRM_S:
                continue
            own = place.astype(np.uint8)
            around = (cv2.dilate(own, square_kernel(9)) > 0) & (cv2.dilate(own, square_kernel(5)) == 0)
            busiest = float(np.quantile(self._occupied[around], _SURROUNDING_QUANTILE)) if around.any() else 0.0
            if busiest < _MAX_SURROUNDING_RATIO * float(self._occupied[place].mean()):
                self._masked |= cv2.dilate(own, square_kernel(3)) > 0

    def _coarse(self, cells: U8) -> F32:
        # Halving twice is much faster than a quarter at once.
        small = halved(halved(cells)).astype(np.float32)
        small *= np.float32(1.0 / 255.0)
        return small
