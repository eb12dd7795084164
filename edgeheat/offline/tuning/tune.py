"""Runs `edgeheat tune`: a contact sheet and a video that show what counted and what was rejected, and suggestions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.core.grid.letterbox import fitted_colour
from edgeheat.core.grid.sampling import grid_size_wh, to_grid
from edgeheat.core.grid.zones import ZoneMasks, blackout_mask
from edgeheat.core.health.verdict import Health
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.core.render.encode import encode
from edgeheat.defs.params import PipelineParams
from edgeheat.errors import SourceUnavailable
from edgeheat.offline.outputs import StagedOutputs, check_target
from edgeheat.offline.recording import read_frames, recording_target
from edgeheat.offline.render import IMAGE_FORMATS, Progress
from edgeheat.offline.tuning.advice import Advice, advise
from edgeheat.offline.tuning.explanation import (
    LABELS,
    CellClass,
    LegendEntry,
    draw_legend,
    draw_pair,
    draw_sheet,
    fitted_wh,
)
from edgeheat.offline.tuning.statistics import FrameRecord, RecordingStatistics, Summary
from edgeheat.offline.unobserved import UnobservedTime
from edgeheat.offline.video import check_video_target, write_video
from edgeheat.redact import redact
from edgeheat.sources import open_source
from edgeheat.sources.base import Source, SourceOptions

SHEET_FORMATS: Final = (".jpg", ".jpeg", ".png")
"""File name endings of a contact sheet."""

_INSTANTS = 12
"""Largest number of pairs of pictures on a sheet."""

_SHEET_WIDTH_PX = 1920
"""Width of a sheet, unless a single pair is wider."""

_TILE_LIMIT_WH: SizeWH = (320, 240)
"""Largest size of each picture on a sheet."""

_VIDEO_MIN_WH: SizeWH = (320, 240)
"""Pictures of the video are enlarged to this size, so that text is legible."""

_VIDEO_LIMIT_WH: SizeWH = (640, 480)
"""Pictures of the video are reduced to this size."""

_JPEG_QUALITY = 85
"""Quality of a sheet, 1..100."""

_VIDEO_CRF = 23
"""x264's constant rate factor, 0..51; lower is better and larger."""

_MIN_DISTANCE_RATIO = 1 / 30
"""Smallest distance of the chosen instants from one another, as a fraction of the recording."""

_MIN_REJECTED_RATIO = 0.0005
"""A frame is shown for a rejected class only if its cells cover this fraction of the grid."""

_PER_REASON = 2
"""Largest number of frames that are shown for each reason of rejection."""

_REJECTIONS = {
    "light": "not counted: the light changed",
    "settling": "not counted: relearning the scene",
    "unhealthy": "not counted: no usable picture",
}
"""The reasons for which whole frames are rejected, as text for users of at most 34 characters."""


@dataclass(frozen=True, slots=True)
class TuneJob:
    """What to analyse, and where to write the results."""

    source: str
    """File, folder of images or `synthetic:` URL."""

    params: PipelineParams
    """The settings, as for a camera; its heats are ignored, and people are shown whole even if `feet` is set."""

    sheet: Path
    """Contact sheet, JPEG or PNG."""

    video: Path | None
    """Each analysed frame as on the sheet, H.264; None: no video."""

    start: int
    """Frames to skip at the beginning."""

    count: int | None
    """Frames to analyse at most."""

    step: int
    """Only the first of every `step` frames is analysed."""

    fps: float | None
    """Frame rate; for a recording it replaces the times in the file."""

    overwrite: bool
    """Whether to replace existing files; if not, a number is added to the new name."""


@dataclass(frozen=True, slots=True)
class TuneResult:
    """The written files, statistics and suggestions of a run."""

    written: tuple[Path, ...]
    """The names of the written files: sheet, video."""

    summary: Summary
    advice: Advice
    warnings: tuple[str, ...]
    """The health verdicts other than ok, each once, in the order of their first appearance, and why frames that are too
    few or too far apart were not observed."""


