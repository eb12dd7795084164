"""Common methods for heat maps (the rivals), each reimplemented in a few lines from its makers' description.

A rival receives every decoded picture, BGR uint8 of shape (height, width, 3), with its time in the recording, and skips
pictures by its own rate. `heat()` is its result: float64, shape (height, width) of its own working size.
If its sum can be interpreted as seconds, `in_seconds` is True and the unit is seconds; else the unit is its own.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F64, U8
from edgeheat.core.grid.sampling import FrameSampler


class Rival(Protocol):
    """One method that computes a heat map."""

    name: ClassVar[str]
    """Short name, for tables and pictures."""

    origin: ClassVar[str]
    """The tools or guides that use the method."""

    in_seconds: ClassVar[bool]

    def add(self, bgr: U8, t_s: float) -> None:
        """Process one picture; `t_s` rises."""
        ...

    def heat(self) -> F64:
        """Return the heat so far; owned by the caller."""
        ...


class FrameDifference:
    """Sums the absolute change of brightness from one picture to the next."""

    name: ClassVar = "frame difference"
    origin: ClassVar = "MGT mg_heatmap"
    in_seconds: ClassVar = False

    def __init__(self) -> None:
        self._last: U8 | None = None
        self._sum: F64 | None = None

    def add(self, bgr: U8, t_s: float) -> None:
        """See Rival."""
        grey = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
        if self._last is None or self._sum is None:
            self._sum = np.zeros(grey.shape, np.float64)
        else:
            cv2.accumulate(cv2.absdiff(grey, self._last), self._sum)
        self._last = grey

    def heat(self) -> F64:
        """Sum of grey levels."""
        return _copied(self._sum)


class _Hits:
    """Adds a weight to a saturating 8-bit sum at each hit; converted to seconds by the recording's mean rate."""

    in_seconds: ClassVar = True

    def __init__(self, weight: int) -> None:
        self._weight = weight
        self._sum: U8 | None = None
        self._times: list[float] = []

    def _count(self, marked: U8, above: int, t_s: float) -> None:
        if self._sum is None:
            self._sum = np.zeros(marked.shape, np.uint8)
        _, hits = cv2.threshold(marked, above, self._weight, cv2.THRESH_BINARY)
        self._sum = np.asarray(cv2.add(self._sum, hits), np.uint8)
        self._times.append(t_s)

    def heat(self) -> F64:
        """Hits, saturated by 8 bits, times the mean time between pictures."""
        if self._sum is None or len(self._times) < 2:
            return np.zeros((1, 1), np.float64) if self._sum is None else np.zeros(self._sum.shape, np.float64)
        frame_s = (self._times[-1] - self._times[0]) / (len(self._times) - 1)
        return np.asarray(self._sum / np.float64(self._weight) * frame_s, np.float64)


class MogCount(_Hits):
    """MOG of OpenCV's bgsegm on every picture in full size, two grey levels for each hit.

    Reference: KaewTraKulPong and Bowden 2001, "An improved adaptive background mixture model".
    """

    name: ClassVar = "MOG, 8 bit"
    origin: ClassVar = "Intel motion-heatmap, Labellerr guide"

    def __init__(self) -> None:
        super().__init__(weight=2)
        self._mog = cv2.bgsegm.createBackgroundSubtractorMOG()

    def add(self, bgr: U8, t_s: float) -> None:
        """See Rival."""
        marked = self._mog.apply(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY))
        self._count(np.asarray(marked, np.uint8), 2, t_s)


class Mog2Count(_Hits):
    """MOG2 with default settings on every picture in full size and colour; shadows are counted too.

    Reference: Zivkovic 2004, "Improved adaptive Gaussian mixture model for background subtraction".
    """

    name: ClassVar = "MOG2, 8 bit"
    origin: ClassVar = "motion-heatmap scripts with MOG2"

    def __init__(self) -> None:
        super().__init__(weight=1)
        self._mog2 = cv2.createBackgroundSubtractorMOG2()

    def add(self, bgr: U8, t_s: float) -> None:
        """See Rival."""
        self._count(np.asarray(self._mog2.apply(bgr), np.uint8), 1, t_s)


