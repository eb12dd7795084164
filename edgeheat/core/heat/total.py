"""Total heat: since the first start, or since a local time of day."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.heat.base import HeatGrid, State, add_measure, as_heat_grid, checked_copy
from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.zone_counters import zero_counters
from edgeheat.defs.params import Measure


class TotalHeat:
    """Heat since the first start, or since the last time the shop's clock showed a given time of day.

    `starts_around_s` gives, for an instant, the last such instant up to it and the next one, all in Unix time; None: it
    never begins anew.
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
        self._zones = zero_counters(zones)
        self._observed_ms = 0.0
        self._since_s = -math.inf
        self._resets_at_s = math.inf

    def add(self, increment: Increment) -> None:
        """Count one increment; what came before a reset is dropped."""
        self._begin_if_due(increment.mono_s - increment.observed_ms / 1000.0, increment.wall_s)
        add_measure(self._heat_ms, increment, self._measure)
        self._zones += increment.zone_counters
        self._observed_ms += increment.observed_ms

    def read(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant."""
        self._begin_if_due(mono_s, wall_s)
        heat_ms, observed_ms = self._heat_ms, self._observed_ms
        if pending is not None:
            heat_ms = heat_ms.copy()
            add_measure(heat_ms, pending, self._measure)
            observed_ms += pending.observed_ms
        return as_heat_grid(heat_ms, observed_ms, max(mono_s - self._since_s, observed_ms / 1000.0))

    def read_zone_counters(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> NDArray[np.float64]:
        """Return the zones' rows at an instant."""
        self._begin_if_due(mono_s, wall_s)
        rows = self._zones.astype(np.float64)
        return rows if pending is None else rows + pending.zone_counters

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
        self._heat_ms = checked_copy(state["heat_ms"], self._heat_ms.shape)
        self._zones = checked_copy(state["zones"], self._zones.shape).astype(np.int64)
        self._observed_ms = float(state["meta"][0])
        self._since_s = float(state["meta"][1]) + shift_s
        self._resets_at_s = float(state["meta"][2])