@dataclass(frozen=True, slots=True)
class _FirstPass:
    """The results of the first pass over the recording."""

    statistics: RecordingStatistics
    summary: Summary
    frames: int
    size_wh: SizeWH
    recorded_fps: float
    warnings: tuple[str, ...]


def tune(job: TuneJob, on_progress: Progress) -> TuneResult:
    """Analyse a recording, write its sheet and video, and suggest settings.

    Raises SourceUnavailable where the recording has no frames or is a live camera, EdgeheatError where an output
    cannot be written; then, and on Ctrl-C, no new file remains. A recording that is cut off is used up to that point,
    with a warning in the log.
    """
    _check(job)
    motion = replace(job.params.motion, feet=False)
    job = replace(job, params=replace(job.params, motion=motion, heats=(), new_epoch_when_moved=False))
    first_pass = _analyse(job, on_progress)
    zone_names = [zone.name for zone in job.params.zones]
    advice = advise(first_pass.summary, motion, zone_names, first_pass.recorded_fps)
    with StagedOutputs() as outputs:
        tiles: dict[int, U8] = {}
        chosen = choose_instants(first_pass.statistics.records, first_pass.statistics.zones.counted.size)
        second_pass = _SecondPass(job, first_pass, chosen, tiles, on_progress)
        if job.video is not None:
            suffix, size_wh = job.video.suffix, second_pass.video_wh
            rate = max(1.0, (len(first_pass.statistics.records) - 1) / max(first_pass.summary.length_s, 0.1))
            outputs.stage_by_name(
                job.video,
                lambda temp: write_video(
                    temp, suffix, second_pass.draw(), size_wh=size_wh, rate=rate, codec="h264", crf=_VIDEO_CRF
                ),
            )
        else:
            for _ in second_pass.draw():
                pass
        # The sheet's pictures are drawn by the second pass, so the sheet is staged last.
        sheet = _draw_sheet(job, first_pass, [tiles[index] for index in sorted(tiles)])
        data, _ = encode(sheet, IMAGE_FORMATS[job.sheet.suffix.lower()], _JPEG_QUALITY)
        outputs.stage(job.sheet, lambda file: file.write(data))
        written = outputs.commit(overwrite=job.overwrite)
    return TuneResult(tuple(reversed(written)), first_pass.summary, advice, first_pass.warnings)


def choose_instants(records: list[FrameRecord], cells: int) -> dict[int, str]:
    """Return the indexes of the records that a sheet shows, each with the reason for its choice.

    In this order: each reason for which whole frames were rejected, the frames with most of each rejected class, those
    with most presence; some time apart from one another if the recording is long enough. cells: of the grid.
    """
    min_distance_s = (records[-1].mono_s - records[0].mono_s) * _MIN_DISTANCE_RATIO
    chosen: dict[int, str] = {}

    def choose(scores: list[float], min_score: float, limit: int, reason: str) -> None:
        """Choose up to `limit` records with the highest scores, none below `min_score`."""
        for index in sorted(range(len(records)), key=lambda index: -scores[index]):
            if limit == 0 or len(chosen) >= _INSTANTS or scores[index] < min_score:
                return
            if all(abs(records[index].mono_s - records[other].mono_s) >= min_distance_s for other in chosen):
                chosen[index] = reason
                limit -= 1

    for rejection in dict.fromkeys(record.rejection for record in records if record.rejection is not None):
        choose([float(record.rejection == rejection) for record in records], 1.0, _PER_REASON, "")
    rejected_classes: tuple[CellClass, ...] = ("shadow", "speck", "flicker", "masked")
    for cell_class in rejected_classes:
        ratios = [record.cells[cell_class] / cells for record in records]
        choose(ratios, _MIN_REJECTED_RATIO, _PER_REASON, f"most: {LABELS[cell_class]}")
    choose([record.cells["staying"] / cells for record in records], 1 / cells, _PER_REASON, "most: stays")
    presence = [(record.cells["traffic"] + record.cells["staying"]) / cells for record in records]
    choose(presence, 1 / cells, _INSTANTS, "most presence")
    choose([1.0] * len(records), 1.0, _INSTANTS, "")
    return chosen


