"""Draws how the heat of one period differs from that of another, in motion-seconds per observed hour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, U8, SizeWH
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.median_filter import median_filter
from edgeheat.core.render.caption import difference_ticks, scale_heading
from edgeheat.core.render.colormap import colormap_lut
from edgeheat.core.render.heatmap import cleaned, dimmed_background, enlarged_levels
from edgeheat.core.render.layer import Layer
from edgeheat.core.render.legend import ColourScale, draw_legend
from edgeheat.core.render.outlines import draw_outlines
from edgeheat.defs.params import Measure, Style, ZoneParams

_DIVERGING = "crameri:berlin"
"""Colormap from blue (less) over black to red (more): its ends are bright on a dark backdrop, it is perceptually
uniform, and readable with colour vision deficiencies. Reference: Crameri 2018, Scientific colour maps."""

_FAINTEST = 0.3
"""Distance from the colormap's middle, 0..1, of the faintest colour: nearer ones would only darken the backdrop."""

_STRONGEST = 0.9
"""Distance from the colormap's middle of the strongest colour: beyond, both ends become whitish."""

_ZERO_LEVEL = 128
"""The level, 0..255, of no difference; -127 and +127 from it are the ends of the scale."""

_VISIT_S: Final[dict[Measure, float]] = {"traffic": 1.5, "dwell": 10.0, "presence": 6.0}
"""Motion-seconds that one visit leaves in a cell, by measure: the unit in which chance counts. Measured as variance ÷
mean of a cell's heat in equal intervals: 1.2 to 1.4, 2.6 to 6.7 and 1.3 to 5.3 in a street and the synthetic shop."""

_NOISE_DEVIATIONS = 3.0
"""A difference below this many standard deviations of counting noise is not coloured."""

_PLACE_CELLS = 5
"""Side of the square of cells of which more than half must differ: the same as for the hottest place of a heat."""

_MIN_TOP_RATIO = 0.1
"""The scale ends at no less than this fraction of the busiest place's rate, so that small differences look small."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What is drawn: the change of each cell, and where its scale ends."""

    change_s: F32
    """Motion-seconds per observed hour, B minus A, 0 where it may be counting noise; shape (height, width)."""

    top_s: float
    """The scale extends from minus to plus this; 0 where neither period has motion."""

    coverage: float
    """Observed fraction of A or of B, whichever is less, 0..1."""


def hourly(grid: HeatGrid) -> HeatGrid:
    """Return the heat of one observed hour, the fair unit between periods; zeros where nothing was observed."""
    factor = 3600 / grid.observed_s if grid.observed_s > 0 else 0.0
    return HeatGrid(grid.heat_s * np.float32(factor), grid.observed_s, grid.period_s)


def difference(a: HeatGrid, b: HeatGrid, style: Style, measure: Measure) -> Difference:
    """Return how heat B differs from heat A of the same grid, both smoothed as `style` says.

    A cell is 0 where its difference is below three standard deviations of what chance makes of equal rates: visits are
    a Poisson process, and each leaves about `_VISIT_S` motion-seconds, so the variance of a heat is that times the
    heat. Specks that are smaller than a person are 0 as well. Days vary by more than chance; whether a change exceeds
    that, only the comparison of zones by weeks can tell.
    Raises ValueError where the grids differ in shape.
    Reference: Krishnamoorthy and Thomson 2004, A more powerful test for comparing two Poisson means, Journal of
    Statistical Planning and Inference 119 (the statistic of two rates; here with three deviations).
    """
    if a.heat_s.shape != b.heat_s.shape:
        raise ValueError(f"heats of two grids: {a.heat_s.shape} and {b.heat_s.shape}; they cannot be compared")
    coverage = min(a.coverage, b.coverage)
    rates = [cleaned(hourly(grid).heat_s, style) for grid in (a, b)]
    if min(a.observed_s, b.observed_s) <= 0:
        return Difference(np.zeros_like(rates[0]), 0.0, coverage)
    change = rates[1] - rates[0]
    variance = sum(
        rate * np.float32(_VISIT_S[measure] * 3600 / grid.observed_s) for rate, grid in zip(rates, (a, b), strict=True)
    )
    exceeds = (np.abs(change) >= _NOISE_DEVIATIONS * np.sqrt(variance)) & (change != 0)
    # Chance exceeds any limit somewhere; but a place is as large as a person, and a speck is not.
    change[~exceeds | (cv2.medianBlur(exceeds.astype(np.uint8), _PLACE_CELLS) == 0)] = 0
    top_s = float(median_filter(np.abs(change)).max())
    busiest = max(float(median_filter(rate).max()) for rate in rates)
    return Difference(change, max(top_s, _MIN_TOP_RATIO * busiest), coverage)


def draw_difference(
    found: Difference,
    background: U8 | None,
    style: Style,
    size_wh: SizeWH,
    measure: Measure,
    *,
    zones: Iterable[ZoneParams] = (),
) -> U8:
    """Return the picture of a difference with its legend: BGR uint8, shape (height, width, 3), owned by the caller.

    background: BGR of any size, without people; None draws on black. Of the style, colormap, gamma and scale are not
    used: the scale is linear and symmetric, because a difference must look as large as it is. zones: as for `draw`.
    """
    picture = dimmed_background(background if style.overlay else None, style, size_wh)
    luts = difference_luts(style)
    level = enlarged_levels(_levels(found), size_wh)
    colour, keep = (np.asarray(cv2.applyColorMap(level, lut), np.uint8) for lut in luts)
    Layer(colour, keep).lay_over(picture)
    draw_outlines(picture, zones)
    legend = draw_legend(_colour_scale(found, luts, style, measure), size_wh) if style.legend else None
    if legend is not None:
        legend.lay_over(picture)
    return picture


def difference_luts(style: Style) -> tuple[U8, U8]:
    """Return what each level puts on a picture, as `overlay_luts`: nothing in the middle, opaque towards both ends."""
    share = (np.arange(256) - _ZERO_LEVEL) / (_ZERO_LEVEL - 1)
    distance = np.sign(share) * (_FAINTEST + (_STRONGEST - _FAINTEST) * np.abs(share))
    lut = colormap_lut(_DIVERGING)[np.clip(np.rint(127.5 * (1 + distance)), 0, 255).astype(int)]
    if not style.overlay:
        lut[_ZERO_LEVEL] = 0
        return lut, np.zeros_like(lut)
    # The square root, as the usual gamma of heats: a tenth of the scale is still visible.
    opacity = (np.sqrt(np.minimum(np.abs(share), 1.0)) * min(max(style.alpha, 0.0), 1.0))[:, np.newaxis, np.newaxis]
    keep = np.rint(np.broadcast_to(255 * (1 - opacity), lut.shape)).astype(np.uint8)
    return np.rint(lut * opacity).astype(np.uint8), keep


def _levels(found: Difference) -> U8:
    """Return the level of each cell, uint8, 1 for less to 255 for more."""
    if found.top_s <= 0:
        return np.full(found.change_s.shape, _ZERO_LEVEL, np.uint8)
    share = np.clip(found.change_s / np.float32(found.top_s), -1, 1)
    return np.asarray(np.rint(_ZERO_LEVEL + share * (_ZERO_LEVEL - 1)), np.uint8)


def _colour_scale(found: Difference, luts: tuple[U8, U8], style: Style, measure: Measure) -> ColourScale:
    heading = scale_heading(measure, found.top_s, found.coverage, per_hour=True)
    ticks = difference_ticks(found.top_s)
    return ColourScale(heading, luts, style.background_dim if style.overlay else 0.0, ticks)
