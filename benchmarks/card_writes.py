"""Measures the bytes that a camera writes to the memory card in a day besides its tiles: pictures and checkpoints."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC
from pathlib import Path

from benchmarks import clip
from benchmarks.figures import Figure
from benchmarks.processes import io_mb
from edgeheat.config.load import build_config
from edgeheat.defs.events import HeatImage, Snapshot, ZoneHeat
from edgeheat.sinks.disk.sink import DiskSink
from edgeheat.store.checkpoint import write_checkpoint

_DAY_S = 86_400

_HEATS = 5
"""The default heats of a camera."""

_HEATMAP_BYTES = 130_000
"""A 720p picture as JPEG."""

_CHECKPOINT_BYTES = 3_300_000
"""The checkpoint at the end of a busy day, see `busy_day`."""


def written(tiles: Figure, runs: int) -> Figure:
    """Write the pictures and checkpoints of a day with the default settings; `tiles`: what was measured for those."""
    config = build_config({"camera": [{"name": "door", "source": "synthetic:shop"}]}, {})
    snapshot_every_s = round(config.schedule.every_s or 0)
    runs_mb = []
    for _ in range(runs):
        clip.OUT.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=clip.OUT) as name:
            folder = Path(name)
            sink = DiskSink(
                folder,
                timezone=UTC,
                keep_s=config.storage.keep_s,
                max_bytes=config.storage.max_size_bytes,
                free_floor_bytes=0,
                every_s=config.pictures_every_s,
                on_written=lambda camera, outcome: None,
                on_bytes=lambda total_bytes: None,
            )
            before = io_mb("write_bytes")
            for wall_s in range(0, _DAY_S, snapshot_every_s):
                sink.handle(_snapshot(float(wall_s)))
            sink.close()
            for _ in range(0, _DAY_S, round(config.checkpoint_every_s)):
                write_checkpoint(folder, "door", {"heats": os.urandom(_CHECKPOINT_BYTES)})
            runs_mb.append(io_mb("write_bytes") - before + max(tiles.runs))
    words = "written for everything per camera and day: pictures, checkpoints, and the tiles of H3.busy"
    return Figure("H3.all", words, "MB", tuple(runs_mb), _DAY_S, target=50.0)


def _snapshot(wall_s: float) -> Snapshot:
    everywhere = ZoneHeat("all", 57_600, 1234.0, 0.02, 41.0, (0.25, 0.75))
    heats = (
        HeatImage(
            *(f"heat{number}", "window", "presence", 3600.0, 3600.0, 1.0, 41.0, (everywhere,)),
            image=os.urandom(_HEATMAP_BYTES),
            media_type="image/jpeg",
            size_wh=(1280, 720),
        )
        for number in range(_HEATS)
    )
    return Snapshot("door", wall_s, tuple(heats))
