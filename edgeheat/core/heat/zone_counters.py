"""What is counted for each zone: one row of whole numbers a zone, bound to it by a key of its name and polygon."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

ZoneCounters = NDArray[np.int64]
"""Shape (zones, len(Counter)), in the order of ZoneMasks.named."""

_Number = TypeVar("_Number", bound=np.generic)


class Counter(IntEnum):
    """The columns of a row."""

    OBSERVED_MS = 0
    """Milliseconds in which the zone was seen: a zone that was added later was seen for less than the camera."""

    MOTION_MS = 1
    """Milliseconds in which anything in it moved."""

    ACTIVE_MS = 2
    """Milliseconds in which somebody was in it; see ActivityMeter."""

    TRAFFIC_CELL_MS = 3
    """Milliseconds of movement summed over its cells."""

    DWELL_CELL_MS = 4
    """Milliseconds of staying summed over its cells."""

    ENTRIES = 5
    """How often it became active."""


def zero_counters(zones: int) -> ZoneCounters:
    """Return rows of zeros, owned by the caller."""
    return np.zeros((zones, len(Counter)), np.int64)


def aligned_counters(rows: NDArray[_Number], keys: Sequence[int], wanted: Sequence[int]) -> NDArray[_Number]:
    """Return rows for the zones of the keys `wanted` from rows for those of `keys`; zones not among them get zeros.

    rows: any number of tables at once, shape (..., len(keys), len(Counter)); the result is owned by the caller.
    Raises ValueError where the shape is another.
    """
    _check(rows, len(keys))
    result = np.zeros((*rows.shape[:-2], len(wanted), len(Counter)), rows.dtype)
    places = {key: place for place, key in enumerate(keys)}
    for place, key in enumerate(wanted):
        if key in places:
            result[..., place, :] = rows[..., places[key], :]
    return result


def _check(rows: NDArray[Any], zones: int) -> None:
    if rows.shape[-2:] != (zones, len(Counter)):
        raise ValueError(f"zone rows: expected a shape of (..., {zones}, {len(Counter)}), got {rows.shape}")
