"""Measures the activity of each zone: movement, dwell, time with a person in it, entries and peak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8, U32
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.peak import local_median
from edgeheat.core.heat.zone_counters import Counter, ZoneCounters, zero_counters
from edgeheat.defs.events import ALL, ZoneHeat

_OCCUPIED_RATIO = 0.002
"""Share of a zone's cells in which presence makes it occupied, within the two limits below."""

_MIN_OCCUPIED_CELLS = 4
"""Fewer cells never make a zone occupied: a person who passes its border covers one or two."""

_MAX_OCCUPIED_CELLS = 12
"""So many cells always do, however large the zone is: a distant person covers 12 (`min_blob_cells`)."""

_ACTIVE_AFTER_MS = 400
"""Uninterrupted presence that makes a zone active: two frames at 5 fps, so that one corrupt picture does not."""

_INACTIVE_AFTER_MS = 2000
"""Absence that makes it inactive: a person hidden by a shelf for a moment did not leave."""


@dataclass(slots=True)
class Activity:
    """The figures of all zones since they were last taken; mappings are by zone name."""

    observed_s: float = 0.0
    """Seconds that were observed."""

    motion_s: dict[str, float] = field(default_factory=dict)
    """Seconds in which at least one cell of the zone was in motion."""

    active_s: dict[str, float] = field(default_factory=dict)
    """Seconds in which the zone was active."""

    cell_seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of movement, summed over the zone's cells."""

    dwell_cell_s: dict[str, float] = field(default_factory=dict)
    """Seconds of dwell, summed over the zone's cells."""

    entries: dict[str, int] = field(default_factory=dict)
    """How many times the zone became active."""

    motion_ratio: dict[str, float] = field(default_factory=dict)
    """Share of the zone's cells in motion, 0..1, averaged over the observed seconds; empty if nothing was observed."""


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

    def add(self, mask: MotionMask, whole_ms: int) -> ZoneCounters:
        """Count one mask that stands for `whole_ms`; returns its zone counters, owned by the caller.

        Active time is counted once it is confirmed, up to 2.4 s later.
        """
        counters = zero_counters(len(self._meters))
        for meter, zone_counters in zip(self._meters.values(), counters, strict=True):
            meter.add(mask, whole_ms, zone_counters)
        self._observed_ms += whole_ms
        self._counters += counters
        return counters

    def take(self) -> Activity:
        """Return the figures and start again from zero."""
        observed_ms, counters = self._observed_ms, self._counters
        self._observed_ms, self._counters = 0, zero_counters(len(self._meters))
        return Activity(
            observed_s=observed_ms / 1000.0,
            motion_s=self._seconds(counters, Counter.MOTION_MS),
            active_s=self._seconds(counters, Counter.ACTIVE_MS),
            cell_seconds=self._seconds(counters, Counter.TRAFFIC_CELL_MS),
            dwell_cell_s=self._seconds(counters, Counter.DWELL_CELL_MS),
            entries={name: int(zone[Counter.ENTRIES]) for name, zone in zip(self._meters, counters, strict=True)},
            motion_ratio=self._motion_ratio(counters, observed_ms),
        )

    def _seconds(self, counters: ZoneCounters, column: Counter) -> dict[str, float]:
        return {name: float(zone[column]) / 1000.0 for name, zone in zip(self._meters, counters, strict=True)}

    def _motion_ratio(self, counters: ZoneCounters, observed_ms: int) -> dict[str, float]:
        if not observed_ms:
            return {}  # a share of 0 would mean that the zones were observed and empty
        # Earlier movement that was confirmed just now is included, and could make the share exceed 1.
        return {
            name: min(1.0, float(zone[Counter.TRAFFIC_CELL_MS]) / (max(1, meter.size) * observed_ms))
            for (name, meter), zone in zip(self._meters.items(), counters, strict=True)
        }


