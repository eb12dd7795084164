"""Counts how much moves in each zone between two takings of the figures."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2

from edgeheat.core.events import ZoneHeat
from edgeheat.core.types import U8, HeatGrid, MotionMask


@dataclass(slots=True)
class Activity:
    """The figures of all zones since they were last taken; keys are zone names."""

    observed_s: float = 0.0
    motion_s: dict[str, float] = field(default_factory=dict)
    """Seconds in which anything in the zone moved."""

    cell_seconds: dict[str, float] = field(default_factory=dict)
    """Motion-seconds summed over the zone's cells."""

    motion_ratio: dict[str, float] = field(default_factory=dict)
    """Share of the zone's cells in motion, 0..1, averaged over the observed seconds."""


class ActivityMeter:
    """Adds masks up for each zone; `zones` as in ZoneMasks.named."""

    def __init__(self, zones: dict[str, U8]) -> None:
        self._zones = zones
        self._sizes = {name: max(1, cv2.countNonZero(cells)) for name, cells in zones.items()}
        self._observed_s = 0.0
        self._motion_s = dict.fromkeys(zones, 0.0)
        self._cell_seconds = dict.fromkeys(zones, 0.0)

    def add(self, mask: MotionMask) -> None:
        """Count one mask."""
        self._observed_s += mask.dt_s
        for name, zone in self._zones.items():
            moving = cv2.countNonZero(cv2.bitwise_and(mask.cells, zone))
            if moving:
                self._motion_s[name] += mask.dt_s
                self._cell_seconds[name] += moving * mask.dt_s

    def take(self) -> Activity:
        """Return the figures and begin anew."""
        observed_s = self._observed_s
        ratio = {
            name: self._cell_seconds[name] / (self._sizes[name] * observed_s) if observed_s else 0.0
            for name in self._zones
        }
        taken = Activity(observed_s, self._motion_s, self._cell_seconds, ratio)
        self._observed_s = 0.0
        self._motion_s = dict.fromkeys(self._zones, 0.0)
        self._cell_seconds = dict.fromkeys(self._zones, 0.0)
        return taken


def zone_heat(zone: str, cells: U8, grid: HeatGrid) -> ZoneHeat:
    """Return the figures of one heat in one zone; `cells` as in ZoneMasks.named."""
    height, width = cells.shape
    count = cv2.countNonZero(cells)
    if not count:
        return ZoneHeat(zone, 0, 0.0, 0.0, 0.0, (0.5, 0.5))
    total_s = float(grid.heat_s[cells > 0].sum(dtype="float64"))
    _, peak_s, _, (x, y) = cv2.minMaxLoc(grid.heat_s, cells)
    peak_xy = ((x + 0.5) / width, (y + 0.5) / height)
    return ZoneHeat(zone, count, total_s, total_s / count, peak_s, peak_xy)
