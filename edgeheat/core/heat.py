"""Keeps heat: seconds of presence, traffic or dwell for each grid cell, decaying, over a window, or in total."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.daily import starts_around_s
from edgeheat.core.increment import Increment
from edgeheat.core.params import HeatParams, Measure
from edgeheat.core.tiles import pack_leading, unpack_leading
from edgeheat.core.types import HeatGrid
from edgeheat.core.zone_rows import Column, ZoneRows, empty_rows

WINDOW_BUCKETS = 60
"""Sub-buckets of a window: it covers exactly its length to within a sixtieth."""

State = dict[str, NDArray[Any]]
"""A heat as named arrays, as numpy's npz files hold them."""


class Readable(Protocol):
    """What can be told of a heat; times are on the monotonic clock and never go back."""

    def read(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant, with `pending` counted in; neither is changed by it."""
        ...

    def read_zones(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> NDArray[np.float64]:
        """Return the zones' rows of the same period, shape (zones, len(Column)), owned by the caller."""
        ...


class Heat(Readable, Protocol):
    """One heat of one camera, with its zones' figures.

    A heat adds up its measure only; the zones' rows hold every figure, whatever the heat counts.
    """

    def add(self, increment: Increment) -> None:
        """Count one increment; its zone rows must be of the zones that the heat was made for."""
        ...

    def state(self) -> State:
        """Return everything needed to go on later; `zones` has the zones on its last axis but one."""
        ...

    def restore(self, state: Mapping[str, NDArray[Any]], shift_s: float) -> None:
        """Take up a state; `shift_s` is added to its times. Raises ValueError or KeyError where it does not fit."""
        ...


class DecayingHeat:
    """Heat that halves every half-life: heat(t) = sum of counted(u) * 2 ** (-(t - u) / half_life)."""

    def __init__(self, shape_hw: tuple[int, int], zones: int, of: Measure, half_life_s: float) -> None:
        self._of = of
        self._half_life_s = half_life_s
        self._heat_ms: NDArray[np.float64] = np.zeros(shape_hw)
        self._zones: NDArray[np.float64] = np.zeros((zones, len(Column)))
        self._observed_ms = 0.0
        self._at_s = -math.inf

    def _factor(self, mono_s: float) -> float:
        age_s = mono_s - self._at_s
        return float(2.0 ** (-age_s / self._half_life_s)) if age_s > 0 else 1.0

    def add(self, increment: Increment) -> None:
        """Count one increment as of its end; within its second nothing decays."""
        factor = self._factor(increment.mono_s)
        self._heat_ms *= factor
        _count(self._heat_ms, increment, self._of)
        self._zones = self._zones * factor + increment.zone_rows
        self._observed_ms = self._observed_ms * factor + increment.observed_ms
        self._at_s = max(self._at_s, increment.mono_s)

    def read(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant; its period is the mean life, half-life / ln 2."""
        factor = self._factor(mono_s)
        heat_ms = self._heat_ms * factor
        observed_ms = self._observed_ms * factor
        if pending is not None:
            _count(heat_ms, pending, self._of)
            observed_ms += pending.observed_ms
        return _grid(heat_ms, observed_ms, self._half_life_s / math.log(2))

    def read_zones(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> NDArray[np.float64]:
        """Return the zones' rows at an instant, weighted by age like the heat."""
        rows = self._zones * self._factor(mono_s)
        return rows if pending is None else rows + pending.zone_rows

    def state(self) -> State:
        """Return everything needed to go on later; single precision is off by less than a tenth of a millionth."""
        meta = np.array([self._observed_ms, self._at_s])
        return {"heat_ms": self._heat_ms.astype(np.float32), "zones": self._zones, "meta": meta}

    def restore(self, state: Mapping[str, NDArray[Any]], shift_s: float) -> None:
        """Take up a state."""
        self._heat_ms = _checked(state["heat_ms"], self._heat_ms.shape).astype(np.float64)
        self._zones = _checked(state["zones"], self._zones.shape).astype(np.float64)
        self._observed_ms = float(state["meta"][0])
        self._at_s = float(state["meta"][1]) + shift_s


@dataclass(frozen=True, slots=True)
class _Bucket:
    start_s: float
    observed_ms: int
    packed_ms: bytes
    zones: ZoneRows


class WindowHeat:
    """Heat of the last `length_s`, in sub-buckets, of which each is dropped when it is too old.

    Everything is whole milliseconds. A closed bucket holds the leading digits of each cell; the rest, less than a
    ninth of it, stays in the open bucket and is closed with that: it leaves the window one bucket late, a ninth of it
    two. So each millisecond is in exactly one bucket, none leaves early, and 60 closed buckets of a busy day take a
    megabyte. They are unpacked only to be read: a running sum would take as much again as the packed ones.
    Dwell counts in the bucket in which it became certain.
    """

    def __init__(self, shape_hw: tuple[int, int], zones: int, of: Measure, length_s: float) -> None:
        self._of = of
        self._length_s = length_s
        self._bucket_s = length_s / WINDOW_BUCKETS
        self._shape_hw = shape_hw
        self._closed: deque[_Bucket] = deque()
        self._open_ms: NDArray[np.uint32] = np.zeros(shape_hw, np.uint32)
        self._open_zones = empty_rows(zones)
        self._open_observed_ms = 0
        self._open_start_s = -math.inf

    def add(self, increment: Increment) -> None:
        """Count one increment in the bucket in which it ends."""
        self._advance(increment.mono_s)
        _count(self._open_ms, increment, self._of)
        self._open_zones += increment.zone_rows
        self._open_observed_ms += increment.observed_ms

    def read(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant."""
        return _grid(self.read_ms(mono_s, pending), self.observed_ms(mono_s, pending), self._length_s)

    def read_ms(self, mono_s: float, pending: Increment | None = None) -> NDArray[np.uint32]:
        """Return the heat at an instant in milliseconds, owned by the caller."""
        self._advance(mono_s)
        heat_ms = self._open_ms.copy()
        for bucket in self._closed:
            heat_ms += unpack_leading(bucket.packed_ms, self._shape_hw)
        if pending is not None:
            _count(heat_ms, pending, self._of)
        return heat_ms

    def observed_ms(self, mono_s: float, pending: Increment | None = None) -> int:
        """Return how much of the window up to an instant was observed."""
        self._advance(mono_s)
        closed_ms = sum(bucket.observed_ms for bucket in self._closed)
        return closed_ms + self._open_observed_ms + (pending.observed_ms if pending is not None else 0)

    def read_zones(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> NDArray[np.float64]:
        """Return the zones' rows at an instant."""
        self._advance(mono_s)
        rows = self._open_zones.astype(np.float64)
        for bucket in self._closed:
            rows += bucket.zones
        return rows if pending is None else rows + pending.zone_rows

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
        open_ms = _checked(state["open_ms"], self._shape_hw)
        zones = _checked(state["zones"], (len(state["starts_s"]) + 1, *self._open_zones.shape)).astype(np.int64)
        closed: deque[_Bucket] = deque()
        rows = zip(state["starts_s"], state["observed_ms"], _packed_buckets(state), zones[:-1], strict=True)
        for start_s, observed_ms, packed, zone_rows in rows:
            unpack_leading(packed, self._shape_hw)  # raises now what `read` must not
            closed.append(_Bucket(float(start_s) + shift_s, int(observed_ms), packed, zone_rows))
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
        return _grid(heat_ms, self._traffic.observed_ms(mono_s, pending), self._length_s)

    def read_zones(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> NDArray[np.float64]:
        """Return the zones' rows at an instant."""
        return self._traffic.read_zones(mono_s, wall_s, pending)


def added_windows(traffic: State, dwell: State) -> State:
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


class TotalHeat:
    """Heat since the first start, or since the last time the shop's clock showed a given time of day.

    `starts_around_s` gives, for an instant, the last such instant up to it and the next one, all in Unix time; None: it
    never begins anew.
    """

    def __init__(
        self,
        shape_hw: tuple[int, int],
        zones: int,
        of: Measure,
        starts_around_s: Callable[[float], tuple[float, float]] | None,
    ) -> None:
        self._of = of
        self._starts_around_s = starts_around_s
        self._heat_ms: NDArray[np.float64] = np.zeros(shape_hw)
        self._zones = empty_rows(zones)
        self._observed_ms = 0.0
        self._since_s = -math.inf
        self._resets_at_s = math.inf

    def add(self, increment: Increment) -> None:
        """Count one increment; what came before a reset is dropped."""
        self._begin_if_due(increment.mono_s - increment.observed_ms / 1000.0, increment.wall_s)
        _count(self._heat_ms, increment, self._of)
        self._zones += increment.zone_rows
        self._observed_ms += increment.observed_ms

    def read(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant."""
        self._begin_if_due(mono_s, wall_s)
        heat_ms, observed_ms = self._heat_ms, self._observed_ms
        if pending is not None:
            heat_ms = heat_ms.copy()
            _count(heat_ms, pending, self._of)
            observed_ms += pending.observed_ms
        return _grid(heat_ms, observed_ms, max(mono_s - self._since_s, observed_ms / 1000.0))

    def read_zones(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> NDArray[np.float64]:
        """Return the zones' rows at an instant."""
        self._begin_if_due(mono_s, wall_s)
        rows = self._zones.astype(np.float64)
        return rows if pending is None else rows + pending.zone_rows

    def _begin_if_due(self, mono_s: float, wall_s: float) -> None:
        begun = self._since_s != -math.inf
        if begun and wall_s < self._resets_at_s:
            if self._starts_around_s is not None:
                # Reckoned anew: a clock that once ran years ahead must not put the reset off for as long.
                self._resets_at_s = min(self._resets_at_s, self._starts_around_s(wall_s)[1])
            return
        if begun:
            self._heat_ms.fill(0.0)
            self._zones.fill(0)
            self._observed_ms = 0.0
        self._since_s = mono_s
        if self._starts_around_s is not None:
            started_s, self._resets_at_s = self._starts_around_s(wall_s)
            # From that time of day on, as the picture says: hours before the first frame are hours not seen.
            self._since_s -= wall_s - started_s

    def state(self) -> State:
        """Return everything needed to go on later."""
        return {
            "heat_ms": self._heat_ms,
            "zones": self._zones,
            "meta": np.array([self._observed_ms, self._since_s, self._resets_at_s]),
        }

    def restore(self, state: Mapping[str, NDArray[Any]], shift_s: float) -> None:
        """Take up a state."""
        self._heat_ms = _checked(state["heat_ms"], self._heat_ms.shape)
        self._zones = _checked(state["zones"], self._zones.shape).astype(np.int64)
        self._observed_ms = float(state["meta"][0])
        self._since_s = float(state["meta"][1]) + shift_s
        self._resets_at_s = float(state["meta"][2])


def make_heat(params: HeatParams, shape_hw: tuple[int, int], zones: int, timezone: tzinfo) -> Heat:
    """Return an empty heat of the asked kind and measure on a grid of (height, width), for so many zones."""
    if params.kind == "decaying":
        return DecayingHeat(shape_hw, zones, params.of, params.length_s)
    if params.kind == "window":
        return WindowHeat(shape_hw, zones, params.of, params.length_s)
    since = params.since
    if since is None:
        return TotalHeat(shape_hw, zones, params.of, None)
    return TotalHeat(shape_hw, zones, params.of, lambda wall_s: starts_around_s(since, wall_s, timezone))


def _count(heat_ms: NDArray[Any], increment: Increment, of: Measure) -> None:
    """Add what a heat counts of an increment to its grid, in place."""
    if of != "dwell":
        heat_ms += increment.traffic_ms
    if of != "traffic" and increment.dwell_ms is not None:
        heat_ms += increment.dwell_ms


def _grid(heat_ms: NDArray[Any], observed_ms: float, period_s: float) -> HeatGrid:
    heat_s = np.empty(heat_ms.shape, np.float32)
    np.divide(heat_ms, 1000.0, out=heat_s, casting="same_kind")
    return HeatGrid(heat_s, observed_ms / 1000.0, period_s)


def _checked(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if array.shape != shape:
        raise ValueError(f"heat: expected an array of {shape}, got {array.shape}")
    return array.copy()
