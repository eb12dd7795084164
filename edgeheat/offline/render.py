"""Renders a recording to files: the daemon's engine, with the recording's own time, and nothing left half done."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from edgeheat.core.grid.frames import U8, Frame
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.encode import encode
from edgeheat.core.render.heatmap import default_size, draw
from edgeheat.defs.params import HeatParams, ImageFormat, Measure, PipelineParams, VideoCodec
from edgeheat.defs.wording import duration_words, with_measure
from edgeheat.errors import EdgeheatError, SourceUnavailable
from edgeheat.offline.outputs import StagedOutputs, check_target
from edgeheat.offline.recording import frames_of, recorded_target
from edgeheat.offline.video import MaskLog, OverlayVideo, check_video_target
from edgeheat.redact import redact
from edgeheat.sources import open_source
from edgeheat.sources.base import Source, SourceOptions

IMAGE_FORMATS: Final[dict[str, ImageFormat]] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
_TOTAL: Final = HeatParams("total", "total")

_RATE_OF_ONE_FRAME = 25.0
_YEAR_2000_S = 946_684_800
"""Unix time; what says it is older has no date of its own (synthetic scenes count from 0)."""

Progress = Callable[[int, int | None], None]
"""Called with the frames done, both passes counted together, and how many there will be if that is known."""


@dataclass(frozen=True, slots=True)
class RenderJob:
    """What to render, and where to."""

    source: str
    """File, folder of images or `synthetic:` URL."""

    params: PipelineParams
    """As for a camera; its heats are not used, because the picture shows the whole recording."""

    image: Path | None
    """The heat over the empty scene; the ending chooses PNG, JPEG or WebP."""

    video: Path | None
    """The growing heat over each frame, in `video_codec`."""

    grid: Path | None
    """The figures themselves, as numpy's npz; docs/rendering.md names the arrays."""

    start: int
    count: int | None
    step: int
    fps: float | None
    """Of image folders and `synthetic:`."""

    overwrite: bool
    """Off: a name that is taken is counted up."""

    video_quality: int
    """x264's CRF, 0..51: lower is better and larger; scaled to 0..63 for VP9 and AV1."""

    video_codec: VideoCodec = "h264"
    """How the video is encoded; its file ending must fit."""

    measure: Measure = "presence"
    """What the heat counts."""


@dataclass(frozen=True, slots=True)
class RenderResult:
    """What a render gave."""

    written: tuple[Path, ...]
    """The files as they are really named, in the order image, grid, video."""

    frames: int
    """Decoded frames of the recording that were taken."""

    observed_s: float
    """Seconds of the recording that were counted."""

    length_s: float
    """Seconds from the first to the last of these frames."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the first pass found out."""

    first: Frame
    last: Frame
    frames: int
    grid: HeatGrid
    background: U8 | None
    masks: MaskLog

    @property
    def length_s(self) -> float:
        return self.last.mono_s - self.first.mono_s


def render(job: RenderJob, on_progress: Progress) -> RenderResult:
    """Count a recording and write the asked pictures and figures.

    Raises SourceUnavailable where the recording gives no frame, EdgeheatError where an output cannot be written;
    then, and on Ctrl-C, no output exists that did not exist before. A recording that breaks off is used as far as
    it goes, with a warning in the log.
    """
    _check(job)
    job = replace(
        job, params=replace(job.params, new_epoch_when_moved=False, heats=(replace(_TOTAL, measure=job.measure),))
    )
    counted = _count(job, on_progress)
    size_wh = default_size(counted.first.size_wh, job.params.style)
    caption = _caption(job, counted)
    with StagedOutputs() as outputs:
        if job.image is not None:
            picture = draw(counted.grid, counted.background, job.params.style, size_wh, caption)
            image = _encoded(picture, job.image, job.params.style.quality)
            outputs.stage(job.image, lambda file: file.write(image))
        if job.grid is not None:
            outputs.stage(job.grid, lambda file: _write_grid(file, job, counted))
        if job.video is not None:
            _stage_video(outputs, job.video, job, counted, on_progress)
        written = outputs.place(overwrite=job.overwrite)
    return RenderResult(written, counted.frames, counted.grid.observed_s, counted.length_s)


