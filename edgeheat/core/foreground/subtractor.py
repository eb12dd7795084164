"""The configured background subtractor: a difference from the background goes in, a mask of what changed comes out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8
from edgeheat.defs.params import MotionParams
from edgeheat.defs.params import Subtractor as SubtractorName

BACKGROUND_LEVEL = 128
"""The grey level of a cell that shows the background, in the pictures that a subtractor is given."""

_FOREGROUND = 255
"""OpenCV marks foreground 255; anything less is a shadow or background."""

_OWN_RATE = -1.0
"""Tells OpenCV to use the subtractor's own learning rate."""


class Subtractor(Protocol):
    """A background subtractor of half a grid."""

    def changed(self, picture: U8, dt_s: float) -> U8:
        """Take in the next picture; returns 255 where it is not background, else 0, owned by the caller.

        `picture`: uint8, the difference from the background plus BACKGROUND_LEVEL, always of one shape (height, width).
        """
        ...


class OpenCvSubtractor:
    """A subtractor of OpenCV whose learning rate follows the time that passed, not the number of frames.

    `priming`: how many pictures of the background it must see before it knows it, and at which rate it learns them.
    """

    def __init__(
        self,
        subtractor: Any,
        shape_hw: tuple[int, ...],
        history_s: float,
        *,
        channels: int = 1,
        priming: tuple[int, float] = (1, 1.0),
    ) -> None:
        self._subtractor = subtractor
        self._history_s = history_s
        self._channels = channels
        empty = np.full(shape_hw, BACKGROUND_LEVEL, np.uint8)
        for _ in range(priming[0]):
            self._apply(empty, priming[1])

    def changed(self, picture: U8, dt_s: float) -> U8:
        """See `Subtractor.changed`."""
        marked = self._apply(picture, self._rate(dt_s))
        return np.asarray(cv2.threshold(marked, _FOREGROUND - 1, 255, cv2.THRESH_BINARY)[1], np.uint8)

    def _rate(self, dt_s: float) -> float:
        return 1.0 - math.exp(-dt_s / self._history_s)

    def _apply(self, picture: U8, rate: float) -> U8:
        if self._channels == 3:
            picture = np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), np.uint8)
        return np.asarray(self._subtractor.apply(picture, learningRate=rate), np.uint8)


class _FrameRateSubtractor(OpenCvSubtractor):
    """One of OpenCV whose learning rate cannot be set: it learns at its own rate, frame by frame."""

    def _rate(self, dt_s: float) -> float:
        return _OWN_RATE


class _NoSubtractor:
    """No subtractor at all: the comparison with the background, which complements every subtractor, decides alone."""

    def changed(self, picture: U8, dt_s: float) -> U8:
        """See `Subtractor.changed`."""
        return np.zeros_like(picture)


def _mog2(params: MotionParams, shape_hw: tuple[int, ...]) -> Subtractor:
    # Shadows are classified by colour, see shadows.py: on brightness alone MOG2 takes dark clothes for shadows.
    mog2 = cv2.createBackgroundSubtractorMOG2(varThreshold=params.var_threshold, detectShadows=False)
    return OpenCvSubtractor(mog2, shape_hw, params.history_s)


def _knn(params: MotionParams, shape_hw: tuple[int, ...]) -> Subtractor:
    # Its threshold is a squared distance in grey levels; MOG2's is in variances, which begin at 15.
    knn = cv2.createBackgroundSubtractorKNN(dist2Threshold=15.0 * params.var_threshold, detectShadows=False)
    # It needs two similar samples: at a rate of 1 the second would come only after many seconds.
    return OpenCvSubtractor(knn, shape_hw, params.history_s, priming=(20, 0.5))


def _mog(params: MotionParams, shape_hw: tuple[int, ...]) -> Subtractor:
    # Its own noise, 30 levels, would hide most people for the first minutes.
    return OpenCvSubtractor(cv2.bgsegm.createBackgroundSubtractorMOG(noiseSigma=5.0), shape_hw, params.history_s)


def _cnt(params: MotionParams, shape_hw: tuple[int, ...]) -> Subtractor:
    frames = max(2, round(params.analysis_fps))
    cnt = cv2.bgsegm.createBackgroundSubtractorCNT(
        frames, True, max(frames + 1, round(params.history_s * params.analysis_fps)), False
    )
    # With a rate set by the caller it marks everything as foreground indefinitely (OpenCV 5.0).
    return _FrameRateSubtractor(cnt, shape_hw, params.history_s, priming=(frames + 1, _OWN_RATE))


def _gsoc(params: MotionParams, shape_hw: tuple[int, ...]) -> Subtractor:
    return OpenCvSubtractor(cv2.bgsegm.createBackgroundSubtractorGSOC(), shape_hw, params.history_s, channels=3)


_MAKERS: dict[SubtractorName, Callable[[MotionParams, tuple[int, ...]], Subtractor]] = {
    "mog2": _mog2,
    "knn": _knn,
    "mog": _mog,
    "cnt": _cnt,
    "gsoc": _gsoc,
    "difference": lambda params, shape_hw: _NoSubtractor(),
}
"""What makes each subtractor, by its name in the configuration."""


def make_subtractor(params: MotionParams, shape_hw: tuple[int, ...]) -> Subtractor:
    """Return a new subtractor that knows the background as BACKGROUND_LEVEL everywhere.

    References: MOG2: Zivkovic 2004; KNN: Zivkovic and van der Heijden 2006; MOG: KaewTraKulPong and Bowden 2001; GSOC:
    Google Summer of Code 2017, Samsonov, in OpenCV; CNT: Zeevi 2016, in OpenCV.
    """
    return _MAKERS[params.subtractor](params, shape_hw)
