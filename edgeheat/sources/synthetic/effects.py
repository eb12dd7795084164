"""What may happen to a synthetic scene besides its people: things that stand or move, light, the camera's own ways."""

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
class Thing:
    """Something that is no person and stands in the shop at one instant: it hides who is behind it."""

    distance_m: float
    """Level distance from the camera (`View.distance`), which puts it before or behind walkers and furniture."""

    left: int
    top: int
    bgr: U8
    """Its colours, (height, width, 3) of its own window, which lies wholly within the picture."""

    cover: U8
    """How much of the pixel it takes, (height, width), 0 nothing to 255 all."""

    @property
    def window(self) -> tuple[slice, slice]:
        """Where it lies in the picture."""
        height, width = self.cover.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant of a scene, as its effects are told of it."""

    t_s: float
    """Seconds since the scene's start."""

    frame: int
    """Number of the frame, which picks the noise."""

    sprites: Sequence[Sprite]
    """The visible walkers, the farthest first."""


class Effect:
    """One thing that happens to a scene; this one does nothing, and others say only where they differ.

    Everything is a function of the moment alone, so that any instant can be asked for at once. Pictures are BGR,
    uint8, (height, width, 3); a method may change the one that it is given, and gives back the one to go on with.
    """

    def things(self, t_s: float) -> Sequence[Thing]:
        """Return what stands in the shop besides its furniture, in any order."""
        return ()

    def on_shop(self, picture: U8, moment: Moment) -> U8:
        """Change the empty shop, before people and things are put in: shadows, reflections, a lit floor."""
        return picture

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """Change the whole picture, before the sensor's noise: light, exposure, the camera's place."""
        return picture

    def on_mask(self, mask: U8, t_s: float) -> U8:
        """Put truth (height, width), 255 or 0, where `on_picture` puts the pixels; needed where it moves them."""
        return mask


def put_in(picture: U8, thing: Thing, furniture_m: np.ndarray) -> None:
    """Paint a thing into a picture, cut by the furniture before it; in place."""
    cover = _visible(thing, furniture_m)
    weight = cover.astype(np.float32) * np.float32(1 / 255)
    picture[thing.window] = cv2.blendLinear(thing.bgr, picture[thing.window], weight, 1 - weight)


def hidden(thing: Thing, furniture_m: np.ndarray) -> np.ndarray:
    """Tell for each pixel of the thing's window whether it hides what is behind it."""
    return _visible(thing, furniture_m) > 127


def _visible(thing: Thing, furniture_m: np.ndarray) -> U8:
    return np.where(furniture_m[thing.window] > thing.distance_m, thing.cover, np.uint8(0))
