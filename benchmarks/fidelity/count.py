"""Counts a recording in every way: by edgeheat as it really runs, and by the rivals, whose heats are kept on disk."""

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
from benchmarks.fidelity.measures import F64, on_grid
from benchmarks.fidelity.rivals import RIVALS
from edgeheat.core.grid.frames import Frame
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.defs.params import HeatParams, PipelineParams
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions

_TOTAL = HeatParams("total", "total")


@dataclass(frozen=True, slots=True)
class Counted:
    """What one rival made of a recording."""

    name: str
    heat: F64
    """On the common grid; seconds, or a unit of its own."""

    until: dict[int, F64]
    """The same as it stood so many seconds after the first frame."""


def frames(video: Path) -> Iterator[Frame]:
    """Yield the recording's frames, stamped with its own time from 0 on."""
    return open_source(str(video), SourceOptions(clock=None)).frames()


def count_edgeheat(video: Path, until_s: float = math.inf, on_frame: Callable[[Frame], None] = lambda _: None) -> F64:
    """Run the pipeline with its default settings, as `edgeheat render` does: its total heat on the common grid.

    `until_s`: look at no frame after it. `on_frame` is shown each frame first.
    """
    pipeline = CameraPipeline(
        PipelineParams(camera="fidelity", timezone=UTC, heats=(_TOTAL,), new_epoch_when_moved=False)
    )
    last: Frame | None = None
    for frame in frames(video):
        if frame.mono_s > until_s:
            break
        on_frame(frame)
        pipeline.step(frame)
        last = frame
    pipeline.flush()
    grid = pipeline.heat(_TOTAL.name, last.mono_s, last.wall_s) if last is not None else None
    if grid is None:
        raise ValueError(f"{video}: no frames before {until_s} s")
    return on_grid(grid.heat_s)


def count_rivals(video: Path, kept: Path, until: Sequence[int] = ()) -> list[Counted]:
    """Return what each rival makes of the recording, and how its heat stood after the seconds `until`, which rise.

    It is kept in the file `kept` until the recording, the rivals or the question change.
    """
    key = _key(video, until)
    if kept.exists():
        with np.load(kept) as arrays:
            if str(arrays["key"]) == key:
                return [_taken(arrays, rival.name, until) for rival in RIVALS]
    found = _count_rivals(video, until)
    heats = {f"{each.name}/all": each.heat for each in found}
    heats |= {f"{each.name}/{second}": heat for each in found for second, heat in each.until.items()}
    unfinished = kept.with_suffix(".part.npz")
    np.savez_compressed(unfinished, allow_pickle=False, key=np.str_(key), **heats)
    unfinished.replace(kept)
    return found


def _taken(arrays: np.lib.npyio.NpzFile, name: str, until: Sequence[int]) -> Counted:
    return Counted(name, arrays[f"{name}/all"], {second: arrays[f"{name}/{second}"] for second in until})


def _count_rivals(video: Path, until: Sequence[int]) -> list[Counted]:
    ways = [rival() for rival in RIVALS]
    stood: list[dict[int, F64]] = [{} for _ in ways]
    left = list(until)
    for frame in frames(video):
        while left and frame.mono_s > left[0]:
            second = left.pop(0)
            for way, its in zip(ways, stood, strict=True):
                its[second] = on_grid(way.heat())
        bgr = frame.colour(frame.size_wh)
        for way in ways:
            way.add(bgr, frame.mono_s)
    if left:
        raise ValueError(f"{video}: shorter than {left[0]} s")
    return [Counted(way.name, on_grid(way.heat()), its) for way, its in zip(ways, stood, strict=True)]


def _key(video: Path, until: Sequence[int]) -> str:
    """Name the recording, the rivals, OpenCV and the question as they are now."""
    parts = (video.read_bytes(), Path(rivals.__file__).read_bytes(), f"{cv2.__version__} {list(until)}".encode())
    return "-".join(hashlib.sha256(part).hexdigest()[:16] for part in parts)
