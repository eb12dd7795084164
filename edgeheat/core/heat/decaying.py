"""Decaying heat: halves every half-life, so that recent activity dominates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8
from edgeheat.core.heat.base import HeatGrid, State, add_measure, as_heat_grid, start_zones
from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.saved_values import checked_copy, checked_number
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.defs.params import Measure

_NEGLIGIBLE_MS = 1.0
"""What is left of a cell's heat from before its zone was drawn is forgotten below this."""


class DecayingHeat:
    """Heat that halves every half-life: heat(t) = sum of counted(u) * 2 ** (-(t - u) / half_life).

    Reference: exponential decay; in discrete time an exponentially weighted sum (Brown 1956, Exponential smoothing).
    """

    def __init__(self, shape_hw: tuple[int, int], zones: int, measure: Measure, half_life_s: float) -> None:
        self._measure = measure
        self._half_life_s = half_life_s
        self._heat_ms: NDArray[np.float64] = np.zeros(shape_hw)
        self._zone_counters: NDArray[np.float64] = np.zeros((zones, len(Counter)))
        self._observed_ms = 0.0
        self._at_s = -math.inf
        self._before_ms: NDArray[np.float64] | None = None
        """The part of `_heat_ms` from before zones were drawn, in the cells of these zones; None: nothing."""

    def _factor(self, mono_s: float) -> float:
        age_s = mono_s - self._at_s
        return float(2.0 ** (-age_s / self._half_life_s)) if age_s > 0 else 1.0

    def add(self, increment: Increment) -> None:
        """Add one increment as of its end; within its second nothing decays."""
        factor = self._factor(increment.mono_s)
        self._heat_ms *= factor
        if self._before_ms is not None:
            self._before_ms *= factor
            if float(self._before_ms.max()) < _NEGLIGIBLE_MS:
                self._before_ms = None
        add_measure(self._heat_ms, increment, self._measure)
        self._zone_counters = self._zone_counters * factor + increment.zone_counters
        self._observed_ms = self._observed_ms * factor + increment.observed_ms
        self._at_s = max(self._at_s, increment.mono_s)

    def read(self, mono_s: float, wall_s: float, unfinished: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant; its period is the mean lifetime, half-life / ln 2."""
        factor = self._factor(mono_s)
        heat_ms = self._heat_ms * factor
        observed_ms = self._observed_ms * factor
        if unfinished is not None:
            add_measure(heat_ms, unfinished, self._measure)
            observed_ms += unfinished.observed_ms
        return as_heat_grid(heat_ms, observed_ms, self._half_life_s / math.log(2))

    def read_zone_counters(
        self, mono_s: float, wall_s: float, unfinished: Increment | None = None
    ) -> NDArray[np.float64]:
        """Return the zone counters at an instant, weighted by age like the heat."""
        counters = self._zone_counters * self._factor(mono_s)
        return counters if unfinished is None else counters + unfinished.zone_counters

    def read_since_drawn(
        self, zone: int, mono_s: float, wall_s: float, unfinished: Increment | None = None
    ) -> HeatGrid:
        """Return the heat without what was counted before a zone was drawn."""
        grid = self.read(mono_s, wall_s, unfinished)
        if self._before_ms is None:
            return grid
        before_s = self._before_ms * (self._factor(mono_s) / 1000.0)
        return replace(grid, heat_s=np.maximum(grid.heat_s - before_s, 0.0).astype(np.float32))

    def start_zones(self, cells: U8) -> None:
        """Note that new zones, which cover `cells`, were drawn after all that was added so far."""
        self._before_ms = start_zones(self._before_ms, self._heat_ms, cells)

    def state(self) -> State:
        """Return what `restore` needs; the grid in single precision, which is off by less than one ten-millionth."""
        meta = np.array([self._observed_ms, self._at_s])
        state: State = {"heat_ms": self._heat_ms.astype(np.float32), "zone_counters": self._zone_counters, "meta": meta}
        return state if self._before_ms is None else {**state, "before_ms": self._before_ms.astype(np.float32)}

    def restore(self, state: Mapping[str, NDArray[Any]], shift_s: float) -> None:
        """Replace the heat by a saved state."""
        self._heat_ms = checked_copy(state["heat_ms"], self._heat_ms.shape, np.float32).astype(np.float64)
        self._zone_counters = checked_copy(state["zone_counters"], self._zone_counters.shape, np.float64)
        self._before_ms = None
        if "before_ms" in state:
            before_ms = checked_copy(state["before_ms"], self._heat_ms.shape, np.float32)
            self._before_ms = before_ms.astype(np.float64)
        self._observed_ms = checked_number(state["meta"][0])
        self._at_s = checked_number(state["meta"][1], unset=-math.inf) + shift_s
