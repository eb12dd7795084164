"""Renders a synthetic scene at any instant, with ground truth: the pixels that its walkers cover."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, U8, SizeWH
from edgeheat.sources.synthetic.backdrop import FLOOR_LUMA, render_backdrop
from edgeheat.sources.synthetic.camera import PinholeCamera
from edgeheat.sources.synthetic.effects import Effect, Moment, SceneObject, draw_object, occlusion_mask
from edgeheat.sources.synthetic.figure import Sprite, draw_shadow, draw_sprite, match_channels, render_sprite
from edgeheat.sources.synthetic.layouts import LAYOUTS, Layout
from edgeheat.sources.synthetic.walkers import Crowd, Pose

TRUTH_STEP_S = 0.05
"""Ground truth is sampled in the middle of steps of this length, counted from the scene's start."""

_NOISE_MARGIN_PX = 128
"""The noise image is larger than the picture by this many pixels; each frame uses a random offset within it."""

_RECTIFIED_STD = 0.5838
"""Standard deviation of max(0, n) for a standard normal n: sqrt(1/2 - 1/(2 pi))."""


class People(Protocol):
    """The people of a scene; usually a `Crowd`."""

    def poses(self, t_s: float) -> list[Pose]:
        """Return the poses of all people present `t_s` seconds after the scene's start."""
        ...


@dataclass(frozen=True, slots=True)
class SceneParams:
    """Parameters of a scene: with the same ones, and nothing replaced in `Scene`, it is always the same."""

    layout: str = "shop"
    """A name in LAYOUTS."""

    seed: int = 1
    size_wh: SizeWH = (640, 360)
    walkers: int = 5
    """Largest number at the same time."""

    shadows: bool = False
    """Whether walkers cast soft shadows on the floor."""

    noise: float = 3.0
    """Standard deviation of the sensor noise, grey levels."""


@dataclass(frozen=True, slots=True)
class WalkerMasks:
    """Ground truth at one instant: pixels that show a walker, (height, width), 255 or 0; without shadows.

    No pixel is set in both masks.
    """

    moving: U8
    standing: U8
    """Walkers who stand, including their fidgeting."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Seconds in which each pixel showed a walker, float32 (height, width); owned by the caller."""

    moving_s: F32
    standing_s: F32