def _check(job: RenderJob) -> None:
    """Refuse what cannot end well before the long work begins."""
    named = [path for path in (job.image, job.video, job.grid) if path is not None]
    if not named:
        raise EdgeheatError("nothing to write: name an image, a video or a grid")
    if len({path.absolute() for path in named}) < len(named):
        raise EdgeheatError("two outputs have the same name: name them apart")
    target = recorded_target(job.source, "render")
    for path, suffixes in ((job.image, IMAGE_FORMATS), (job.grid, (".npz",))):
        if path is not None:
            check_target(path, tuple(suffixes), target)
    if job.video is not None:
        check_video_target(job.video, job.video_codec, target)


def _open(job: RenderJob) -> Source:
    options = SourceOptions(clock=None, fps=job.fps, start=job.start, count=job.count, step=job.step)
    return open_source(job.source, options)


def _frames(job: RenderJob) -> Iterator[Frame]:
    return frames_of(_open(job), job.source)


def _count(job: RenderJob, on_progress: Progress) -> _Counted:
    """Run the engine over the recording; masks are kept only where a video will need them."""
    told, passes = _open(job).frame_count(), 1 if job.video is None else 2
    pipeline, masks = CameraPipeline(job.params), MaskLog(job.measure)
    first: Frame | None = None
    done = 0
    for done, frame in enumerate(_frames(job), start=1):
        first, last = first or frame, frame
        counted = pipeline.step(frame)
        if job.video is not None:
            masks.extend(counted)
        # Nobody else has to know what was counted: kept, an hour of increments would be half a gigabyte.
        pipeline.take_increments()
        on_progress(done, None if told is None else passes * max(told, done))
    if first is None:
        raise SourceUnavailable(f"{redact(job.source)}: no frames in the chosen part: look at start, frames and step")
    masks.extend(pipeline.flush())
    grid = pipeline.heat(_TOTAL.name, last.mono_s, last.wall_s)
    assert grid is not None, "the engine has a heat from its first frame on"
    return _Counted(first, last, done, grid, pipeline.background(), masks)


def _caption(job: RenderJob, counted: _Counted) -> Caption:
    wall_s = counted.last.wall_s
    ended = datetime.fromtimestamp(wall_s, job.params.timezone) if wall_s >= _YEAR_2000_S else None
    period = with_measure(job.measure, f"{duration_words(counted.length_s)} recorded")
    return Caption(job.params.camera, period, ended, job.measure)


def _encoded(picture: U8, path: Path, quality: int) -> bytes:
    try:
        return encode(picture, IMAGE_FORMATS[path.suffix.lower()], quality)[0]
    except ValueError as error:
        raise EdgeheatError(f"{path}: {error}: choose another format or a smaller max_width") from error


def _write_grid(file: BinaryIO, job: RenderJob, counted: _Counted) -> None:
    np.savez_compressed(
        file,
        heat_s=counted.grid.heat_s,
        of=np.str_(job.measure),
        observed_s=np.float64(counted.grid.observed_s),
        period_s=np.float64(counted.grid.period_s),
        start_wall_s=np.float64(counted.first.wall_s),
        end_wall_s=np.float64(counted.last.wall_s),
        frames=np.int64(counted.frames),
        source=np.str_(redact(job.source)),
        camera=np.str_(job.params.camera),
    )


def _stage_video(outputs: StagedOutputs, path: Path, job: RenderJob, counted: _Counted, on_progress: Progress) -> None:
    """Read the recording again and draw over each of its frames."""
    video = OverlayVideo(
        job.params,
        counted.masks,
        counted.grid,
        _caption(job, counted),
        default_size(counted.first.size_wh, job.params.style),
        rate=(counted.frames - 1) / counted.length_s if counted.length_s > 0 else _RATE_OF_ONE_FRAME,
        codec=job.video_codec,
        crf=job.video_quality,
    )

    def frames() -> Iterator[Frame]:
        for done, frame in enumerate(itertools.islice(_frames(job), counted.frames), start=1):
            yield frame
            on_progress(counted.frames + done, 2 * counted.frames)

    outputs.stage_by_name(path, lambda temp: video.write(temp, path.suffix, frames()))
