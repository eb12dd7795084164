"""Separates people from shadows and light among the cells that differ from the background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.foreground.background import BackgroundModel
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import (
    absolute_difference,
    as_levels,
    closed,
    difference,
    dilated_by,
    enlarged,
    exceeds,
    halved,
    intersection,
    union,
)

_MIN_TINT_TOLERANCE = 8.0
"""Levels by which Cb and Cr together may differ from the background's in its light: the bound in the dark."""

_MAX_TINT_TOLERANCE = 14.0
"""Upper bound of that tolerance, for bright cells: in dim light all colours are fainter."""

_TINT_TOLERANCE_AT_BLACK = 3.5
"""The tint tolerance, in levels, on a black background, before it is bounded; it rises linearly with brightness."""

_TINT_TOLERANCE_PER_LEVEL = 0.08
"""By how much the tint tolerance rises with each grey level of the background."""

_OWN_TOLERANCE_RATIO = 0.6
"""Share of the tint tolerance by which the cell itself must differ, not only its neighbourhood."""

_DARKEST_SHADOW_RATIO = 0.45
"""A shadow leaves at least this share of the floor's brightness; a darker cell shows a dark object."""

_BRIGHTEST_LIGHT_RATIO = 1.6
"""A patch of light gives at most this multiple of the floor's brightness."""

_BRIGHTEST_GREY_RATIO = 1.05
"""Without colour, light gives at most this multiple: a face looks like light there, so cells above it count."""

_SHADOW_DARK_OFFSET = 2.0
"""Grey levels added to both sides of the ratios that bound shadows and light, so that noise in the dark stays within.

Smaller than `background.DARK_OFFSET`, which changes an estimate: this one widens the bounds themselves, and with more
of it a dark object on a dark floor would be taken for a shadow.
"""

_MIN_TINT_SCALE = 0.3
"""Least factor by which a background's colour is scaled to the light of a frame."""

_MAX_TINT_SCALE = 1.2
"""Greatest factor by which a background's colour is scaled to the light of a frame."""

_BODY_GAP = np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 13)), np.uint8)
"""At half the grid: a gap this small between certain parts of a person (grey trousers, say) belongs to the person."""

_OUTLINE = np.ones((3, 3), np.uint8)
"""How far the outline of a person reaches beyond the certain cells: one cell."""


@dataclass(frozen=True, slots=True)
class Classification:
    """Cells that differ from the background, by cause; masks of 255 or 0, (grid height, grid width)."""

    people: U8
    """Cells with a person or object in front of the background."""

    light: U8
    """Cells with a shadow, a reflection or a patch of light."""

    differing: U8
    """Both together."""


class ShadowClassifier:
    """Compares frames with the background as it was when this was made; cheap to make again.

    A shadow changes brightness and preserves chromaticity; a person changes the colour, or is darker than a shadow can
    be. Cells that only became darker or a little brighter count where they lie between such certain cells, or beside
    them.
    Reference: Horprasert, Harwood and Davis 1999 (brightness and chromaticity distortion); Cucchiara et al. 2003.
    """

    def __init__(self, background: BackgroundModel, *, enabled: bool = True) -> None:
        """`enabled` False: every differing cell counts as a person."""
        self._background = background
        self._enabled = enabled
        half = background.half.astype(np.float32)
        half += _SHADOW_DARK_OFFSET
        self._per_level: F32 = 1.0 / half
        self._darkest, self._brightest, self._brightest_grey = (
            as_levels(half, ratio, -_SHADOW_DARK_OFFSET)
            for ratio in (_DARKEST_SHADOW_RATIO, _BRIGHTEST_LIGHT_RATIO, _BRIGHTEST_GREY_RATIO)
        )
        tolerance = _TINT_TOLERANCE_AT_BLACK + _TINT_TOLERANCE_PER_LEVEL * background.half
        self._tint_tolerance: F32 = np.clip(tolerance, _MIN_TINT_TOLERANCE, _MAX_TINT_TOLERANCE).astype(np.float32)

    def classify(self, luma: U8, half: U8, tint: F32 | None, changed: U8, lift: float = 0.0) -> Classification:
        """Classify the cells of a frame in the background's light, uint8 (grid height, grid width).

        `half`: the same at half the grid; `tint`: its colour there, see `tint_of`, None where it is grey; `changed`:
        what the background subtractor found there, 255 or 0; `lift`: see `ExposureCompensation.lift`.
        """
        background = self._background
        changed_or_coloured, coloured = changed, None
        if tint is not None and background.tint is not None:
            coloured = self._coloured(half, tint, background.tint, lift)
            changed_or_coloured = union(changed, coloured)
        beyond = exceeds(absolute_difference(luma, background.luma), background.tolerance)
        cells = union(beyond, enlarged(changed_or_coloured, luma.shape))
        if not self._enabled:
            return Classification(cells, np.zeros_like(cells), cells)
        brightest = self._brightest_grey if coloured is None else self._brightest
        only_brightness = np.asarray(cv2.inRange(half, self._darkest, brightest), np.uint8)
        certain = difference(exceeds(halved(cells), 127), only_brightness)
        if coloured is not None:
            certain = union(certain, coloured)
        bodies = enlarged(closed(certain, _BODY_GAP), cells.shape)
        # On the outline people and floor mix in one cell, and such a mixture looks like a shadow.
        with_outline = dilated_by(intersection(cells, bodies), _OUTLINE)
        people = intersection(cells, with_outline)
        return Classification(people, difference(cells, people), cells)

    def _coloured(self, half: U8, tint: F32, known: F32, lift: float) -> U8:
        """Return 255 where the colour is not the background's in the frame's light; all at half the grid."""
        scale = half.astype(np.float32)
        scale += _SHADOW_DARK_OFFSET
        scale *= self._per_level
        tolerance = self._tint_tolerance
        if lift:
            # Colours may have grown with the brightness that was lifted, or not at all: assume half of it, and widen
            # the tolerance by the other half.
            uncertainty = np.float32(0.5 * lift) * self._per_level
            scale += uncertainty
            tolerance = tolerance + np.abs(uncertainty) * (np.abs(known[0]) + np.abs(known[1]))
        np.clip(scale, _MIN_TINT_SCALE, _MAX_TINT_SCALE, out=scale)
        distance = cv2.absdiff(tint[0], known[0] * scale)
        distance += cv2.absdiff(tint[1], known[1] * scale)
        around = exceeds(np.asarray(cv2.blur(distance, (3, 3))), tolerance)
        # Noise is averaged out over the neighbourhood, but next to a coloured coat the floor keeps its own colour.
        own = exceeds(np.asarray(distance), tolerance * np.float32(_OWN_TOLERANCE_RATIO))
        return intersection(around, own)
