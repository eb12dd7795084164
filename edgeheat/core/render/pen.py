"""Measures and writes text on pictures, in a size that suits the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2

from edgeheat.core.grid.frames import SizeWH
from edgeheat.core.render.layer import Layer

REGULAR: Final[int] = cv2.FONT_HERSHEY_SIMPLEX
"""Font of everything but names."""

BOLD: Final[int] = cv2.FONT_HERSHEY_DUPLEX
"""Font of a camera's name, and of the title of a picture among several."""

WHITE = (255, 255, 255)
"""Colour of names and of a scale's labels, BGR."""

LIGHT_GREY = (205, 205, 205)
"""Colour of all other text and of a scale's ticks, BGR."""

PANEL_OPACITY = 0.68
"""Opacity of the black panel under text: white text on it is readable over any picture."""

MIN_FONT_SCALE = 0.42
"""Smallest font scale of cv2: capitals of 9 to 11 pixels, the smallest that are readable."""

_MAX_FONT_SCALE = 1.6
"""Largest font scale of cv2, reached in pictures of about 2160 by 1120 pixels."""


def font_scale(size_wh: SizeWH) -> float:
    """Return cv2's font scale: text grows with the picture, so that it is readable on a phone too."""
    return min(max(min(size_wh[0] / 1350, size_wh[1] / 700), MIN_FONT_SCALE), _MAX_FONT_SCALE)


@dataclass(frozen=True, slots=True)
class Pen:
    """Measures and writes text of one size: the fonts of OpenCV 4 and 5 differ, so no width is fixed."""

    scale: float

    @property
    def thickness(self) -> int:
        """Line width in pixels."""
        return 1 if self.scale < 1.2 else 2

    @property
    def height(self) -> int:
        """Height of a capital in pixels."""
        return int(cv2.getTextSize("H0", REGULAR, self.scale, self.thickness)[0][1])

    def width(self, text: str, font: int = REGULAR) -> int:
        """Width of the text in pixels."""
        return int(cv2.getTextSize(text, font, self.scale, self.thickness)[0][0])

    def shortened(self, text: str, width_px: int, font: int = REGULAR) -> str:
        """Return the text, or as much of it as fits into the width, followed by dots; empty where nothing fits."""
        if self.width(text, font) <= width_px:
            return text
        while text and self.width(text + "...", font) > width_px:
            text = text[:-1]
        return text.rstrip() + "..." if text else ""

    def write(
        self, layer: Layer, text: str, at: tuple[int, int], *, ink: tuple[int, int, int] = WHITE, font: int = REGULAR
    ) -> None:
        """Write opaque text into a layer; `at` is the (x, y) of the left end of the baseline, `ink` is BGR."""
        for plane, colour in ((layer.colour, ink), (layer.keep, (0, 0, 0))):
            cv2.putText(plane, text, at, font, self.scale, colour, self.thickness, cv2.LINE_AA)
