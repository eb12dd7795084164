"""Computes one heat's statistics of each zone (sum, mean, peak, active time, entries) and ranks the zones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.median_filter import median_filter
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.defs.events import ALL, ZoneHeat

_WHOLE_PERIOD_RATIO = 0.999
"""A zone that was observed for this share of the heat's observed time is as old as the heat."""


def zone_statistics(
    zones: ZoneMasks, grid: HeatGrid, counters: NDArray[np.float64], read_since_drawn: Callable[[int], HeatGrid]
) -> tuple[ZoneHeat, ...]:
    """Return one heat's statistics of each zone, in the order of `zones.named`, with their ranks by weighted mean heat.

    grid, counters: as HeatSet.read and HeatSet.read_zone_counters return them. `read_since_drawn` returns the heat
    since the zone with a row of the counters was drawn: all its figures are of the same period, also those of a zone
    that is younger than the heat.
    """
    filtered_s = median_filter(grid.heat_s)
    statistics = []
    for row, ((name, cells), zone_counters) in enumerate(zip(zones.named.items(), counters, strict=True)):
        heat_s, zone_filtered_s = grid.heat_s, filtered_s
        if zone_counters[Counter.OBSERVED_MS] < _WHOLE_PERIOD_RATIO * 1000.0 * grid.observed_s:
            heat_s = read_since_drawn(row).heat_s
            zone_filtered_s = median_filter(heat_s)
        statistics.append(
            _unranked_statistics(
                name, cells, heat_s, zone_filtered_s, counters=zone_counters, weight=zones.weights[name]
            )
        )
    # Sorting is stable: among equal zones, the first in the configuration ranks highest.
    ranked = sorted((heat for heat in statistics if heat.zone != ALL), key=lambda heat: -heat.weight * heat.mean_s)
    ranks = {heat.zone: rank for rank, heat in enumerate(ranked, start=1)}
    return tuple(replace(heat, rank=ranks.get(heat.zone)) for heat in statistics)


def _unranked_statistics(
    name: str, cells: U8, heat_s: F32, filtered_s: F32, *, counters: NDArray[np.float64], weight: float
) -> ZoneHeat:
    height, width = cells.shape
    count = cv2.countNonZero(cells)
    total_s, peak_s, peak_xy = 0.0, 0.0, (0.5, 0.5)
    if count:
        total_s = float(heat_s[cells > 0].sum(dtype=np.float64))
        _, peak_s, _, (x, y) = cv2.minMaxLoc(filtered_s, cells)
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
