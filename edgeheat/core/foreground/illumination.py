"""The illumination gate: suspends counting during a global change of light, then re-estimates the background."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.background import DARK_OFFSET, BackgroundModel, Noise, median_background, tint_of
from edgeheat.core.foreground.roughness import gradient_per_cell
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import (
    absolute_difference,
    exceeds,
    halved,
    interpolated,
    intersection,
    invert,
    opened,
    ratio_of,
    square_kernel,
)
from edgeheat.core.grid.shift import shift_between

# The gate closes on a frame if one of these holds; all ratios are fractions of the grid's cells:
#   sudden change:   changed > MAX_CHANGED_RATIO
#   sudden contrast: differing rose by more than _MAX_DIFFERING_JUMP
#   exposure step:   changed before compensation > _MAX_UNCOMPENSATED_RATIO, and differing rose by more than
#                    _EXPOSURE_DIFFERING_JUMP
#   slow change:     differing > _MAX_DIFFERING_RATIO while changed < _MAX_MOTION_RATIO, for longer than
#                    _MAX_STATIC_DIFFERENCE_S
# and if, in each of them, the cells changed as light does: see `_roughness`.

MAX_CHANGED_RATIO = 0.25
"""Fraction of the cells that changed within the last moment, exposure compensated."""

_MAX_DIFFERING_JUMP = 0.12
"""Rise, from one frame to the next, of the fraction that differs from the background."""

_MAX_UNCOMPENSATED_RATIO = 0.3
"""Fraction of the cells that changed since the previous frame, exposure not compensated."""

_EXPOSURE_DIFFERING_JUMP = 0.07
"""Rise, from one frame to the next, of the fraction that differs, when the exposure was adapted with that frame."""

_MAX_DIFFERING_RATIO = 0.35
"""Fraction of the cells that differs from the background."""

_MAX_MOTION_RATIO = 0.04
"""Above this fraction of changed cells, people cause the difference and not the light."""

_MAX_STATIC_DIFFERENCE_S = 4.0
"""How long a large difference without motion is tolerated."""

_MAX_LIGHT_ROUGHNESS = 0.33
"""Light is smoother than this, and people are rougher: see `_roughness`.

On the recordings of docs/fidelity.md lamps, daylight, exposure and the switch to infra-red have 0.05 to 0.3, people
0.41 to 1.3.
"""

_SHIFT_RATIO = 0.7
"""A move of the camera leaves less than this share of the changed cells, once the earlier picture is moved as well.

On the recordings of docs/fidelity.md a bump leaves 0.4 to 0.5, people at least 1.
"""

_SHIFT_LEVELS = 15
"""Grey levels of half the grid by which a cell changes, for this comparison."""

_STEADY_CHANGED_RATIO = 0.06
"""While closed: the light is steady if no more than this fraction of the cells changes, or if people change them."""

_STEADY_S = 1.0
"""While closed: seconds of steady light before the gate tries to open."""

_RELEARN_S = 2.0
"""While closed: seconds of steady light from which a changed background is re-estimated."""

_MAX_WAIT_S = 20.0
"""After this time the gate opens even if the light is not steady."""

_LOG_OFFSET = 8.0
"""Grey levels added before the logarithm, so that noise in the dark does not look rough."""

_MAX_KEPT_FRAMES = 12
"""Number of frames from which the background is re-estimated."""

_SAME_LIGHT_RATIO = 0.03
"""If no more than this fraction of the vacant cells differs once the light is steady, the previous light is back."""

_MAX_FIT_ERROR = 15
"""Grey levels by which a cell may differ from a background that was adapted to the present light."""

_MAX_KNOWN_BACKGROUNDS = 4
"""Number of backgrounds that are kept from earlier lighting conditions, for lamps that are switched on again."""

_KNOWN_RATIO = 0.93
"""A kept background must explain at least this fraction of the vacant cells."""

_KNOWN_ADVANTAGE = 0.01
"""A kept background may explain less than the background before the change by at most this fraction of the cells."""

_STEPS_PER_LOG = 50.0
"""Resolution with which logarithms of ratios are quantised for the median filter."""

_MEDIAN_CELLS = 11
"""Width of the median filter over logarithms of ratios, in cells of a quarter of the grid."""

_FILL_SIGMA_CELLS = 4.0
"""Sigma, in cells of a quarter of the grid, with which the ratio is filled in behind people."""

_VISIBLE_OBSERVED_S = 60.0
"""Upper limit of the observation time of a re-estimated cell that was visible and only changed its brightness."""

_KNOWN_OBSERVED_S = 120.0
"""Upper limit of the observation time of a cell that a kept background explains."""

_UNCERTAIN_OBSERVED_S = 10.0
"""Upper limit of the observation time of a cell that was hidden by people, or that a kept background does not
explain."""

_OCCUPANCY_HISTORY = 7
"""Seconds, one entry each: people detected this long ago were detected before a slow change of light hid them."""


@dataclass(frozen=True, slots=True)
class FrameChange:
    """How much of the picture changed with one frame; all ratios are fractions of the grid's cells, 0..1."""

    changed_ratio: float
    """Cells that changed within the last moment (see MotionDetector), exposure compensated."""

    uncompensated_ratio: float
    """Cells that changed since the previous frame, exposure not compensated."""

    differing_ratio: float
    """Cells that differ from the background, by people or by light."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two pictures of one scene, uint8 of one shape; only read."""

    before: U8
    now: U8
    changed: U8
    """Cells (255) in which the two differ."""

    def shows_people(self) -> bool:
        """Return whether people changed the picture, rather than light or a move of the camera."""
        return _roughness(self) > _MAX_LIGHT_ROUGHNESS and not _explained_by_shift(self)


