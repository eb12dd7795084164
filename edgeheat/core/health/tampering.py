"""Watches whether a camera still sees its scene: covered, out of focus, moved a little, or turned to another place."""

from __future__ import annotations

import math

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8
from edgeheat.core.health.hysteresis import Hysteresis
from edgeheat.core.health.similarity import (
    ImageFeatures,
    ReferenceImage,
    Similarity,
    comparable,
    extract_features,
    to_work,
)

# Where each figure comes from: docs/design/health.md.
_CALM_EVERY_S = 3.0
"""While nothing is suspected it is enough to compare so often."""

_LONGEST_STEP_S = 3.0
_OLDEST_LOOK_S = 10.0
"""An older look shows other people and other light, it says nothing about the noise."""

_THERE_FIT, _ELSEWHERE_FIT, _NOTHING_FIT = 0.3, 0.2, 0.15
_LOST_RATIO = 0.8
_CLOSE_SHARPNESS, _BLURRED_SHARPNESS = 0.2, 0.35
_SHIFT_RATIO, _SHIFT_CELLS = 0.01, 2.0
_SHIFT_FIT, _SHIFT_GAIN, _SAME_SHIFT_CELLS = 0.4, 0.1, 1.5
_BRIGHTER = 3.0
"""A reference that is darker than this, and by so much that nothing fits, was taken at night."""

_SCENE_RETRY_S, _SCENE_CHECK_S = 10.0, 600.0
_SCENE_DETAILED_RATIO = 0.1
_STALE_FIT, _POORER_DETAIL, _SHARPER = 0.8, 0.5, 1.5


