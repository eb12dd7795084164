"""Gathers motion masks into increments of about a second: the only thing that ever changes a heat."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.tiles import pack_ms, unpack_ms
from edgeheat.core.types import MotionMask

INCREMENT_S = 1.0
_HEADER = struct.Struct("<HHIdd")


@dataclass(frozen=True, slots=True)
class Increment:
    """Motion and observation of about one second; small enough to be sent to whoever must outlive this process."""

    motion_ms: NDArray[np.uint16]
    """Milliseconds of motion for each cell, shape (grid height, grid width)."""

    observed_ms: int
    mono_s: float
    """The end of it on the monotonic clock."""

    wall_s: float

    def pack(self) -> bytes:
        """Return it as bytes for `unpack`, typically 1-3 kB."""
        height, width = self.motion_ms.shape
        header = _HEADER.pack(width, height, self.observed_ms, self.mono_s, self.wall_s)
        return header + pack_ms(self.motion_ms)

    @classmethod
    def unpack(cls, packed: bytes) -> Increment:
        """Return what `pack` packed; raises ValueError where the bytes are not an increment."""
        if len(packed) < _HEADER.size:
            raise ValueError(f"increment: expected at least {_HEADER.size} bytes, got {len(packed)}")
        width, height, observed_ms, mono_s, wall_s = _HEADER.unpack_from(packed)
        motion = unpack_ms(packed[_HEADER.size :], (height, width), np.uint16)
        return cls(motion.astype(np.uint16), observed_ms, mono_s, wall_s)


class IncrementBuilder:
    """Adds masks up in whole milliseconds; what rounding leaves over is carried, so no time is lost or invented."""

    def __init__(self, shape_hw: tuple[int, int]) -> None:
        self._motion_ms: NDArray[np.uint16] = np.zeros(shape_hw, np.uint16)
        self._observed_ms = 0
        self._carry_ms = 0.0
        self._end: tuple[float, float] | None = None
        self._filled_s = 0.0

    def add(self, mask: MotionMask) -> Increment | None:
        """Add one mask; returns the increment when about a second is together."""
        exact_ms = mask.dt_s * 1000.0 + self._carry_ms
        whole_ms = int(exact_ms)
        self._carry_ms = exact_ms - whole_ms
        if whole_ms:
            self._motion_ms[mask.cells > 0] += whole_ms
        self._observed_ms += whole_ms
        self._filled_s += mask.dt_s
        self._end = (mask.mono_s, mask.wall_s)
        return self.close() if self._filled_s >= INCREMENT_S else None

    def peek(self) -> Increment | None:
        """Return what is together so far; its array is still the builder's own. None where there is nothing."""
        if self._end is None:
            return None
        return Increment(self._motion_ms, self._observed_ms, *self._end)

    def close(self) -> Increment | None:
        """Return what is together so far and begin anew; None where there is nothing."""
        increment = self.peek()
        if increment is not None:
            self._motion_ms = np.zeros_like(self._motion_ms)
            self._observed_ms, self._filled_s, self._end = 0, 0.0, None
        return increment