class _ZoneMeter:
    """Whether one zone is active; its cells are cut out of the grid, so that a small zone takes little time."""

    __slots__ = ("_absent_ms", "_active", "_cells", "_occupied_cells", "_part", "_present_ms", "size")

    def __init__(self, cells: U8) -> None:
        x, y, width, height = cv2.boundingRect(cells)
        self._part = slice(y, y + height), slice(x, x + width)
        self._cells = cells[self._part]
        self.size = cv2.countNonZero(cells)
        share = min(round(_OCCUPIED_RATIO * self.size), _MAX_OCCUPIED_CELLS)
        self._occupied_cells = min(self.size, max(_MIN_OCCUPIED_CELLS, share))
        self._active = False
        self._present_ms = self._absent_ms = 0

    def add(self, mask: MotionMask, whole_ms: int, counters: NDArray[np.int64]) -> None:
        """Add what the mask shows in this zone to its counters, shape (len(Counter),), in place."""
        counters[Counter.OBSERVED_MS] += whole_ms
        if not self.size:
            return
        present = self._inside(mask.cells)
        moving = self._inside(mask.moving) if present else 0
        if moving:
            counters[Counter.MOTION_MS] += whole_ms
            counters[Counter.TRAFFIC_CELL_MS] += moving * whole_ms
        if mask.dwell_ms is not None:
            counters[Counter.DWELL_CELL_MS] += self._sum_ms(mask.dwell_ms)
        if mask.moved_ms is not None:
            counters[Counter.TRAFFIC_CELL_MS] += self._sum_ms(mask.moved_ms)
        if present >= self._occupied_cells:
            self._add_presence(whole_ms, counters)
        else:
            self._add_absence(whole_ms)

    def _inside(self, cells: U8) -> int:
        return cv2.countNonZero(cv2.bitwise_and(cells[self._part], self._cells))

    def _sum_ms(self, cells_ms: U32) -> int:
        # By numpy: cv2.copyTo rejects uint32 before OpenCV 5.
        return int(cells_ms[self._part][self._cells > 0].sum(dtype=np.int64))

    def _add_presence(self, whole_ms: int, counters: NDArray[np.int64]) -> None:
        if self._active:
            counters[Counter.ACTIVE_MS] += self._absent_ms + whole_ms
            self._absent_ms = 0
            return
        self._present_ms += whole_ms
        if self._present_ms >= _ACTIVE_AFTER_MS:
            counters[Counter.ACTIVE_MS] += self._present_ms
            counters[Counter.ENTRIES] += 1
            self._active = True

    def _add_absence(self, whole_ms: int) -> None:
        self._present_ms = 0
        if self._active:
            self._absent_ms += whole_ms
            if self._absent_ms >= _INACTIVE_AFTER_MS:
                self._active, self._absent_ms = False, 0


def zone_heats(zones: ZoneMasks, grid: HeatGrid, counters: NDArray[np.float64]) -> tuple[ZoneHeat, ...]:
    """Return the figures of one heat in each zone, ranked by weighted mean heat.

    grid, counters: as HeatSet.read and HeatSet.read_zone_counters return them.
    """
    smoothed_s = local_median(grid.heat_s)
    heats = [
        _zone_heat(name, cells, grid, smoothed_s, counters=zone_counters, weight=zones.weights[name])
        for (name, cells), zone_counters in zip(zones.named.items(), counters, strict=True)
    ]
    # Sorting is stable: of equal zones the one that comes first in the configuration ranks higher.
    ranked = sorted((each for each in heats if each.zone != ALL), key=lambda each: -each.weight * each.mean_s)
    ranks = {each.zone: rank for rank, each in enumerate(ranked, start=1)}
    return tuple(replace(each, rank=ranks.get(each.zone)) for each in heats)


def _zone_heat(
    name: str, cells: U8, grid: HeatGrid, smoothed_s: F32, *, counters: NDArray[np.float64], weight: float
) -> ZoneHeat:
    height, width = cells.shape
    count = cv2.countNonZero(cells)
    total_s, peak_s, peak_xy = 0.0, 0.0, (0.5, 0.5)
    if count:
        total_s = float(grid.heat_s[cells > 0].sum(dtype=np.float64))
        _, peak_s, _, (x, y) = cv2.minMaxLoc(smoothed_s, cells)
        peak_xy = ((x + 0.5) / width, (y + 0.5) / height)
    observed_ms = float(counters[Counter.OBSERVED_MS])
    active_ms = float(counters[Counter.ACTIVE_MS])
    return ZoneHeat(
        zone=name,
        cells=count,
        cell_seconds=total_s,
        mean_s=total_s / max(1, count),
        peak_s=peak_s,
        peak_xy=peak_xy,
        weight=weight,
        active_s=active_ms / 1000.0,
        active_ratio=min(1.0, active_ms / observed_ms) if observed_ms > 0 else 0.0,
        traffic_cell_s=float(counters[Counter.TRAFFIC_CELL_MS]) / 1000.0,
        dwell_cell_s=float(counters[Counter.DWELL_CELL_MS]) / 1000.0,
        entries=float(counters[Counter.ENTRIES]),
    )