class TamperDetector:
    """Compares the picture with a reference: the scene as it was when the picture was last above suspicion."""

    def __init__(self) -> None:
        self.covered = Hysteresis(5.0, 3.0)
        self.blurred = Hysteresis(30.0, 15.0)
        self.shifted = Hysteresis(6.0, 30.0)
        """Moved a little; by `shift_cells`."""
        self.elsewhere = Hysteresis(60.0, 15.0)
        """Turned to another place."""
        self.shift_cells: tuple[float, float] | None = None
        """To the right and down, in cells of the grid; stays as it is while `shifted` holds."""
        self._reference: ReferenceImage | None = None
        self._before: ImageFeatures | None = None
        self._last_s = -math.inf
        self._next_scene_s = -math.inf

    def look(self, grid: U8, scene: U8 | None, people: U8 | None, mono_s: float) -> None:
        """See `HealthMonitor.look`; only for pictures that are neither black nor of one colour."""
        every_s = _CALM_EVERY_S if all(trigger.settled for trigger in self._triggers()) else 0.0
        # A tenth of slack: looks a second apart come at 2.99 s too.
        if mono_s - self._last_s < 0.9 * every_s:
            return
        work = to_work(grid)
        if not comparable(work):
            return
        apart_s = max(0.0, mono_s - self._last_s)
        drawn = extract_features(work)
        before = self._before if self._before is not None and apart_s <= _OLDEST_LOOK_S else drawn
        self._before, self._last_s = drawn, mono_s
        if self._reference is not None and self._reference.picture.shape != work.shape:
            self.forget()
        if self._reference is not None and before.fine.shape == drawn.fine.shape:
            like = self._reference.compare(drawn, before, _fitted(people, work))
            self._update(like, grid.shape[1] / work.shape[1], work.shape[1], min(apart_s, _LONGEST_STEP_S))
        if scene is not None and scene.shape == grid.shape and mono_s >= self._next_scene_s:
            self._follow(to_work(scene), mono_s)

    def forget(self) -> None:
        """Drop the reference and what was found by it; the next scene is the new one."""
        self._reference, self.shift_cells = None, None
        self._next_scene_s = -math.inf
        for trigger in self._triggers():
            trigger.reset()

    def reference(self) -> U8 | None:
        """Return the reference, uint8, at most 320 cells wide, still owned by this object; None where there is none."""
        return None if self._reference is None else self._reference.picture

    def set_reference(self, picture: U8) -> None:
        """Take up what `reference` gave; raises ValueError where it cannot be that."""
        if picture.dtype != np.uint8 or picture.ndim != 2 or not comparable(picture):
            raise ValueError(f"expected a scene of uint8 (height, width), got {picture.dtype} {picture.shape}")
        self._reference = ReferenceImage(to_work(picture))

    def _triggers(self) -> tuple[Hysteresis, ...]:
        return self.covered, self.blurred, self.shifted, self.elsewhere

    def _update(self, like: Similarity, cells: float, width: int, step_s: float) -> None:
        """Weigh one comparison; `cells` of the grid to one of the compared picture, which is `width` wide."""
        lit = like.sharpness_ratio is not None
        sharpness = math.inf if like.sharpness_ratio is None else like.sharpness_ratio
        bare = like.lost_ratio >= _LOST_RATIO
        gone = like.fit < _ELSEWHERE_FIT and like.shifted_fit < _SHIFT_FIT
        covered = gone and like.fit < _NOTHING_FIT and (bare or sharpness < _CLOSE_SHARPNESS)
        self.covered.update(covered, step_s)
        self.elsewhere.update(gone and not covered and lit and like.light_ratio <= _BRIGHTER, step_s)
        dull = sharpness < _BLURRED_SHARPNESS or (bare and lit)
        self.blurred.update(dull and like.fit >= _NOTHING_FIT, step_s)
        self._update_shift(like, cells, width, step_s)

    def _update_shift(self, like: Similarity, cells: float, width: int, step_s: float) -> None:
        far = math.hypot(*like.shift_cells) >= max(_SHIFT_CELLS, _SHIFT_RATIO * width)
        shifted = far and like.shifted_fit >= max(_SHIFT_FIT, like.fit + _SHIFT_GAIN)
        if shifted:
            shift_cells = like.shift_cells[0] * cells, like.shift_cells[1] * cells
            if self.shift_cells is None or math.dist(shift_cells, self.shift_cells) > _SAME_SHIFT_CELLS * cells:
                self.shifted.restart()
                self.shift_cells = shift_cells
            if not self.shifted.active:
                self.shift_cells = shift_cells
        self.shifted.update(shifted, step_s)

    def _follow(self, scene: U8, mono_s: float) -> None:
        """Take the scene for reference where there is none, or where the shop looks different by now."""
        if not all(trigger.quiet for trigger in self._triggers()):
            return
        self._next_scene_s = mono_s + _SCENE_CHECK_S
        if self._reference is not None:
            drawn = extract_features(scene)
            if _is_outdated(self._reference.compare(drawn, drawn, None)):
                self._reference = ReferenceImage(scene)
            return
        reference = ReferenceImage(scene)
        if reference.detailed_ratio >= _SCENE_DETAILED_RATIO:
            self._reference = reference
        else:
            self._next_scene_s = mono_s + _SCENE_RETRY_S


def _fitted(people: U8 | None, work: U8) -> U8 | None:
    if people is None or people.shape == work.shape:
        return people
    return np.asarray(cv2.resize(people, work.shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _is_outdated(scene: Similarity) -> bool:
    """Whether the scene should replace the reference: the same place, but it looks different or is sharper by now.

    A reference that still fits stays, or a camera that sinks slowly would never be seen to.
    """
    if scene.fit < _ELSEWHERE_FIT:
        return scene.light_ratio > _BRIGHTER
    if scene.fit < _THERE_FIT or math.hypot(*scene.shift_cells) >= _SAME_SHIFT_CELLS:
        return False
    sharper = scene.sharpness_ratio is not None and scene.sharpness_ratio > _SHARPER
    return sharper or (scene.fit < _STALE_FIT and scene.detail_ratio >= _POORER_DETAIL)
