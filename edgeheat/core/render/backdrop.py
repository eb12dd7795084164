"""Keeps a colour picture of the empty scene, for the overlay to lie on."""

from __future__ import annotations

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8

_RATE = 1 / 8
"""Share of the difference that one sample takes over: lighting is followed in about eight samples."""

_MARGIN_CELLS = 9
"""Moving cells are widened by this before they are left out: people's edges are fainter than their middles."""

_VEIL_RATIO = 0.1
"""Share of the picture's width over which places that were never seen empty are blurred: wider than most people."""

# Rounded away from zero, so that the last few levels of a difference are taken over too.
_STEP = np.ceil(np.arange(256) * _RATE).astype(np.uint8)


class Backdrop:
    """A running mean that skips whatever moves; uint8 throughout, because a worker is held to a few megabytes."""

    def __init__(self) -> None:
        self._picture: U8 | None = None
        self._unseen: U8 | None = None
        """The cells that were never seen empty, 255 or 0; on the grid, where it is small."""

    def sample(self, picture: U8, moving: U8) -> None:
        """Take in one picture, BGR uint8 (height, width, 3), owned from here on, and the cells moving in it.

        A place that was never seen empty shows the latest picture until it is.
        """
        hidden = np.asarray(cv2.dilate(moving, np.ones((_MARGIN_CELLS, _MARGIN_CELLS), np.uint8)), np.uint8)
        if self._picture is None or self._unseen is None or self._picture.shape != picture.shape:
            self._picture, self._unseen = picture, hidden
            return
        cv2.copyTo(_follow(self._picture, picture), _enlarge(cv2.bitwise_not(hidden), picture), self._picture)
        if cv2.countNonZero(self._unseen):
            cv2.copyTo(picture, _enlarge(self._unseen, picture), self._picture)
            cv2.bitwise_and(self._unseen, hidden, self._unseen)

    def picture(self) -> U8 | None:
        """Return the picture, BGR uint8, only to be read; None before the first sample.

        Where it was never seen empty it is blurred beyond recognition: somebody may be there.
        """
        if self._picture is None or self._unseen is None or not cv2.countNonZero(self._unseen):
            return self._picture
        side = max(3, round(_VEIL_RATIO * self._picture.shape[1]))
        veiled = self._picture.copy()
        cv2.copyTo(cv2.blur(self._picture, (side, side)), _enlarge(self._unseen, veiled), veiled)
        return veiled


def _follow(old: U8, new: U8) -> cv2.typing.MatLike:
    """Return `old`, a step nearer to `new`; in two arrays, because fresh megabytes cost more than the arithmetic."""
    up, down = cv2.subtract(new, old), cv2.subtract(old, new)
    cv2.LUT(up, _STEP, up)
    cv2.LUT(down, _STEP, down)
    cv2.add(old, up, up)
    return cv2.subtract(up, down, up)


def _enlarge(cells: cv2.typing.MatLike, picture: U8) -> cv2.typing.MatLike:
    return cv2.resize(cells, (picture.shape[1], picture.shape[0]), interpolation=cv2.INTER_NEAREST)
