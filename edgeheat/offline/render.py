"""Runs `edgeheat render`: the heat of a recording as a picture, an overlay video and an array file."""

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
from edgeheat.offline.recording import read_frames, recording_target
from edgeheat.offline.unobserved import UnobservedTime
from edgeheat.offline.video import MaskLog, OverlayVideo, check_video_target
from edgeheat.redact import redact
from edgeheat.sources import open_source
from edgeheat.sources.base import Source, SourceOptions

IMAGE_FORMATS: Final[dict[str, ImageFormat]] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
"""Picture formats by the ending of the file name."""

_TOTAL: Final = HeatParams("total", "total")
"""The heat that is drawn: of the whole recording."""

_SINGLE_FRAME_FPS = 25.0
"""Frame rate of the video of a recording with one frame."""

_YEAR_2000_S = 946_684_800
"""Start of the year 2000 as Unix time; an earlier time is not a date (synthetic scenes count from 0)."""

Progress = Callable[[int, int | None], None]
"""Called with the number of frames done, over both passes, and the total, or None while it is unknown."""


@dataclass(frozen=True, slots=True)
class RenderJob:
    """What to render, and the files to write."""

    source: str
    """File, folder of images or `synthetic:` URL."""

    params: PipelineParams
    """The settings, as for a camera; its heats are ignored, because the heat of the whole recording is rendered."""

    image: Path | None
    """The heat over the background; PNG, JPEG or WebP by the ending of the name."""

    video: Path | None
    """The accumulating heat over each frame, in `video_codec`."""

    grid: Path | None
    """The heat as numbers, a numpy npz file; docs/rendering.md lists the arrays."""

    start: int
    """Frames to skip at the beginning."""

    count: int | None
    """Frames to render at most."""

    step: int
    """Only the first of every `step` frames is rendered."""

    fps: float | None
    """Frame rate; for a recording it replaces the times in the file."""

    overwrite: bool
    """Whether to replace existing files; if not, a number is added to the new name."""

    video_quality: int
    """x264's constant rate factor, 0..51; lower is better and larger; scaled to 0..63 for VP9 and AV1."""

    video_codec: VideoCodec = "h264"
    """Codec of the video; the ending of the video's name must fit."""

    measure: Measure = "presence"
    """The measure that the heat counts."""


@dataclass(frozen=True, slots=True)
class RenderResult:
    """The written files and the length of a run."""

    written: tuple[Path, ...]
    """The names of the written files, in the order image, grid, video."""

    frames: int
    """Frames of the recording that were decoded and selected."""

    observed_s: float
    """Seconds of the recording that count as observed."""

    length_s: float
    """Seconds from the first to the last of these frames."""

    unobserved: tuple[str, ...]
    """Why the rest was not observed, most important first, as text for users."""


@dataclass(frozen=True, slots=True)
class _FirstPass:
    """The results of the first pass over the recording."""

    first: Frame
    last: Frame
    frames: int
    grid: HeatGrid
    background: U8 | None
    masks: MaskLog
    unobserved: tuple[str, ...]

    @property
    def length_s(self) -> float:
        return self.last.mono_s - self.first.mono_s


def render(job: RenderJob, on_progress: Progress) -> RenderResult:
    """Count the heat of a recording and write the requested files.

    Raises SourceUnavailable where the recording has no frames or is a live camera, EdgeheatError where an output
    cannot be written; then, and on Ctrl-C, no new file remains. A recording that is cut off is used up to that point,
    with a warning in the log.
    """
    _check(job)
    job = replace(
        job, params=replace(job.params, new_epoch_when_moved=False, heats=(replace(_TOTAL, measure=job.measure),))
    )
    first_pass = _count_heat(job, on_progress)
    size_wh = default_size(first_pass.first.size_wh, job.params.style)
    caption = _caption(job, first_pass)
    with StagedOutputs() as outputs:
        if job.image is not None:
            picture = draw(first_pass.grid, first_pass.background, job.params.style, size_wh, caption)
            image = _encode(picture, job.image, job.params.style.quality)
            outputs.stage(job.image, lambda file: file.write(image))
        if job.grid is not None:
            outputs.stage(job.grid, lambda file: _write_grid(file, job, first_pass))
        if job.video is not None:
            _stage_video(outputs, job.video, job, first_pass, on_progress)
        written = outputs.commit(overwrite=job.overwrite)
    observed_s = first_pass.grid.observed_s
    return RenderResult(written, first_pass.frames, observed_s, first_pass.length_s, first_pass.unobserved)