@dataclass(frozen=True, slots=True)
class _KnownBackground:
    """A background of an earlier lighting condition, see BackgroundModel."""

    luma: U8
    tint: F32 | None
    observed_s: F32
    noise: Noise


@dataclass(frozen=True, slots=True)
class _Relit:
    """A background that was adapted to the present light."""

    luma: U8
    unexplained: U8
    """255 in the vacant cells that it does not explain."""

    explained_ratio: float
    """Fraction of the vacant cells that it explains, 0..1."""


class IlluminationGate:
    """Watches one camera's light; keeps the backgrounds of earlier lighting conditions.

    Reference: Toyama et al. 1999, Wallflower (illumination change of the whole frame); Oppenheim, Schafer and Stockham
    1968 (homomorphic filtering: a smooth field of log ratios).
    """

    def __init__(self, shape_hw: tuple[int, ...]) -> None:
        """`shape_hw`: (height, width) of the grid."""
        self.closed = False
        self._frames: deque[tuple[U8, U8 | None]] = deque(maxlen=_MAX_KEPT_FRAMES)
        self._steady_s = self._waited_s = 0.0
        # The first frame may be from before a change of light that the background was learned after.
        self._static_difference_s = _MAX_STATIC_DIFFERENCE_S
        self._differing_ratio: float | None = None
        self._known: deque[_KnownBackground] = deque(maxlen=_MAX_KNOWN_BACKGROUNDS)
        nothing: U8 = np.zeros(shape_hw, np.uint8)
        self._occupied_history: deque[U8] = deque([nothing], maxlen=_OCCUPANCY_HISTORY)
        self._occupied = nothing

    def update(
        self, change: FrameChange, moment: Comparison, background: Comparison, occupied: U8, dt_s: float
    ) -> bool:
        """Evaluate a frame while open; returns whether the light changed with it, and closes if it did.

        `moment`: the frame and the one before it; `background`: the background and the frame; exposure not
        compensated, because what the camera compensates is light too.
        `occupied`: the cells with people in the previous frame, 255 or 0; only read.
        """
        jump = 0.0 if self._differing_ratio is None else change.differing_ratio - self._differing_ratio
        self._differing_ratio = change.differing_ratio
        static = change.differing_ratio > _MAX_DIFFERING_RATIO and change.changed_ratio < _MAX_MOTION_RATIO
        self._static_difference_s = self._static_difference_s + dt_s if static else 0.0
        slow = self._static_difference_s > _MAX_STATIC_DIFFERENCE_S and not background.shows_people()
        sudden = (
            change.changed_ratio > MAX_CHANGED_RATIO
            or jump > _MAX_DIFFERING_JUMP
            or (change.uncompensated_ratio > _MAX_UNCOMPENSATED_RATIO and jump > _EXPOSURE_DIFFERING_JUMP)
        )
        self.closed = slow or (sudden and not moment.shows_people())
        if self.closed:
            self._frames.clear()
            self._steady_s = self._waited_s = self._static_difference_s = 0.0
            self._occupied = self._occupied_history[0] if slow else occupied
        return self.closed

    def record_occupied(self, occupied: U8) -> None:
        """Record the cells with people, 255 or 0, once a second; kept by reference, so not to be modified."""
        self._occupied_history.append(occupied)

    def update_closed(self, moment: Comparison, chroma: U8 | None, dt_s: float) -> bool:
        """Evaluate a frame while closed; returns whether `try_open` should be called.

        `moment` as in `update`. Frame and `chroma` are kept by reference, so the caller must not modify them.
        """
        if ratio_of(moment.changed) > _STEADY_CHANGED_RATIO and not moment.shows_people():
            self._steady_s = 0.0
            self._frames.clear()
        self._frames.append((moment.now, chroma))
        self._steady_s += dt_s
        self._waited_s += dt_s
        return self._steady_s >= _STEADY_S or self._waited_s >= _MAX_WAIT_S

    def try_open(self, background: BackgroundModel, luma: U8) -> BackgroundModel | None:
        """Open if possible; returns the background to continue with, or None to stay closed.

        `luma`: the present frame, its exposure normalised to `background`.
        """
        vacant = invert(self._occupied)
        differing = exceeds(absolute_difference(luma, background.luma), background.tolerance)
        differing = opened(intersection(differing, vacant), square_kernel(3))
        if cv2.countNonZero(differing) > _SAME_LIGHT_RATIO * max(1, cv2.countNonZero(vacant)):
            if self._steady_s < _RELEARN_S and self._waited_s < _MAX_WAIT_S:
                return None
            background = self._reestimated(background, vacant)
        self.closed = False
        self._differing_ratio = None
        return background

    def _reestimated(self, background: BackgroundModel, vacant: U8) -> BackgroundModel:
        """Return the background in the present light: a kept one if it fits, else one of the frames while closed."""
        grids = [grid for grid, _ in self._frames]
        chromas = [chroma for _, chroma in self._frames if chroma is not None]
        median = median_background(grids)
        tint = tint_of(median_background(chromas), 1.0) if len(chromas) == len(grids) else None
        relit = _relit(background.luma, median, vacant)
        candidates = [(_relit(known.luma, median, vacant), known) for known in self._known]
        self._known.append(_KnownBackground(background.luma, background.tint, background.observed_s, background.noise))
        occluded = halved(vacant) < 255
        if candidates:
            best, known = max(candidates, key=lambda candidate: candidate[0].explained_ratio)
            if best.explained_ratio >= max(_KNOWN_RATIO, relit.explained_ratio - _KNOWN_ADVANTAGE):
                return _restored(best, known, occluded)
        unexplained = halved(relit.unexplained) > 127
        limit_s = np.where(occluded, _UNCERTAIN_OBSERVED_S, np.where(unexplained, 0.0, _VISIBLE_OBSERVED_S))
        luma = np.where(vacant > 0, median, relit.luma)
        if tint is not None and background.tint is not None:
            # Chroma scales with luma.
            light_ratio = (halved(relit.luma).astype(np.float32) + DARK_OFFSET) / (
                background.half.astype(np.float32) + DARK_OFFSET
            )
            tint = np.where(occluded, background.tint * light_ratio, tint)
        observed_s = np.minimum(background.observed_s, limit_s.astype(np.float32))
        return BackgroundModel(np.asarray(luma, np.uint8), tint, observed_s, background.noise)