class Scene:
    """A shop with people, effects and a camera sensor; a pure function of its parameters and of time.

    `layout` and `people` replace those that the parameters determine.
    """

    def __init__(
        self,
        params: SceneParams,
        people: People | None = None,
        layout: Layout | None = None,
        effects: Sequence[Effect] = (),
    ) -> None:
        layout = layout or LAYOUTS[params.layout]
        self.params = params
        self.layout = layout
        self.people = people or Crowd(layout, params.seed, params.walkers, FLOOR_LUMA)
        self.effects = effects
        self.camera = PinholeCamera(layout.camera_pose, params.size_wh)
        self.backdrop = render_backdrop(layout, self.camera, params.seed)
        self._brighter, self._darker = _noise_fields(params)

    def sprites(self, t_s: float) -> list[Sprite]:
        """Return the visible walkers, the farthest first."""
        sprites = (render_sprite(pose, self.camera, self.backdrop) for pose in self.people.poses(t_s))
        return sorted((sprite for sprite in sprites if sprite is not None), key=lambda sprite: -sprite.distance_m)

    def moment(self, t_s: float, frame: int) -> Moment:
        """Return what a picture shows; `frame` selects the noise."""
        return Moment(t_s, frame, self.sprites(t_s))

    def luma(self, moment: Moment) -> U8:
        """Return the brightness picture (height, width)."""
        if self.effects:
            return np.asarray(cv2.cvtColor(self.bgr(moment), cv2.COLOR_BGR2GRAY), np.uint8)
        return self._picture(self.backdrop.luma.copy(), moment)

    def bgr(self, moment: Moment) -> U8:
        """Return the same picture in colour (height, width, 3)."""
        return self._picture(self.backdrop.bgr.copy(), moment)

    def masks(self, t_s: float) -> WalkerMasks:
        """Return the ground truth at one instant; the nearest walker owns a pixel, unless an object occludes it."""
        width, height = self.params.size_wh
        moving, standing = (np.zeros((height, width), np.uint8) for _ in range(2))
        for item in self._back_to_front(self.sprites(t_s), t_s):
            if isinstance(item, SceneObject):
                occluded = occlusion_mask(item, self.backdrop.distance_m)
                moving[item.window][occluded] = standing[item.window][occluded] = 0
                continue
            visible = item.labels > 0
            moving[item.window][visible] = 0 if item.pose.standing else 255
            standing[item.window][visible] = 255 if item.pose.standing else 0
        for effect in self.effects:
            moving, standing = effect.on_mask(moving, t_s), effect.on_mask(standing, t_s)
        return WalkerMasks(moving, standing)

    def truth(self, from_s: float, to_s: float) -> Truth:
        """Integrate the masks over an interval; adjacent intervals add up to the whole."""
        shape = self.masks(from_s).moving.shape
        moving, standing = (np.zeros(shape, np.float32) for _ in range(2))
        for step in range(int(from_s / TRUTH_STEP_S), int(np.ceil(to_s / TRUTH_STEP_S))):
            begin, end = step * TRUTH_STEP_S, (step + 1) * TRUTH_STEP_S
            overlap_s = min(end, to_s) - max(begin, from_s)
            if overlap_s > 0:
                masks = self.masks((begin + end) / 2)
                moving += masks.moving * np.float32(overlap_s / 255)
                standing += masks.standing * np.float32(overlap_s / 255)
        return Truth(moving, standing)

    def _back_to_front(self, sprites: Sequence[Sprite], t_s: float) -> list[Sprite | SceneObject]:
        """Return walkers and objects in painting order."""
        objects = [scene_object for effect in self.effects for scene_object in effect.objects(t_s)]
        return sorted([*sprites, *objects], key=lambda item: -item.distance_m)

    def _picture(self, canvas: U8, moment: Moment) -> U8:
        """Render a frame in physical order: floor, people and objects, lens, sensor."""
        for effect in self.effects:
            canvas = effect.on_shop(canvas, moment)
        if self.params.shadows:
            for sprite in moment.sprites:
                draw_shadow(canvas, sprite.pose, self.camera, self.backdrop)
        for item in self._back_to_front(moment.sprites, moment.t_s):
            if isinstance(item, SceneObject):
                draw_object(canvas, item, self.backdrop.distance_m)
            else:
                draw_sprite(canvas, item)
        for effect in self.effects:
            canvas = effect.on_picture(canvas, moment)
        return self._with_noise(canvas, moment.frame)

    def _with_noise(self, canvas: U8, frame: int) -> U8:
        if self.params.noise <= 0:
            return canvas
        height, width = canvas.shape[:2]
        offsets = np.random.default_rng([self.params.seed, 13, frame]).integers(0, _NOISE_MARGIN_PX, 4)
        up_y, up_x, down_y, down_x = (int(v) for v in offsets)
        brighter = self._brighter[up_y : up_y + height, up_x : up_x + width]
        darker = self._darker[down_y : down_y + height, down_x : down_x + width]
        lit = cv2.add(canvas, match_channels(brighter, canvas))
        return np.asarray(cv2.subtract(lit, match_channels(darker, canvas)), np.uint8)


def _noise_fields(params: SceneParams) -> tuple[U8, U8]:
    """Return two images of rectified normal noise; their difference is roughly normal noise."""
    width, height = params.size_wh
    rng = np.random.default_rng([params.seed, 17])
    std = params.noise / (_RECTIFIED_STD * 2**0.5)
    shape = (height + _NOISE_MARGIN_PX, width + _NOISE_MARGIN_PX)
    halves = (np.maximum(rng.normal(0, std, shape), 0) for _ in range(2))
    brighter, darker = (np.clip(np.rint(half), 0, 255).astype(np.uint8) for half in halves)
    return brighter, darker