class RunningAverage:
    """Small grey pictures, contrast stretched and blurred, compared with their running average; five a second.

    A change of over 80 % of the picture starts a calibration: nothing is counted and the average adapts fast, until
    less than 5 % moves. Persistent motion is absorbed into the average slowly.
    """

    name: ClassVar = "running average"
    origin: ClassVar = "Frigate's improved motion"
    in_seconds: ClassVar = True

    _FPS = 5.0
    _HEIGHT = 100
    _DELTA = 30
    _LEAST_AREA = 10
    _LIGHTNING_RATIO, _CALM_RATIO, _CALM_CONTOURS = 0.8, 0.05, 4
    _SLOW, _FAST = 0.01, 0.2
    _LASTING_FRAMES = 10
    _CONTRASTS = 50

    def __init__(self) -> None:
        self._pace = FrameSampler(self._FPS)
        self._contrasts: list[tuple[float, float]] = []
        self._average: NDArray[np.float32] | None = None
        self._calibrating = True
        self._lasting = 0
        self._hits: F64 | None = None

    def add(self, bgr: U8, t_s: float) -> None:
        """See Rival."""
        if not self._pace.due(t_s):
            return
        grey = self._prepared(bgr)
        if self._average is None or self._hits is None:
            self._average, self._hits = grey.astype(np.float32), np.zeros(grey.shape, np.float64)
        motion, contours, ratio = self._motion(grey, self._average)
        if ratio < self._CALM_RATIO and contours <= self._CALM_CONTOURS:
            self._calibrating = False
        if self._calibrating or ratio > self._LIGHTNING_RATIO:
            self._calibrating, contours = True, 0
        if contours:
            cv2.accumulate(motion, self._hits)
        self._lasting = self._lasting + 1 if contours else 0
        if not contours or self._lasting >= self._LASTING_FRAMES:
            cv2.accumulateWeighted(grey, self._average, self._FAST if self._calibrating else self._SLOW)

    def heat(self) -> F64:
        """Hits times a fifth of a second."""
        return _copied(self._hits) / self._FPS

    def _prepared(self, bgr: U8) -> U8:
        height, width = bgr.shape[:2]
        small_wh = round(width * self._HEIGHT / height), self._HEIGHT
        grey = cv2.resize(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), small_wh, interpolation=cv2.INTER_LINEAR)
        dark, bright = (float(level) for level in np.percentile(grey, (4, 96)))
        if dark < bright:
            self._contrasts = [*self._contrasts[1 - self._CONTRASTS :], (dark, bright)]
            dark, bright = np.mean(self._contrasts, axis=0)
            grey = np.clip((grey - dark) * (255 / (bright - dark)), 0, 255).astype(np.uint8)
        return np.asarray(cv2.GaussianBlur(grey, (7, 7), 1.0), np.uint8)

    def _motion(self, grey: U8, average: NDArray[np.float32]) -> tuple[U8, int, float]:
        """Return the mask of motion, 1 or 0, the number of its contours, and their share of the picture."""
        delta = cv2.absdiff(grey, cv2.convertScaleAbs(average))
        _, marked = cv2.threshold(delta, self._DELTA, 255, cv2.THRESH_BINARY)
        found, _ = cv2.findContours(
            cv2.dilate(marked, np.ones((3, 3), np.uint8)), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
        )
        large = [contour for contour in found if cv2.contourArea(contour) > self._LEAST_AREA]
        motion = np.zeros(grey.shape, np.uint8)
        cv2.drawContours(motion, large, -1, (1,), cv2.FILLED)
        return motion, len(large), sum(cv2.contourArea(contour) for contour in large) / grey.size


class Mog2OnceASecond:
    """MOG2 without shadows on 300 by 300 pixels once a second, eroded once and dilated four times."""

    name: ClassVar = "MOG2 at 1 fps"
    origin: ClassVar = "Viseron"
    in_seconds: ClassVar = True

    _SIZE_WH = (300, 300)
    _LEARNING = 0.01

    def __init__(self) -> None:
        self._pace = FrameSampler(1.0)
        self._mog2 = cv2.createBackgroundSubtractorMOG2(history=500, varThreshold=15, detectShadows=False)
        self._kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
        self._hits: F64 | None = None

    def add(self, bgr: U8, t_s: float) -> None:
        """See Rival."""
        if not self._pace.due(t_s):
            return
        small = cv2.resize(bgr, self._SIZE_WH, interpolation=cv2.INTER_LINEAR)
        marked = self._mog2.apply(small, learningRate=self._LEARNING)
        moving = cv2.dilate(cv2.erode(marked, self._kernel), self._kernel, iterations=4)
        if self._hits is None:
            self._hits = np.zeros(moving.shape, np.float64)
        cv2.accumulate(moving // 255, self._hits)

    def heat(self) -> F64:
        """Hits times one second."""
        return _copied(self._hits)


class _Marks:
    """Counts the pictures in which a background subtractor marks each pixel, times the mean time between pictures."""

    in_seconds: ClassVar = True

    def __init__(self, subtractor: cv2.BackgroundSubtractor) -> None:
        self._subtractor = subtractor
        self._hits: F64 | None = None
        self._times: list[float] = []

    def _count(self, picture: U8, t_s: float) -> None:
        marked = np.asarray(self._subtractor.apply(picture), np.uint8)
        if self._hits is None:
            self._hits = np.zeros(marked.shape, np.float64)
        cv2.accumulate((marked > 0).astype(np.uint8), self._hits)
        self._times.append(t_s)

    def heat(self) -> F64:
        """Hits times the mean time between pictures."""
        if len(self._times) < 2:
            return _copied(self._hits) * 0
        return _copied(self._hits) * (self._times[-1] - self._times[0]) / (len(self._times) - 1)


class Mog2Grey(_Marks):
    """MOG2 without shadows on every picture in full size, in grey.

    Reference: Zivkovic 2004, "Improved adaptive Gaussian mixture model for background subtraction".
    """

    name: ClassVar = "MOG2, grey"
    origin: ClassVar = "guides with MOG2 and detectShadows=False"

    def __init__(self) -> None:
        super().__init__(cv2.createBackgroundSubtractorMOG2(detectShadows=False))

    def add(self, bgr: U8, t_s: float) -> None:
        """See Rival."""
        self._count(np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8), t_s)


class Knn(_Marks):
    """KNN with default settings on every picture in full size and colour; shadows are counted too.

    Reference: Zivkovic and van der Heijden 2006, "Efficient adaptive density estimation per image pixel".
    """

    name: ClassVar = "KNN"
    origin: ClassVar = "guides with KNN"

    def __init__(self) -> None:
        super().__init__(cv2.createBackgroundSubtractorKNN())

    def add(self, bgr: U8, t_s: float) -> None:
        """See Rival."""
        self._count(bgr, t_s)


RIVALS: tuple[type[Rival], ...] = (FrameDifference, MogCount, Mog2Count, RunningAverage, Mog2OnceASecond)
"""The rivals of the synthetic scenes, in the order of the tables."""

CLASSIC: tuple[type[Rival], ...] = (FrameDifference, MogCount, Mog2Count, Mog2Grey, Knn)
"""The classic methods, in the order of the tables of real recordings."""


def _copied(heat: F64 | None) -> F64:
    return np.zeros((1, 1), np.float64) if heat is None else heat.copy()