def _restored(relit: _Relit, known: _KnownBackground, occluded: NDArray[np.bool_]) -> BackgroundModel:
    """Return the background of an earlier lighting condition; `occluded`: cells of half the grid behind people."""
    unexplained = (halved(relit.unexplained) > 127) & ~occluded
    limit_s = np.where(unexplained, np.float32(_UNCERTAIN_OBSERVED_S), np.float32(_KNOWN_OBSERVED_S))
    observed_s = np.minimum(known.observed_s, limit_s).astype(np.float32)
    tint = known.tint.copy() if known.tint is not None else None
    return BackgroundModel(relit.luma, tint, observed_s, known.noise)


def _roughness(pictures: Comparison) -> float:
    """Return how rough the change between two pictures is in the changed cells: per cell of half a grid of 320.

    It is the median gradient of the logarithm of their ratio over its median size. Light multiplies neighbouring cells
    by nearly the same factor, whatever they show; a person puts other things in front of them.
    Reference: homomorphic filtering, Oppenheim, Schafer and Stockham 1968.
    """
    now, before = (
        np.log(halved(each).astype(np.float32) + np.float32(_LOG_OFFSET)) for each in (pictures.now, pictures.before)
    )
    ratio = now - before
    gradient = gradient_per_cell(ratio)[:-1, :-1]
    cells = halved(pictures.changed)[:-1, :-1] > 127
    if not cells.any():
        return 0.0
    size = float(np.median(np.abs(ratio[:-1, :-1][cells])))
    return float(np.median(gradient[cells])) / max(size, 1e-6)


