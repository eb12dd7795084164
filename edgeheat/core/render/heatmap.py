"""Draws a heat grid as a picture: dimmed background, coloured heat, colour scale and title."""

from __future__ import annotations

import math

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, U8, SizeWH
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.peak import places
from edgeheat.core.render.annotate import title_and_legend
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.colormap import paints
from edgeheat.core.render.layer import Layer
from edgeheat.defs.params import Style

_STRIP_ROWS = 64
"""Rows drawn at a time: a worker has no memory to spare for several full-size layers."""

_MOST_S = 1e12
"""Motion-seconds beyond any real heat; keeps damaged figures from overflowing on the way."""

_CELL_BLUR, _MOST_CELL_BLUR = 0.5, 16.0
"""Smoothing of the enlarged heat: sigma in cells, and at most so many pixels."""

_LEAST_S = 1e-6
"""A scale that ends below this has nothing to show."""


def default_size(camera_wh: SizeWH, style: Style) -> SizeWH:
    """Return the camera's (width, height), shrunk with its shape kept where it is wider than `style.max_width`."""
    width, height = camera_wh
    if width <= style.max_width:
        return width, height
    return style.max_width, max(1, round(height * style.max_width / width))


def scale_max_s(grid: HeatGrid, style: Style) -> float:
    """Return the motion-seconds at the top of the colour scale; 0 where `normalize` is on and nothing has moved."""
    return _top_s(_readable(grid.heat_s, style), style)


def draw(grid: HeatGrid, background: U8 | None, style: Style, size_wh: SizeWH, caption: Caption | None = None) -> U8:
    """Return the picture of a heat: BGR of shape (height, width, 3), owned by the caller.

    background: BGR of any size and without people in it; None draws on black.
    size_wh: width and height of the result, independent of the grid's.
    caption: the words of the title; None leaves the title out.
    Raises ValueError for an unknown colormap or a size below 1 by 1.
    """
    if min(size_wh) < 1:
        raise ValueError(f"size_wh: expected at least (1, 1), got {size_wh}")
    heat_s = _readable(grid.heat_s, style)
    top_s = _top_s(heat_s, style)
    picture = backdrop(background if style.overlay else None, style, size_wh)
    index = _index(heat_s, top_s, style, size_wh)
    for y in range(0, size_wh[1], _STRIP_ROWS):
        rows = index[y : y + _STRIP_ROWS]
        _layer(rows, style).lay_over(picture[y : y + _STRIP_ROWS])
    for layer in title_and_legend(style, size_wh, top_s, caption, grid.coverage):
        layer.lay_over(picture)
    return picture


def warm_up() -> None:
    """Load fonts and colormaps by drawing once: what is forked from this process then shares 10 MB more."""
    draw(
        HeatGrid(np.ones((1, 1), np.float32), 1.0, 1.0), None, Style(), (480, 270), Caption("camera", "last 1 h", None)
    )


def backdrop(background: U8 | None, style: Style, size_wh: SizeWH) -> U8:
    """Return `background` at `size_wh`, grey where the style says so, and dimmed; black where it is None."""
    if background is None:
        return np.zeros((size_wh[1], size_wh[0], 3), np.uint8)
    shrinking = background.shape[1] > size_wh[0]
    scaled = cv2.resize(background, size_wh, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    if style.background == "colour":
        return np.asarray(cv2.convertScaleAbs(scaled, alpha=style.background_dim), np.uint8)
    grey = cv2.convertScaleAbs(cv2.cvtColor(scaled, cv2.COLOR_BGR2GRAY), alpha=style.background_dim)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR, dst=scaled), np.uint8)


def heat_layer(heat_s: F32, top_s: float, style: Style, size_wh: SizeWH) -> Layer:
    """Return the whole heat as one layer, to be laid over many pictures (a video's frames).

    heat_s: motion-seconds, shape (grid height, grid width).
    top_s: those at the top of the scale, as `scale_max_s` gives.
    """
    return _layer(_index(_readable(heat_s, style), top_s, style, size_wh), style)


def _readable(heat_s: F32, style: Style) -> F32:
    """Return the heat as it will be read: without NaN, negative or endless figures, and blurred."""
    heat = np.clip(np.nan_to_num(heat_s, nan=0.0, posinf=_MOST_S, neginf=0.0), 0.0, _MOST_S).astype(np.float32)
    if style.blur > 0:
        # The sigma that OpenCV itself takes for a kernel of 2 radius + 1, which is what mg_heatmap uses.
        size = 2 * math.ceil(style.blur) + 1
        heat = np.asarray(cv2.GaussianBlur(heat, (size, size), 0.3 * (style.blur - 1) + 0.8), np.float32)
    return heat


def _top_s(readable: F32, style: Style) -> float:
    return float(places(readable).max()) if style.normalize else min(style.vmax_s, _MOST_S)


def _index(readable: F32, top_s: float, style: Style, size_wh: SizeWH) -> U8:
    """Return the place of each pixel on the colour scale, 0..255, shape (height, width)."""
    if top_s < _LEAST_S:
        return np.zeros((size_wh[1], size_wh[0]), np.uint8)
    top = np.float32(top_s)
    heat01 = (np.minimum(readable, top) / top) ** np.float32(style.gamma)
    cells = np.rint(heat01 * 255).astype(np.uint8)
    growth = size_wh[0] / cells.shape[1]
    if growth <= 1:
        return np.asarray(cv2.resize(cells, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    index = cv2.resize(cells, size_wh, interpolation=cv2.INTER_LINEAR)
    # Straight interpolation leaves the cells' corners visible; half a cell of blur takes them away.
    sigma = min(_CELL_BLUR * growth, _MOST_CELL_BLUR)
    return np.asarray(cv2.GaussianBlur(index, (0, 0), sigma, dst=index), np.uint8)


def _layer(index: U8, style: Style) -> Layer:
    colour_lut, keep_lut = paints(style)
    return Layer(
        np.asarray(cv2.applyColorMap(index, colour_lut), np.uint8),
        np.asarray(cv2.applyColorMap(index, keep_lut), np.uint8),
    )
