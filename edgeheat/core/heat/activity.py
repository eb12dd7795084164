"""Tells what happens in each zone: how much moves, how much stays, when somebody is there, and how often they came."""

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
from edgeheat.core.heat.peak import places
from edgeheat.core.heat.zone_counters import Counter, ZoneCounters, zero_counters
from edgeheat.defs.events import ALL, ZoneHeat

_FEWEST_CELLS, _SHARE, _MOST_CELLS = 4, 0.002, 12
"""A zone has somebody in it from 0.2 % of its cells on, at least 4; from 12 cells on always, however large it is.

One or two cells of somebody who passes its border are not a visit; 12 cells are a person far off (`min_blob_cells`).
"""

_BEGINS_MS = 400
"""Presence without a break after which a zone becomes active: two frames at 5 a second, so not one torn picture."""

_ENDS_MS = 2000
"""Absence after which it is inactive: somebody hidden behind a shelf for a moment did not leave."""


@dataclass(slots=True)
class Activity:
    """The figures of all zones since they were last taken; keys are zone names."""

    observed_s: float = 0.0
    motion_s: dict[str, float] = field(default_factory=dict)
    """Seconds in which anything in the zone moved."""

    active_s: dict[str, float] = field(default_factory=dict)
    """Seconds in which somebody was in the zone."""

    cell_seconds: dict[str, float] = field(default_factory=dict)
    """Seconds of movement summed over the zone's cells."""

    dwell_cell_s: dict[str, float] = field(default_factory=dict)
    """Seconds of staying summed over the zone's cells."""

    entries: dict[str, int] = field(default_factory=dict)
    """How often the zone became active."""

    motion_ratio: dict[str, float] = field(default_factory=dict)
    """Share of the zone's cells in motion, 0..1, averaged over the observed seconds; empty where none were observed."""


class ActivityMeter:
    """Counts masks for each zone; `zones` as in ZoneMasks.named.

    A zone is active from the beginning of 0.4 s of presence in enough of its cells to the beginning of 2 s without.
    Only observed time passes: over a gap a zone stays what it was, so that a lost connection invents no entry.
    Whoever is there at the very start counts as having entered.
    """

    def __init__(self, zones: Mapping[str, U8]) -> None:
        self._watches = {name: _ZoneWatch(cells) for name, cells in zones.items()}
        self._observed_ms = 0
        self._rows = zero_counters(len(zones))

    def add(self, mask: MotionMask, whole_ms: int) -> ZoneCounters:
        """Count one mask that stands for `whole_ms`; returns its rows, owned by the caller.

        Time in which somebody was in a zone is counted when it is certain, up to 2.4 s later.
        """
        rows = zero_counters(len(self._watches))
        for watch, row in zip(self._watches.values(), rows, strict=True):
            watch.count(mask, whole_ms, row)
        self._observed_ms += whole_ms
        self._rows += rows
        return rows

    def take(self) -> Activity:
        """Return the figures and begin anew."""
        observed_ms, rows = self._observed_ms, self._rows
        self._observed_ms, self._rows = 0, zero_counters(len(self._watches))
        return Activity(
            observed_s=observed_ms / 1000.0,
            motion_s=self._seconds(rows, Counter.MOTION_MS),
            active_s=self._seconds(rows, Counter.ACTIVE_MS),
            cell_seconds=self._seconds(rows, Counter.TRAFFIC_CELL_MS),
            dwell_cell_s=self._seconds(rows, Counter.DWELL_CELL_MS),
            entries={name: int(row[Counter.ENTRIES]) for name, row in zip(self._watches, rows, strict=True)},
            motion_ratio=self._motion_ratio(rows, observed_ms),
        )

    def _seconds(self, rows: ZoneCounters, column: Counter) -> dict[str, float]:
        return {name: float(row[column]) / 1000.0 for name, row in zip(self._watches, rows, strict=True)}

    def _motion_ratio(self, rows: ZoneCounters, observed_ms: int) -> dict[str, float]:
        if not observed_ms:
            return {}  # a share of 0 would claim that the zones were seen and empty
        # Movement of before that became certain just now is in it too, and must not make it more than all.
        return {
            name: min(1.0, float(row[Counter.TRAFFIC_CELL_MS]) / (max(1, watch.size) * observed_ms))
            for (name, watch), row in zip(self._watches.items(), rows, strict=True)
        }


