"""The illumination gate: stops counting when the light changes all over, and finds the background in the new light."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.background import DARK_OFFSET, BackgroundModel, median_background, tint_of
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import (
    absolute_difference,
    exceeds,
    halved,
    interpolated,
    intersection,
    invert,
    opened,
    square,
)

_MAX_CHANGED_RATIO = 0.25
"""The gate closes when more than this share of the picture changed between two frames, exposure compensated; ..."""

_MAX_DIFFERING_JUMP = 0.12
"""... or when the share that differs from the background rises by more than this at once; ..."""

_EXPOSURE_JUMP_RATIO = 0.3
"""... or when more than this share changed before compensation, and ..."""

_EXPOSURE_DIFFERING_JUMP = 0.07
"""... the share that differs from the background rises by this; ..."""

_MAX_DIFFERING_RATIO = 0.35
"""... or when more than this share differs from the background ..."""

_DIFFERING_S = 4.0
"""... for longer than this, while ..."""

_MAX_MOTION_RATIO = 0.04
"""... no more than this share changes from frame to frame."""

_STEADY_CHANGED_RATIO = 0.06
"""The light is steady while no more than this share changes between frames."""

_STEADY_S = 1.0
"""The gate tries to open once the light was steady for so long; ..."""

_RELEARN_S = 2.0
"""... where the background is another one, it is learned anew from frames of so long."""

_MAX_WAIT_S = 60.0
"""After so long it opens even if the light is not steady."""

_MAX_KEPT_FRAMES = 12
"""Frames from which the background in the new light is learned."""

_SAME_LIGHT_RATIO = 0.03
"""Where less than this share differs once the light is steady, it is the light of before."""

_MAX_FIT_ERROR = 15
"""Grey levels by which a cell may differ from a background that was transferred to the present light."""

_MAX_KNOWN_BACKGROUNDS = 4
"""Backgrounds of earlier lights that are kept, for lamps that are switched on again."""

_KNOWN_RATIO = 0.93
"""A known background is used where it explains at least this share of the cells without people."""

_STEPS_PER_LOG = 50.0
"""Resolution with which logarithms of ratios are quantised for the median filter."""

_MAX_OBSERVED_S = 60.0
"""A cell of the new background counts as observed for at most so long, where it was observed; ..."""

_BEHIND_PEOPLE_S = 10.0
"""... where it lies behind people; ..."""

_KNOWN_OBSERVED_S = 120.0
"""... and where it is known from an earlier light."""

_REMEMBERED_S = 7
"""Seconds: who was there so long ago was detected before a slow change of light began to hide him."""


@dataclass(frozen=True, slots=True)
class FrameChange:
    """How much of the picture changed with one frame; all shares are 0..1 of the grid."""

    changed_ratio: float
    """Share of the cells that changed since a moment ago, exposure compensated."""

    uncompensated_ratio: float
    """The same since the previous frame, without compensation."""

    differing_ratio: float
    """Share of the cells that differ from the background, by people or by light."""


@dataclass(frozen=True, slots=True)
class _Fit:
    ratio: float
    """Share of the cells without people that the background explains."""
    luma: U8
    """The background, transferred to the new light."""
    unexplained: U8
    """255 where it does not explain the frame."""


class IlluminationGate:
    """Watches one camera's light; keeps the backgrounds of earlier lights.

    Reference: the transfer by a smooth field of log ratios is homomorphic, Oppenheim, Schafer and Stockham 1968; frame
    level illumination change as in Toyama et al. 1999, Wallflower.
    """

    def __init__(self, shape_hw: tuple[int, ...]) -> None:
        """`shape_hw`: (height, width) of the grid."""
        self.closed = False
        self._frames: deque[tuple[U8, U8 | None]] = deque(maxlen=_MAX_KEPT_FRAMES)
        self._steady_s = self._waited_s = self._differing_s = 0.0
        self._differing_ratio: float | None = None
        self._known: deque[tuple[U8, F32 | None, F32]] = deque(maxlen=_MAX_KNOWN_BACKGROUNDS)
        nobody: U8 = np.zeros(shape_hw, np.uint8)
        self._occupied_history: deque[U8] = deque([nobody], maxlen=_REMEMBERED_S)
        self._occupied = nobody

    def update(self, change: FrameChange, occupied: U8, dt_s: float) -> bool:
        """Return whether the light changed with this frame, and close if it did.

        `occupied`: the cells with people in the previous frame, 255 or 0; only read.
        """
        jump = 0.0 if self._differing_ratio is None else change.differing_ratio - self._differing_ratio
        self._differing_ratio = change.differing_ratio
        unmoving = change.differing_ratio > _MAX_DIFFERING_RATIO and change.changed_ratio < _MAX_MOTION_RATIO
        self._differing_s = self._differing_s + dt_s if unmoving else 0.0
        slow = self._differing_s > _DIFFERING_S
        sudden = (
            change.changed_ratio > _MAX_CHANGED_RATIO
            or jump > _MAX_DIFFERING_JUMP
            or (change.uncompensated_ratio > _EXPOSURE_JUMP_RATIO and jump > _EXPOSURE_DIFFERING_JUMP)
        )
        self.closed = sudden or slow
        if self.closed:
            self._frames.clear()
            self._steady_s = self._waited_s = self._differing_s = 0.0
            self._occupied = self._occupied_history[0] if slow else occupied
        return self.closed

    def remember(self, occupied: U8) -> None:
        """Note the cells with people, 255 or 0, once a second; kept, so not to be changed afterwards."""
        self._occupied_history.append(occupied)

    def wait(self, grid: U8, chroma: U8 | None, changed_ratio: float, dt_s: float) -> bool:
        """Take in a frame while closed; returns whether the light is steady again."""
        if changed_ratio > _STEADY_CHANGED_RATIO:
            self._steady_s = 0.0
            self._frames.clear()
        self._frames.append((grid, chroma))
        self._steady_s += dt_s
        self._waited_s += dt_s
        return self._steady_s >= _STEADY_S or self._waited_s >= _MAX_WAIT_S

    def try_open(self, background: BackgroundModel, luma: U8) -> BackgroundModel | None:
        """Open, if that is possible already: returns the background to go on with, None to wait on.

        `luma`: the present frame in the light of `background`.
        """
        vacant = invert(self._occupied)
        differing = exceeds(absolute_difference(luma, background.luma), background.tolerance)
        differing = opened(intersection(differing, vacant), square(3))
        if cv2.countNonZero(differing) > _SAME_LIGHT_RATIO * max(1, cv2.countNonZero(vacant)):
            if self._steady_s < _RELEARN_S and self._waited_s < _MAX_WAIT_S:
                return None
            background = self._in_new_light(background, vacant)
        self.closed = False
        self._differing_ratio = None
        return background

    def _in_new_light(self, background: BackgroundModel, vacant: U8) -> BackgroundModel:
        grids = [grid for grid, _ in self._frames]
        chromas = [chroma for _, chroma in self._frames if chroma is not None]
        seen = median_background(grids)
        tint = tint_of(median_background(chromas), 1.0) if len(chromas) == len(grids) else None
        present = _transferred(seen, background.luma, vacant)
        known = [(_transferred(seen, luma, vacant), tint, observed_s) for luma, tint, observed_s in self._known]
        self._known.append((background.luma, background.tint, background.observed_s))
        best = max(known, key=lambda each: each[0].ratio, default=None)
        hidden = halved(vacant) < 255
        if best is not None and best[0].ratio >= max(_KNOWN_RATIO, present.ratio - 0.01):
            return _known_again(*best, hidden)
        unexplained = halved(present.unexplained) > 127
        limit_s = np.where(hidden, _BEHIND_PEOPLE_S, np.where(unexplained, 0.0, _MAX_OBSERVED_S)).astype(np.float32)
        luma = np.where(vacant > 0, seen, present.luma)
        if tint is not None and background.tint is not None:
            # Colours are as much fainter as the light is.
            dimmed = (halved(present.luma).astype(np.float32) + DARK_OFFSET) / (
                background.half.astype(np.float32) + DARK_OFFSET
            )
            tint = np.where(hidden, background.tint * dimmed, tint)
        return BackgroundModel(np.asarray(luma, np.uint8), tint, np.minimum(background.observed_s, limit_s))


def _known_again(fit: _Fit, tint: F32 | None, observed_s: F32, hidden: NDArray[np.bool_]) -> BackgroundModel:
    """Return the background of an earlier light; `hidden`: cells of half the grid behind people."""
    unexplained = (halved(fit.unexplained) > 127) & ~hidden
    limit_s = np.where(unexplained, np.float32(_BEHIND_PEOPLE_S), np.float32(_KNOWN_OBSERVED_S))
    observed_s = np.minimum(observed_s, limit_s).astype(np.float32)
    return BackgroundModel(fit.luma, tint.copy() if tint is not None else None, observed_s)


def _transferred(seen: U8, background: U8, vacant: U8) -> _Fit:
    """Transfer a background to the light in which `seen` was recorded, place by place, by the `vacant` cells (255)."""
    small_wh = (max(1, seen.shape[1] // 4), max(1, seen.shape[0] // 4))
    usable = (cv2.resize(vacant, small_wh, interpolation=cv2.INTER_AREA) > 254).astype(np.float32)
    now, then = (
        cv2.resize(each, small_wh, interpolation=cv2.INTER_AREA).astype(np.float32) for each in (seen, background)
    )
    logs = np.log((now + DARK_OFFSET) / (then + DARK_OFFSET))
    around = cv2.GaussianBlur(logs * usable, (0, 0), 4) / np.maximum(cv2.GaussianBlur(usable, (0, 0), 4), 1e-3)
    logs = np.where(usable > 0, logs, around)
    steps = np.clip(np.rint(128 + logs * _STEPS_PER_LOG), 0, 255).astype(np.uint8)
    # The median of the neighbourhood: an object that is new must not lend its brightness to the background.
    smooth = (cv2.medianBlur(steps, 11).astype(np.float32) - 128) / np.float32(_STEPS_PER_LOG)
    factor = interpolated(np.exp(smooth).astype(np.float32), seen.shape)
    luma = np.clip(np.rint((background + DARK_OFFSET) * factor - DARK_OFFSET), 0, 255).astype(np.uint8)
    unexplained = intersection(exceeds(absolute_difference(luma, seen), _MAX_FIT_ERROR), vacant)
    return _Fit(1.0 - cv2.countNonZero(unexplained) / max(1, cv2.countNonZero(vacant)), luma, unexplained)
