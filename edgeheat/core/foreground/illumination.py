"""The gate that shuts when the light changes all over, and the scene in the new light when it opens again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.foreground.background import BackgroundModel, median_background, tint_of
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import above, halved, share, softly_enlarged

_STARTLED_RATIO = 0.25
"""The gate shuts when so much of the picture changed from one frame to the next, exposure taken out;"""
_RAW_RATIO, _RAW_JUMP, _JUMP = 0.3, 0.07, 0.12
"""or when much of it changed with the exposure and so much more than before is odd; or when that alone jumps so far;"""
_WIDE_RATIO, _WIDE_S, _QUIET_RATIO = 0.35, 4.0, 0.04
"""or when so much of it has been odd for so long, and nothing moves in it."""

_STEADY_RATIO, _STEADY_S, _RELEARN_S, _PATIENCE_S = 0.06, 1.0, 2.0, 60.0
_KEPT_FRAMES = 12
_OTHER_RATIO = 0.03
"""Where less than this differs when the light is steady again, it is the old light."""

_UNLIKE = 15
"""Grey levels by which a cell may differ from a scene that was brought to the present light."""

_KNOWN_SCENES = 4
_KNOWN_RATIO = 0.93
_BLACK, _LOG_STEPS = 4.0, 50.0
_SURE_AGAIN_S, _HIDDEN_SURE_S, _BROUGHT_SURE_S = 60.0, 10.0, 120.0
"""How sure the scene in the new light is at most: as seen, behind people, and as known from before."""


@dataclass(frozen=True, slots=True)
class _Fit:
    ratio: float
    """Share of the cells without people that the scene explains."""
    luma: U8
    """The scene, brought to the new light."""
    unlike: U8
    """255 where it does not explain what is seen."""


class IlluminationGate:
    """Watches one camera's light. Knows the scenes of earlier lights, for lamps that are switched on again."""

    def __init__(self) -> None:
        self.shut = False
        self._frames: deque[tuple[U8, U8 | None]] = deque(maxlen=_KEPT_FRAMES)
        self._steady_s = self._waited_s = self._wide_s = 0.0
        self._odd_ratio: float | None = None
        self._known: deque[tuple[U8, F32 | None, F32]] = deque(maxlen=_KNOWN_SCENES)
        self._hidden: U8 | None = None

    def judge(self, changed_ratio: float, raw_ratio: float, odd_ratio: float, dt_s: float) -> bool:
        """Tell whether the light changed just now, and shut if it did.

        `changed_ratio`: share of cells that changed since the frame before, exposure taken out, `raw_ratio`: as they
        came; `odd_ratio`: share that differs from the empty scene, as people or as light.
        """
        jump = 0.0 if self._odd_ratio is None else odd_ratio - self._odd_ratio
        self._odd_ratio = odd_ratio
        still_odd = odd_ratio > _WIDE_RATIO and changed_ratio < _QUIET_RATIO
        self._wide_s = self._wide_s + dt_s if still_odd else 0.0
        sudden = changed_ratio > _STARTLED_RATIO or jump > _JUMP or (raw_ratio > _RAW_RATIO and jump > _RAW_JUMP)
        self.shut = sudden or self._wide_s > _WIDE_S
        if self.shut:
            self._frames.clear()
            self._steady_s = self._waited_s = 0.0
        return self.shut

    @property
    def slow(self) -> bool:
        """Whether it shut because much has been odd for seconds: then people of seconds ago are to be trusted."""
        return self._wide_s > _WIDE_S

    def hide(self, people: U8) -> None:
        """Remember where people were before the change, 255 or 0."""
        self._hidden = people
        self._wide_s = 0.0

    def wait(self, grid: U8, chroma: U8 | None, changed_ratio: float, dt_s: float) -> bool:
        """Take in a frame while shut; tells whether the light is steady again."""
        if changed_ratio > _STEADY_RATIO:
            self._steady_s = 0.0
            self._frames.clear()
        self._frames.append((grid, chroma))
        self._steady_s += dt_s
        self._waited_s += dt_s
        return self._steady_s >= _STEADY_S or self._waited_s >= _PATIENCE_S

    def open(self, scene: BackgroundModel, luma: U8) -> BackgroundModel | None:
        """Open, if that can be done already: returns the scene to go on with, None to wait on.

        `luma`: the present frame in the light of `scene`.
        """
        away = self._away(luma)
        odd = cv2.bitwise_and(cv2.compare(cv2.absdiff(luma, scene.luma), scene.tolerance, cv2.CMP_GT), away)
        odd = cv2.morphologyEx(odd, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        if cv2.countNonZero(odd) > _OTHER_RATIO * max(1, cv2.countNonZero(away)):
            if self._steady_s < _RELEARN_S and self._waited_s < _PATIENCE_S:
                return None
            scene = self._in_new_light(scene, away)
        self.shut = False
        self._odd_ratio = None
        return scene

    def _away(self, luma: U8) -> U8:
        if self._hidden is None or self._hidden.shape != luma.shape:
            return np.full_like(luma, 255)
        return np.asarray(cv2.bitwise_not(self._hidden), np.uint8)

    def _in_new_light(self, scene: BackgroundModel, away: U8) -> BackgroundModel:
        grids = [grid for grid, _ in self._frames]
        chromas = [chroma for _, chroma in self._frames if chroma is not None]
        seen = median_background(grids)
        tint = tint_of(median_background(chromas), 1.0) if len(chromas) == len(grids) else None
        present = _brought_to(seen, scene.luma, away)
        known = [(_brought_to(seen, luma, away), known_tint, sure) for luma, known_tint, sure in self._known]
        self._known.append((scene.luma, scene.tint, scene.seen_s))
        best = max(known, key=lambda each: each[0].ratio, default=None)
        hidden = halved(away) < 255
        if best is not None and best[0].ratio >= max(_KNOWN_RATIO, present.ratio - 0.01):
            fit, tint_then, sure = best
            unlike = (halved(fit.unlike) > 127) & ~hidden
            seen_s = np.minimum(sure, np.where(unlike, np.float32(_HIDDEN_SURE_S), np.float32(_BROUGHT_SURE_S)))
            return BackgroundModel(
                fit.luma, tint_then.copy() if tint_then is not None else None, seen_s.astype(np.float32)
            )
        unlike = halved(present.unlike) > 127
        ceiling = np.where(hidden, _HIDDEN_SURE_S, np.where(unlike, 0.0, _SURE_AGAIN_S)).astype(np.float32)
        luma = np.where(away > 0, seen, present.luma)
        if tint is not None and scene.tint is not None:
            # Colours are as much fainter as the light is.
            dimmed = (halved(present.luma).astype(np.float32) + _BLACK) / (scene.half.astype(np.float32) + _BLACK)
            tint = np.where(hidden, scene.tint * dimmed, tint)
        return BackgroundModel(np.asarray(luma, np.uint8), tint, np.minimum(scene.seen_s, ceiling))


def _brought_to(seen: U8, scene: U8, away: U8) -> _Fit:
    """Bring a scene to the light in which `seen` was taken, place by place; told by the cells `away` from people."""
    small_wh = (max(1, seen.shape[1] // 4), max(1, seen.shape[0] // 4))
    fair = (cv2.resize(away, small_wh, interpolation=cv2.INTER_AREA) > 254).astype(np.float32)
    now, then = (cv2.resize(each, small_wh, interpolation=cv2.INTER_AREA).astype(np.float32) for each in (seen, scene))
    logs = np.log((now + _BLACK) / (then + _BLACK))
    around = cv2.GaussianBlur(logs * fair, (0, 0), 4) / np.maximum(cv2.GaussianBlur(fair, (0, 0), 4), 1e-3)
    logs = np.where(fair > 0, logs, around)
    steps = np.clip(np.rint(128 + logs * _LOG_STEPS), 0, 255).astype(np.uint8)
    # The median of the surroundings: what is there now and was not then must not lend its brightness to the scene.
    smooth = (cv2.medianBlur(steps, 11).astype(np.float32) - 128) / np.float32(_LOG_STEPS)
    factor = softly_enlarged(np.exp(smooth).astype(np.float32), seen.shape)
    luma = np.clip(np.rint((scene + _BLACK) * factor - _BLACK), 0, 255).astype(np.uint8)
    unlike = cv2.bitwise_and(above(np.asarray(cv2.absdiff(luma, seen), np.uint8), _UNLIKE), away)
    return _Fit(1.0 - cv2.countNonZero(unlike) / max(1, cv2.countNonZero(away)), luma, np.asarray(unlike, np.uint8))


def changed_share(grid: U8, before: U8, levels: float) -> float:
    """Return the share of cells that differ by more than so many grey levels."""
    return share(above(np.asarray(cv2.absdiff(grid, before), np.uint8), levels))
