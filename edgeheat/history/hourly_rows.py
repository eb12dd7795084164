"""Lists what each zone counted in each local hour, for spreadsheets and other programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import groupby

from edgeheat.core.heat.period import Intervals
from edgeheat.defs.history import Level, Tile, ZoneTile
from edgeheat.history.figure_sums import FigureSums
from edgeheat.history.query import read_hours
from edgeheat.local_time.buckets import bucket_of
from edgeheat.store.history.store import HistoryStore

HourlyRow = dict[str, str | float]
"""One zone in one hour."""

HOURLY_COLUMNS = (
    *("camera", "epoch", "start", "start_wall_s", "zone", "observed_s", "active_s", "entries"),
    *("traffic_cell_s", "dwell_cell_s"),
)
"""Keys of a row, in order."""


def hourly_rows(store: HistoryStore, camera: str, intervals: Intervals, timezone: tzinfo) -> Iterator[HourlyRow]:
    """Yield a row for each zone in each local hour that is stored, epoch by epoch, in order of time.

    Hours that have not been rolled up yet are summed from their five minutes. Raises StoreError.
    """

    def hour_of(tile: Tile) -> tuple[int, int]:
        return bucket_of(Level.HOUR, tile.start_s, timezone)

    with store.reading():
        for epoch in store.epochs(camera):
            tiles = sorted(read_hours(store, camera, intervals, epoch), key=lambda tile: tile.start_s)
            for (start_s, _), parts in groupby(tiles, hour_of):
                sums = FigureSums()
                for tile in parts:
                    sums.add(tile)
                start = datetime.fromtimestamp(start_s, timezone).isoformat(timespec="minutes")
                for zone in sums.zones:
                    yield {"camera": camera, "epoch": epoch, "start": start, "start_wall_s": start_s, **_figures(zone)}


def _figures(zone: ZoneTile) -> HourlyRow:
    return {
        "zone": zone.name,
        "observed_s": zone.observed_ms / 1000,
        "active_s": zone.active_ms / 1000,
        "entries": zone.entries,
        "traffic_cell_s": zone.traffic_cell_ms / 1000,
        "dwell_cell_s": zone.dwell_cell_ms / 1000,
    }
