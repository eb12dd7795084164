"""Learns a colour picture of the scene without people, over which the heat is drawn."""

from __future__ import annotations

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.masks import dilated_by

_RATE = 1 / 8
"""Weight of each new sample in the running mean, which follows a change of lighting within about eight samples."""

_PEOPLE_KERNEL_CELLS = 9
"""Side of the square by which occupied cells are dilated and then excluded: detection misses people's edges."""

_BLUR_RATIO = 0.1
"""Side of the blur over places never seen empty, as a fraction of the picture's width: wider than most people."""

_STEP_LUT = np.ceil(np.arange(256) * _RATE).astype(np.uint8)
"""Change of the mean by its difference from the sample, 0..255; rounded up, so that the mean reaches the sample."""


class Backdrop:
    """A running mean of pictures without the cells that people occupy; in uint8, because a worker's memory is limited.

    Reference: exponential moving average with selective update (Cucchiara et al. 2003, Detecting moving objects,
    ghosts, and shadows in video streams).
    """

    def __init__(self) -> None:
        self._picture: U8 | None = None
        self._unseen: U8 | None = None
        """The cells that were never seen empty, 255 or 0, shape (grid height, grid width)."""

    def add(self, picture: U8, occupied: U8) -> None:
        """Add one picture, BGR uint8 (height, width, 3), which the backdrop owns from now on.

        occupied: the cells with people in it, moving or not, 255 or 0, shape (grid height, grid width). A place that
        was never seen empty keeps the latest picture, which `picture` blurs, until it is seen empty.
        """
        hidden = dilated_by(occupied, np.ones((_PEOPLE_KERNEL_CELLS, _PEOPLE_KERNEL_CELLS), np.uint8))
        if self._picture is None or self._unseen is None or self._picture.shape != picture.shape:
            self._picture, self._unseen = picture, hidden
            return
        cv2.copyTo(_running_mean(self._picture, picture), _enlarge(cv2.bitwise_not(hidden), picture), self._picture)
        if cv2.countNonZero(self._unseen):
            cv2.copyTo(picture, _enlarge(self._unseen, picture), self._picture)
            cv2.bitwise_and(self._unseen, hidden, self._unseen)

    @property
    def is_complete(self) -> bool | None:
        """Whether every place was seen without people; None before the first sample."""
        return None if self._unseen is None else not cv2.countNonZero(self._unseen)

    def picture(self) -> U8 | None:
        """Return the picture, BGR uint8 (height, width, 3), read-only; None before the first sample.

        Places that were never seen empty are blurred beyond recognition, because a person may be there.
        """
        if self._picture is None or self._unseen is None or not cv2.countNonZero(self._unseen):
            return self._picture
        side = max(3, round(_BLUR_RATIO * self._picture.shape[1]))
        blurred = self._picture.copy()
        cv2.copyTo(cv2.blur(self._picture, (side, side)), _enlarge(self._unseen, blurred), blurred)
        return blurred


def _running_mean(old: U8, new: U8) -> cv2.typing.MatLike:
    """Return `old` moved one step towards `new`. Uses two arrays only: allocating takes longer than the arithmetic."""
    up, down = cv2.subtract(new, old), cv2.subtract(old, new)
    cv2.LUT(up, _STEP_LUT, up)
    cv2.LUT(down, _STEP_LUT, down)
    cv2.add(old, up, up)
    return cv2.subtract(up, down, up)


def _enlarge(cells: cv2.typing.MatLike, picture: U8) -> cv2.typing.MatLike:
    return cv2.resize(cells, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_NEAREST)
