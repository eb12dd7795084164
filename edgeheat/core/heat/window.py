"""Window heat: counts the last hour, day or other length in buckets that expire; also as the sum of two windows."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8
from edgeheat.core.heat.base import HeatGrid, State, add_measure, as_heat_grid
from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.packing import pack_leading, unpack_leading
from edgeheat.core.heat.saved_values import checked_copy, checked_number
from edgeheat.core.heat.zone_counters import Counter, ZoneCounters, zero_counters
from edgeheat.defs.params import Measure

WINDOW_BUCKETS = 60
"""Buckets of a window: it covers its length to within one sixtieth."""


@dataclass(frozen=True, slots=True)
class _Bucket:
    """What was counted in one bucket, which is closed and no longer changes."""

    start_s: float
    """Start on the monotonic clock, seconds."""

    observed_ms: int
    """Milliseconds in which the camera was observed."""

    packed_ms: bytes
    """The leading digits of each cell's milliseconds, see `pack_leading`."""

    zone_counters: ZoneCounters
    """What each zone counted in it."""


class WindowHeat:
    """Heat of the last `length_s` seconds, in buckets that are dropped once they are older than that.

    All sums are whole milliseconds. A closed bucket holds the leading digits of each cell (see `pack_leading`). The
    remainder, less than a ninth of the cell, stays in the open bucket and is closed with it, so it leaves the window
    one bucket late (a ninth of it two buckets late). Each millisecond is therefore in exactly one bucket, none leaves
    early, and 60 closed buckets of a busy day take one megabyte. They are unpacked only when the heat is read, because
    a running sum would need as much memory as the packed buckets. Dwell counts in the bucket in which it was confirmed.
    Reference: compare Datar et al. 2002, Maintaining stream statistics over sliding windows; the buckets here are
    equal.
    """

    def __init__(self, shape_hw: tuple[int, int], zones: int, measure: Measure, length_s: float) -> None:
        self._measure = measure
        self._length_s = length_s
        self._bucket_s = length_s / WINDOW_BUCKETS
        self._shape_hw = shape_hw
        self._closed: deque[_Bucket] = deque()
        self._open_ms: NDArray[np.uint32] = np.zeros(shape_hw, np.uint32)
        self._open_counters = zero_counters(zones)
        self._open_observed_ms = 0
        self._open_start_s = -math.inf

    def add(self, increment: Increment) -> None:
        """Add one increment to the bucket in which it ends."""
        self._advance(increment.mono_s)
        add_measure(self._open_ms, increment, self._measure)
        self._open_counters += increment.zone_counters
        self._open_observed_ms += increment.observed_ms

    def read(self, mono_s: float, wall_s: float, unfinished: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant."""
        return as_heat_grid(self.read_ms(mono_s, unfinished), self.observed_ms(mono_s, unfinished), self._length_s)

    def read_ms(
        self, mono_s: float, unfinished: Increment | None = None, zone: int | None = None
    ) -> NDArray[np.uint32]:
        """Return the heat at an instant in milliseconds, shape (grid height, grid width), owned by the caller.

        With a `zone`, without the buckets from before it was drawn.
        """
        self._advance(mono_s)
        heat_ms = self._open_ms.copy()
        for bucket in self._closed if zone is None else self._buckets_since_drawn(zone):
            heat_ms += unpack_leading(bucket.packed_ms, self._shape_hw)
        if unfinished is not None:
            add_measure(heat_ms, unfinished, self._measure)
        return heat_ms

    def read_since_drawn(
        self, zone: int, mono_s: float, wall_s: float, unfinished: Increment | None = None
    ) -> HeatGrid:
        """Return the heat without what was counted before a zone was drawn."""
        heat_ms = self.read_ms(mono_s, unfinished, zone)
        return as_heat_grid(heat_ms, self.observed_ms(mono_s, unfinished), self._length_s)

    def start_zones(self, cells: U8) -> None:
        """Note that new zones were drawn after all that was added so far: begin a new bucket."""
        self._close_bucket(with_remainder=True)

    def _buckets_since_drawn(self, zone: int) -> Iterator[_Bucket]:
        """Yield the buckets in which the zone was observed: those from before it was drawn have no counters of it."""
        drawn = True
        for bucket in self._closed:
            if bucket.observed_ms:  # else it is a remainder of the bucket before it
                drawn = bool(bucket.zone_counters[zone, Counter.OBSERVED_MS] > 0)
            if drawn:
                yield bucket

    def observed_ms(self, mono_s: float, unfinished: Increment | None = None) -> int:
        """Return how many milliseconds of the window up to an instant were observed."""
        self._advance(mono_s)
        closed_ms = sum(bucket.observed_ms for bucket in self._closed)
        return closed_ms + self._open_observed_ms + (unfinished.observed_ms if unfinished is not None else 0)

    def read_zone_counters(
        self, mono_s: float, wall_s: float, unfinished: Increment | None = None
    ) -> NDArray[np.float64]:
        """Return the zone counters at an instant."""
        self._advance(mono_s)
        counters = self._open_counters.astype(np.float64)
        for bucket in self._closed:
            counters += bucket.zone_counters
        return counters if unfinished is None else counters + unfinished.zone_counters

    def _advance(self, mono_s: float) -> None:
        if self._open_start_s == -math.inf:
            self._open_start_s = mono_s
        elapsed = math.floor((mono_s - self._open_start_s) / self._bucket_s)
        if elapsed >= 1:
            self._close_bucket(with_remainder=elapsed > 1)
            self._open_start_s += elapsed * self._bucket_s
        oldest_s = mono_s - self._length_s
        while self._closed and self._closed[0].start_s + self._bucket_s <= oldest_s:
            self._closed.popleft()

    def _close_bucket(self, *, with_remainder: bool) -> None:
        """Close the open bucket; `with_remainder`: completely, because the next bucket does not follow it directly."""
        # Dwell may be confirmed while nothing is observed: at the end of a run.
        while self._open_observed_ms or self._open_ms.any():
            packed, self._open_ms = pack_leading(self._open_ms)
            self._closed.append(_Bucket(self._open_start_s, self._open_observed_ms, packed, self._open_counters))
            self._open_counters = np.zeros_like(self._open_counters)
            self._open_observed_ms = 0
            if not with_remainder:
                return

    def state(self) -> State:
        """Return what `restore` needs."""
        return {
            "open_ms": self._open_ms,
            "open": np.array([self._open_observed_ms, self._open_start_s]),
            "starts_s": np.array([bucket.start_s for bucket in self._closed]),
            "observed_ms": np.array([bucket.observed_ms for bucket in self._closed], np.int64),
            "sizes": np.array([len(bucket.packed_ms) for bucket in self._closed], np.int64),
            "packed": np.frombuffer(b"".join(bucket.packed_ms for bucket in self._closed), np.uint8),
            "zone_counters": np.stack([*(bucket.zone_counters for bucket in self._closed), self._open_counters]),
        }

    def restore(self, state: Mapping[str, NDArray[Any]], shift_s: float) -> None:
        """Replace the heat by a saved state."""
        open_ms = checked_copy(state["open_ms"], self._shape_hw, np.uint32)
        counters_shape = len(state["starts_s"]) + 1, *self._open_counters.shape
        counters = checked_copy(state["zone_counters"], counters_shape, np.int64)
        closed: deque[_Bucket] = deque()
        buckets = zip(state["starts_s"], state["observed_ms"], _packed_buckets(state), counters[:-1], strict=True)
        for start_s, observed_ms, packed, zone_counters in buckets:
            unpack_leading(packed, self._shape_hw)  # raises here rather than each time the heat is read
            at_s, bucket_ms = checked_number(start_s) + shift_s, int(checked_number(observed_ms))
            closed.append(_Bucket(at_s, bucket_ms, packed, zone_counters))
        self._closed, self._open_ms, self._open_counters = closed, open_ms, counters[-1]
        self._open_observed_ms = int(checked_number(state["open"][0]))
        self._open_start_s = checked_number(state["open"][1], unset=-math.inf) + shift_s


class PresenceWindow:
    """Presence over a window, read as the sum of the windows of traffic and of dwell; holds nothing itself.

    Observed time and zone counters are the same in both parts and taken from one.
    """

    def __init__(self, traffic: WindowHeat, dwell: WindowHeat, length_s: float) -> None:
        self._traffic, self._dwell, self._length_s = traffic, dwell, length_s

    def read(self, mono_s: float, wall_s: float, unfinished: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant."""
        heat_ms = self._traffic.read_ms(mono_s, unfinished)
        heat_ms += self._dwell.read_ms(mono_s, unfinished)
        return as_heat_grid(heat_ms, self._traffic.observed_ms(mono_s, unfinished), self._length_s)

    def read_since_drawn(
        self, zone: int, mono_s: float, wall_s: float, unfinished: Increment | None = None
    ) -> HeatGrid:
        """Return the heat without what was counted before a zone was drawn."""
        heat_ms = self._traffic.read_ms(mono_s, unfinished, zone)
        heat_ms += self._dwell.read_ms(mono_s, unfinished, zone)
        return as_heat_grid(heat_ms, self._traffic.observed_ms(mono_s, unfinished), self._length_s)

    def read_zone_counters(
        self, mono_s: float, wall_s: float, unfinished: Increment | None = None
    ) -> NDArray[np.float64]:
        """Return the zone counters at an instant."""
        return self._traffic.read_zone_counters(mono_s, wall_s, unfinished)


def sum_of_windows(traffic: State, dwell: State) -> State:
    """Return the state of a window of presence, made from those of traffic and dwell over the same time.

    Buckets of both that start together stay two buckets with the same start.
    """
    starts_s = np.concatenate([traffic["starts_s"], dwell["starts_s"]])
    order = np.argsort(starts_s, kind="stable")
    packed = [*_packed_buckets(traffic), *_packed_buckets(dwell)]
    # Observed time and zone counters are the same in both states and must not count twice.
    observed_ms = np.concatenate([traffic["observed_ms"], np.zeros_like(dwell["observed_ms"])])
    counters = np.concatenate([traffic["zone_counters"][:-1], np.zeros_like(dwell["zone_counters"][:-1])])
    return {
        "open_ms": traffic["open_ms"] + dwell["open_ms"],
        "open": traffic["open"],
        "starts_s": starts_s[order],
        "observed_ms": observed_ms[order],
        "sizes": np.array([len(packed[index]) for index in order], np.int64),
        "packed": np.frombuffer(b"".join(packed[index] for index in order), np.uint8),
        "zone_counters": np.concatenate([counters[order], traffic["zone_counters"][-1:]]),
    }


def observed_ms(window: State) -> float:
    """Return how many milliseconds of a saved window were observed."""
    return float(window["observed_ms"].sum() + window["open"][0])


def _packed_buckets(window: Mapping[str, NDArray[Any]]) -> list[bytes]:
    packed, ends = window["packed"].tobytes(), np.cumsum(window["sizes"])
    if len(packed) != (ends[-1] if len(ends) else 0):
        raise ValueError(f"window: expected buckets of {window['sizes'].sum()} bytes, got {len(packed)}")
    return [packed[int(end - size) : int(end)] for size, end in zip(window["sizes"], ends, strict=True)]
