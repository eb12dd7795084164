"""Defines the interface of decaying, window and total heats, the grid that reading one returns, and their helpers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.heat.increment import Increment
from edgeheat.defs.params import Measure


@dataclass(frozen=True, slots=True)
class HeatGrid:
    """One heat of one camera as it was at one instant."""

    heat_s: F32
    """Motion-seconds per cell, float32, shape (grid height, grid width); owned by the holder."""

    observed_s: float
    """Seconds of the period that were observed (weighted by age for a decaying heat)."""

    period_s: float
    """Length of the period in seconds; for a decaying heat its mean lifetime, half-life / ln 2."""

    open_ratio: float = 1.0
    """Share of the period in which the shop was open, 0..1; only that time can be observed."""

    @property
    def coverage(self) -> float:
        """Observed fraction of the period's opening hours, 0..1; 0 for a period without any."""
        open_s = self.period_s * self.open_ratio
        return min(1.0, self.observed_s / open_s) if open_s > 0 else 0.0


State = dict[str, NDArray[Any]]
"""Everything a heat holds, as named arrays of integers and floats."""


class ReadableHeat(Protocol):
    """A heat that can be read; `mono_s` is on the monotonic clock and must not decrease between calls."""

    def read(self, mono_s: float, wall_s: float, unfinished: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant, including the increment that is still `unfinished`; changes neither."""
        ...

    def read_zone_counters(
        self, mono_s: float, wall_s: float, unfinished: Increment | None = None
    ) -> NDArray[np.float64]:
        """Return the zone counters of the same period, float64, shape (zones, len(Counter)), owned by the caller."""
        ...

    def read_since_drawn(
        self, zone: int, mono_s: float, wall_s: float, unfinished: Increment | None = None
    ) -> HeatGrid:
        """Return the heat without what was counted before a zone was drawn; meaningful only in the zone's cells.

        `zone`: its row in the zone counters, which do not cover that time either.
        """
        ...


class Heat(ReadableHeat, Protocol):
    """One heat of one camera, with the zone counters of the same period.

    The grid adds up the heat's measure only; the zone counters count everything, whatever the measure.
    """

    def add(self, increment: Increment) -> None:
        """Add one increment; its zone counters must be of the zones that the heat was made for."""
        ...

    def start_zones(self, cells: U8) -> None:
        """Note that new zones, which cover `cells` (255 or 0), were drawn after all that was added so far."""
        ...

    def state(self) -> State:
        """Return what `restore` needs, including `zone_counters`, shape (..., zones, len(Counter)).

        The arrays are the heat's own: copy them before the next `add`.
        """
        ...

    def restore(self, state: Mapping[str, NDArray[Any]], shift_s: float) -> None:
        """Replace the heat by a saved state, adding `shift_s` to its monotonic times.

        Raises ValueError, KeyError or IndexError where the state does not fit.
        """
        ...


def add_measure(heat_ms: NDArray[Any], increment: Increment, measure: Measure) -> None:
    """Add the milliseconds of an increment that count for `measure` to a grid, in place."""
    if measure != "dwell":
        heat_ms += increment.traffic_ms
    if measure != "traffic" and increment.dwell_ms is not None:
        heat_ms += increment.dwell_ms


def start_zones(before_ms: NDArray[Any] | None, heat_ms: NDArray[Any], cells: U8) -> NDArray[Any] | None:
    """Return what a heat held before its latest zones were drawn: as `before_ms`, and as `heat_ms` now in new `cells`.

    None where that is nothing. Where zones overlap that were drawn at different times, the last one counts.
    """
    before_ms = np.where(cells > 0, heat_ms, 0 if before_ms is None else before_ms)
    return before_ms if before_ms.any() else None


def as_heat_grid(heat_ms: NDArray[Any], observed_ms: float, period_s: float) -> HeatGrid:
    """Return milliseconds per cell as a HeatGrid with an array of its own."""
    heat_s = np.empty(heat_ms.shape, np.float32)
    np.divide(heat_ms, 1000.0, out=heat_s, casting="same_kind")
    return HeatGrid(heat_s, observed_ms / 1000.0, period_s)
