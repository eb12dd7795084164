"""Total heat: counts everything since the first start, or since its last daily restart at a local time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8
from edgeheat.core.heat.base import HeatGrid, State, add_measure, as_heat_grid, start_zones
from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.saved_values import checked_copy, checked_number
from edgeheat.core.heat.zone_counters import zero_counters
from edgeheat.defs.params import Measure


class TotalHeat:
    """Heat since the first start, or since the last time that local time was a given time of day.

    `starts_around_s` returns, for an instant, the last restart up to it and the next one, all in Unix time (see
    `daily.starts_around_s`); None: the total never restarts.
    """

    def __init__(
        self,
        shape_hw: tuple[int, int],
        zones: int,
        measure: Measure,
        starts_around_s: Callable[[float], tuple[float, float]] | None,
    ) -> None:
        self._measure = measure
        self._starts_around_s = starts_around_s
        self._heat_ms: NDArray[np.float64] = np.zeros(shape_hw)
        self._zone_counters = zero_counters(zones)
        self._observed_ms = 0.0
        self._before_ms: NDArray[np.float64] | None = None
        """The part of `_heat_ms` from before zones were drawn, in the cells of these zones; None: nothing."""
        self._since_s = -math.inf
        self._resets_at_s = math.inf

    def add(self, increment: Increment) -> None:
        """Add one increment; restarts from zero first where a restart was due."""
        self._restart_if_due(increment.mono_s - increment.observed_ms / 1000.0, increment.wall_s)
        add_measure(self._heat_ms, increment, self._measure)
        self._zone_counters += increment.zone_counters
        self._observed_ms += increment.observed_ms

    def read(self, mono_s: float, wall_s: float, unfinished: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant."""
        self._restart_if_due(mono_s, wall_s)
        heat_ms, observed_ms = self._heat_ms, self._observed_ms
        if unfinished is not None:
            heat_ms = heat_ms.copy()
            add_measure(heat_ms, unfinished, self._measure)
            observed_ms += unfinished.observed_ms
        return as_heat_grid(heat_ms, observed_ms, max(mono_s - self._since_s, observed_ms / 1000.0))

    def read_zone_counters(
        self, mono_s: float, wall_s: float, unfinished: Increment | None = None
    ) -> NDArray[np.float64]:
        """Return the zone counters at an instant."""
        self._restart_if_due(mono_s, wall_s)
        counters = self._zone_counters.astype(np.float64)
        return counters if unfinished is None else counters + unfinished.zone_counters

    def read_since_drawn(
        self, zone: int, mono_s: float, wall_s: float, unfinished: Increment | None = None
    ) -> HeatGrid:
        """Return the heat without what was counted before a zone was drawn."""
        grid = self.read(mono_s, wall_s, unfinished)
        if self._before_ms is None:
            return grid
        return replace(grid, heat_s=np.maximum(grid.heat_s - self._before_ms / 1000.0, 0.0).astype(np.float32))

    def start_zones(self, cells: U8) -> None:
        """Note that new zones, which cover `cells`, were drawn after all that was added so far."""
        self._before_ms = start_zones(self._before_ms, self._heat_ms, cells)

    def _restart_if_due(self, mono_s: float, wall_s: float) -> None:
        started = self._since_s != -math.inf
        if started and wall_s < self._resets_at_s:
            if self._starts_around_s is not None:
                # Computed again each time: a wall clock that once ran years ahead must not delay the restart by years.
                self._resets_at_s = min(self._resets_at_s, self._starts_around_s(wall_s)[1])
            return
        if started:
            self._heat_ms.fill(0.0)
            self._before_ms = None
            self._zone_counters.fill(0)
            self._observed_ms = 0.0
        self._since_s = mono_s
        if self._starts_around_s is not None:
            started_s, self._resets_at_s = self._starts_around_s(wall_s)
            # The period starts at that time of day: the hours before the first frame count as not observed.
            self._since_s -= wall_s - started_s

    def state(self) -> State:
        """Return what `restore` needs."""
        state: State = {
            "heat_ms": self._heat_ms,
            "zone_counters": self._zone_counters,
            "meta": np.array([self._observed_ms, self._since_s, self._resets_at_s]),
        }
        return state if self._before_ms is None else {**state, "before_ms": self._before_ms}

    def restore(self, state: Mapping[str, NDArray[Any]], shift_s: float) -> None:
        """Replace the heat by a saved state."""
        self._heat_ms = checked_copy(state["heat_ms"], self._heat_ms.shape, np.float64)
        self._zone_counters = checked_copy(state["zone_counters"], self._zone_counters.shape, np.int64)
        self._before_ms = None
        if "before_ms" in state:
            self._before_ms = checked_copy(state["before_ms"], self._heat_ms.shape, np.float64)
        self._observed_ms = checked_number(state["meta"][0])
        self._since_s = checked_number(state["meta"][1], unset=-math.inf) + shift_s
        self._resets_at_s = checked_number(state["meta"][2], unset=math.inf)
