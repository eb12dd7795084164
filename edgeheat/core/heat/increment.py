"""Gathers motion masks into increments of about one second, which heats count and workers send to the daemon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U16, U32
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.heat.packing import pack, unpack
from edgeheat.core.heat.saved_values import checked_durations_ms, checked_number, checked_shape_hw
from edgeheat.core.heat.zone_counters import Counter, ZoneCounters, zero_counters
from edgeheat.defs.events import FrameRejection

INCREMENT_S = 1.0
"""Seconds of masks that are gathered into one increment."""

MAX_TRAFFIC_MS = np.uint32(65_535)
"""Traffic that one increment can hold for a cell, in 16 bits. Up to a minute of pending movement may be confirmed in
one frame; any excess is counted as dwell, so that no presence is lost."""

_ROUNDING_MS = 1e-6
"""A time this close below a whole millisecond is taken as whole: in floating point 0.1 + 0.1 + … falls short of it."""


@dataclass(frozen=True, slots=True)
class Increment:
    """What was counted in about one second, small enough to be sent to the parent process each second.

    Raises ValueError where shapes or dtypes do not fit together.
    """

    traffic_ms: U16
    """Milliseconds of movement per cell, shape (grid height, grid width)."""

    dwell_ms: U32 | None
    """Milliseconds of dwell per cell that were confirmed in this second, up to minutes at once, same shape; None: no
    dwell was confirmed."""

    observed_ms: int
    """Milliseconds that the masks stand for."""

    mono_s: float
    """End of the increment on the monotonic clock."""

    wall_s: float
    """End of the increment as Unix time."""

    zone_keys: tuple[int, ...] = ()
    """The `zone_key` of each row of `zone_counters`: the heats that count it may be of other zones."""

    zone_counters: ZoneCounters = field(default_factory=lambda: zero_counters(0))
    """What was counted for each zone, shape (zones, len(Counter))."""

    rejected_ms: Mapping[str, int] = field(default_factory=dict)
    """Milliseconds of whole frames that were not observed, by FrameRejection; reasons without any are not in it."""

    clock_synced: bool = True
    """Whether the machine's clock, and so `wall_s`, was known to be right."""

    def __post_init__(self) -> None:
        if self.traffic_ms.dtype != np.uint16 or self.traffic_ms.ndim != 2:
            raise ValueError(f"increment: expected uint16 (height, width), got {_describe(self.traffic_ms)}")
        if self.dwell_ms is not None and (
            self.dwell_ms.dtype != np.uint32 or self.dwell_ms.shape != self.traffic_ms.shape
        ):
            raise ValueError(f"increment: expected uint32 {self.traffic_ms.shape}, got {_describe(self.dwell_ms)}")
        counters_shape = (len(self.zone_keys), len(Counter))
        if self.zone_counters.dtype != np.int64 or self.zone_counters.shape != counters_shape:
            raise ValueError(f"increment: expected int64 {counters_shape}, got {_describe(self.zone_counters)}")

    def pack(self) -> bytes:
        """Return the increment as bytes for `unpack`, typically 1 to 3 kB."""
        arrays: dict[str, NDArray[np.generic]] = {
            "traffic_ms": self.traffic_ms,
            "zone_keys": np.array(self.zone_keys, np.uint64),
            "zone_counters": self.zone_counters,
        }
        if self.dwell_ms is not None:
            arrays["dwell_ms"] = self.dwell_ms
        meta = {
            "observed_ms": self.observed_ms,
            "mono_s": self.mono_s,
            "wall_s": self.wall_s,
            "rejected_ms": dict(self.rejected_ms),
            "clock_synced": self.clock_synced,
        }
        return pack(meta, arrays)

    @classmethod
    def unpack(cls, packed: bytes) -> Increment:
        """Return what `pack` packed, its arrays owned by the caller; raises ValueError for anything else."""
        meta, arrays = unpack(packed)
        try:
            checked_shape_hw(arrays["traffic_ms"].shape)
            observed_ms, mono_s, wall_s = (checked_number(meta[key]) for key in ("observed_ms", "mono_s", "wall_s"))
            keys = tuple(int(key) for key in arrays["zone_keys"].tolist())
            zone_counters = arrays["zone_counters"]
            rejected_ms = checked_durations_ms(meta.get("rejected_ms", {}))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"increment: unreadable: {error}") from error
        dwell_ms = arrays.get("dwell_ms")
        return cls(
            arrays["traffic_ms"],
            dwell_ms,
            int(observed_ms),
            mono_s,
            wall_s,
            keys,
            zone_counters,
            rejected_ms,
            bool(meta.get("clock_synced", True)),
        )


