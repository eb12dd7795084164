"""Defines what is counted for each zone, as an array of whole numbers, and reorders it when the zones have changed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

ZoneCounters = NDArray[np.int64]
"""Shape (zones, len(Counter)), zones in the order of ZoneMasks.named."""

_Number = TypeVar("_Number", bound=np.generic)


class Counter(IntEnum):
    """The columns of ZoneCounters."""

    OBSERVED_MS = 0
    """Milliseconds in which the zone was observed: less than the camera for a zone that was added later."""

    MOTION_MS = 1
    """Milliseconds in which at least one cell of the zone was in motion."""

    ACTIVE_MS = 2
    """Milliseconds in which the zone was active, see ActivityMeter."""

    TRAFFIC_CELL_MS = 3
    """Milliseconds of movement, summed over the zone's cells."""

    DWELL_CELL_MS = 4
    """Milliseconds of dwell, summed over the zone's cells."""

    ENTRIES = 5
    """Number of times that the zone became active."""


def zero_counters(zones: int) -> ZoneCounters:
    """Return the counters of `zones` zones, all zero; owned by the caller."""
    return np.zeros((zones, len(Counter)), np.int64)


def align_counters(counters: NDArray[_Number], keys: Sequence[int], wanted: Sequence[int]) -> NDArray[_Number]:
    """Return the counters of the zones with the keys `wanted`, in that order; zones that are not in `keys` get zeros.

    counters: shape (..., len(keys), len(Counter)), of the zones with the keys `keys`; the result is owned by the
    caller. Raises ValueError for another shape.
    """
    if counters.shape[-2:] != (len(keys), len(Counter)):
        expected = f"(..., {len(keys)}, {len(Counter)})"
        raise ValueError(f"zone counters: expected a shape of {expected}, got {counters.shape}")
    result = np.zeros((*counters.shape[:-2], len(wanted), len(Counter)), counters.dtype)
    index_of = {key: index for index, key in enumerate(keys)}
    for index, key in enumerate(wanted):
        if key in index_of:
            result[..., index, :] = counters[..., index_of[key], :]
    return result
