"""Gathers motion masks into increments of about a second: the only thing that ever changes a heat."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U16, U32
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.heat.packing import pack_ms, unpack_ms
from edgeheat.core.heat.zone_counters import Counter, ZoneCounters, zero_counters

INCREMENT_S = 1.0

_HEADER = struct.Struct("<HHHHHxxIIIIdd")
"""Mark, layout, width, height, zones; bytes of zone rows, traffic and dwell; observed_ms, mono_s, wall_s."""

_MARK, _LAYOUT = 0, 2
_HEADER_1 = struct.Struct("<HHIdd")
"""Width, height, observed_ms, mono_s, wall_s of layout 1, which had motion only; no grid is 0 cells wide."""

_KEY_BYTES = 8

_MOST_TRAFFIC_MS = np.uint32(65_535)
"""A minute of movement that was held back may become certain at once; more than an increment has room for is told as
dwell, so that no presence is lost."""

_ALMOST_MS = 1e-6
"""So much less than a whole millisecond is one: 0.1 + 0.1 + … falls short by as little as floats do."""


@dataclass(frozen=True, slots=True)
class Increment:
    """What was counted in about one second; small enough to be sent to whoever must outlive this process."""

    traffic_ms: U16
    """Milliseconds of movement for each cell, shape (grid height, grid width)."""

    dwell_ms: NDArray[np.uint32] | None
    """Milliseconds of staying for each cell that became certain in it, minutes at once at times; None: none did."""

    observed_ms: int
    mono_s: float
    """The end of it on the monotonic clock."""

    wall_s: float
    zone_keys: tuple[int, ...] = ()
    """Which zone each row is of, see `zone_key`: whoever takes it up may have other zones."""

    zone_counters: ZoneCounters = field(default_factory=lambda: zero_counters(0))

    def pack(self) -> bytes:
        """Return it as bytes for `unpack`, typically 1-3 kB."""
        height, width = self.traffic_ms.shape
        keys = b"".join(key.to_bytes(_KEY_BYTES, "little") for key in self.zone_keys)
        rows, traffic = pack_ms(self.zone_counters), pack_ms(self.traffic_ms)
        dwell = b"" if self.dwell_ms is None else pack_ms(self.dwell_ms)
        sizes = len(self.zone_keys), len(rows), len(traffic), len(dwell)
        times = self.observed_ms, self.mono_s, self.wall_s
        return _HEADER.pack(_MARK, _LAYOUT, width, height, *sizes, *times) + keys + rows + traffic + dwell

    @classmethod
    def unpack(cls, packed: bytes) -> Increment:
        """Return what `pack` packed, also in layout 1; raises ValueError where the bytes are not an increment."""
        if len(packed) < _HEADER_1.size:
            raise ValueError(f"increment: expected at least {_HEADER_1.size} bytes, got {len(packed)}")
        if int.from_bytes(packed[:2], "little") != _MARK:
            return cls._unpack_1(packed)
        if len(packed) < _HEADER.size:
            raise ValueError(f"increment: expected at least {_HEADER.size} bytes, got {len(packed)}")
        _, layout, width, height, zones, *figures = _HEADER.unpack_from(packed)
        rows_size, traffic_size, dwell_size, observed_ms, mono_s, wall_s = figures
        if layout != _LAYOUT:
            raise ValueError(f"increment: expected layout {_LAYOUT}, got {layout}")
        rows_at = _HEADER.size + _KEY_BYTES * zones
        traffic_at = rows_at + rows_size
        dwell_at = traffic_at + traffic_size
        if len(packed) != dwell_at + dwell_size:
            raise ValueError(f"increment: expected {dwell_at + dwell_size} bytes, got {len(packed)}")
        keys = (packed[at : at + _KEY_BYTES] for at in range(_HEADER.size, rows_at, _KEY_BYTES))
        dwell = packed[dwell_at:]
        return cls(
            unpack_ms(packed[traffic_at:dwell_at], (height, width), np.uint16),
            unpack_ms(dwell, (height, width), np.uint32) if dwell else None,
            observed_ms,
            mono_s,
            wall_s,
            tuple(int.from_bytes(key, "little") for key in keys),
            unpack_ms(packed[rows_at:traffic_at], (zones, len(Counter)), np.int64),
        )

    @classmethod
    def _unpack_1(cls, packed: bytes) -> Increment:
        width, height, observed_ms, mono_s, wall_s = _HEADER_1.unpack_from(packed)
        traffic_ms = unpack_ms(packed[_HEADER_1.size :], (height, width), np.uint16)
        return cls(traffic_ms, None, observed_ms, mono_s, wall_s)


class MillisecondRounder:
    """Turns seconds into whole milliseconds; what rounding leaves over is carried, so no time is lost or invented."""

    def __init__(self) -> None:
        self._carry_ms = 0.0

    def round(self, dt_s: float) -> int:
        """Return the whole milliseconds of the next `dt_s` seconds."""
        exact_ms = dt_s * 1000.0 + self._carry_ms
        whole_ms = int(exact_ms + _ALMOST_MS)
        self._carry_ms = exact_ms - whole_ms
        return whole_ms


class IncrementBuilder:
    """Adds masks up; `zone_keys` says which zones their rows are of."""

    def __init__(self, shape_hw: tuple[int, int], zone_keys: tuple[int, ...]) -> None:
        self._traffic_ms: U32 = np.zeros(shape_hw, np.uint32)
        self._dwell_ms: NDArray[np.uint32] | None = None
        self._zone_keys = zone_keys
        self._zone_counters = zero_counters(len(zone_keys))
        self._observed_ms = 0
        self._end: tuple[float, float] | None = None
        self._filled_s = 0.0

    def add(self, mask: MotionMask, whole_ms: int, zone_counters: ZoneCounters) -> Increment | None:
        """Add one mask, which stands for `whole_ms`; returns the increment when about a second is together.

        zone_counters: what the mask gave each zone, see ActivityMeter.add.
        """
        if whole_ms:
            np.add(self._traffic_ms, np.uint32(whole_ms), out=self._traffic_ms, where=mask.moving > 0)
        if mask.dwell_ms is not None:
            if self._dwell_ms is None:
                self._dwell_ms = np.zeros(self._traffic_ms.shape, np.uint32)
            self._dwell_ms += mask.dwell_ms
        if mask.moved_ms is not None:
            self._traffic_ms += mask.moved_ms
        self._zone_counters += zone_counters
        self._observed_ms += whole_ms
        self._filled_s += mask.dt_s
        self._end = (mask.mono_s, mask.wall_s)
        return self.close() if self._filled_s >= INCREMENT_S else None

    def peek(self) -> Increment | None:
        """Return what is together so far; its dwell may still be the builder's own. None where there is nothing."""
        if self._end is None:
            return None
        mono_s, wall_s = self._end
        traffic_ms, dwell_ms = self._traffic_ms, self._dwell_ms
        beyond_ms = np.maximum(traffic_ms, _MOST_TRAFFIC_MS) - _MOST_TRAFFIC_MS
        if beyond_ms.any():
            traffic_ms, dwell_ms = traffic_ms - beyond_ms, beyond_ms if dwell_ms is None else dwell_ms + beyond_ms
        packed_ms = traffic_ms.astype(np.uint16)
        return Increment(packed_ms, dwell_ms, self._observed_ms, mono_s, wall_s, self._zone_keys, self._zone_counters)

    def close(self) -> Increment | None:
        """Return what is together so far and begin anew; None where there is nothing."""
        increment = self.peek()
        if increment is not None:
            self._traffic_ms, self._dwell_ms = np.zeros_like(self._traffic_ms), None
            self._zone_counters = zero_counters(len(self._zone_keys))
            self._observed_ms, self._filled_s, self._end = 0, 0.0, None
        return increment