class _ZoneWatch:
    """One zone: its cells, cut out of the grid so that a small zone costs little, and whether somebody is in it."""

    __slots__ = ("_absent_ms", "_active", "_cells", "_enough", "_part", "_present_ms", "size")

    def __init__(self, cells: U8) -> None:
        x, y, width, height = cv2.boundingRect(cells)
        self._part = slice(y, y + height), slice(x, x + width)
        self._cells = cells[self._part]
        self.size = cv2.countNonZero(cells)
        self._enough = min(self.size, max(_FEWEST_CELLS, min(round(_SHARE * self.size), _MOST_CELLS)))
        self._active = False
        self._present_ms = self._absent_ms = 0

    def count(self, mask: MotionMask, whole_ms: int, row: NDArray[np.int64]) -> None:
        """Add what the mask says of this zone to its row."""
        row[Counter.OBSERVED_MS] += whole_ms
        if not self.size:
            return
        present = self._inside(mask.cells)
        moving = self._inside(mask.moving) if present else 0
        if moving:
            row[Counter.MOTION_MS] += whole_ms
            row[Counter.TRAFFIC_CELL_MS] += moving * whole_ms
        if mask.dwell_ms is not None:
            row[Counter.DWELL_CELL_MS] += self._sum_ms(mask.dwell_ms)
        if mask.moved_ms is not None:
            row[Counter.TRAFFIC_CELL_MS] += self._sum_ms(mask.moved_ms)
        if present >= self._enough:
            self._be_present(whole_ms, row)
        else:
            self._be_absent(whole_ms)

    def _inside(self, cells: U8) -> int:
        return cv2.countNonZero(cv2.bitwise_and(cells[self._part], self._cells))

    def _sum_ms(self, late_ms: U32) -> int:
        # Not cv2.copyTo, which rejects uint32 before OpenCV 5.
        return int(late_ms[self._part][self._cells > 0].sum(dtype=np.int64))

    def _be_present(self, whole_ms: int, row: NDArray[np.int64]) -> None:
        if self._active:
            row[Counter.ACTIVE_MS] += self._absent_ms + whole_ms
            self._absent_ms = 0
            return
        self._present_ms += whole_ms
        if self._present_ms >= _BEGINS_MS:
            row[Counter.ACTIVE_MS] += self._present_ms
            row[Counter.ENTRIES] += 1
            self._active = True

    def _be_absent(self, whole_ms: int) -> None:
        self._present_ms = 0
        if self._active:
            self._absent_ms += whole_ms
            if self._absent_ms >= _ENDS_MS:
                self._active, self._absent_ms = False, 0


def zone_heats(zones: ZoneMasks, grid: HeatGrid, rows: NDArray[np.float64]) -> tuple[ZoneHeat, ...]:
    """Return the figures of one heat in each zone, ranked; `grid` and `rows` as HeatSet gives them."""
    hot_s = places(grid.heat_s)
    heats = [
        _zone_heat(name, cells, grid, hot_s, row=row, weight=zones.weights[name])
        for (name, cells), row in zip(zones.named.items(), rows, strict=True)
    ]
    # Sorting is stable: of equals the one that comes first in the configuration is ahead.
    ranked = sorted((each for each in heats if each.zone != ALL), key=lambda each: -each.weight * each.mean_s)
    ranks = {each.zone: rank for rank, each in enumerate(ranked, start=1)}
    return tuple(replace(each, rank=ranks.get(each.zone)) for each in heats)


def _zone_heat(
    name: str, cells: U8, grid: HeatGrid, hot_s: F32, *, row: NDArray[np.float64], weight: float
) -> ZoneHeat:
    height, width = cells.shape
    count = cv2.countNonZero(cells)
    total_s, peak_s, peak_xy = 0.0, 0.0, (0.5, 0.5)
    if count:
        total_s = float(grid.heat_s[cells > 0].sum(dtype=np.float64))
        _, peak_s, _, (x, y) = cv2.minMaxLoc(hot_s, cells)
        peak_xy = ((x + 0.5) / width, (y + 0.5) / height)
    observed_ms = float(row[Counter.OBSERVED_MS])
    active_ms = float(row[Counter.ACTIVE_MS])
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
        traffic_cell_s=float(row[Counter.TRAFFIC_CELL_MS]) / 1000.0,
        dwell_cell_s=float(row[Counter.DWELL_CELL_MS]) / 1000.0,
        entries=float(row[Counter.ENTRIES]),
    )
