"""Measures how busy each zone is, mask by mask: seconds of movement, of dwell and with a person in it, and entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8, U32
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.heat.zone_counters import Counter, ZoneCounters, zero_counters

_OCCUPIED_RATIO = 0.002
"""A zone is occupied if people cover at least this fraction of its cells; further constants bound their number."""

_MIN_OCCUPIED_CELLS = 4
"""Smallest number of covered cells that makes a zone occupied: a person who passes its border covers one or two."""

_MAX_OCCUPIED_CELLS = 12
"""This number of covered cells makes any zone occupied: a distant person covers 12 (`min_blob_cells`)."""

_ACTIVE_AFTER_MS = 400
"""A zone becomes active once it was occupied for this long: two frames at 5 fps, not one corrupt picture."""

_INACTIVE_AFTER_MS = 2000
"""A zone becomes inactive once it was not occupied for this long: a person hidden by a shelf did not leave."""


@dataclass(slots=True)
class Activity:
    """The totals of all zones since they were last taken; mappings are by zone name."""

    observed_s: float = 0.0
    """Seconds that were observed."""

    motion_s: dict[str, float] = field(default_factory=dict)
    """Seconds in which at least one cell of the zone was in motion."""

    active_s: dict[str, float] = field(default_factory=dict)
    """Seconds in which the zone was active."""

    traffic_cell_s: dict[str, float] = field(default_factory=dict)
    """Seconds of movement, summed over the zone's cells."""

    dwell_cell_s: dict[str, float] = field(default_factory=dict)
    """Seconds of dwell, summed over the zone's cells."""

    entries: dict[str, int] = field(default_factory=dict)
    """Number of times that the zone became active."""

    motion_ratio: dict[str, float] = field(default_factory=dict)
    """Fraction of the zone's cells in motion, 0..1, mean over the observed seconds; empty if nothing was observed."""


class ActivityMeter:
    """Counts masks for each zone; `zones` as in ZoneMasks.named.

    A zone is active from the start of 0.4 s of presence in enough of its cells to the start of 2 s of absence
    (hysteresis in time). Only observed time counts: a zone keeps its state over a gap, so that a lost connection causes
    no entry. A person who is present at the start counts as one entry.
    """

    def __init__(self, zones: Mapping[str, U8]) -> None:
        self._meters = {name: _ZoneMeter(cells) for name, cells in zones.items()}
        self._observed_ms = 0
        self._counters = zero_counters(len(zones))

    def add(self, mask: MotionMask, duration_ms: int) -> ZoneCounters:
        """Count one mask that stands for `duration_ms`; returns its zone counters, owned by the caller.

        Active time is counted once it is confirmed, up to 2.4 s later.
        """
        counters = zero_counters(len(self._meters))
        for meter, zone_counters in zip(self._meters.values(), counters, strict=True):
            meter.add(mask, duration_ms, zone_counters)
        self._observed_ms += duration_ms
        self._counters += counters
        return counters

    def take_totals(self) -> Activity:
        """Return the totals and start again from zero; a zone that is active stays active."""
        observed_ms, counters = self._observed_ms, self._counters
        self._observed_ms, self._counters = 0, zero_counters(len(self._meters))
        return Activity(
            observed_s=observed_ms / 1000.0,
            motion_s=self._seconds(counters, Counter.MOTION_MS),
            active_s=self._seconds(counters, Counter.ACTIVE_MS),
            traffic_cell_s=self._seconds(counters, Counter.TRAFFIC_CELL_MS),
            dwell_cell_s=self._seconds(counters, Counter.DWELL_CELL_MS),
            entries={name: int(zone[Counter.ENTRIES]) for name, zone in zip(self._meters, counters, strict=True)},
            motion_ratio=self._motion_ratio(counters, observed_ms),
        )

    def _seconds(self, counters: ZoneCounters, column: Counter) -> dict[str, float]:
        return {name: float(zone[column]) / 1000.0 for name, zone in zip(self._meters, counters, strict=True)}

    def _motion_ratio(self, counters: ZoneCounters, observed_ms: int) -> dict[str, float]:
        if not observed_ms:
            return {}  # a ratio of 0 would mean that the zones were observed and empty
        # Earlier movement that was confirmed just now is included, and could make the ratio exceed 1.
        return {
            name: min(1.0, float(zone[Counter.TRAFFIC_CELL_MS]) / (max(1, meter.size) * observed_ms))
            for (name, meter), zone in zip(self._meters.items(), counters, strict=True)
        }


class _ZoneMeter:
    """Counts masks for one zone; only its bounding rectangle is read, so that a small zone takes little time."""

    __slots__ = ("_absent_ms", "_active", "_bounding_slices", "_cells", "_occupied_cells", "_present_ms", "size")

    def __init__(self, cells: U8) -> None:
        x, y, width, height = cv2.boundingRect(cells)
        self._bounding_slices = slice(y, y + height), slice(x, x + width)
        self._cells = cells[self._bounding_slices]
        self.size = cv2.countNonZero(cells)
        limited_cells = min(round(_OCCUPIED_RATIO * self.size), _MAX_OCCUPIED_CELLS)
        self._occupied_cells = min(self.size, max(_MIN_OCCUPIED_CELLS, limited_cells))
        self._active = False
        self._present_ms = self._absent_ms = 0

    def add(self, mask: MotionMask, duration_ms: int, counters: NDArray[np.int64]) -> None:
        """Add what the mask shows in this zone to its counters, shape (len(Counter),), in place."""
        counters[Counter.OBSERVED_MS] += duration_ms
        if not self.size:
            return
        present = self._count_cells(mask.cells)
        moving = self._count_cells(mask.moving) if present else 0
        if moving:
            counters[Counter.MOTION_MS] += duration_ms
            counters[Counter.TRAFFIC_CELL_MS] += moving * duration_ms
        if mask.dwell_ms is not None:
            counters[Counter.DWELL_CELL_MS] += self._sum_ms(mask.dwell_ms)
        if mask.moved_ms is not None:
            counters[Counter.TRAFFIC_CELL_MS] += self._sum_ms(mask.moved_ms)
        if present >= self._occupied_cells:
            self._add_presence(duration_ms, counters)
        else:
            self._add_absence(duration_ms)

    def _count_cells(self, cells: U8) -> int:
        return cv2.countNonZero(cv2.bitwise_and(cells[self._bounding_slices], self._cells))

    def _sum_ms(self, cells_ms: U32) -> int:
        # By numpy: cv2.copyTo rejects uint32 before OpenCV 5.
        return int(cells_ms[self._bounding_slices][self._cells > 0].sum(dtype=np.int64))

    def _add_presence(self, duration_ms: int, counters: NDArray[np.int64]) -> None:
        if self._active:
            counters[Counter.ACTIVE_MS] += self._absent_ms + duration_ms
            self._absent_ms = 0
            return
        self._present_ms += duration_ms
        if self._present_ms >= _ACTIVE_AFTER_MS:
            counters[Counter.ACTIVE_MS] += self._present_ms
            counters[Counter.ENTRIES] += 1
            self._active = True

    def _add_absence(self, duration_ms: int) -> None:
        self._present_ms = 0
        if self._active:
            self._absent_ms += duration_ms
            if self._absent_ms >= _INACTIVE_AFTER_MS:
                self._active, self._absent_ms = False, 0
