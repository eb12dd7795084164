"""Window heat: exactly the last hour, the last day, in buckets that are dropped when they are too old."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.heat.base import HeatGrid, State, add_measure, as_heat_grid, checked_copy
from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.packing import pack_leading, unpack_leading
from edgeheat.core.heat.zone_counters import ZoneCounters, zero_counters
from edgeheat.defs.params import Measure

WINDOW_BUCKETS = 60
"""Sub-buckets of a window: it covers exactly its length to within a sixtieth."""


@dataclass(frozen=True, slots=True)
class _Bucket:
    start_s: float
    observed_ms: int
    packed_ms: bytes
    zones: ZoneCounters


class WindowHeat:
    """Heat of the last `length_s`, in sub-buckets, of which each is dropped when it is too old.

    Everything is whole milliseconds. A closed bucket holds the leading digits of each cell; the rest, less than a
    ninth of it, stays in the open bucket and is closed with that: it leaves the window one bucket late, a ninth of it
    two. So each millisecond is in exactly one bucket, none leaves early, and 60 closed buckets of a busy day take a
    megabyte. They are unpacked only to be read: a running sum would take as much again as the packed ones.
    Dwell counts in the bucket in which it became certain.
    """

    def __init__(self, shape_hw: tuple[int, int], zones: int, measure: Measure, length_s: float) -> None:
        self._measure = measure
        self._length_s = length_s
        self._bucket_s = length_s / WINDOW_BUCKETS
        self._shape_hw = shape_hw
        self._closed: deque[_Bucket] = deque()
        self._open_ms: NDArray[np.uint32] = np.zeros(shape_hw, np.uint32)
        self._open_zones = zero_counters(zones)
        self._open_observed_ms = 0
        self._open_start_s = -math.inf

    def add(self, increment: Increment) -> None:
        """Count one increment in the bucket in which it ends."""
        self._advance(increment.mono_s)
        add_measure(self._open_ms, increment, self._measure)
        self._open_zones += increment.zone_counters
        self._open_observed_ms += increment.observed_ms

    def read(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant."""
        return as_heat_grid(self.read_ms(mono_s, pending), self.observed_ms(mono_s, pending), self._length_s)

    def read_ms(self, mono_s: float, pending: Increment | None = None) -> NDArray[np.uint32]:
        """Return the heat at an instant in milliseconds, owned by the caller."""
        self._advance(mono_s)
        heat_ms = self._open_ms.copy()
        for bucket in self._closed:
            heat_ms += unpack_leading(bucket.packed_ms, self._shape_hw)
        if pending is not None:
            add_measure(heat_ms, pending, self._measure)
        return heat_ms

    def observed_ms(self, mono_s: float, pending: Increment | None = None) -> int:
        """Return how much of the window up to an instant was observed."""
        self._advance(mono_s)
        closed_ms = sum(bucket.observed_ms for bucket in self._closed)
        return closed_ms + self._open_observed_ms + (pending.observed_ms if pending is not None else 0)

    def read_zone_counters(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> NDArray[np.float64]:
        """Return the zones' rows at an instant."""
        self._advance(mono_s)
        rows = self._open_zones.astype(np.float64)
        for bucket in self._closed:
            rows += bucket.zones
        return rows if pending is None else rows + pending.zone_counters

    def _advance(self, mono_s: float) -> None:
        if self._open_start_s == -math.inf:
            self._open_start_s = mono_s
        elapsed = math.floor((mono_s - self._open_start_s) / self._bucket_s)
        if elapsed >= 1:
            self._close_bucket(whole=elapsed > 1)
            self._open_start_s += elapsed * self._bucket_s
        oldest_s = mono_s - self._length_s
        while self._closed and self._closed[0].start_s + self._bucket_s <= oldest_s:
            self._closed.popleft()

    def _close_bucket(self, *, whole: bool) -> None:
        """Close the open bucket; `whole`: the next one is not the one after it, so nothing may be left for that."""
        # Dwell may become certain while nothing is observed: at the end of a run.
        while self._open_observed_ms or self._open_ms.any():
            packed, self._open_ms = pack_leading(self._open_ms)
            self._closed.append(_Bucket(self._open_start_s, self._open_observed_ms, packed, self._open_zones))
            self._open_zones = np.zeros_like(self._open_zones)
            self._open_observed_ms = 0
            if not whole:
                return

    def state(self) -> State:
        """Return everything needed to go on later."""
        return {
            "open_ms": self._open_ms,
            "open": np.array([self._open_observed_ms, self._open_start_s]),
            "starts_s": np.array([bucket.start_s for bucket in self._closed]),
            "observed_ms": np.array([bucket.observed_ms for bucket in self._closed], np.int64),
            "sizes": np.array([len(bucket.packed_ms) for bucket in self._closed], np.int64),
            "packed": np.frombuffer(b"".join(bucket.packed_ms for bucket in self._closed), np.uint8),
            "zones": np.stack([*(bucket.zones for bucket in self._closed), self._open_zones]),
        }

    def restore(self, state: Mapping[str, NDArray[Any]], shift_s: float) -> None:
        """Take up a state."""
        open_ms = checked_copy(state["open_ms"], self._shape_hw)
        zones = checked_copy(state["zones"], (len(state["starts_s"]) + 1, *self._open_zones.shape)).astype(np.int64)
        closed: deque[_Bucket] = deque()
        rows = zip(state["starts_s"], state["observed_ms"], _packed_buckets(state), zones[:-1], strict=True)
        for start_s, observed_ms, packed, zone_counters in rows:
            unpack_leading(packed, self._shape_hw)  # raises now what `read` must not
            closed.append(_Bucket(float(start_s) + shift_s, int(observed_ms), packed, zone_counters))
        self._closed, self._open_ms, self._open_zones = closed, open_ms, zones[-1]
        self._open_observed_ms = int(state["open"][0])
        self._open_start_s = float(state["open"][1]) + shift_s


class PresenceWindow:
    """Presence over a window of which traffic and dwell are kept: both added up, so that nothing is kept twice."""

    def __init__(self, traffic: WindowHeat, dwell: WindowHeat, length_s: float) -> None:
        self._traffic, self._dwell, self._length_s = traffic, dwell, length_s

    def read(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant."""
        heat_ms = self._traffic.read_ms(mono_s, pending)
        heat_ms += self._dwell.read_ms(mono_s, pending)
        return as_heat_grid(heat_ms, self._traffic.observed_ms(mono_s, pending), self._length_s)

    def read_zone_counters(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> NDArray[np.float64]:
        """Return the zones' rows at an instant."""
        return self._traffic.read_zone_counters(mono_s, wall_s, pending)


def sum_of_windows(traffic: State, dwell: State) -> State:
    """Return the state of a window of presence from those of traffic and dwell that were counted side by side."""
    starts_s = np.concatenate([traffic["starts_s"], dwell["starts_s"]])
    order = np.argsort(starts_s, kind="stable")
    packed = [*_packed_buckets(traffic), *_packed_buckets(dwell)]
    # What was observed, and the zones' rows, stand in both and must not count twice.
    observed_ms = np.concatenate([traffic["observed_ms"], np.zeros_like(dwell["observed_ms"])])
    zones = np.concatenate([traffic["zones"][:-1], np.zeros_like(dwell["zones"][:-1])])
    return {
        "open_ms": traffic["open_ms"] + dwell["open_ms"],
        "open": traffic["open"],
        "starts_s": starts_s[order],
        "observed_ms": observed_ms[order],
        "sizes": np.array([len(packed[place]) for place in order], np.int64),
        "packed": np.frombuffer(b"".join(packed[place] for place in order), np.uint8),
        "zones": np.concatenate([zones[order], traffic["zones"][-1:]]),
    }


def observed_ms(window: State) -> float:
    """Return for how long the window of a state was observed."""
    return float(window["observed_ms"].sum() + window["open"][0])


def _packed_buckets(window: Mapping[str, NDArray[Any]]) -> list[bytes]:
    packed, ends = window["packed"].tobytes(), np.cumsum(window["sizes"])
    return [packed[int(end - size) : int(end)] for size, end in zip(window["sizes"], ends, strict=True)]
