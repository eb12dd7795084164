"""Shows why a recording's heat is as it is: frames with what counts and what was left out, and settings to try."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.core.grid.sampling import grid_size_wh, to_grid
from edgeheat.core.grid.zones import ZoneMasks, blackout_mask
from edgeheat.core.health.verdict import Health
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.core.render.encode import encode
from edgeheat.defs.params import PipelineParams
from edgeheat.errors import SourceUnavailable
from edgeheat.offline.outputs import StagedOutputs, check_target
from edgeheat.offline.recording import frames_of, recorded_target
from edgeheat.offline.render import IMAGE_FORMATS, Progress
from edgeheat.offline.tuning.advice import Advice, advise
from edgeheat.offline.tuning.explanation import PARTS, WORDS, Part, draw_key, draw_pair, draw_sheet, fitted_wh
from edgeheat.offline.tuning.statistics import FrameRecord, RecordingStatistics, Summary
from edgeheat.offline.video import check_video_target, write_video
from edgeheat.redact import redact
from edgeheat.sources import open_source
from edgeheat.sources.base import Source, SourceOptions

SHEET_FORMATS: Final = (".jpg", ".jpeg", ".png")

_INSTANTS = 12
_SHEET_WIDTH = 1920
_TILE_WITHIN_WH, _VIDEO_LEAST_WH, _VIDEO_MOST_WH = (320, 240), (320, 240), (640, 480)
_QUALITY, _CRF = 85, 23
_APART_SHARE = 1 / 30
"""Chosen instants lie so much of the recording apart."""

_WORTH_SHOWING_RATIO = 0.0005
_WORST_OF_EACH = 2
_REJECTIONS = {
    "light": "not counted: the light changed",
    "settling": "not counted: learns anew",
    "unhealthy": "not counted: no usable picture",
}


@dataclass(frozen=True, slots=True)
class TuneJob:
    """What to look at, and where to write what was seen."""

    source: str
    """File, folder of images or `synthetic:` URL."""

    params: PipelineParams
    """As for a camera; heats are not used, and people are shown whole, with `feet` too."""

    sheet: Path
    """Contact sheet, JPEG or PNG."""

    video: Path | None
    """Each analysed frame as on the sheet, H.264."""

    start: int
    count: int | None
    step: int
    fps: float | None
    """Of image folders and `synthetic:`."""

    overwrite: bool
    """Off: a name that is taken is counted up."""


@dataclass(frozen=True, slots=True)
class TuneResult:
    """What was found."""

    written: tuple[Path, ...]
    """The files as they are really named: sheet, video."""

    summary: Summary
    advice: Advice
    troubles: tuple[str, ...]
    """What the camera's health verdicts said, in their order, each once."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the first pass found out."""

    statistics: RecordingStatistics
    summary: Summary
    frames: int
    size_wh: SizeWH
    recorded_fps: float
    troubles: tuple[str, ...]


def tune(job: TuneJob, on_progress: Progress) -> TuneResult:
    """Judge a recording, write its sheet and video, and suggest settings.

    Raises SourceUnavailable where the recording gives no frame or is a live camera, EdgeheatError where an output
    cannot be written; then, and on Ctrl-C, no output exists that did not exist before. A recording that breaks off is
    used as far as it goes, with a warning in the log.
    """
    _check(job)
    motion = replace(job.params.motion, feet=False)
    job = replace(job, params=replace(job.params, motion=motion, heats=(), new_epoch_when_moved=False))
    seen = _look(job, on_progress)
    taken = [zone.name for zone in job.params.zones]
    advice = advise(seen.summary, motion, taken, seen.recorded_fps)
    with StagedOutputs() as outputs:
        tiles: dict[int, U8] = {}
        chosen = choose(seen.statistics.records, seen.statistics.zones.counted.size)
        pairs = _Pairs(job, seen, chosen, tiles, on_progress)
        if job.video is not None:
            suffix, size_wh = job.video.suffix, pairs.video_wh
            rate = max(1.0, (len(seen.statistics.records) - 1) / max(seen.summary.length_s, 0.1))
            outputs.stage_by_name(
                job.video,
                lambda temp: write_video(
                    temp, suffix, pairs.drawn(), size_wh=size_wh, rate=rate, codec="h264", crf=_CRF
                ),
            )
        else:
            for _ in pairs.drawn():
                pass
        # The sheet's pictures come with the second reading, so it is staged last.
        sheet = _sheet(job, seen, [tiles[index] for index in sorted(tiles)])
        data, _ = encode(sheet, IMAGE_FORMATS[job.sheet.suffix.lower()], _QUALITY)
        outputs.stage(job.sheet, lambda file: file.write(data))
        written = outputs.place(overwrite=job.overwrite)
    return TuneResult(tuple(reversed(written)), seen.summary, advice, seen.troubles)


