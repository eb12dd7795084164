"""What every kind of heat has in common: its protocol, and the grid as which it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32
from edgeheat.core.heat.increment import Increment
from edgeheat.defs.params import Measure


@dataclass(frozen=True, slots=True)
class HeatGrid:
    """One heat of one camera, read at one instant."""

    heat_s: F32
    """Motion-seconds for each cell, shape (grid height, grid width); owned by the holder."""

    observed_s: float
    """Seconds of the period in which the camera was really seen (weighted by age for a decaying heat)."""

    period_s: float
    """Seconds that the heat would cover if nothing were missed; for a decaying heat its mean life, half-life / ln 2."""

    @property
    def coverage(self) -> float:
        """Observed share of the period, 0..1."""
        return min(1.0, self.observed_s / self.period_s) if self.period_s > 0 else 0.0


State = dict[str, NDArray[Any]]
"""A heat as named arrays, as numpy's npz files hold them."""


class Readable(Protocol):
    """What can be told of a heat; times are on the monotonic clock and never go back."""

    def read(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> HeatGrid:
        """Return the heat at an instant, with `pending` counted in; neither is changed by it."""
        ...

    def read_zone_counters(self, mono_s: float, wall_s: float, pending: Increment | None = None) -> NDArray[np.float64]:
        """Return the zones' rows of the same period, shape (zones, len(Counter)), owned by the caller."""
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


def add_measure(heat_ms: NDArray[Any], increment: Increment, measure: Measure) -> None:
    """Add what a heat counts of an increment to its grid, in place."""
    if measure != "dwell":
        heat_ms += increment.traffic_ms
    if measure != "traffic" and increment.dwell_ms is not None:
        heat_ms += increment.dwell_ms


def as_heat_grid(heat_ms: NDArray[Any], observed_ms: float, period_s: float) -> HeatGrid:
    """Return milliseconds per cell as a HeatGrid, which owns its own array of seconds."""
    heat_s = np.empty(heat_ms.shape, np.float32)
    np.divide(heat_ms, 1000.0, out=heat_s, casting="same_kind")
    return HeatGrid(heat_s, observed_ms / 1000.0, period_s)


def checked_copy(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return a copy of a saved array; raises ValueError where its shape is not `shape`."""
    if array.shape != shape:
        raise ValueError(f"heat: expected an array of {shape}, got {array.shape}")
    return array.copy()
