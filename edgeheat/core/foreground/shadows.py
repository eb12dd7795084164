"""Separates people from shadows and light among the cells that differ from the background."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground import shadow_weights
from edgeheat.core.foreground.background import DARK_OFFSET, BackgroundModel
from edgeheat.core.foreground.shadow_evidence import Features, evidence, features
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import (
    absolute_difference,
    as_mask,
    closed,
    difference,
    dilated_by,
    enlarged,
    exceeds,
    halved,
    intersection,
    square_kernel,
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

_TINT_NOISE_MULTIPLE = 4.0
"""A noisy cell must differ by this multiple of the mean absolute deviation of its colour."""

_OWN_TOLERANCE_RATIO = 0.6
"""Share of the tint tolerance by which the cell itself must differ, not only its neighbourhood."""

_GREY_STRENGTH = 3.0
"""Levels: a background with less colour in the frame's light is grey."""

_DOUBTFUL_CHANGE = 0.4
"""Natural logarithm of a ratio: on a grey background only a greater change is more than a faint shadow."""

_CERTAIN_TINT_RATIO = 2.0
"""A cell that differs by this multiple of the tint tolerance is certainly not the background in another light."""

_CERTAIN_EVIDENCE = 2.0
"""Logit of such a cell, at least."""

_MIN_EVIDENCE = -1.0
"""Logit above which a cell counts as a person. Below 0: what is not certain counts."""

_STRONG_EVIDENCE = 1.0
"""Logit above which a cell is strong evidence of a person."""

_MIN_STRONG_SHARE = 0.1
"""A connected place counts if more than this share of it is strong evidence."""

_MIN_TINT_SCALE = 0.3
"""Least factor by which a background's colour is scaled to the light of a frame."""

_MAX_TINT_SCALE = 1.2
"""Greatest factor by which a background's colour is scaled to the light of a frame."""

_NEIGHBOURHOOD = (3, 3)
"""Evidence is averaged over so many cells of half the grid: a body is of one piece, and so is a shadow."""

_MIN_SHARE_OF_CELL = 0.25
"""A cell of half the grid belongs to a place if more than this share of it differs."""

_MIN_DIFFERING_SHARE = 0.05
"""Keeps the average defined where nothing differs."""

_BODY_GAP = np.ones((11, 5), np.uint8)
"""At half the grid: a gap this small between parts of a person (grey trousers, say) belongs to the person."""


@dataclass(frozen=True, slots=True)
class Classification:
    """Cells that differ from the background, by cause; masks of 255 or 0, (grid height, grid width)."""

    people: U8
    """Cells with a person or object in front of the background."""

    light: U8
    """Cells with a shadow, a reflection or a patch of light."""

    differing: U8
    """Both together."""


@dataclass(frozen=True, slots=True)
class _Colour:
    """The colour of a frame against that of the background in its light, in levels; float32, at half the grid."""

    distance: F32
    strength: F32
    """Of the background's colour: how far it is from grey."""

    another: U8
    """255 where the distance is more than noise."""

    certain: U8
    """255 where it is much more."""


