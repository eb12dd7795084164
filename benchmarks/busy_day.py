"""Makes the checkpoint of a camera after a busy day, so that memory is measured with full windows, not empty ones."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.clip import SEED

if TYPE_CHECKING:
    from numpy.random import Generator

    from edgeheat.core.grid.frames import U16, U32

    Minute = tuple[U16, U32]

_DAY_MINUTES = 24 * 60
"""Minutes of the longest default window; the simulation takes one step for each."""

_SCENE = f"synthetic:shop?seed={SEED}&size=640x360&fps=5&walkers=5&shadows=1&noise=3&duration=240"
"""Four minutes of five people, which are repeated for a day."""

_JITTER_S = 0.02
"""Jitter of the frames' arrival times; without it all times would be multiples of 200 ms and compress too well."""


def make(folder: Path, camera: str) -> None:
    """Write `<folder>/<camera>.ckpt` with the default heats filled until now.

    In a process of its own, so that its memory is not part of what is measured.
    """
    filling = get_context("spawn").Process(target=_fill, args=(folder, camera))
    filling.start()
    filling.join()
    if filling.exitcode:
        raise RuntimeError("the checkpoint of a busy day could not be made")


def _fill(folder: Path, camera: str) -> None:
    """Repeat a few minutes of the synthetic shop for a day, each time shifted by a few cells."""
    from datetime import UTC

    import numpy as np

    from edgeheat.core.grid.zones import ZoneMasks
    from edgeheat.core.heat import heat_file
    from edgeheat.core.heat.heat_set import HeatSet
    from edgeheat.core.heat.increment import Increment
    from edgeheat.daemon.system_clock import SystemClock
    from edgeheat.defs.params import DEFAULT_HEATS
    from edgeheat.store.camera_backup import CameraBackup, backup_to_members, boot_id
    from edgeheat.store.checkpoint import write_checkpoint

    rng, clock = np.random.default_rng(SEED), SystemClock()
    minutes = counted_minutes(camera)
    height, width = minutes[0][0].shape
    heats = HeatSet(DEFAULT_HEATS, ZoneMasks.from_params((), (width, height)), UTC)
    now_s, wall_s = clock.monotonic(), clock.wall()
    for age in range(_DAY_MINUTES, 0, -1):
        traffic_ms, dwell_ms = shifted(minutes[age % len(minutes)], rng)
        heats.add(Increment(traffic_ms, dwell_ms, 60_000, now_s - 60 * age, wall_s - 60 * age))
    write_checkpoint(folder, camera, backup_to_members(CameraBackup(heat_file.save(heats, {})), clock, boot_id()))


def counted_minutes(camera: str) -> list[Minute]:
    """Return the minutes of the scene as the engine counts them."""
    from dataclasses import replace
    from datetime import UTC

    import numpy as np

    from edgeheat.core.pipeline import CameraPipeline
    from edgeheat.defs.params import PipelineParams
    from edgeheat.sources import open_source
    from edgeheat.sources.base import SourceOptions

    rng = np.random.default_rng(SEED)
    pipeline = CameraPipeline(PipelineParams(camera, UTC))
    for frame in open_source(_SCENE, SourceOptions(clock=None)).frames():
        pipeline.step(replace(frame, mono_s=frame.mono_s + rng.uniform(0, _JITTER_S)))
    seconds = pipeline.take_report().increments
    shape_hw = seconds[0].traffic_ms.shape
    minutes = []
    for start in range(0, len(seconds) - 59, 60):
        traffic_ms, dwell_ms = np.zeros(shape_hw, np.uint16), np.zeros(shape_hw, np.uint32)
        for second in seconds[start : start + 60]:
            traffic_ms += second.traffic_ms
            dwell_ms += 0 if second.dwell_ms is None else second.dwell_ms
        minutes.append((traffic_ms, dwell_ms))
    return minutes


def shifted(minute: Minute, rng: Generator) -> Minute:
    """Return a minute in which everything happened up to four cells away."""
    import numpy as np

    by_cells = tuple(int(cells) for cells in rng.integers(-4, 5, 2))
    traffic_ms, dwell_ms = minute
    return np.roll(traffic_ms, by_cells, (0, 1)), np.roll(dwell_ms, by_cells, (0, 1))
