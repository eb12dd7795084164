"""Tells people from light: which cells differ from the empty scene, and which of these only light changed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.foreground.background import BackgroundModel
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import above, enlarged, halved

_TINT_TOLERANCES, _TINT_DIM, _TINT_PER_LEVEL = (8.0, 14.0), 3.5, 0.08
"""Levels by which Cb and Cr together may differ from the scene's, as the light on it would change them: between these
two, more where it is brighter, for in dim light all colours are fainter."""

_OWN_SHARE = 0.6
"""Share of that tolerance by which the cell itself must differ."""

_DARKEST_SHADOW = 0.45
"""A shadow leaves at least so much of the floor's brightness; less is something dark."""

_BRIGHTEST_LIGHT, _BRIGHTEST_GREY = 1.6, 1.05
"""A patch of light gives at most so much; without colour to tell a face from light, everything bright counts."""

_NO_LIGHT = 2.0
_TINT_LIGHTS = (0.3, 1.2)

_BETWEEN = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 13)), np.uint8)
"""At half the grid: what lies so close between sure parts of a person (grey trousers, say) belongs to him."""

_RIM = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Classification:
    """Masks, 255 or 0, (grid height, grid width)."""

    people: U8
    """Cells that differ as somebody or something in front of the scene makes them differ."""

    light: U8
    """Cells that differ as a shadow, a reflection or a lamp makes them differ."""

    any: U8
    """Both together."""


class ShadowClassifier:
    """Compares frames with the empty scene as it was when this was made; cheap to make anew.

    A shadow changes brightness and leaves the colour; people change the colour, or are darker than a shadow. Cells
    that only became darker or a little brighter count where they lie between such sure ones, or right beside them.
    """

    def __init__(self, scene: BackgroundModel, *, shadows: bool = True) -> None:
        """`shadows` off: light counts as people."""
        self._scene = scene
        self._shadows = shadows
        half = scene.half.astype(np.float32)
        half += _NO_LIGHT
        self._per_level: F32 = 1.0 / half
        self._darkest = np.asarray(cv2.convertScaleAbs(half, alpha=_DARKEST_SHADOW, beta=-_NO_LIGHT), np.uint8)
        self._brightest, self._brightest_grey = (
            np.asarray(cv2.convertScaleAbs(half, alpha=ratio, beta=-_NO_LIGHT), np.uint8)
            for ratio in (_BRIGHTEST_LIGHT, _BRIGHTEST_GREY)
        )
        tolerance = np.clip(_TINT_DIM + _TINT_PER_LEVEL * scene.half, *_TINT_TOLERANCES)
        self._tint_tolerance: F32 = tolerance.astype(np.float32)

    def compare(self, luma: U8, half: U8, tint: F32 | None, changed: U8, lift: float = 0.0) -> Classification:
        """Compare a frame, in the scene's light, uint8.

        `half`: the same at half the grid; `tint`: its colour there, see `tint_of`, None where it is grey; `changed`:
        what the background model found there, 255 or 0; `lift`: see `Exposure.lift`.
        """
        scene = self._scene
        odd, coloured = changed, None
        if tint is not None and scene.tint is not None:
            coloured = self._coloured(half, tint, scene.tint, lift)
            odd = np.asarray(cv2.bitwise_or(changed, coloured), np.uint8)
        beyond = cv2.compare(cv2.absdiff(luma, scene.luma), scene.tolerance, cv2.CMP_GT)
        cells = np.asarray(cv2.bitwise_or(beyond, enlarged(odd, luma.shape)), np.uint8)
        if not self._shadows:
            return Classification(cells, np.zeros_like(cells), cells)
        # What lies between the two is in range: 255.
        plain = cv2.inRange(half, self._darkest, self._brightest_grey if coloured is None else self._brightest)
        sure = cv2.subtract(above(halved(cells), 127), plain)
        if coloured is not None:
            sure = cv2.bitwise_or(sure, coloured)
        whole = enlarged(np.asarray(cv2.morphologyEx(sure, cv2.MORPH_CLOSE, _BETWEEN), np.uint8), cells.shape)
        # On the outline people and floor mix in one cell, and such a mixture looks like a shadow.
        with_rim = cv2.dilate(cv2.bitwise_and(cells, whole), _RIM)
        people = np.asarray(cv2.bitwise_and(cells, with_rim), np.uint8)
        return Classification(people, np.asarray(cv2.subtract(cells, people), np.uint8), cells)

    def _coloured(self, half: U8, tint: F32, known: F32, lift: float) -> U8:
        """Return 255 where the colour is not the scene's in the frame's light; all at half the grid."""
        lit = half.astype(np.float32)
        lit += _NO_LIGHT
        lit *= self._per_level
        tolerance = self._tint_tolerance
        if lift:
            # Colours may have grown with the brightness that was lifted, or not at all: halfway, and as much in doubt.
            doubt = np.float32(0.5 * lift) * self._per_level
            lit += doubt
            tolerance = tolerance + np.abs(doubt) * (np.abs(known[0]) + np.abs(known[1]))
        np.clip(lit, *_TINT_LIGHTS, out=lit)
        apart = cv2.absdiff(tint[0], known[0] * lit)
        apart += cv2.absdiff(tint[1], known[1] * lit)
        around = cv2.compare(cv2.blur(apart, (3, 3)), tolerance, cv2.CMP_GT)
        # Noise is averaged out over the surroundings, but next to a coloured coat the floor keeps its own colour.
        own = cv2.compare(apart, tolerance * np.float32(_OWN_SHARE), cv2.CMP_GT)
        return np.asarray(cv2.bitwise_and(around, own), np.uint8)