class ShadowClassifier:
    """Compares frames with the background as it was when this was made; cheap to make again.

    A shadow takes part of the light and preserves chromaticity; a person changes brightness or colour more than that.
    Each cell gives evidence, the logit of a logistic regression (`shadow_evidence`), averaged over its neighbourhood.
    Reference: Horprasert, Harwood and Davis 1999 (brightness and chromaticity distortion); Hosmer and Lemeshow 1989
    (logistic regression).
    """

    def __init__(self, background: BackgroundModel, *, enabled: bool = True) -> None:
        """`enabled` False: every differing cell counts as a person."""
        self._background = background
        self._enabled = enabled
        self._per_level: F32 = np.float32(1.0) / (background.half.astype(np.float32) + np.float32(DARK_OFFSET))
        tolerance = _TINT_TOLERANCE_AT_BLACK + _TINT_TOLERANCE_PER_LEVEL * background.half
        bounded = np.clip(tolerance, _MIN_TINT_TOLERANCE, _MAX_TINT_TOLERANCE).astype(np.float32)
        self._tint_tolerance: F32 = np.maximum(bounded, np.float32(_TINT_NOISE_MULTIPLE) * background.noise.tint)

    def classify(self, luma: U8, half: U8, tint: F32 | None, changed: U8, lift: float = 0.0) -> Classification:
        """Classify the cells of a frame in the background's light, uint8 (grid height, grid width).

        `half`: the same at half the grid; `tint`: its colour there, see `tint_of`, None where it is grey; `changed`:
        what the background subtractor found there, 255 or 0; `lift`: see `ExposureCompensation.lift`.
        """
        background = self._background
        ratio = self._ratio(half)
        colour = self._compare_colour(ratio, tint, lift)
        changed_or_coloured = changed if colour is None else union(changed, colour.another)
        beyond = exceeds(absolute_difference(luma, background.luma), background.tolerance)
        cells = union(beyond, enlarged(changed_or_coloured, luma.shape))
        if not self._enabled:
            return Classification(cells, np.zeros_like(cells), cells)
        people = intersection(cells, enlarged(_shows_people(ratio, colour, cells), luma.shape))
        return Classification(people, difference(cells, people), cells)

    def features(self, half: U8, tint: F32 | None) -> Features:
        """Return what `classify` weighs in a frame without lift; the training of the weights takes samples of it."""
        ratio = self._ratio(half)
        return _features(ratio, self._compare_colour(ratio, tint, 0.0))

    def _ratio(self, half: U8) -> F32:
        """Return the brightness of frame over background."""
        return (half.astype(np.float32) + np.float32(DARK_OFFSET)) * self._per_level

    def _compare_colour(self, ratio: F32, tint: F32 | None, lift: float) -> _Colour | None:
        """Return the colour against the background's in the frame's light; None where either is grey."""
        known = self._background.tint
        if tint is None or known is None:
            return None
        tolerance = self._tint_tolerance
        scale = ratio
        if lift:
            # Colours may have grown with the brightness that was lifted, or not at all: assume half of it, and widen
            # the tolerance by the other half.
            uncertainty = np.float32(0.5 * lift) * self._per_level
            scale = ratio + uncertainty
            tolerance = tolerance + np.abs(uncertainty) * (np.abs(known[0]) + np.abs(known[1]))
        scale = np.clip(scale, _MIN_TINT_SCALE, _MAX_TINT_SCALE)
        expected = known[0] * scale, known[1] * scale
        own = cv2.absdiff(tint[0], expected[0])
        own += cv2.absdiff(tint[1], expected[1])
        # Noise is averaged out over the neighbourhood, but next to a coloured coat the floor keeps its own colour.
        around = np.asarray(cv2.blur(own, (3, 3)), np.float32)
        coloured = intersection(
            exceeds(around, tolerance), exceeds(np.asarray(own), tolerance * np.float32(_OWN_TOLERANCE_RATIO))
        )
        strength = np.asarray(cv2.blur(np.abs(expected[0]) + np.abs(expected[1]), (3, 3)), np.float32)
        certain = intersection(coloured, exceeds(around, tolerance * np.float32(_CERTAIN_TINT_RATIO)))
        return _Colour(around, strength, coloured, certain)


def _features(ratio: F32, colour: _Colour | None, cells: NDArray[np.bool_] | None = None) -> Features:
    if colour is None:
        return features(ratio, None, None, cells)
    return features(ratio, colour.distance, colour.strength, cells)


def _shows_people(ratio: F32, colour: _Colour | None, differing: U8) -> U8:
    """Return 255 where the evidence is not for light; at half the grid, from `differing` of the whole grid."""
    share = halved(differing).astype(np.float32)
    share *= np.float32(1.0 / 255.0)
    cells = share > 0.0
    if not cells.any():
        return np.zeros(share.shape, np.uint8)
    seen = _features(ratio, colour, cells)
    logit = evidence(seen, shadow_weights.GREY if colour is None else shadow_weights.COLOUR)
    if colour is not None:
        # Where the background is grey, a shadow and a grey coat have the same colour, and it proves nothing.
        grey = (colour.strength[cells] < _GREY_STRENGTH) & (np.abs(seen.change) > _DOUBTFUL_CHANGE)
        logit[grey] = np.maximum(logit, evidence(seen.without_colour(), shadow_weights.GREY))[grey]
        # Light preserves chromaticity: another one counts, and a very different one is certain.
        logit[(colour.another[cells] > 0) & (logit < 0.0)] = 0.0
        logit[(colour.certain[cells] > 0) & (logit < _CERTAIN_EVIDENCE)] = _CERTAIN_EVIDENCE
    weighted: F32 = np.zeros(share.shape, np.float32)
    weighted[cells] = logit * share[cells]
    weight = np.maximum(cv2.blur(share, _NEIGHBOURHOOD), np.float32(_MIN_DIFFERING_SHARE))
    mean = np.asarray(cv2.blur(weighted, _NEIGHBOURHOOD) / weight, np.float32)
    shown = cells & (mean > _MIN_EVIDENCE)
    if colour is not None:
        shown &= _convincing(shown & (share > _MIN_SHARE_OF_CELL), mean)
    return closed(as_mask(shown), _BODY_GAP)


def _convincing(cells: NDArray[np.bool_], logit: F32) -> NDArray[np.bool_]:
    """Return the connected places, and their rims, of which enough is strong evidence; all at half the grid.

    Not for grey pictures: brightness alone is seldom strong evidence.

    Reference: hysteresis, Canny 1986.
    """
    count, labels = cv2.connectedComponents(as_mask(cells), connectivity=8)
    # By flat indices; with masks it takes three times as long.
    inside = np.flatnonzero(cells)
    own = labels.ravel()[inside].astype(np.intp)
    strong = own[logit.ravel()[inside] > _STRONG_EVIDENCE]
    kept = np.bincount(strong, minlength=count) > _MIN_STRONG_SHARE * np.bincount(own, minlength=count)
    places: U8 = np.zeros(cells.shape, np.uint8)
    places.ravel()[inside[kept[own]]] = 255
    return dilated_by(places, square_kernel(3)) > 0
