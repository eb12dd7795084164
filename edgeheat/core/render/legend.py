"""Draws the legend of a picture: a colour bar with heading and labelled ticks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.core.render.layer import Layer
from edgeheat.core.render.pen import LIGHT_GREY, MIN_FONT_SCALE, PANEL_OPACITY, Pen, font_scale

MAX_TICKS = 5
"""Ticks of a colour scale, both ends included."""

_MID_GREY = 128
"""Grey level of the imagined scene behind the colour bar, before it is dimmed."""


@dataclass(frozen=True, slots=True)
class ColourScale:
    """What the colours of a picture mean."""

    heading: str
    """Quantity and unit, ASCII."""

    luts: tuple[U8, U8]
    """What each of the 256 levels puts on a picture, as `overlay_luts` returns it."""

    background_dim: float
    """Brightness of the picture under the colours, 0 for black."""

    ticks: list[tuple[float, str]]
    """Position from 0 to 1 along the bar and label of each tick, in ascending order; at least both ends."""


def draw_legend(scale: ColourScale, size_wh: SizeWH) -> Layer | None:
    """Return a panel in the lower right corner of a picture of `size_wh`; None where it would not be readable."""
    pen = Pen(max(0.85 * font_scale(size_wh), MIN_FONT_SCALE))
    unit = pen.height
    bar_wh = (
        max(round(0.22 * size_wh[0]), 10 * unit, pen.width(scale.heading)),
        max(round(0.6 * unit), 5),
    )
    ticks = scale.ticks
    left, top = max(pen.width(ticks[0][1]) // 2 + unit // 2, unit), round(2.05 * unit)
    width = left + bar_wh[0] + max(pen.width(ticks[-1][1]) // 2 + unit // 2, unit)
    height = top + bar_wh[1] + round(2.15 * unit)
    margin = unit // 2
    if width + 2 * margin > 0.6 * size_wh[0] or height + 2 * margin > 0.3 * size_wh[1]:
        return None
    panel = Layer.shade(size_wh[0] - width - margin, size_wh[1] - height - margin, width, height, PANEL_OPACITY)
    pen.write(panel, scale.heading, (left, round(1.5 * unit)), ink=LIGHT_GREY)
    _draw_bar(panel, scale, (left, top), bar_wh)
    foot = top + bar_wh[1]
    for position, label in without_overlap(ticks, pen, bar_wh[0]):
        x = left + round(position * (bar_wh[0] - 1))
        cv2.line(panel.colour, (x, foot), (x, foot + max(unit // 4, 2)), LIGHT_GREY, 1)
        pen.write(panel, label, (x - pen.width(label) // 2, foot + round(1.6 * unit)))
    return panel


def _draw_bar(panel: Layer, scale: ColourScale, at: tuple[int, int], bar_wh: SizeWH) -> None:
    """Draw the colours, cold to hot, as they look over a mid-grey background, since the overlay is translucent."""
    (x, y), (width, height) = at, bar_wh
    levels = np.rint(np.linspace(0, 255, width)).astype(np.uint8)[np.newaxis, :].repeat(height, axis=0)
    bar = np.full((height, width, 3), min(_MID_GREY * scale.background_dim, 255), np.uint8)
    colour_lut, keep_lut = scale.luts
    Layer(
        np.asarray(cv2.applyColorMap(levels, colour_lut), np.uint8),
        np.asarray(cv2.applyColorMap(levels, keep_lut), np.uint8),
    ).lay_over(bar)
    panel.colour[y : y + height, x : x + width] = bar
    panel.keep[y : y + height, x : x + width] = 0


def without_overlap(ticks: list[tuple[float, str]], pen: Pen, bar_width: int) -> list[tuple[float, str]]:
    """Return the ticks whose labels do not overlap: the first, the last, and from the left those that fit between."""

    def span_px(tick: tuple[float, str]) -> tuple[float, float]:
        half = (pen.width(tick[1]) + 0.7 * pen.height) / 2
        return tick[0] * bar_width - half, tick[0] * bar_width + half

    first, *between, last = ticks
    kept = [first]
    for tick in between:
        if span_px(tick)[0] >= span_px(kept[-1])[1] and span_px(tick)[1] <= span_px(last)[0]:
            kept.append(tick)
    return [*kept, last]