def summary_lines(summary: Summary, warnings: tuple[str, ...]) -> list[str]:
    """Return the statistics as lines of a table for users, followed by the warnings."""
    total = sum(summary.class_cell_s.values())
    lines = [f"{summary.length_s:.1f} s analysed, {summary.observed_s:.1f} s counted", ""]
    lines.append(f"{'part':24}{'cell-seconds':>14}{'share':>8}")
    for cell_class, seconds in summary.class_cell_s.items():
        lines.append(f"{LABELS[cell_class]:24}{seconds:14.0f}{_percent(seconds, total):>8}")
        if cell_class == "discarded":
            reasons = {reason: s for reason, s in summary.rejected_cell_s.items() if reason in ("ghost", "furniture")}
            lines += [f"  of these {reason:15}{cell_s:14.0f}" for reason, cell_s in reasons.items()]
    for reason, seconds in summary.rejected_s.items():
        lines.append(f"{_REJECTIONS[reason]:34}{seconds:6.1f} s  {_percent(seconds, summary.length_s)} of the time")
    if summary.screen_text_ratio > 0:
        lines.append(f"{LABELS['text']:34}{100 * summary.screen_text_ratio:6.1f} % of the picture")
    if summary.noise_levels is not None:
        lines.append(f"{'noise of a cell':34}{summary.noise_levels:6.1f} grey levels")
    return [*lines, *warnings]


def _percent(amount: float, total: float) -> str:
    return f"{amount / total:.1%}" if total > 0 else "0.0%"


def _check(job: TuneJob) -> None:
    """Reject a job that is bound to fail before the long work begins."""
    target = recording_target(job.source, "tune")
    check_target(job.sheet, SHEET_FORMATS, target)
    if job.video is not None:
        check_video_target(job.video, "h264", target)


def _open(job: TuneJob) -> Source:
    return open_source(
        job.source, SourceOptions(clock=None, fps=job.fps, start=job.start, count=job.count, step=job.step)
    )


def _analyse(job: TuneJob, on_progress: Progress) -> _FirstPass:
    """Run the engine over the recording and accumulate its statistics."""
    source = _open(job)
    expected = source.frame_count()
    first: Frame | None = None
    warnings: dict[str, None] = {}
    unobserved = UnobservedTime(job.params.motion)
    done = 0
    for done, frame in enumerate(read_frames(source), start=1):
        if first is None:
            first = frame
            grid_wh = grid_size_wh(frame.size_wh, job.params.motion.grid_width)
            statistics = RecordingStatistics(ZoneMasks.from_params(job.params.zones, grid_wh))
            pipeline = CameraPipeline(job.params, statistics.add)
        last = frame
        pipeline.step(frame)
        report = pipeline.take_report()
        statistics.add_rejected(report.rejected)
        unobserved.add_frame(frame.mono_s, report)
        if not report.frames_skipped:
            statistics.add_grid(to_grid(frame, grid_wh), frame.mono_s)
            _add_warning(warnings, report.health)
        on_progress(done, None if expected is None else 2 * max(expected, done))
    if first is None:
        raise SourceUnavailable(f"{redact(job.source)}: no frames in the chosen part: check start, frames and step")
    pipeline.flush()
    statistics.add_rejected(pipeline.take_report().rejected)
    if distance := unobserved.distance_reason():
        warnings.setdefault(distance)
    statistics.screen_text = pipeline.screen_text()
    length_s = last.mono_s - first.mono_s
    summary = statistics.summary()
    fps = (done - 1) / length_s if length_s > 0 else job.params.motion.analysis_fps
    return _FirstPass(statistics, summary, done, first.size_wh, fps, tuple(warnings))


def _add_warning(warnings: dict[str, None], health: Health | None) -> None:
    if health is not None and health.verdict != "ok":
        warnings.setdefault(f"{health.verdict}: {health.reason}")