def _explained_by_shift(pictures: Comparison) -> bool:
    """Return whether most of the change disappears when the earlier picture is moved as a whole."""
    now, before = (halved(each).astype(np.float32) for each in (pictures.now, pictures.before))
    right, down = shift_between(before, now)
    shift = np.array([[1.0, 0.0, right], [0.0, 1.0, down]], np.float32)
    moved = cv2.warpAffine(before, shift, (now.shape[1], now.shape[0]), borderMode=cv2.BORDER_REPLICATE)
    distances = cv2.absdiff(now, before), cv2.absdiff(now, moved)
    changed, unexplained = (np.count_nonzero(each > _SHIFT_LEVELS) for each in distances)
    # Behind people who move, the floor stays where it was; it agrees less with the picture that was moved.
    floor = exceeds(halved(pictures.changed), 0) == 0
    as_before, as_moved = (float(each[floor].sum()) for each in distances)
    return bool(unexplained < _SHIFT_RATIO * changed) and as_moved <= as_before


def _relit(background: U8, frame: U8, vacant: U8) -> _Relit:
    """Adapt a background to the light of a frame, by a locally varying gain estimated from the `vacant` cells (255)."""
    small_wh = (max(1, frame.shape[1] // 4), max(1, frame.shape[0] // 4))
    usable = (cv2.resize(vacant, small_wh, interpolation=cv2.INTER_AREA) > 254).astype(np.float32)
    present, previous = (
        cv2.resize(luma, small_wh, interpolation=cv2.INTER_AREA).astype(np.float32) for luma in (frame, background)
    )
    logs = np.log((present + DARK_OFFSET) / (previous + DARK_OFFSET))
    weights = np.maximum(cv2.GaussianBlur(usable, (0, 0), _FILL_SIGMA_CELLS), 1e-3)
    surroundings = cv2.GaussianBlur(logs * usable, (0, 0), _FILL_SIGMA_CELLS) / weights
    logs = np.where(usable > 0, logs, surroundings)
    quantised = np.clip(np.rint(128 + logs * _STEPS_PER_LOG), 0, 255).astype(np.uint8)
    # A median, so that a new object does not bias the gain.
    smooth = (cv2.medianBlur(quantised, _MEDIAN_CELLS).astype(np.float32) - 128) / np.float32(_STEPS_PER_LOG)
    gain = interpolated(np.exp(smooth).astype(np.float32), frame.shape)
    luma = np.clip(np.rint((background + DARK_OFFSET) * gain - DARK_OFFSET), 0, 255).astype(np.uint8)
    unexplained = intersection(exceeds(absolute_difference(luma, frame), _MAX_FIT_ERROR), vacant)
    explained_ratio = 1.0 - cv2.countNonZero(unexplained) / max(1, cv2.countNonZero(vacant))
    return _Relit(luma, unexplained, explained_ratio)
