"""Offline and daemon are one engine: the same recording gives the same heat, byte for byte."""

from __future__ import annotations

import threading
from datetime import UTC
from multiprocessing import Pipe
from pathlib import Path

import numpy as np

from edgeheat.core.heat.increment import Increment
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.daemon.camera_worker import CameraWorker
from edgeheat.daemon.messages import Message, ProgressReport, SourceFailed, StateSaved, WorkerSpec
from edgeheat.defs.params import HeatParams, Measure, PipelineParams
from edgeheat.offline.render import RenderJob, render
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic import open_synthetic
from edgeheat.store.camera_backup import CameraBackup
from tests.support.media import make_clip
from tests.support.wait import DEADLINE_S

MEASURES: tuple[Measure, ...] = ("presence", "traffic", "dwell")
TOTALS = tuple(HeatParams(of, "total", measure=of) for of in MEASURES)


class PlayedClock:
    """Jumps ahead instead of sleeping, so that a minute of video takes as long as decoding it."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def monotonic(self) -> float:
        return self._now_s

    def wall(self) -> float:
        return 1_700_000_000.0 + self._now_s

    def sleep(self, seconds: float) -> None:
        self._now_s += seconds


def shop_clip(path: Path) -> Path:
    source = open_synthetic("synthetic:shop?seed=5&size=320x180&fps=15&duration=25", SourceOptions(clock=None))
    pictures = [frame.colour((320, 180)) for frame in source.frames()]
    return make_clip(path, size_wh=(320, 180), fps=15, frames=len(pictures), painter=lambda index, _: pictures[index])


def daemon_heats(clip: Path, params: PipelineParams) -> dict[str, np.ndarray]:
    ours, theirs = Pipe()
    spec = WorkerSpec("clip", str(clip), "tcp", False, None, 5.0, params, CameraBackup(), 0.0)
    worker = threading.Thread(target=CameraWorker(theirs, spec, PlayedClock()).run)
    worker.start()
    saved: bytes | None = None
    increments: list[bytes] = []
    message: Message | None = None
    while not isinstance(message, SourceFailed):
        message = ours.recv()
        match message:
            case StateSaved(state):
                saved, increments = state, []
            case ProgressReport(_, packed, _):
                increments.extend(packed)
    worker.join(DEADLINE_S)
    ours.close()
    theirs.close()
    pipeline = CameraPipeline(params)
    pipeline.restore(saved, [Increment.unpack(packed) for packed in increments], 0.0)
    grids = {of: pipeline.heat(of, 25.0, 0.0) for of in MEASURES}
    return {of: grid.heat_s for of, grid in grids.items() if grid is not None}


def offline_heat(clip: Path, params: PipelineParams, of: Measure) -> np.ndarray:
    path = clip.with_name(f"{of}.npz")
    job = RenderJob(
        source=str(clip),
        params=params,
        image=None,
        video=None,
        grid=path,
        start=0,
        count=None,
        step=1,
        fps=None,
        overwrite=False,
        video_quality=23,
        measure=of,
    )
    render(job, lambda done, total: None)
    with np.load(path, allow_pickle=False) as arrays:
        return np.asarray(arrays["heat_s"])


def test_the_daemon_and_render_count_the_same_recording_alike_byte_for_byte(tmp_path: Path) -> None:
    clip = shop_clip(tmp_path / "shop.mp4")
    params = PipelineParams("clip", UTC, heats=TOTALS)
    live = daemon_heats(clip, params)
    for of in MEASURES:
        offline = offline_heat(clip, params, of)
        assert offline.dtype == live[of].dtype == np.float32
        assert offline.tobytes() == live[of].tobytes(), of
    assert live["presence"].max() > 1.0
    np.testing.assert_allclose(live["presence"], live["traffic"] + live["dwell"], rtol=1e-6)
