"""What lies over a picture: premultiplied colour, and how much of the picture below shows through."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8


@dataclass(frozen=True, slots=True)
class Layer:
    """A translucent picture, made once and laid over any number of pictures.

    Drawing the same white shape into `colour` and black shape into `keep` makes it opaque; half-drawn (smoothed)
    edges come out right, because laying over is linear in both.
    """

    colour: U8
    """BGR already multiplied by its opacity, shape (height, width, 3)."""

    keep: U8
    """255 * (1 - opacity), the same shape: three equal channels, so that cv2 multiplies without a broadcast."""

    x: int = 0
    """Where the left edge lies on the picture."""

    y: int = 0
    """Where the top edge lies on the picture."""

    @classmethod
    def shade(cls, x: int, y: int, width: int, height: int, opacity: float) -> Layer:
        """Return a black rectangle of the given opacity, 0..1."""
        keep = np.full((height, width, 3), round(255 * (1 - opacity)), np.uint8)
        return cls(np.zeros_like(keep), keep, x, y)

    def lay_over(self, picture: U8) -> None:
        """Change `picture`, BGR of shape (height, width, 3), in place; the layer must lie inside it."""
        height, width = self.keep.shape[:2]
        part = picture[self.y : self.y + height, self.x : self.x + width]
        cv2.multiply(part, self.keep, dst=part, scale=1 / 255)
        cv2.add(part, self.colour, dst=part)
