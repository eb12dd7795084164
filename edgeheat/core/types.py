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
class MotionMask:
    """Where people are in one analysed frame, and for how long that frame stands; masks are 255 or 0.

    All arrays have the shape (grid height, grid width).
    """

    cells: U8
    """Presence: where somebody is seen, moving or staying. Staying is counted later, see `dwell_ms`."""

    moving: U8
    """Traffic: the part of `cells` that moves and counts at once."""

    dwell_ms: U32 | None
    """Milliseconds of staying that became certain with this frame, of the seconds before it too; None: none did."""

    dt_s: float
    """Seconds since the analysed frame before it, 0 after a gap longer than `max_gap_s`."""

    mono_s: float
    wall_s: float
    moved_ms: U32 | None = None
    """The same of movement, where it was not counted at once: at the start, when what is empty is not known yet."""


@dataclass(frozen=True, slots=True)
class HeatGrid:
    """One heat of one camera, read at one instant."""

    heat_s: F32
    """Motion-seconds for each cell, shape (grid height, grid width); owned by the holder."""

    observed_s: float
    """Seconds of the period in which the camera was really seen (weighted by age for a decaying heat)."""

    period_s: float
    """Seconds that the heat would cover if nothing were missed; for a decaying heat its mean life, half-life / ln 2."""

    @property
    def coverage(self) -> float:
        """Observed share of the period, 0..1."""
        return min(1.0, self.observed_s / self.period_s) if self.period_s > 0 else 0.0