class _SecondPass:
    """The second pass over the recording: draws each analysed frame beside its classification."""

    def __init__(
        self, job: TuneJob, first_pass: _FirstPass, chosen: dict[int, str], tiles: dict[int, U8], on_progress: Progress
    ) -> None:
        """`draw` puts the pictures of the `chosen` records into `tiles`, by index."""
        self._job, self._first_pass, self._chosen = job, first_pass, chosen
        self._tiles, self._on_progress = tiles, on_progress
        self._picture_wh = fitted_wh(first_pass.size_wh, _video_limit_wh(first_pass.size_wh))
        self._tile_wh = fitted_wh(first_pass.size_wh, _TILE_LIMIT_WH)
        self._legend = draw_legend("", _legend_entries(first_pass.summary), 2 * self._picture_wh[0])
        self._blackouts = {size: blackout_mask(job.params.zones, size) for size in (self._picture_wh, self._tile_wh)}

    @property
    def video_wh(self) -> SizeWH:
        """Size of the video: two pictures, a label and the legend."""
        height = self._picture_wh[1] + 24 + self._legend.shape[0]
        return 2 * self._picture_wh[0], height

    def draw(self) -> Iterator[tuple[U8, float]]:
        """Yield the video's pictures with their times, if there is to be a video, and fill `tiles`."""
        records = self._first_pass.statistics.records
        remaining = iter(enumerate(records))
        index, record = next(remaining)
        frames = itertools.islice(read_frames(_open(self._job)), self._first_pass.frames)
        for done, frame in enumerate(frames, start=1):
            self._on_progress(self._first_pass.frames + done, 2 * self._first_pass.frames)
            if frame.mono_s != record.mono_s:
                continue
            if index in self._chosen:
                self._tiles[index] = self._pair(frame, index, record, self._tile_wh)
            if self._job.video is not None:
                pair = self._pair(frame, index, record, self._picture_wh)
                yield np.vstack([pair, self._legend]), frame.mono_s
            index, record = next(remaining, (index, record))

    def _pair(self, frame: Frame, index: int, record: FrameRecord, size_wh: SizeWH) -> U8:
        picture = fitted_colour(frame, size_wh)
        blackout = self._blackouts[size_wh]
        if blackout is not None:
            picture[blackout > 0] = 0
        at_s = record.mono_s - self._first_pass.statistics.records[0].mono_s
        time = f"{int(at_s) // 60}:{at_s % 60:04.1f}"
        reason = self._chosen.get(index, "") if size_wh == self._tile_wh else ""
        warning = "" if record.rejection is None else _REJECTIONS[record.rejection]
        return draw_pair(
            picture, self._first_pass.statistics.final_codes_at(index), f"{time}  {reason}".rstrip(), warning
        )


def _video_limit_wh(size_wh: SizeWH) -> SizeWH:
    """Return the largest size of the video's pictures: that of the frame, within the limits."""
    width, height = (
        min(max(side, low), high) for side, low, high in zip(size_wh, _VIDEO_MIN_WH, _VIDEO_LIMIT_WH, strict=True)
    )
    return width, height


def _legend_entries(summary: Summary) -> list[LegendEntry]:
    """Return each class with its seconds and percentage, then the reasons for which whole frames were rejected."""
    total = sum(summary.class_cell_s.values())
    entries: list[LegendEntry] = []
    for cell_class, cell_s in summary.class_cell_s.items():
        if cell_s > 0 or cell_class in ("traffic", "staying"):
            entries.append((cell_class, f"{LABELS[cell_class]} {cell_s:.0f} cell-s ({_percent(cell_s, total)})"))
    if summary.screen_text_ratio > 0:
        entries.append(("text", f"{LABELS['text']} {summary.screen_text_ratio:.1%} of the picture"))
    entries += [(None, f"{_REJECTIONS[reason]} {seconds:.1f} s") for reason, seconds in summary.rejected_s.items()]
    return entries


def _draw_sheet(job: TuneJob, first_pass: _FirstPass, pairs: list[U8]) -> U8:
    columns = min(max(1, _SHEET_WIDTH_PX // pairs[0].shape[1]), len(pairs))
    width = columns * pairs[0].shape[1]
    summary = first_pass.summary
    title = f"{job.params.camera}: {summary.length_s:.0f} s, {summary.observed_s:.0f} s counted"
    return draw_sheet(draw_legend(title, _legend_entries(summary), width), pairs, columns)
