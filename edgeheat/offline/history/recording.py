"""Runs `edgeheat render --into-history`: counts a recording as a camera would, and adds its tiles to the history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edgeheat.core.grid.frames import U8
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.core.render.encode import encode_backdrop
from edgeheat.defs.history import EpochBackdrop
from edgeheat.defs.params import PipelineParams
from edgeheat.errors import HistoryError
from edgeheat.history.merge import merge
from edgeheat.local_time.period_text import parse_time
from edgeheat.offline.history.importing import ImportResult, described, open_for_import
from edgeheat.offline.history.question import Site
from edgeheat.offline.recording import read_frames, recording_target
from edgeheat.redact import redact
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions
from edgeheat.store.history.store import HISTORY_FILE, HistoryStore

Progress = Callable[[int, int | None], None]
"""Called with the number of frames done, and the total, or None while it is unknown."""


@dataclass(frozen=True, slots=True)
class RecordingJob:
    """Which recording to count, as which camera, and when it was made."""

    source: str
    """File, folder of images or `synthetic:` URL."""

    params: PipelineParams
    """The settings of the camera whose history it is added to."""

    recorded_at: str
    """When the recording began, as a person types it, in the site's time or with an offset from UTC."""

    start: int = 0
    """Frames to skip at the beginning."""

    count: int | None = None
    """Frames to count at most."""

    step: int = 1
    """Only the first of every `step` frames is counted."""

    fps: float | None = None
    """Frame rate; for a recording it replaces the times in the file."""

    same_view: bool = False
    """Whether the recording shows what the camera shows now."""


def import_recording(site: Site, job: RecordingJob, on_progress: Progress) -> ImportResult:
    """Add the tiles of a recording to the history of a camera.

    Raises SourceUnavailable where there is no recording, HistoryError or StoreError where its tiles cannot be added;
    then nothing was.
    """
    recording_target(job.source, "render")
    timezone = site.config.timezone
    try:
        start_s = parse_time(job.recorded_at, site.now_s, timezone)
    except ValueError as error:
        raise HistoryError(str(error)) from error
    with TemporaryDirectory(prefix="edgeheat-") as folder, HistoryStore(Path(folder) / HISTORY_FILE) as counted:
        _count(job, start_s, counted, on_progress)
        if not counted.cameras():
            when = "" if job.params.hours is None else " in the opening hours of the configuration"
            raise HistoryError(f"{redact(job.source)}: nothing was observed{when}; edgeheat tune shows why")
        camera = job.params.camera
        with open_for_import(site) as store:
            merged = merge(
                store, counted, {camera: camera}, timezone=timezone, now_s=site.now_s, same_view=job.same_view
            )
    return described(site, merged)


def _count(job: RecordingJob, start_s: int, counted: HistoryStore, on_progress: Progress) -> None:
    """Store the tiles of the recording, as if it had been counted from `start_s` on; a moved camera starts an epoch."""
    options = SourceOptions(clock=None, fps=job.fps, start=job.start, count=job.count, step=job.step)
    source, camera = open_source(job.source, options), job.params.camera
    total = source.frame_count()
    pipeline = CameraPipeline(replace(job.params, history=True, heats=(), new_epoch_when_moved=True))
    wall_s: float = start_s
    for done, frame in enumerate(read_frames(source), start=1):
        wall_s = start_s + frame.mono_s
        pipeline.step(replace(frame, wall_s=wall_s))
        report = pipeline.take_report()
        if report.tiles:
            counted.add(report.tiles)
        for ended in report.ended_epochs:
            _store_backdrop(counted, camera, ended.epoch, ended.backdrop, wall_s)
        on_progress(done, None if total is None else max(total, done))
    pipeline.flush()
    counted.add(pipeline.take_tiles(is_last=True))
    _store_backdrop(counted, camera, pipeline.epoch, pipeline.backdrop(), wall_s)


def _store_backdrop(counted: HistoryStore, camera: str, epoch: int, picture: U8 | None, taken_s: float) -> None:
    if picture is not None and epoch in counted.epochs(camera):
        counted.set_backdrop(EpochBackdrop(camera, epoch, taken_s, encode_backdrop(picture)))
