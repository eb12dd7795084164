"""Draws the outlines and names of a camera's zones over a picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8
from edgeheat.core.render.caption import to_ascii
from edgeheat.core.render.layer import Layer
from edgeheat.core.render.pen import LIGHT_GREY, PANEL_OPACITY, WHITE, Pen, font_scale
from edgeheat.defs.params import ZoneParams

_TITLE_RATIO: Final = 0.13
"""Upper part of a picture that may hold its title, as a fraction of the height; names start below it."""


def draw_outlines(picture: U8, zones: Iterable[ZoneParams]) -> None:
    """Draw the outline and name of each named zone over a BGR picture, uint8 (height, width, 3), in place.

    Masks are not drawn. A name stands at the upper left of its zone, and is omitted where it does not fit.
    """
    height, width = picture.shape[:2]
    pen = Pen(font_scale((width, height)))
    named = [zone for zone in zones if zone.kind == "zone"]
    for zone in named:
        corners = np.rint(np.asarray(zone.polygon) * (width - 1, height - 1)).astype(np.int32)
        cv2.polylines(picture, [corners], True, LIGHT_GREY, pen.thickness, cv2.LINE_AA)
    for zone in named:
        label = _label(zone, pen, picture)
        if label is not None:
            label.lay_over(picture)


def _label(zone: ZoneParams, pen: Pen, picture: U8) -> Layer | None:
    """Return the zone's name on a panel inside the upper left of its bounding box."""
    height, width = picture.shape[:2]
    name = to_ascii(zone.name)
    padding = pen.height // 2
    panel_width, panel_height = pen.width(name) + 2 * padding, pen.height + 2 * padding
    x = round(min(x for x, _ in zone.polygon) * width) + padding
    y = max(round(min(y for _, y in zone.polygon) * height) + padding, round(_TITLE_RATIO * height))
    x = min(x, width - panel_width)
    if x < 0 or y + panel_height > height:
        return None
    panel = Layer.shade(x, y, panel_width, panel_height, PANEL_OPACITY)
    pen.write(panel, name, (padding, padding + pen.height), ink=WHITE)
    return panel
