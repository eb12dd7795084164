"""Defines the interface of effects that change a synthetic scene (objects, light, camera), and draws their objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8

if TYPE_CHECKING:
    from edgeheat.sources.synthetic.figure import Sprite


@dataclass(frozen=True, slots=True)
class SceneObject:
    """An object other than a person at one instant; it occludes what is behind it."""

    distance_m: float
    """Depth (`PinholeCamera.distance`), which orders it among walkers and furniture."""

    left: int
    """Column of its upper left corner in the picture; it must lie completely within the picture."""

    top: int
    """Row of that corner."""

    bgr: U8
    """Colours of the object, BGR, uint8, shape (height, width, 3)."""

    cover: U8
    """Opacity of the object, uint8, shape (height, width), 0..255."""

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that it occupies."""
        height, width = self.cover.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant of a scene, passed to its effects."""

    t_s: float
    """Seconds since the scene's start."""

    frame: int
    """Number of the frame, which selects the noise."""

    sprites: Sequence[Sprite]
    """The visible walkers, the farthest first."""


class Effect:
    """A change of a scene. This base class changes nothing; subclasses override the methods they need.

    Results depend only on the moment, so that instants can be drawn in any order. Pictures are BGR, uint8
    (height, width, 3); a method may modify its argument and returns the picture to continue with.
    """

    def objects(self, t_s: float) -> Sequence[SceneObject]:
        """Return the additional objects at an instant, in any order."""
        return ()

    def on_shop(self, picture: U8, moment: Moment) -> U8:
        """Change the empty shop, before people and objects are drawn: shadows, reflections, light on the floor."""
        return picture

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """Change the complete picture, before the sensor noise: light, exposure, camera position."""
        return picture

    def on_mask(self, mask: U8, t_s: float) -> U8:
        """Transform ground truth (height, width), 255 or 0, as `on_picture` does; needed only if that moves pixels."""
        return mask


def draw_object(picture: U8, scene_object: SceneObject, furniture_m: np.ndarray) -> None:
    """Draw an object into a picture, in place; the furniture in front occludes it."""
    cover = _visible_opacity(scene_object, furniture_m)
    weight = cover.astype(np.float32) * np.float32(1 / 255)
    picture[scene_object.window] = cv2.blendLinear(scene_object.bgr, picture[scene_object.window], weight, 1 - weight)


def occlusion_mask(scene_object: SceneObject, furniture_m: np.ndarray) -> np.ndarray:
    """Return for each pixel of the object's window whether it occludes what is behind it."""
    return _visible_opacity(scene_object, furniture_m) > 127


def _visible_opacity(scene_object: SceneObject, furniture_m: np.ndarray) -> U8:
    return np.where(furniture_m[scene_object.window] > scene_object.distance_m, scene_object.cover, np.uint8(0))
