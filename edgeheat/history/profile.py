"""How busy each hour of the week is in a period: the profile of a camera or of one of its zones."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from edgeheat.core.grid.frames import F64, U8
from edgeheat.core.heat.tile import TileSum
from edgeheat.defs.history import Tile
from edgeheat.defs.params import Measure
from edgeheat.history.query import read_hours
from edgeheat.history.selection import Selection
from edgeheat.store.history.store import HistoryStore

_MIN_OBSERVED_S = 600.0
"""An hour of the week that was observed for less has no rate: one visitor would make it the busiest."""


def read_profile(
    store: HistoryStore, camera: str, selection: Selection, *, measure: Measure, epoch: int, zone: tuple[int, U8]
) -> F64:
    """Return the motion-seconds per observed hour of each hour of the week, float64, shape (7, 24), Monday first.

    `zone`: key and cells (255) of the zone, over which they are summed. NaN where less than ten minutes were observed.
    If the zone was drawn within the period, all hours are summed from the cells. Raises StoreError where the file
    cannot be read.
    """
    sum_ms, observed_ms = np.zeros((7, 24)), np.zeros((7, 24))
    key, cells = zone
    intervals, uncounted = selection.intervals(), selection.uncounted()
    tiles = list(read_hours(store, camera, intervals, epoch, uncounted=uncounted))
    if any(_counted(tile, key) is None for tile in tiles):
        tiles = list(read_hours(store, camera, intervals, epoch, measure, uncounted=uncounted))
    for tile in tiles:
        counted = _counted(tile, key)
        try:
            cell_ms = _sum_of_cells(tile, cells) if counted is None else counted[measure]
        except ValueError:
            continue  # damaged
        local = datetime.fromtimestamp(tile.start_s, selection.timezone)
        sum_ms[local.weekday(), local.hour] += cell_ms
        observed_ms[local.weekday(), local.hour] += tile.observed_ms
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = 3600.0 * sum_ms / observed_ms
    rates[observed_ms < 1000.0 * _MIN_OBSERVED_S] = np.nan
    return rates


def _counted(tile: Tile, key: int) -> dict[Measure, int] | None:
    """Return what the zone counted in the tile, milliseconds over its cells; None where it was not drawn yet."""
    zone = next((zone for zone in tile.zones if zone.key == key), None)
    if zone is None:
        return None if tile.observed_ms else {"traffic": 0, "dwell": 0, "presence": 0}
    traffic, dwell = zone.traffic_cell_ms, zone.dwell_cell_ms
    return {"traffic": traffic, "dwell": dwell, "presence": traffic + dwell}


def _sum_of_cells(tile: Tile, cells: U8) -> int:
    total = TileSum(cells.shape[:2])
    total.add(tile.traffic, tile.dwell)
    return int(total.result_units()[cells > 0].sum()) * tile.level.unit_ms
