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
"""A zone is occupied if people cover at least this fraction of its cells; two more constants bound their number."""

_MIN_OCCUPIED_CELLS = 4
"""Smallest number of covered cells that makes a zone occupied: a person who passes its border covers one or two."""

_MAX_OCCUPIED_CELLS = 12
"""This number of covered cells makes any zone occupied: a distant person covers 12 (`min_blob_cells`)."""

_ACTIVE_AFTER_MS = 400
"""A zone becomes active once it was occupied for this long: two frames at 5 fps, not one corrupt picture."""

_INACTIVE_AFTER_MS = 2000
"""A zone becomes inactive once it was not occupied for this long: a person hidden by a shelf did not leave."""

_STAYED_RATIO = 1 / 8
"""A person who stopped moving is still there while at least this share of the visit's largest number of cells is: what
people leave behind in the background when they go is less."""


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

    A zone is active while a person who counts is in it: from the start of 0.4 s of movement in enough of its cells, and
    with the pauses of less than 2 s between movements. A person who stops moving for longer is still visiting, but the
    time is pending, and active only once it is confirmed as dwell. A visit ends with the start of 2 s of absence. Each
    visit in which a person moved, or of which dwell was confirmed, is one entry. Only observed time counts: a zone
    keeps its state over a gap, so that a lost connection causes no entry.
    """

    def __init__(self, zones: Mapping[str, U8]) -> None:
        self._meters = {name: _ZoneMeter(cells) for name, cells in zones.items()}
        self._observed_ms = 0
        self._counters = zero_counters(len(zones))

    def add(self, mask: MotionMask, duration_ms: int, *, in_totals: bool = True) -> ZoneCounters:
        """Count one mask that stands for `duration_ms`; returns its zone counters, owned by the caller.

        in_totals: whether they are part of the totals of `take_totals` as well.

        Active time is counted once it is certain: up to 2.4 s later, and that of dwell when the dwell is confirmed.
        """
        counters = zero_counters(len(self._meters))
        for meter, zone_counters in zip(self._meters.values(), counters, strict=True):
            meter.add(mask, duration_ms, zone_counters)
        if in_totals:
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

    def __init__(self, cells: U8) -> None:
        x, y, width, height = cv2.boundingRect(cells)
        self._bounding_slices = slice(y, y + height), slice(x, x + width)
        self._cells = cells[self._bounding_slices]
        self.size = cv2.countNonZero(cells)
        limited_cells = min(round(_OCCUPIED_RATIO * self.size), _MAX_OCCUPIED_CELLS)
        self._occupied_cells = min(self.size, max(_MIN_OCCUPIED_CELLS, limited_cells))
        # The last visit: a time in which the zone was occupied, without a break of 2 s.
        self._continues = False
        self._has_moved = False
        """Whether a person came into the zone in the visit that continues: they are in it until 2 s of absence."""
        self._is_entry = False
        """Whether the visit was counted as an entry: a person in it moved, or dwell was confirmed."""
        self._pending_ms = 0
        """Time of the visit that is not active yet, because nothing moved: it is pending until dwell is confirmed."""
        self._moving_ms = 0
        """Length of the movement that is going on."""
        self._pause_ms = self._absent_ms = 0
        """Time since the last movement, and since the zone was last occupied."""
        self._cells_before = 0
        """Pending cells of the zone before that person came: of others, of objects, or of what those left behind."""
        self._most_cells = 0
        """Most cells that were present in the last visit in which a person moved."""

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
        if moving >= self._occupied_cells:
            self._add_movement(present, duration_ms, counters)
        else:
            self._add_standstill(present - moving, duration_ms)
        if mask.dwell_ms is not None or mask.moved_ms is not None:
            self._add_confirmed(mask.dwell_ms, mask.moved_ms, counters)

    def _count_cells(self, cells: U8) -> int:
        return cv2.countNonZero(cv2.bitwise_and(cells[self._bounding_slices], self._cells))

    def _add_movement(self, present: int, duration_ms: int, counters: NDArray[np.int64]) -> None:
        self._moving_ms += duration_ms
        self._absent_ms = 0
        if self._has_moved:
            # A short pause belongs to the visit, whether the person was hidden or only stood.
            pause_ms = self._pause_ms if self._pause_ms < _INACTIVE_AFTER_MS else 0
            counters[Counter.ACTIVE_MS] += duration_ms + pause_ms
            self._pending_ms -= min(pause_ms, self._pending_ms)
        elif self._moving_ms >= _ACTIVE_AFTER_MS:
            self._begin_visit()
            self._has_moved = True
            self._most_cells = 0
            counters[Counter.ACTIVE_MS] += self._moving_ms
            self._note_entry(counters)
        self._pause_ms = 0
        self._most_cells = max(self._most_cells, present)

    def _add_standstill(self, pending: int, duration_ms: int) -> None:
        self._moving_ms = 0
        self._pause_ms += duration_ms
        needed = max(self._occupied_cells, round(_STAYED_RATIO * self._most_cells))
        if self._has_moved:
            self._cells_before = min(self._cells_before, pending)
            needed += self._cells_before
        else:
            self._cells_before = pending
        if pending >= needed:
            self._begin_visit()
            self._absent_ms = 0
            self._pending_ms += duration_ms
        elif self._continues:
            self._absent_ms += duration_ms
            if self._absent_ms >= _INACTIVE_AFTER_MS:
                self._continues = self._has_moved = False

    def _begin_visit(self) -> None:
        if not self._continues:
            self._continues, self._is_entry, self._pending_ms = True, False, 0

    def _note_entry(self, counters: NDArray[np.int64]) -> None:
        if not self._is_entry:
            self._is_entry = True
            counters[Counter.ENTRIES] += 1

    def _add_confirmed(self, dwell_ms: U32 | None, moved_ms: U32 | None, counters: NDArray[np.int64]) -> None:
        """Add earlier time that is confirmed now; as much pending time of the visit as enough cells have is active."""
        confirmed_ms = np.zeros(self.size, np.int64)
        for cells_ms, column in ((dwell_ms, Counter.DWELL_CELL_MS), (moved_ms, Counter.TRAFFIC_CELL_MS)):
            if cells_ms is not None:
                own_ms = cells_ms[self._bounding_slices][self._cells > 0]  # cv2.copyTo rejects uint32 before OpenCV 5
                counters[column] += int(own_ms.sum(dtype=np.int64))
                confirmed_ms += own_ms
        stay_ms = int(np.partition(confirmed_ms, -self._occupied_cells)[-self._occupied_cells])
        counted_ms = min(stay_ms, self._pending_ms)
        if counted_ms:
            self._pending_ms -= counted_ms
            self._pause_ms = 0  # it must not count again as a pause
            counters[Counter.ACTIVE_MS] += counted_ms
            self._note_entry(counters)
