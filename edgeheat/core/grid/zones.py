"""Converts a camera's zones, polygons in 0..1 picture coordinates, to masks of grid cells: named, counted, private."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.core.grid.masks import dilated_by
from edgeheat.defs.events import ALL
from edgeheat.defs.params import Point, ZoneParams

_SUBPIXEL_BITS = 8
"""Fixed-point bits of the corners passed to cv2.fillPoly, in 256ths of a cell."""


def polygon_mask(polygon: Sequence[Point], size_wh: SizeWH) -> U8:
    """Return a mask, uint8, shape (height, width), 255 inside the polygon; corners in 0..1 picture coordinates.

    A pixel is inside when its centre lies in the polygon or up to half a pixel outside it. Thin polygons therefore have
    pixels too, and pixels on an edge shared by two polygons are in both.
    """
    mask: U8 = np.zeros((size_wh[1], size_wh[0]), np.uint8)
    centres = np.asarray(polygon, np.float64) * size_wh - 0.5
    corners = np.rint(centres * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255.0, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
    return mask


def blackout_mask(zones: Iterable[ZoneParams], size_wh: SizeWH) -> U8 | None:
    """Return the mask of all privacy zones, uint8, shape (height, width), 255 inside; None where there is none.

    It is one pixel wider than the zones, so that it covers every pixel that they touch.
    """
    masks = [polygon_mask(zone.polygon, size_wh) for zone in zones if zone.kind == "privacy"]
    if not masks:
        return None
    return dilated_by(np.maximum.reduce(masks), np.ones((3, 3), np.uint8))


def zone_key(name: str, polygon: Sequence[Point]) -> int:
    """Return the 64-bit key of a zone in saved data: a hash (BLAKE2b) of its name and polygon, not its weight."""
    corners = [(float(x), float(y)) for x, y in polygon]
    return int.from_bytes(hashlib.blake2b(repr((name, corners)).encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class ZoneMasks:
    """The zones of one camera on its grid; all masks are uint8, shape (grid height, grid width), 255 inside."""

    privacy: U8 | None
    """Cells to black out before any analysis; None where there is no privacy zone."""

    counted: U8
    """Cells whose motion counts: inside an include zone (if there is any), outside all ignore and privacy zones."""

    named: dict[str, U8]
    """The counted cells of `all`, then of each named zone in the order of the configuration.

    Zones may overlap. A zone that masks cover completely has no cells.
    """

    keys: tuple[int, ...]
    """The `zone_key` of each of `named`, in the same order."""

    weights: dict[str, float]
    """The factor of each zone's heat in the ranking, by zone name; the factor of `all` is not used."""

    @classmethod
    def from_params(cls, zones: Sequence[ZoneParams], grid_wh: SizeWH) -> ZoneMasks:
        """Return the masks of the configured `zones` on a grid of the given (width, height)."""
        includes = [polygon_mask(zone.polygon, grid_wh) for zone in zones if zone.kind == "include"]
        counted = np.maximum.reduce(includes) if includes else np.full(grid_wh[::-1], 255, np.uint8)
        for zone in zones:
            if zone.kind == "ignore":
                counted &= ~polygon_mask(zone.polygon, grid_wh)
        privacy = blackout_mask(zones, grid_wh)
        if privacy is not None:
            counted &= ~privacy
        drawn = [zone for zone in zones if zone.kind == "zone"]
        named = {ALL: counted} | {zone.name: polygon_mask(zone.polygon, grid_wh) & counted for zone in drawn}
        keys = (zone_key(ALL, ()), *(zone_key(zone.name, zone.polygon) for zone in drawn))
        return cls(privacy, counted, named, keys, {ALL: 1.0} | {zone.name: zone.weight for zone in drawn})