def choose(records: list[FrameRecord], cells: int) -> dict[int, str]:
    """Return which glances a sheet shows, by their place, each with the reason: where most happens, and the worst.

    First each reason for which whole frames were left out, then the worst of each part that is left out, then most
    presence, some way apart as far as the recording is long enough for it. cells: of the grid.
    """
    apart_s = (records[-1].mono_s - records[0].mono_s) * _APART_SHARE
    chosen: dict[int, str] = {}

    def take(worths: list[float], least: float, most: int, words: str) -> None:
        """Choose the glances that are worth most, but none worth less than `least`."""
        for index in sorted(range(len(records)), key=lambda place: -worths[place]):
            if most == 0 or len(chosen) >= _INSTANTS or worths[index] < least:
                return
            if all(abs(records[index].mono_s - records[other].mono_s) >= apart_s for other in chosen):
                chosen[index] = words
                most -= 1

    for rejection in dict.fromkeys(record.rejection for record in records if record.rejection is not None):
        take([float(record.rejection == rejection) for record in records], 1.0, _WORST_OF_EACH, "")
    parts: tuple[Part, ...] = ("shadow", "speck", "flicker", "masked")
    for part in parts:
        ratios = [record.cells[part] / cells for record in records]
        take(ratios, _WORTH_SHOWING_RATIO, _WORST_OF_EACH, f"most: {WORDS[part]}")
    take([record.cells["staying"] / cells for record in records], 1 / cells, _WORST_OF_EACH, "most: stays")
    presence = [(record.cells["traffic"] + record.cells["staying"]) / cells for record in records]
    take(presence, 1 / cells, _INSTANTS, "most presence")
    take([1.0] * len(records), 1.0, _INSTANTS, "")
    return chosen


def table(summary: Summary, troubles: tuple[str, ...]) -> list[str]:
    """Return the figures as lines of a table."""
    total = sum(summary.part_cell_s.values())
    lines = [f"{summary.length_s:.1f} s looked at, {summary.judged_s:.1f} s counted", ""]
    lines.append(f"{'part':24}{'cell-seconds':>14}{'share':>8}")
    for part in PARTS:
        seconds = summary.part_cell_s[part]
        lines.append(f"{WORDS[part]:24}{seconds:14.0f}{_share(seconds, total):>8}")
        if part == "given up":
            causes = {reason: s for reason, s in summary.rejected_cell_s.items() if reason in ("ghost", "furniture")}
            lines += [f"  of these {cause:15}{cell_s:14.0f}" for cause, cell_s in causes.items()]
    for reason, seconds in summary.rejected_s.items():
        words = _REJECTIONS[reason]
        lines.append(f"{words:34}{seconds:6.1f} s  {_share(seconds, summary.length_s)} of the time")
    if summary.noise_levels is not None:
        lines.append(f"{'noise of a cell':34}{summary.noise_levels:6.1f} grey levels")
    return [*lines, *troubles]


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole > 0 else "0.0%"


def _check(job: TuneJob) -> None:
    """Refuse what cannot end well before the long work begins."""
    target = recorded_target(job.source, "tune")
    check_target(job.sheet, SHEET_FORMATS, target)
    if job.video is not None:
        check_video_target(job.video, "h264", target)


def _open(job: TuneJob) -> Source:
    return open_source(
        job.source, SourceOptions(clock=None, fps=job.fps, start=job.start, count=job.count, step=job.step)
    )


def _look(job: TuneJob, on_progress: Progress) -> _Seen:
    """Run the engine over the recording and add up what it makes of it."""
    source = _open(job)
    told = source.frame_count()
    first: Frame | None = None
    troubles: dict[str, None] = {}
    done = 0
    for done, frame in enumerate(frames_of(source, job.source), start=1):
        if first is None:
            first = frame
            grid_wh = grid_size_wh(frame.size_wh, job.params.motion.grid_width)
            statistics = RecordingStatistics(ZoneMasks.from_params(job.params.zones, grid_wh))
            pipeline = CameraPipeline(job.params, statistics.add)
        last = frame
        skipped = pipeline.frames_skipped
        pipeline.step(frame)
        pipeline.take_increments()
        if pipeline.frames_skipped == skipped:
            statistics.add_grid(to_grid(frame, grid_wh), frame.mono_s)
            _note(troubles, pipeline.health)
        on_progress(done, None if told is None else 2 * max(told, done))
    if first is None:
        raise SourceUnavailable(f"{redact(job.source)}: no frames in the chosen part: look at start, frames and step")
    pipeline.flush()
    length_s = last.mono_s - first.mono_s
    summary = statistics.summary(pipeline.take_left_out())
    fps = (done - 1) / length_s if length_s > 0 else job.params.motion.analysis_fps
    return _Seen(statistics, summary, done, first.size_wh, fps, tuple(troubles))


