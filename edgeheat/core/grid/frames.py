"""Defines the decoded frame that sources deliver, its orientation, the frame on the grid, and their array types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
U32 = NDArray[np.uint32]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
SizeWH = tuple[int, int]
"""Width and height, in pixels or cells."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored picture becomes upright: transposed first, then mirrored. All eight of EXIF can be expressed."""

    transposed: bool = False
    mirrored_x: bool = False
    mirrored_y: bool = False

    def stored_wh(self, size_wh: SizeWH) -> SizeWH:
        """Return the (width, height) as stored of a picture that is `size_wh` when upright, and the other way round."""
        return size_wh[::-1] if self.transposed else size_wh

    def upright(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Return a stored picture, shape (height, width) or (height, width, channels), upright and contiguous.

        It is the same array where there is nothing to turn. Turn small pictures: for 1080p it takes milliseconds.
        """
        if self == UPRIGHT:
            return picture
        turned = picture.swapaxes(0, 1) if self.transposed else picture
        return np.ascontiguousarray(turned[:: -1 if self.mirrored_y else 1, :: -1 if self.mirrored_x else 1])


UPRIGHT = Orientation()
"""The orientation of a picture that is stored upright."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture of a camera or recording. Raises ValueError where `luma` is empty or not two-dimensional."""

    luma: NDArray[Any]
    """Brightness, shape (height, width), uint8 or uint16; a view of the decoder's memory: read-only, and as stored, so
    that it may have another orientation and pixels that are not square."""

    mono_s: float
    """Arrival time in seconds on the monotonic clock (offline: the recording's own timestamp)."""

    wall_s: float
    """The same instant as Unix time in seconds; labels only, never arithmetic."""

    colour: Callable[[SizeWH], U8]
    """Converts the picture to BGR, uint8, shape (height, width, 3), upright at the given (width, height); owned by the
    caller. Takes milliseconds. Call it before the next frame is read from the source."""

    levels: tuple[int, int] = (0, 255)
    """The luma values of black and of white: (0, 255) full range, (16, 235) video range, (64, 940) 10-bit video."""

    chroma: Callable[[SizeWH], U8 | None] = lambda _: None
    """Returns Cb and Cr, uint8 around 128, shape (height, width, 2), upright at the given (width, height), owned by the
    caller; None for a grey picture. Call it before the next frame is read from the source."""

    orientation: Orientation = UPRIGHT
    """How `luma` becomes upright."""

    pixel_aspect: float = 1.0
    """Width of a pixel of `luma` divided by its height (sample aspect ratio)."""

    def __post_init__(self) -> None:
        if self.luma.ndim != 2 or 0 in self.luma.shape:
            raise ValueError(f"luma: expected a shape of (height, width), got {self.luma.shape}")

    @property
    def size_wh(self) -> SizeWH:
        """Width and height in square pixels, upright: the size at which players show the picture.

        The shorter side of the stored pixels becomes longer, so that no detail is lost.
        """
        height, width = self.luma.shape
        if self.pixel_aspect > 1:
            width = round(width * self.pixel_aspect)
        else:
            height = round(height / self.pixel_aspect)
        return self.orientation.stored_wh((width, height))


@dataclass(frozen=True, slots=True)
class GridFrame:
    """One frame reduced to the grid, its private cells blacked out."""

    grid: U8
    """Brightness, uint8, full range, shape (grid height, grid width)."""

    chroma: U8 | None
    """Cb and Cr, uint8 around 128, shape (height, width, 2) at half the grid; None where the picture is grey."""

    picture: U8 | None
    """The frame in colour, BGR uint8, if the backdrop needs it; else None."""

    dt_s: float
    """Seconds since the previous analysed frame; 0 for the first one and after a gap."""

    mono_s: float
    """Arrival time, as in Frame."""

    wall_s: float
    """Arrival time as Unix time, as in Frame."""
