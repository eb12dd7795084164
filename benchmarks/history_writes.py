"""Measures the bytes that the history of four cameras writes to the disk on one day."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import fmean

from benchmarks import clip
from benchmarks.figures import Figure
from benchmarks.processes import io_mb
from edgeheat.defs.history import FIVE_MINUTES_S, Level, Tile, ZoneTile
from edgeheat.store.history.retention import prune
from edgeheat.store.history.store import Carry, HistoryStore

_LayerBytes = Mapping[Level, tuple[int, int]]
"""Sizes of traffic and dwell, by level."""

_HISTORY_CAMERAS = 4

_OPEN_HOURS = 12

_NORMAL = {Level.FIVE_MINUTES: (16_200, 10_300), Level.HOUR: (18_400, 15_500), Level.DAY: (38_500, 28_300)}
_BUSY = {Level.FIVE_MINUTES: (17_500, 13_100), Level.HOUR: (20_300, 18_500), Level.DAY: (41_100, 30_400)}
"""Bytes of traffic and dwell in the scene of `busy_day` with three and with five people, all day.

Random bytes stand for them, which nothing compresses.
"""

_LENGTH_S = {Level.FIVE_MINUTES: FIVE_MINUTES_S, Level.HOUR: 3600, Level.DAY: 86_400}

_CARRY_BYTES = (19_200, 13_200)
"""Of traffic and dwell, in both scenes."""

_ZONES = 4

_DAYS = 8

_FIRST_MEASURED_DAY = 2
"""From this day on as much is deleted as is added. Several are measured, because the log is copied in large steps."""


def written(runs: int) -> list[Figure]:
    """Write some days of tiles."""
    return [
        _written("H3", "three people in view all day", _NORMAL, runs),
        _written("H3.busy", "five people in view all day", _BUSY, runs),
    ]


def _written(figure_id: str, words: str, layer_bytes: _LayerBytes, runs: int) -> Figure:
    runs_mb = []
    for _ in range(runs):
        # Not in memory, as /tmp may be: the kernel counts only what goes to a disk.
        clip.OUT.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=clip.OUT) as folder, HistoryStore(Path(folder) / "history") as store:
            days_mb = [_write_day(store, day * 86_400, layer_bytes) for day in range(_DAYS)]
        runs_mb.append(fmean(days_mb[_FIRST_MEASURED_DAY:]) / _HISTORY_CAMERAS)
    description = f"written for tiles per camera and day: {_HISTORY_CAMERAS} cameras, {_OPEN_HOURS} open hours, {words}"
    return Figure(figure_id, description, "MB", tuple(runs_mb), _OPEN_HOURS * 3600, target=15.0)


def _write_day(store: HistoryStore, day_s: int, layer_bytes: _LayerBytes) -> float:
    """Add and roll up the tiles of one day, and delete those of the day before; return the MB written."""
    before = io_mb("write_bytes")
    cameras = [f"camera {number}" for number in range(_HISTORY_CAMERAS)]
    for hour_s in range(day_s, day_s + _OPEN_HOURS * 3600, 3600):
        starts = range(hour_s, hour_s + 3600, FIVE_MINUTES_S)
        for start_s in starts:
            store.add(_tile(camera, Level.FIVE_MINUTES, start_s, layer_bytes) for camera in cameras)
        with store.writing():
            for camera in cameras:
                carry = store.carry(camera, Level.HOUR, 1)
                left_over = Carry(carry.version, *_blobs(_CARRY_BYTES))
                store.add_rollup(_tile(camera, Level.HOUR, hour_s, layer_bytes), starts, left_over)
        keep_s = {Level.FIVE_MINUTES: 86_400.0, Level.HOUR: 86_400.0}
        prune(store, hour_s + 3600, keep_s=keep_s)
    with store.writing():
        for camera in cameras:
            hours = range(day_s, day_s + _OPEN_HOURS * 3600, 3600)
            store.add_rollup(_tile(camera, Level.DAY, day_s, layer_bytes), hours)
    return io_mb("write_bytes") - before


def _tile(camera: str, level: Level, start_s: int, layer_bytes: _LayerBytes) -> Tile:
    traffic, dwell = _blobs(layer_bytes[level])
    length_s = _LENGTH_S[level]
    zones = tuple(
        ZoneTile(f"zone {number}", number, 1000 * length_s, *(random.randrange(1 << 20) for _ in range(5)))
        for number in range(_ZONES)
    )
    rejected_ms = {"light": 1500, "unhealthy": 200}
    observed_ms = 1000 * min(length_s, _OPEN_HOURS * 3600)
    return Tile(
        camera, level, start_s, start_s + length_s, 1, (320, 180), observed_ms, traffic, dwell, rejected_ms, zones
    )


def _blobs(sizes: tuple[int, int]) -> Iterator[bytes]:
    return (os.urandom(int(size * random.uniform(0.8, 1.2))) for size in sizes)
