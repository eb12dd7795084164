"""A translucent picture (premultiplied alpha), such as a heat or a title, that is composited over other pictures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8


@dataclass(frozen=True, slots=True)
class Layer:
    """A translucent picture, made once and composited over any number of pictures ("over" operator).

    To draw an opaque shape, draw it in its colour into `colour` and in black into `keep`. Antialiased edges are
    blended correctly, because compositing is linear in both.
    Reference: Porter and Duff 1984, Compositing digital images.
    """

    colour: U8
    """BGR multiplied by its opacity, uint8, shape (height, width, 3)."""

    keep: U8
    """255 * (1 - opacity), uint8, same shape: three equal channels, because cv2.multiply does not broadcast."""

    x: int = 0
    """Column of the layer's left edge on the picture, in pixels."""

    y: int = 0
    """Row of the layer's top edge on the picture, in pixels."""

    @classmethod
    def shade(cls, x: int, y: int, width: int, height: int, opacity: float) -> Layer:
        """Return a black rectangle of the given opacity, 0..1; position and size in pixels."""
        keep = np.full((height, width, 3), round(255 * (1 - opacity)), np.uint8)
        return cls(np.zeros_like(keep), keep, x, y)

    def lay_over(self, picture: U8) -> None:
        """Composite the layer over `picture`, BGR uint8 (height, width, 3), in place; it must lie inside."""
        height, width = self.keep.shape[:2]
        region = picture[self.y : self.y + height, self.x : self.x + width]
        cv2.multiply(region, self.keep, dst=region, scale=1 / 255)
        cv2.add(region, self.colour, dst=region)
