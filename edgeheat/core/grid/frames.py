"""Defines the decoded frame that sources deliver, the frame reduced to the grid, and the array types of both."""

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
class Frame:
    """One decoded picture of a camera or recording. Raises ValueError where `luma` is empty or not two-dimensional."""

    luma: NDArray[Any]
    """Brightness, shape (height, width), uint8 or uint16; a view of the decoder's memory: read-only."""

    mono_s: float
    """Arrival time in seconds on the monotonic clock (offline: the recording's own timestamp)."""

    wall_s: float
    """The same instant as Unix time in seconds; labels only, never arithmetic."""

    colour: Callable[[SizeWH], U8]
    """Converts the picture to BGR, uint8, shape (height, width, 3), at the given (width, height); owned by the caller.
    Takes milliseconds. Call it before the next frame is read from the source."""

    levels: tuple[int, int] = (0, 255)
    """The luma values of black and of white: (0, 255) full range, (16, 235) video range, (64, 940) 10-bit video."""

    chroma: Callable[[SizeWH], U8 | None] = lambda _: None
    """Returns Cb and Cr, uint8 around 128, shape (height, width, 2), at the given (width, height), owned by the caller;
    None for a grey picture. Call it before the next frame is read from the source."""

    def __post_init__(self) -> None:
        if self.luma.ndim != 2 or 0 in self.luma.shape:
            raise ValueError(f"luma: expected a shape of (height, width), got {self.luma.shape}")

    @property
    def size_wh(self) -> SizeWH:
        """Width and height in pixels."""
        return self.luma.shape[1], self.luma.shape[0]


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