def _note(troubles: dict[str, None], health: Health | None) -> None:
    if health is not None and health.verdict != "ok":
        troubles.setdefault(f"{health.verdict}: {health.reason}")


class _Pairs:
    """The second pass: each analysed frame beside what was made of it."""

    def __init__(
        self, job: TuneJob, seen: _Seen, chosen: dict[int, str], tiles: dict[int, U8], on_progress: Progress
    ) -> None:
        """`tiles` gets those of the `chosen` glances, by their place."""
        self._job, self._seen, self._chosen, self._tiles, self._on_progress = job, seen, chosen, tiles, on_progress
        self._picture_wh = fitted_wh(seen.size_wh, _video_within_wh(seen.size_wh))
        self._tile_wh = fitted_wh(seen.size_wh, _TILE_WITHIN_WH)
        self._key = draw_key("", _entries(seen.summary), 2 * self._picture_wh[0])
        self._blackouts = {size: blackout_mask(job.params.zones, size) for size in (self._picture_wh, self._tile_wh)}

    @property
    def video_wh(self) -> SizeWH:
        """Size of a picture of the video."""
        height = self._picture_wh[1] + 24 + self._key.shape[0]
        return 2 * self._picture_wh[0], height

    def drawn(self) -> Iterator[tuple[U8, float]]:
        """Yield the pictures of the video with their times, if there is to be one, and put the sheet's aside."""
        records = self._seen.statistics.records
        following = iter(enumerate(records))
        index, record = next(following)
        frames = itertools.islice(frames_of(_open(self._job), self._job.source), self._seen.frames)
        for done, frame in enumerate(frames, start=1):
            self._on_progress(self._seen.frames + done, 2 * self._seen.frames)
            if frame.mono_s != record.mono_s:
                continue
            if index in self._chosen:
                self._tiles[index] = self._pair(frame, index, record, self._tile_wh)
            if self._job.video is not None:
                pair = self._pair(frame, index, record, self._picture_wh)
                yield np.vstack([pair, self._key]), frame.mono_s
            index, record = next(following, (index, record))

    def _pair(self, frame: Frame, index: int, record: FrameRecord, size_wh: SizeWH) -> U8:
        picture = frame.colour(size_wh)
        blackout = self._blackouts[size_wh]
        if blackout is not None:
            picture[blackout > 0] = 0
        zero_s = self._seen.statistics.records[0].mono_s
        at = record.mono_s - zero_s
        words = f"{int(at) // 60}:{at % 60:04.1f}"
        reason = self._chosen.get(index, "") if size_wh == self._tile_wh else ""
        trouble = "" if record.rejection is None else _REJECTIONS[record.rejection]
        return draw_pair(picture, self._seen.statistics.final_codes_at(index), f"{words}  {reason}".rstrip(), trouble)


def _video_within_wh(size_wh: SizeWH) -> SizeWH:
    """Return what a picture of the video lies within: large enough for words, and no larger than its frame is worth."""
    (width, height), (least, most) = size_wh, (_VIDEO_LEAST_WH, _VIDEO_MOST_WH)
    return min(max(width, least[0]), most[0]), min(max(height, least[1]), most[1])


def _entries(summary: Summary) -> list[tuple[Part | None, str]]:
    """Return the key: each part with its colour, seconds and share; then the whole frames that were left out."""
    total = sum(summary.part_cell_s.values())
    entries: list[tuple[Part | None, str]] = [
        (part, f"{WORDS[part]} {summary.part_cell_s[part]:.0f} cell-s ({_share(summary.part_cell_s[part], total)})")
        for part in PARTS
        if summary.part_cell_s[part] > 0 or part in ("traffic", "staying")
    ]
    entries += [(None, f"{_REJECTIONS[reason]} {seconds:.1f} s") for reason, seconds in summary.rejected_s.items()]
    return entries


def _sheet(job: TuneJob, seen: _Seen, pairs: list[U8]) -> U8:
    columns = min(max(1, _SHEET_WIDTH // pairs[0].shape[1]), len(pairs))
    width = columns * pairs[0].shape[1]
    summary = seen.summary
    title = f"{job.params.camera}: {summary.length_s:.0f} s, {summary.judged_s:.0f} s counted"
    return draw_sheet(draw_key(title, _entries(summary), width), pairs, columns)
