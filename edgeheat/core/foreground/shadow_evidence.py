"""Computes for each cell the evidence that it shows a person and not only another light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.roughness import gradient_per_cell
from edgeheat.core.grid.frames import F32
from edgeheat.core.grid.masks import square_kernel

_MAX_CHANGE = 1.2
"""Greater changes of brightness, natural logarithm of a ratio, count as this."""

_MIN_ROUGHNESS = 0.3
"""Less roughness counts as this."""

_MAX_ROUGHNESS = 2.0
"""More roughness counts as this."""

_MIN_SIZE = 0.05
"""Added to the mean size of the logarithm, so that the roughness is defined where nothing changed."""

_ROUGHNESS_CELLS = 7
"""Width of the square around a cell in which roughness is measured, in cells of a quarter of a grid of 320."""

_LEAST_COLOUR_DISTANCE = 0.5
"""Smaller colour distances, in levels, count as this."""

_MAX_COLOUR = 25.0
"""Greater colour distances and strengths, in levels, count as this."""


@dataclass(frozen=True, slots=True)
class ShadowWeights:
    """A logistic regression: `constant`, plus each weight times its feature, is the logit of a person."""

    constant: float = 0.0
    darker: float = 0.0
    """Per unit of the natural logarithm of background over frame, where the frame is darker."""

    brighter: float = 0.0
    """Per unit of the natural logarithm of frame over background, where the frame is brighter."""

    rough: float = 0.0
    """Per unit of the natural logarithm of the roughness: the mean gradient of the logarithm of frame over background
    around the cell, over its mean size, per cell of half a grid of 320."""

    rough_change: float = 0.0
    """Per unit of the product of that and the size of the logarithm of frame over background."""

    colour: float = 0.0
    """Per unit of the natural logarithm of the colour distance in levels."""

    tinted: float = 0.0
    """Per unit of the natural logarithm of 1 + the levels of colour that a shadow would leave of the background's."""

    tinted_colour: float = 0.0
    """Per unit of the product of these two: on a grey floor a grey coat has the colour of a shadow."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a frame's cells show against the background in its light; float32, at half the grid.

    All arrays are (height, width), or (number of cells,) if only some cells were chosen.
    """

    change: F32
    """Natural logarithm of frame over background."""

    rough: F32
    """Natural logarithm of the roughness of the change; see `ShadowWeights.rough`."""

    colour: F32 | None
    """Natural logarithm of the colour distance in levels; None for a grey picture."""

    tinted: F32 | None
    """See `ShadowWeights.tinted`; None for a grey picture."""

    def without_colour(self) -> Features:
        """Return the same features as those of a grey picture; shares its arrays."""
        return Features(self.change, self.rough, None, None)


def features(
    ratio: F32, colour_distance: F32 | None, colour_strength: F32 | None, cells: NDArray[np.bool_] | None = None
) -> Features:
    """Return the features of a frame, or of some of its `cells`, from arrays at half the grid.

    `ratio`: brightness of frame over background, both with an offset. `colour_distance`: levels from the background's
    colour in the frame's light; `colour_strength`: levels of that colour itself; both None for a grey picture.
    """
    chosen = slice(None) if cells is None else cells
    whole_change = np.asarray(cv2.log(ratio), np.float32)
    rough = np.log(_roughness(whole_change)[chosen])
    change = np.clip(whole_change[chosen], -_MAX_CHANGE, _MAX_CHANGE)
    if colour_distance is None or colour_strength is None:
        return Features(change, rough, None, None)
    colour = np.log(np.clip(colour_distance[chosen], _LEAST_COLOUR_DISTANCE, _MAX_COLOUR))
    tinted = np.log1p(np.minimum(colour_strength[chosen], np.float32(_MAX_COLOUR)))
    return Features(change, rough, colour, tinted)


def evidence(seen: Features, weights: ShadowWeights) -> F32:
    """Return the logit of a person for each cell: linear in the weights; shaped as `seen`, owned by the caller."""
    change, rough = seen.change, seen.rough
    logit = np.where(change < 0.0, np.float32(-weights.darker) * change, np.float32(weights.brighter) * change)
    logit += np.float32(weights.constant)
    logit += np.float32(weights.rough) * rough + np.float32(weights.rough_change) * rough * np.abs(change)
    if seen.colour is not None and seen.tinted is not None:
        logit += np.float32(weights.colour) * seen.colour + np.float32(weights.tinted) * seen.tinted
        logit += np.float32(weights.tinted_colour) * seen.colour * seen.tinted
    return logit


def _roughness(change: F32) -> F32:
    """Return how rough the change is around each cell: see `ShadowWeights.rough`."""
    size = np.abs(change)
    gradient = gradient_per_cell(change)
    # So wide a mean needs no more than a quarter of the grid.
    height, width = change.shape
    quarter_wh = max(1, width // 2), max(1, height // 2)
    side = square_kernel(_ROUGHNESS_CELLS, 4 * quarter_wh[0]).shape
    rough, sizes = (
        cv2.blur(cv2.resize(each, quarter_wh, interpolation=cv2.INTER_AREA), side) for each in (gradient, size)
    )
    ratio = np.clip(rough / (sizes + np.float32(_MIN_SIZE)), _MIN_ROUGHNESS, _MAX_ROUGHNESS)
    return np.asarray(cv2.resize(ratio, (width, height), interpolation=cv2.INTER_NEAREST), np.float32)
