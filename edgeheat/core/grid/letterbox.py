"""Fits pictures onto a canvas of another shape without stretching them."""

from __future__ import annotations

import numpy as np

from edgeheat.core.grid.frames import U8, Frame, SizeWH

_SAME_SHAPE_RATIO = 0.03
"""Shapes that differ by less than this are taken for equal: rounded to cells, or padded to whole blocks by a codec."""


def covered(picture_wh: SizeWH, canvas_wh: SizeWH) -> tuple[slice, slice] | None:
    """Return the rows and columns of a canvas that a picture covers in its middle; None where it covers all of them."""
    scale = min(canvas_wh[0] / picture_wh[0], canvas_wh[1] / picture_wh[1])
    lengths = [max(1, round(side * scale)) for side in picture_wh]
    if all(side - length <= max(1, _SAME_SHAPE_RATIO * side) for side, length in zip(canvas_wh, lengths, strict=True)):
        return None
    columns, rows = (
        slice((side - length) // 2, (side - length) // 2 + length)
        for side, length in zip(canvas_wh, lengths, strict=True)
    )
    return rows, columns


def size_wh(area: tuple[slice, slice]) -> SizeWH:
    """Return the (width, height) of an area from `covered`."""
    rows, columns = area
    return columns.stop - columns.start, rows.stop - rows.start


def fitted_colour(frame: Frame, canvas_wh: SizeWH) -> U8:
    """Return a frame in colour, BGR uint8, owned by the caller, on a canvas whose uncovered parts are black."""
    area = covered(frame.size_wh, canvas_wh)
    if area is None:
        return frame.colour(canvas_wh)
    canvas = np.zeros((canvas_wh[1], canvas_wh[0], 3), np.uint8)
    canvas[area] = frame.colour(size_wh(area))
    return canvas