def _check(job: RenderJob) -> None:
    """Reject a job that is bound to fail before the long work begins."""
    outputs = [path for path in (job.image, job.video, job.grid) if path is not None]
    if not outputs:
        raise EdgeheatError("nothing to write: choose an image, a video or a grid")
    if len({path.absolute() for path in outputs}) < len(outputs):
        raise EdgeheatError("two outputs have the same name: choose different ones")
    target = recording_target(job.source, "render")
    for path, suffixes in ((job.image, IMAGE_FORMATS), (job.grid, (".npz",))):
        if path is not None:
            check_target(path, tuple(suffixes), target)
    if job.video is not None:
        check_video_target(job.video, job.video_codec, target)


def _open(job: RenderJob) -> Source:
    options = SourceOptions(clock=None, fps=job.fps, start=job.start, count=job.count, step=job.step)
    return open_source(job.source, options)


def _frames(job: RenderJob) -> Iterator[Frame]:
    return read_frames(_open(job))


def _count_heat(job: RenderJob, on_progress: Progress) -> _FirstPass:
    """Run the engine over the recording; masks are kept only if there is to be a video."""
    expected, passes = _open(job).frame_count(), 1 if job.video is None else 2
    pipeline, masks = CameraPipeline(job.params), MaskLog(job.measure)
    unobserved = UnobservedTime(job.params.motion)
    first: Frame | None = None
    done = 0
    for done, frame in enumerate(_frames(job), start=1):
        first, last = first or frame, frame
        counted = pipeline.step(frame)
        if job.video is not None:
            masks.extend(counted)
        # Increments are not needed here, and those of an hour would take half a gigabyte.
        unobserved.add_frame(frame.mono_s, pipeline.take_report())
        on_progress(done, None if expected is None else passes * max(expected, done))
    if first is None:
        raise SourceUnavailable(f"{redact(job.source)}: no frames in the chosen part: check start, frames and step")
    masks.extend(pipeline.flush())
    grid = pipeline.heat(_TOTAL.name, last.mono_s, last.wall_s)
    assert grid is not None, "the pipeline has a heat from its first frame on"
    unobserved.add_rejected(pipeline.take_report())
    return _FirstPass(first, last, done, grid, pipeline.backdrop(), masks, tuple(unobserved.reasons()))


def _caption(job: RenderJob, first_pass: _FirstPass) -> Caption:
    wall_s = first_pass.last.wall_s
    ended = datetime.fromtimestamp(wall_s, job.params.timezone) if wall_s >= _YEAR_2000_S else None
    period = with_measure(job.measure, f"{duration_words(first_pass.length_s)} recorded")
    return Caption(job.params.camera, period, ended, job.measure)


def _encode(picture: U8, path: Path, quality: int) -> bytes:
    try:
        return encode(picture, IMAGE_FORMATS[path.suffix.lower()], quality)[0]
    except ValueError as error:
        raise EdgeheatError(f"{path}: {error}: choose another format or a smaller max_width") from error


def _write_grid(file: BinaryIO, job: RenderJob, first_pass: _FirstPass) -> None:
    np.savez_compressed(
        file,
        heat_s=first_pass.grid.heat_s,
        of=np.str_(job.measure),
        observed_s=np.float64(first_pass.grid.observed_s),
        period_s=np.float64(first_pass.grid.period_s),
        start_wall_s=np.float64(first_pass.first.wall_s),
        end_wall_s=np.float64(first_pass.last.wall_s),
        frames=np.int64(first_pass.frames),
        source=np.str_(redact(job.source)),
        camera=np.str_(job.params.camera),
    )


def _stage_video(
    outputs: StagedOutputs, path: Path, job: RenderJob, first_pass: _FirstPass, on_progress: Progress
) -> None:
    """Read the recording again and draw the heat over each of its frames."""
    video = OverlayVideo(
        job.params,
        first_pass.masks,
        first_pass.grid,
        _caption(job, first_pass),
        default_size(first_pass.first.size_wh, job.params.style),
        rate=(first_pass.frames - 1) / first_pass.length_s if first_pass.length_s > 0 else _SINGLE_FRAME_FPS,
        codec=job.video_codec,
        crf=job.video_quality,
    )

    def frames() -> Iterator[Frame]:
        for done, frame in enumerate(itertools.islice(_frames(job), first_pass.frames), start=1):
            yield frame
            on_progress(first_pass.frames + done, 2 * first_pass.frames)

    outputs.stage_by_name(path, lambda temp: video.write(temp, path.suffix, frames()))
