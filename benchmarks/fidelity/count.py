"""Counts a recording with edgeheat's pipeline and with the rivals, whose heats are cached on disk."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import cv2
import numpy as np

from benchmarks.fidelity import rivals
from benchmarks.fidelity.rivals import RIVALS
from benchmarks.fidelity.scores import on_grid
from edgeheat.core.grid.frames import F64, Frame
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.defs.params import HeatParams, PipelineParams
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions

_TOTAL = HeatParams("total", "total")
"""The only heat that is kept: it never fades, so it is the sum of all counted time."""


@dataclass(frozen=True, slots=True)
class RivalHeat:
    """The heat that one rival computed from a recording."""

    name: str
    heat: F64
    """On the common grid; in seconds, or in the rival's own unit."""

    until: dict[int, F64]
    """The heat after this many seconds from the first frame, by seconds."""


def frames(video: Path, count: int | None = None) -> Iterator[Frame]:
    """Yield the recording's frames, or the first `count` of them, with the recording's own time, from 0."""
    return open_source(str(video), SourceOptions(clock=None, count=count)).frames()


def count_edgeheat(video: Path, until_s: float = math.inf, on_frame: Callable[[Frame], None] = lambda _: None) -> F64:
    """Return the pipeline's total heat on the common grid; see `total_heat`."""
    return on_grid(total_heat(video, until_s, on_frame))


def total_heat(
    video: Path,
    until_s: float = math.inf,
    on_frame: Callable[[Frame], None] = lambda _: None,
    *,
    count: int | None = None,
) -> F64:
    """Return the pipeline's total heat on its own grid, with default settings, as `edgeheat render` counts it.

    `until_s`: ignore later frames. `on_frame` is called with each frame before the pipeline. `count`: use only so many
    frames. Raises ValueError if there is no frame.
    """
    pipeline = CameraPipeline(
        PipelineParams(camera="fidelity", timezone=UTC, heats=(_TOTAL,), new_epoch_when_moved=False)
    )
    last: Frame | None = None
    for frame in frames(video, count):
        if frame.mono_s > until_s:
            break
        on_frame(frame)
        pipeline.step(frame)
        last = frame
    pipeline.flush()
    grid = pipeline.heat(_TOTAL.name, last.mono_s, last.wall_s) if last is not None else None
    if grid is None:
        raise ValueError(f"{video}: no frames before {until_s} s")
    return np.asarray(grid.heat_s, np.float64)


def count_rivals(video: Path, kept: Path, until: Sequence[int] = ()) -> list[RivalHeat]:
    """Return the heat of each rival for the recording, and its heat after each of the seconds `until`, which rise.

    The file `kept` caches the result until the recording, the rivals or `until` change.
    Raises ValueError if the recording is shorter than `until`.
    """
    key = _key(video, until)
    if kept.exists():
        with np.load(kept) as arrays:
            if str(arrays["key"]) == key:
                return [_loaded(arrays, rival.name, until) for rival in RIVALS]
    found = _count_rivals(video, until)
    heats = {f"{each.name}/all": each.heat for each in found}
    heats |= {f"{each.name}/{second}": heat for each in found for second, heat in each.until.items()}
    unfinished = kept.with_suffix(".part.npz")
    np.savez_compressed(unfinished, allow_pickle=False, key=np.str_(key), **heats)
    unfinished.replace(kept)
    return found


def _loaded(arrays: np.lib.npyio.NpzFile, name: str, until: Sequence[int]) -> RivalHeat:
    return RivalHeat(name, arrays[f"{name}/all"], {second: arrays[f"{name}/{second}"] for second in until})


def _count_rivals(video: Path, until: Sequence[int]) -> list[RivalHeat]:
    running = [rival() for rival in RIVALS]
    heats_until: list[dict[int, F64]] = [{} for _ in running]
    remaining = list(until)
    for frame in frames(video):
        while remaining and frame.mono_s > remaining[0]:
            second = remaining.pop(0)
            for rival, heats in zip(running, heats_until, strict=True):
                heats[second] = on_grid(rival.heat())
        bgr = frame.colour(frame.size_wh)
        for rival in running:
            rival.add(bgr, frame.mono_s)
    if remaining:
        raise ValueError(f"{video}: shorter than {remaining[0]} s")
    return [
        RivalHeat(rival.name, on_grid(rival.heat()), heats) for rival, heats in zip(running, heats_until, strict=True)
    ]


def _key(video: Path, until: Sequence[int]) -> str:
    """Return a digest of the recording, the rivals' code, OpenCV's version and `until`."""
    parts = (video.read_bytes(), Path(rivals.__file__).read_bytes(), f"{cv2.__version__} {list(until)}".encode())
    return "-".join(hashlib.sha256(part).hexdigest()[:16] for part in parts)
