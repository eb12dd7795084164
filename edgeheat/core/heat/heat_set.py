"""All heats of one camera together: counts motion masks in every heat and every zone, and reads the heats by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.activity import Activity, ActivityMeter
from edgeheat.core.heat.base import Heat, HeatGrid, ReadableHeat, State
from edgeheat.core.heat.daily import starts_around_s
from edgeheat.core.heat.decaying import DecayingHeat
from edgeheat.core.heat.increment import Increment, IncrementBuilder, MillisecondRounder
from edgeheat.core.heat.open_time import open_ratio
from edgeheat.core.heat.total import TotalHeat
from edgeheat.core.heat.window import PresenceWindow, WindowHeat
from edgeheat.core.heat.zone_counters import align_counters
from edgeheat.defs.hours import OpeningHours
from edgeheat.defs.params import HeatParams, Measure


class HeatSet:
    """The heats of one camera on one grid, and the activity of its zones.

    Where a camera has windows of traffic, of dwell and of presence of the same length, the one of presence is not
    stored: it is computed as the sum of the other two.
    """

    def __init__(
        self,
        params: Sequence[HeatParams],
        zones: ZoneMasks,
        timezone: tzinfo,
        hours: OpeningHours | None = None,
    ) -> None:
        """`hours`: the shop's opening hours, which coverage refers to; None where it is always open."""
        height, width = zones.counted.shape
        self.shape_hw = height, width
        self.zones = zones
        self.params = {heat.name: heat for heat in params}
        self.sum_parts = _sum_parts(params)
        """The windows of presence that can be read as a sum, each with the names of its (traffic, dwell)."""
        self._timezone = timezone
        self._hours = hours
        self._heats = {name: self._empty(name) for name in self.params if name not in self.sum_parts}
        self._rounder = MillisecondRounder()
        self._meter = ActivityMeter(zones.named)
        self._builder = IncrementBuilder(self.shape_hw, zones.keys)
        self._is_outside = False
        """Whether the unfinished increment is outside opening hours."""

    def _empty(self, name: str) -> Heat:
        return make_heat(self.params[name], self.shape_hw, len(self.zones.keys), self._timezone)

    def count(self, mask: MotionMask, *, is_outside: bool = False) -> Increment | None:
        """Count one mask; returns the increment that this completed, if any, which is already added.

        is_outside: the mask is outside opening hours and goes into the increment only, not into heats and activity.
        Call `close` before a mask of the other kind: no increment has both.
        """
        self._is_outside = is_outside
        duration_ms = self._rounder.round(mask.dt_s)
        increment = self._builder.add(mask, duration_ms, self._meter.add(mask, duration_ms, in_totals=not is_outside))
        return self._add_counted(increment)

    @property
    def unfinished_s(self) -> float:
        """Seconds that were counted and are in no increment yet."""
        return self._builder.observed_ms / 1000.0

    def close(self) -> Increment | None:
        """Complete the unfinished increment at the end of a run, add it and return it; None where there is none."""
        return self._add_counted(self._builder.close())

    def _add_counted(self, increment: Increment | None) -> Increment | None:
        if increment is not None and not self._is_outside:
            self.add(increment)
        return increment

    def _unfinished(self) -> Increment | None:
        return None if self._is_outside else self._builder.unfinished()

    def add(self, increment: Increment) -> None:
        """Add one increment to every heat, with the counters of those of its zones that still exist unchanged.

        Raises ValueError where it is of another grid.
        """
        if increment.traffic_ms.shape != self.shape_hw:
            raise ValueError(f"increment: expected a grid of {self.shape_hw}, got {increment.traffic_ms.shape}")
        if increment.zone_keys != self.zones.keys:
            counters = align_counters(increment.zone_counters, increment.zone_keys, self.zones.keys)
            increment = replace(increment, zone_keys=self.zones.keys, zone_counters=counters)
        for heat in self._heats.values():
            heat.add(increment)

    def read(self, name: str, mono_s: float, wall_s: float) -> HeatGrid:
        """Return one heat at an instant, including the unfinished increment."""
        grid = self._readable(name).read(mono_s, wall_s, self._unfinished())
        kind = self.params[name].kind
        return replace(grid, open_ratio=open_ratio(self._hours, self._timezone, kind, grid.period_s, wall_s))

    def read_zone_counters(self, name: str, mono_s: float, wall_s: float) -> NDArray[np.float64]:
        """Return the zone counters of one heat's period, including the unfinished increment.

        Shape (zones, len(Counter)), in the order of ZoneMasks.named; owned by the caller.
        """
        return self._readable(name).read_zone_counters(mono_s, wall_s, self._unfinished())

    def read_since_drawn(self, name: str, zone: int, mono_s: float, wall_s: float) -> HeatGrid:
        """Return one heat without what was counted before a zone was drawn; `zone`: its row in the zone counters."""
        return self._readable(name).read_since_drawn(zone, mono_s, wall_s, self._unfinished())

    def start_zones(self, known_keys: Collection[int]) -> None:
        """Note that the zones whose key is not in `known_keys` were drawn after all that was added so far."""
        zones = zip(self.zones.keys, self.zones.named.values(), strict=True)
        drawn = [cells for key, cells in zones if key not in known_keys]
        if drawn:
            for heat in self._heats.values():
                heat.start_zones(np.maximum.reduce(drawn))

    def _readable(self, name: str) -> ReadableHeat:
        if name in self._heats:
            return self._heats[name]
        traffic, dwell = (self._heats[part] for part in self.sum_parts[name])
        assert isinstance(traffic, WindowHeat) and isinstance(dwell, WindowHeat)
        return PresenceWindow(traffic, dwell, self.params[name].length_s)

    def take_activity(self) -> Activity:
        """Return the activity of all zones since the last call."""
        return self._meter.take_totals()

    def states(self) -> dict[str, State]:
        """Return the states of all heats by name, without the unfinished increment; the arrays are the heats' own.

        A window of presence that is read as a sum has none.
        """
        return {name: heat.state() for name, heat in self._heats.items()}

    def restore(self, name: str, state: State | None, shift_s: float) -> None:
        """Replace one heat by a saved state, or by an empty heat where `state` is None; `shift_s` as in Heat.restore.

        A window of presence that was read as a sum holds its own values from then on. Raises ValueError, KeyError or
        IndexError where the state does not fit.
        """
        heat = self._empty(name)
        if state is not None:
            heat.restore(state, shift_s)
        self._heats[name] = heat


