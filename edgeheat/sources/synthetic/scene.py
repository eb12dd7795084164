"""One synthetic scene at any instant: its picture, and which pixels its walkers cover in truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from edgeheat.core.types import F32, U8, SizeWH
from edgeheat.sources.synthetic.backdrop import FLOOR_LUMA, View, paint
from edgeheat.sources.synthetic.figure import Sprite, blend, shade, spread, sprite
from edgeheat.sources.synthetic.layouts import LAYOUTS
from edgeheat.sources.synthetic.walkers import Crowd, Pose

TRUTH_STEP_S = 0.05
"""Truth is sampled in the middle of steps of this length, counted from the scene's start."""

_NOISE_MARGIN = 128  # the noise field is so much larger than the picture, and is laid on at a new offset each frame
_HALF_NORMAL_STD = 0.5838  # of max(0, n) for a standard normal n: sqrt(1/2 - 1/(2 pi))


class People(Protocol):
    """Who is where at an instant; `Crowd` is the usual one."""

    def poses(self, t_s: float) -> list[Pose]:
        """Return everybody present `t_s` seconds after the scene's start."""
        ...


@dataclass(frozen=True, slots=True)
class SceneParams:
    """All that a scene depends on."""

    layout: str = "shop"
    seed: int = 1
    size_wh: SizeWH = (640, 360)
    walkers: int = 5
    shadows: bool = False
    noise: float = 3.0
    """Standard deviation of the sensor noise, grey levels."""


@dataclass(frozen=True, slots=True)
class WalkerMasks:
    """Which pixels show a walker at one instant: (height, width), 255 or 0, never 255 in both; without shadows."""

    moving: U8
    standing: U8
    """Walkers in a pause, their small fidgeting included."""


@dataclass(frozen=True, slots=True)
class Truth:
    """For each pixel the seconds in which it showed a walker, float32 (height, width); owned by the caller."""

    moving_s: F32
    standing_s: F32


class Scene:
    """A shop, its people and its sensor. Everything is a function of the parameters and of time."""

    def __init__(self, params: SceneParams, people: People | None = None) -> None:
        layout = LAYOUTS[params.layout]
        self.params = params
        self.people = people or Crowd(layout, params.seed, params.walkers, FLOOR_LUMA)
        self.view = View(layout.mount, params.size_wh)
        self.backdrop = paint(layout, self.view, params.seed)
        self._brighter, self._darker = _noise_fields(params)

    def sprites(self, t_s: float) -> list[Sprite]:
        """Return the visible walkers, the farthest first."""
        poses = sorted(self.people.poses(t_s), key=lambda pose: -self.view.distance(pose.x, pose.y))
        found = (sprite(pose, self.view, self.backdrop) for pose in poses)
        return [one for one in found if one is not None]

    def luma(self, sprites: list[Sprite], frame: int) -> U8:
        """Return the brightness picture (height, width); `frame` picks the noise."""
        return self._picture(self.backdrop.luma.copy(), sprites, frame)

    def bgr(self, sprites: list[Sprite], frame: int) -> U8:
        """Return the same picture in colour (height, width, 3)."""
        return self._picture(self.backdrop.bgr.copy(), sprites, frame)

    def masks(self, t_s: float) -> WalkerMasks:
        """Return the truth at one instant; a pixel belongs to the nearest walker."""
        width, height = self.params.size_wh
        moving, standing = (np.zeros((height, width), np.uint8) for _ in range(2))
        for one in self.sprites(t_s):
            seen = one.labels > 0
            moving[one.window][seen] = 0 if one.pose.standing else 255
            standing[one.window][seen] = 255 if one.pose.standing else 0
        return WalkerMasks(moving, standing)

    def truth(self, from_s: float, to_s: float) -> Truth:
        """Add up the masks over a stretch of time; stretches in a row add up to the whole."""
        width, height = self.params.size_wh
        moving, standing = (np.zeros((height, width), np.float32) for _ in range(2))
        for step in range(int(from_s / TRUTH_STEP_S), int(np.ceil(to_s / TRUTH_STEP_S))):
            begin, end = step * TRUTH_STEP_S, (step + 1) * TRUTH_STEP_S
            share_s = min(end, to_s) - max(begin, from_s)
            if share_s > 0:
                masks = self.masks((begin + end) / 2)
                moving += masks.moving * np.float32(share_s / 255)
                standing += masks.standing * np.float32(share_s / 255)
        return Truth(moving, standing)

    def _picture(self, canvas: U8, sprites: list[Sprite], frame: int) -> U8:
        """Put a frame together, in the order of the light's way: floor, people, sensor."""
        if self.params.shadows:
            for one in sprites:
                shade(canvas, one.pose, self.view, self.backdrop)
        for one in sprites:
            blend(canvas, one)
        return self._with_noise(canvas, frame)

    def _with_noise(self, canvas: U8, frame: int) -> U8:
        if self.params.noise <= 0:
            return canvas
        width, height = self.params.size_wh
        offsets = np.random.default_rng([self.params.seed, 13, frame]).integers(0, _NOISE_MARGIN, 4)
        up_y, up_x, down_y, down_x = (int(v) for v in offsets)
        brighter = self._brighter[up_y : up_y + height, up_x : up_x + width]
        darker = self._darker[down_y : down_y + height, down_x : down_x + width]
        lit = cv2.add(canvas, spread(brighter, canvas))
        return np.asarray(cv2.subtract(lit, spread(darker, canvas)), np.uint8)


def _noise_fields(params: SceneParams) -> tuple[U8, U8]:
    """Return what to add and what to take away: halves of normal noise, which laid over one another give it again."""
    width, height = params.size_wh
    rng = np.random.default_rng([params.seed, 17])
    std = params.noise / (_HALF_NORMAL_STD * 2**0.5)
    shape = (height + _NOISE_MARGIN, width + _NOISE_MARGIN)
    halves = (np.maximum(rng.normal(0, std, shape), 0) for _ in range(2))
    brighter, darker = (np.clip(np.rint(half), 0, 255).astype(np.uint8) for half in halves)
    return brighter, darker
