"""Tells people from light: which cells differ from the empty scene, and which of these only light changed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.scene import EmptyScene
from edgeheat.core.shapes import above, enlarged, halved
from edgeheat.core.types import F32, U8

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

_BETWEEN = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 9)), np.uint8)
"""At half the grid: what lies so close between sure parts of a person (grey trousers, say) belongs to him."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Masks, 255 or 0, (grid height, grid width)."""

    people: U8
    """Cells that differ as somebody or something in front of the scene makes them differ."""

    light: U8
    """Cells that differ as a shadow, a reflection or a lamp makes them differ."""

    any: U8
    """Both together."""


def difference(luma: U8, tint: F32 | None, scene: EmptyScene, changed: U8, *, shadows: bool) -> Difference:
    """Compare a frame with the empty scene.

    `luma`: the frame in the scene's light, uint8; `tint`: its colour at half the grid, see `tint_of`, None where it is
    grey; `changed`: what the background model found, 255 or 0. `shadows` off: light counts as people.

    A shadow changes brightness and leaves the colour; people change the colour, or are darker than a shadow. Cells
    that only became darker or a little brighter count where they lie between such sure ones.
    """
    beyond = cv2.compare(cv2.absdiff(luma, scene.luma), scene.tolerance, cv2.CMP_GT)
    cells = np.asarray(cv2.bitwise_or(changed, beyond), np.uint8)
    ratio = halved(luma).astype(np.float32)
    ratio += _NO_LIGHT
    ratio /= scene.half + _NO_LIGHT
    coloured = None
    if tint is not None and scene.tint is not None:
        coloured = _coloured(tint, scene.tint, ratio, scene.half)
        cells = np.asarray(cv2.bitwise_or(cells, enlarged(coloured, cells.shape)), np.uint8)
    if not shadows:
        return Difference(cells, np.zeros_like(cells), cells)
    brightest = _BRIGHTEST_GREY if coloured is None else _BRIGHTEST_LIGHT
    # What lies between the two is in range: 255.
    plain = cv2.inRange(ratio, (_DARKEST_SHADOW,), (brightest,))
    mostly = above(halved(cells), 127)
    sure = cv2.bitwise_and(cv2.bitwise_not(plain), mostly)
    if coloured is not None:
        sure = cv2.bitwise_or(sure, coloured)
    whole = enlarged(np.asarray(cv2.morphologyEx(sure, cv2.MORPH_CLOSE, _BETWEEN), np.uint8), cells.shape)
    people = np.asarray(cv2.bitwise_and(cells, whole), np.uint8)
    return Difference(people, np.asarray(cv2.subtract(cells, people), np.uint8), cells)


def _coloured(tint: F32, scene_tint: F32, ratio: F32, scene_half: F32) -> U8:
    """Return 255 where the colour is not the scene's in a light `ratio` times as bright; all at half the grid."""
    lit = np.clip(ratio, *_TINT_LIGHTS)
    blue_apart, red_apart = (cv2.absdiff(seen, known * lit) for seen, known in zip(tint, scene_tint, strict=True))
    apart = cv2.add(blue_apart, red_apart)
    tolerance = np.clip(_TINT_DIM + _TINT_PER_LEVEL * scene_half, *_TINT_TOLERANCES)
    around = cv2.compare(cv2.blur(apart, (3, 3)), tolerance, cv2.CMP_GT)
    # Noise is averaged out over the surroundings, but next to a coloured coat the floor keeps its own colour.
    return np.asarray(cv2.bitwise_and(around, cv2.compare(apart, _OWN_SHARE * tolerance, cv2.CMP_GT)), np.uint8)