def _sum_parts(params: Sequence[HeatParams]) -> dict[str, tuple[str, str]]:
    """Return the windows of presence that equal a sum of two others, each with the names of its (traffic, dwell)."""
    windows: dict[tuple[float, Measure], str] = {}
    for heat in params:
        if heat.kind == "window":
            windows.setdefault((heat.length_s, heat.measure), heat.name)
    parts = {}
    for heat in params:
        traffic, dwell = (windows.get((heat.length_s, measure)) for measure in ("traffic", "dwell"))
        if heat.kind == "window" and heat.measure == "presence" and traffic is not None and dwell is not None:
            parts[heat.name] = traffic, dwell
    return parts


def make_heat(params: HeatParams, shape_hw: tuple[int, int], zones: int, timezone: tzinfo) -> Heat:
    """Return an empty heat of the given kind and measure on a grid of `shape_hw` (height, width), for `zones` zones."""
    if params.kind == "decaying":
        return DecayingHeat(shape_hw, zones, params.measure, params.length_s)
    if params.kind == "window":
        return WindowHeat(shape_hw, zones, params.measure, params.length_s)
    since = params.since
    if since is None:
        return TotalHeat(shape_hw, zones, params.measure, None)
    return TotalHeat(shape_hw, zones, params.measure, lambda wall_s: starts_around_s(since, wall_s, timezone))
