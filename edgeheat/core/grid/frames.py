"""The arrays that travel through the engine: frames in, motion masks between, heat grids out."""

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
SizeWH = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture of a camera or recording."""

    luma: NDArray[Any]
    """Brightness, shape (height, width), uint8 or uint16; a view of the decoder's memory: read it, never write it."""

    mono_s: float
    """When it arrived, in seconds on the monotonic clock (offline: the recording's own timestamp)."""

    wall_s: float
    """The same instant as Unix time in seconds; labels only, never arithmetic."""

    colour: Callable[[SizeWH], U8]
    """Gives the picture in BGR, uint8, shape (height, width, 3), at the asked (width, height); owned by the caller.
    Costs milliseconds, and must be called before the next frame is asked for."""

    levels: tuple[int, int] = (0, 255)
    """The luma values of black and of white: (0, 255) full range, (16, 235) video range, (64, 940) 10-bit video."""

    chroma: Callable[[SizeWH], U8 | None] = lambda _: None
    """Gives Cb and Cr, uint8 around 128, shape (height, width, 2), at the asked (width, height), owned by the caller;
    None where the picture is grey. Must be called before the next frame is asked for."""

    def __post_init__(self) -> None:
        if self.luma.ndim != 2 or 0 in self.luma.shape:
            raise ValueError(f"luma: expected a shape of (height, width), got {self.luma.shape}")

    @property
    def size_wh(self) -> SizeWH:
        """Width and height in pixels."""
        return self.luma.shape[1], self.luma.shape[0]


@dataclass(frozen=True, slots=True)
class GridFrame:
    """One analysed frame on the grid, private cells blacked out."""

    grid: U8
    """Brightness, uint8, full range, shape (grid height, grid width)."""

    chroma: U8 | None
    """Cb and Cr, uint8 around 128, shape (height, width, 2) at half the grid; None where the picture is grey."""

    picture: U8 | None
    """The frame in colour, BGR uint8, if the backdrop needs it; else None."""

    dt_s: float
    """Seconds since the previous analysed frame; 0 for the first one and after a gap."""

    mono_s: float
    """See Frame."""

    wall_s: float
    """See Frame."""