def _describe(array: NDArray[np.generic]) -> str:
    return f"{array.dtype} {array.shape}"


class MillisecondRounder:
    """Converts seconds to whole milliseconds and carries the remainder over, so that rounding changes no sum."""

    def __init__(self) -> None:
        self._carry_ms = 0.0

    def round(self, dt_s: float) -> int:
        """Return the whole milliseconds of the next `dt_s` seconds."""
        exact_ms = dt_s * 1000.0 + self._carry_ms
        whole_ms = int(exact_ms + _ROUNDING_MS)
        self._carry_ms = exact_ms - whole_ms
        return whole_ms


class IncrementBuilder:
    """Adds up masks until about one second is complete; `zone_keys` as in Increment."""

    def __init__(self, shape_hw: tuple[int, int], zone_keys: tuple[int, ...]) -> None:
        self._traffic_ms: U32 = np.zeros(shape_hw, np.uint32)
        self._dwell_ms: U32 | None = None
        self._zone_keys = zone_keys
        self._zone_counters = zero_counters(len(zone_keys))
        self._observed_ms = 0
        self._rejected_s: dict[FrameRejection, float] = {}
        self._end: tuple[float, float] | None = None
        self._filled_s = 0.0
        """Seconds observed or rejected: time without a usable picture is reported second by second too."""

    def add(self, mask: MotionMask, duration_ms: int, zone_counters: ZoneCounters) -> Increment | None:
        """Add one mask, which stands for `duration_ms`; returns the increment when a second is complete, else None.

        zone_counters: what was counted of the mask for each zone, see ActivityMeter.add.
        """
        if duration_ms:
            np.add(self._traffic_ms, np.uint32(duration_ms), out=self._traffic_ms, where=mask.moving > 0)
        if mask.dwell_ms is not None:
            if self._dwell_ms is None:
                self._dwell_ms = np.zeros(self._traffic_ms.shape, np.uint32)
            self._dwell_ms += mask.dwell_ms
        if mask.moved_ms is not None:
            self._traffic_ms += mask.moved_ms
        self._zone_counters += zone_counters
        self._observed_ms += duration_ms
        if mask.rejection is not None:
            self._rejected_s[mask.rejection] = self._rejected_s.get(mask.rejection, 0.0) + mask.rejected_s
        self._filled_s += mask.dt_s + mask.rejected_s
        self._end = (mask.mono_s, mask.wall_s)
        return self.close() if self._filled_s >= INCREMENT_S else None

    @property
    def observed_ms(self) -> int:
        """Milliseconds that were added since the last increment."""
        return self._observed_ms

    def unfinished(self) -> Increment | None:
        """Return what was added since the last increment; None where nothing was.

        Valid until the next `add`: its arrays may be the builder's own.
        """
        if self._end is None:
            return None
        mono_s, wall_s = self._end
        traffic_ms, dwell_ms = self._traffic_ms, self._dwell_ms
        excess_ms = np.maximum(traffic_ms, MAX_TRAFFIC_MS) - MAX_TRAFFIC_MS
        if excess_ms.any():
            traffic_ms, dwell_ms = traffic_ms - excess_ms, excess_ms if dwell_ms is None else dwell_ms + excess_ms
        return Increment(
            traffic_ms.astype(np.uint16),
            dwell_ms,
            self._observed_ms,
            mono_s,
            wall_s,
            self._zone_keys,
            self._zone_counters,
            {reason: round(1000.0 * seconds) for reason, seconds in self._rejected_s.items() if seconds > 0.0},
        )

    def close(self) -> Increment | None:
        """Return what was added since the last increment and start the next one; None where nothing was added."""
        increment = self.unfinished()
        if increment is not None:
            self._traffic_ms, self._dwell_ms = np.zeros_like(self._traffic_ms), None
            self._zone_counters = zero_counters(len(self._zone_keys))
            self._observed_ms, self._rejected_s, self._filled_s, self._end = 0, {}, 0.0, None
        return increment
