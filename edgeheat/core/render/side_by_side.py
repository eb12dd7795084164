"""Arranges the heats of two periods and their difference as one picture, for a wide screen or for a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.render.caption import Caption, to_ascii
from edgeheat.core.render.difference import Difference, difference, draw_difference, hourly
from edgeheat.core.render.heatmap import draw, scale_max_s
from edgeheat.core.render.layer import Layer
from edgeheat.core.render.pen import BOLD, LIGHT_GREY, Pen, font_scale
from edgeheat.defs.params import Measure, Style, ZoneParams
from edgeheat.defs.wording import percent_words

Layout = Literal["row", "column"]
"""Beside each other for wide screens and paper, below each other for phones."""

_GAP_RATIO = 0.006
"""Space between pictures, as a fraction of the width of the whole."""

_TITLE_FONT_RATIO = 1.25
"""Size of a picture's title, as a multiple of the text on it."""


@dataclass(frozen=True, slots=True)
class Period:
    """One of the two periods that are compared."""

    name: str
    """In words, such as "2 to 29 March"."""

    grid: HeatGrid


@dataclass(frozen=True, slots=True)
class TitledPicture:
    """One picture of an arrangement."""

    title: str
    note: str
    """Small text below the title."""

    picture: U8
    """BGR uint8, shape (height, width, 3)."""


def draw_comparison(
    camera: str,
    periods: tuple[Period, Period],
    measure: Measure,
    background: U8 | None,
    style: Style,
    *,
    camera_wh: SizeWH,
    width: int,
    layout: Layout,
    zones: Sequence[ZoneParams] = (),
) -> U8:
    """Return the heats of both periods per observed hour, on one scale, and their difference, each with a title.

    background: of all three, BGR of any size, without people; None draws on black. camera_wh: only its aspect ratio
    counts. width: of the result in pixels; 1920 suits a row, 720 a column. zones: their outlines are drawn over each.
    Returns BGR uint8, shape (height, width, 3), owned by the caller.
    Raises ValueError where the two grids differ in shape, or where the width is less than 3 pixels.
    """
    size_wh = _picture_wh(camera_wh, width, layout)
    found = difference(periods[0].grid, periods[1].grid, style, measure)
    rates = [hourly(period.grid) for period in periods]
    top_s = max(scale_max_s(rate, replace(style, normalize=True)) for rate in rates)
    on_one_scale = replace(style, normalize=False, vmax_s=top_s, title=False)
    caption = Caption(camera, "", None, measure, per_hour=True)
    pictures = [
        TitledPicture(
            f"{letter}: {period.name}",
            f"coverage {percent_words(rate.coverage)} - {camera}",
            draw(rate, background, on_one_scale, size_wh, caption, zones=zones),
        )
        for letter, period, rate in zip("AB", periods, rates, strict=True)
    ]
    change = draw_difference(found, background, style, size_wh, measure, zones=zones)
    pictures.append(TitledPicture("Change from A to B", f"{_change_words(found)} - {camera}", change))
    return arrange(pictures, width, layout)


def arrange(pictures: Sequence[TitledPicture], width: int, layout: Layout) -> U8:
    """Return pictures of one size, beside or below each other on black, each below its title.

    width: of the result; the pictures must have the size that fits into it. Returns BGR uint8, owned by the caller.
    """
    gap = _gap_px(width)
    blocks = [np.vstack([_header(each, gap), each.picture]) for each in pictures]
    height, block_width = blocks[0].shape[:2]
    columns, rows = (len(blocks), 1) if layout == "row" else (1, len(blocks))
    result = np.zeros((rows * (height + gap) - gap, width, 3), np.uint8)
    for index, block in enumerate(blocks):
        x, y = index % columns * (block_width + gap), index // columns * (height + gap)
        result[y : y + height, x : x + block_width] = block
    return result


def _change_words(found: Difference) -> str:
    if found.top_s <= 0:
        return "nothing to compare"
    return "blue: less, red: more" if found.change_s.any() else "no change beyond chance"


def _picture_wh(camera_wh: SizeWH, width: int, layout: Layout) -> SizeWH:
    if width < 3:
        raise ValueError(f"width: expected at least 3 pixels, got {width}")
    each = (width - 2 * _gap_px(width)) // 3 if layout == "row" else width
    return each, max(1, round(each * camera_wh[1] / camera_wh[0]))


def _gap_px(width: int) -> int:
    return round(_GAP_RATIO * width)


def _header(titled: TitledPicture, gap: int) -> U8:
    """Return the title of a picture, and a note below it, on black; as wide as the picture."""
    height, width = titled.picture.shape[:2]
    small = Pen(font_scale((width, height)))
    large = Pen(_TITLE_FONT_RATIO * small.scale)
    title_y = 2 * large.height
    note_y = title_y + 2 * small.height
    header = np.zeros((note_y + small.height, width, 3), np.uint8)
    layer = Layer.shade(0, 0, width, header.shape[0], 0.0)
    room = width - 2 * gap
    large.write(layer, large.shortened(to_ascii(titled.title), room, BOLD), (gap, title_y), font=BOLD)
    small.write(layer, small.shortened(to_ascii(titled.note), room), (gap, note_y), ink=LIGHT_GREY)
    layer.lay_over(header)
    return header
