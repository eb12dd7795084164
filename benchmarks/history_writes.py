"""Measures the bytes that the history of four cameras writes to the disk on one day."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

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

_NORMAL = {Level.FIVE_MINUTES: (14_400, 11_300), Level.HOUR: (17_000, 19_000), Level.DAY: (35_000, 35_000)}
_BUSY = {Level.FIVE_MINUTES: (17_500, 13_100), Level.HOUR: (20_300, 18_500), Level.DAY: (41_100, 30_400)}
"""Bytes of traffic and dwell with three and with five people in view all day.

Random bytes stand for them, which nothing compresses.
"""

_LENGTH_S = {Level.FIVE_MINUTES: FIVE_MINUTES_S, Level.HOUR: 3600, Level.DAY: 86_400}

_CARRY_BYTES = 12_000

_ZONES = 4

_DAYS_S = [day * 86_400 for day in range(3)]
"""The last is measured: as much is deleted on it as is added."""


def written(runs: int) -> list[Figure]:
    """Write three days of tiles; the bytes of the last are the figures."""
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
            days_mb = [_write_day(store, day_s, layer_bytes) for day_s in _DAYS_S]
        runs_mb.append(days_mb[-1] / _HISTORY_CAMERAS)
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
        for camera in cameras:
            carry = store.carry(camera, Level.HOUR, 1)
            left_over = Carry(carry.version, *_blobs((_CARRY_BYTES, _CARRY_BYTES)))
            store.add_rollup(_tile(camera, Level.HOUR, hour_s, layer_bytes), starts, left_over)
        keep_s = {Level.FIVE_MINUTES: 86_400.0, Level.HOUR: 86_400.0}
        prune(store, hour_s + 3600, keep_s=keep_s)
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
