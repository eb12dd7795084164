"""Draws a heat as a picture: dimmed background, translucent colours, colour scale and title."""

from __future__ import annotations

import math
from collections.abc import Iterable

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, U8, SizeWH
from edgeheat.core.grid.masks import as_levels, resized
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.median_filter import median_filter
from edgeheat.core.render.annotate import title_and_legend
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.colormap import overlay_luts
from edgeheat.core.render.layer import Layer
from edgeheat.core.render.outlines import draw_outlines
from edgeheat.defs.params import Style, ZoneParams

_STRIP_ROWS = 64
"""Pixel rows drawn at a time, so that `draw` never holds a full-size layer in memory."""

_MAX_HEAT_S = 1e12
"""Motion-seconds above any real heat; larger (damaged) values are clipped, so that arithmetic cannot overflow."""

_SIGMA_CELLS = 0.5
"""Gaussian blur of the enlarged heat, in cells: interpolation alone leaves the cells' corners visible."""

_MAX_SIGMA_PX = 16.0
"""Limit of the blur of the enlarged heat in pixels, because its cost grows with sigma."""

_MIN_TOP_S = 1e-6
"""A heat whose colour scale would end below this is drawn as 0."""


def default_size(camera_wh: SizeWH, style: Style) -> SizeWH:
    """Return the camera's (width, height), shrunk to `style.max_width` at its aspect ratio where it is wider."""
    width, height = camera_wh
    if width <= style.max_width:
        return width, height
    return style.max_width, max(1, round(height * style.max_width / width))


def scale_max_s(grid: HeatGrid, style: Style) -> float:
    """Return the motion-seconds at the top of the colour scale; 0 where `normalize` is on and the heat is 0."""
    return _top_s(cleaned(grid.heat_s, style), style)


def draw(
    grid: HeatGrid,
    background: U8 | None,
    style: Style,
    size_wh: SizeWH,
    caption: Caption | None = None,
    *,
    zones: Iterable[ZoneParams] = (),
) -> U8:
    """Return the picture of a heat: BGR uint8, shape (height, width, 3), owned by the caller.

    background: BGR of any size, without people; None draws on black.
    size_wh: width and height of the result, independent of the grid's.
    caption: the text of the title; None omits the title.
    zones: those whose outline and name are drawn over the heat; masks among them are not.
    Raises ValueError for an unknown colormap or a size below 1 by 1.
    """
    if min(size_wh) < 1:
        raise ValueError(f"size_wh: expected at least (1, 1), got {size_wh}")
    heat_s = cleaned(grid.heat_s, style)
    top_s = _top_s(heat_s, style)
    picture = dimmed_background(background if style.overlay else None, style, size_wh)
    index = _colour_index(heat_s, top_s, style, size_wh)
    for y in range(0, size_wh[1], _STRIP_ROWS):
        rows = index[y : y + _STRIP_ROWS]
        _colour_layer(rows, style).lay_over(picture[y : y + _STRIP_ROWS])
    draw_outlines(picture, zones)
    for layer in title_and_legend(style, size_wh, top_s, caption, grid.coverage):
        layer.lay_over(picture)
    return picture


def warm_up() -> None:
    """Load fonts and colormaps by drawing once, so that processes forked from this one share 10 MB more."""
    draw(
        HeatGrid(np.ones((1, 1), np.float32), 1.0, 1.0), None, Style(), (480, 270), Caption("camera", "last 1 h", None)
    )


def dimmed_background(background: U8 | None, style: Style, size_wh: SizeWH) -> U8:
    """Return `background` scaled to `size_wh`, dimmed, grey or in colour according to `style`; black where it is None.

    BGR uint8, shape (height, width, 3), owned by the caller.
    """
    if background is None:
        return np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    shrinking = background.shape[1] > size_wh[0]
    scaled = cv2.resize(background, size_wh, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    if style.background == "colour":
        return as_levels(scaled, style.background_dim)
    grey = as_levels(cv2.cvtColor(scaled, cv2.COLOR_BGR2GRAY), style.background_dim)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR, dst=scaled), np.uint8)


def heat_layer(heat_s: F32, top_s: float, style: Style, size_wh: SizeWH) -> Layer:
    """Return the whole heat as one layer of `size_wh`, for use on many pictures (the frames of a video).

    heat_s: motion-seconds, shape (grid height, grid width). top_s: motion-seconds at the top of the colour scale.
    """
    return _colour_layer(_colour_index(cleaned(heat_s, style), top_s, style, size_wh), style)


def cleaned(heat_s: F32, style: Style) -> F32:
    """Return the heat without NaN, infinite and negative values, blurred according to `style`; owned by the caller.

    Reference: Gaussian blur; sigma from the kernel size as in OpenCV's getGaussianKernel.
    """
    heat = np.clip(np.nan_to_num(heat_s, nan=0.0, posinf=_MAX_HEAT_S, neginf=0.0), 0.0, _MAX_HEAT_S).astype(np.float32)
    if style.blur > 0:
        # OpenCV's own default of sigma for a kernel of 2 * radius + 1.
        size = 2 * math.ceil(style.blur) + 1
        heat = np.asarray(cv2.GaussianBlur(heat, (size, size), 0.3 * (style.blur - 1) + 0.8), np.float32)
    return heat


def _top_s(heat_s: F32, style: Style) -> float:
    """Return the seconds at the top of the colour scale: with `normalize` the maximum of the median-filtered heat."""
    return float(median_filter(heat_s).max()) if style.normalize else min(style.vmax_s, _MAX_HEAT_S)


def _colour_index(heat_s: F32, top_s: float, style: Style, size_wh: SizeWH) -> U8:
    """Return each pixel's position on the colour scale, uint8, 0 cold to 255 hot, shape (height, width)."""
    if top_s < _MIN_TOP_S:
        return np.zeros((size_wh[1], size_wh[0]), np.uint8)
    top = np.float32(top_s)
    heat01 = (np.minimum(heat_s, top) / top) ** np.float32(style.gamma)
    return enlarged_levels(np.rint(heat01 * 255).astype(np.uint8), size_wh)


def enlarged_levels(cells: U8, size_wh: SizeWH) -> U8:
    """Return levels per cell, uint8, interpolated to `size_wh` without visible corners of cells."""
    growth = size_wh[0] / cells.shape[1]
    if growth <= 1:
        return resized(cells, size_wh)
    index = cv2.resize(cells, size_wh, interpolation=cv2.INTER_LINEAR)
    sigma = min(_SIGMA_CELLS * growth, _MAX_SIGMA_PX)
    return np.asarray(cv2.GaussianBlur(index, (0, 0), sigma, dst=index), np.uint8)


def _colour_layer(index: U8, style: Style) -> Layer:
    colour_lut, keep_lut = overlay_luts(style)
    return Layer(
        np.asarray(cv2.applyColorMap(index, colour_lut), np.uint8),
        np.asarray(cv2.applyColorMap(index, keep_lut), np.uint8),
    )
