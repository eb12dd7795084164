"""Runs `edgeheat heat`: answers one question to history with files and sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgeheat.core.floorplan.picture import decode_image
from edgeheat.core.grid.frames import U8
from edgeheat.core.render.side_by_side import Layout
from edgeheat.defs.history import Level
from edgeheat.defs.params import Measure
from edgeheat.errors import HistoryError
from edgeheat.history.answer import Answer
from edgeheat.history.comparison_answer import answer_comparison
from edgeheat.history.heat_answer import HeatAnswer, answer_heat, only_zone
from edgeheat.history.plan_answer import answer_plan
from edgeheat.history.profile_answer import answer_profile
from edgeheat.history.timelapse import Timelapse
from edgeheat.local_time.period import ALL_WEEKDAYS, WHOLE_DAY
from edgeheat.offline.history.files import check_outputs, default_output, stage_answer
from edgeheat.offline.history.question import Site, When
from edgeheat.offline.outputs import StagedOutputs
from edgeheat.offline.video import check_video_target, write_video
from edgeheat.plan_image import read_plan_image
from edgeheat.store.history.store import HistoryStore

_PICTURES_PER_S = {Level.HOUR: 4.0, Level.DAY: 1.0}
"""Pictures of a time-lapse per second: a day of hours takes six seconds, a month of days half a minute."""

_VIDEO_CRF = 23
"""x264's constant rate factor, 0..51; lower is better and larger."""

Progress = Callable[[int, int], None]
"""Called with the number of steps done and the total."""


@dataclass(frozen=True, slots=True)
class HeatJob:
    """One question, and the files to write."""

    name: str
    """A camera or a floor plan."""

    when: When
    against: str | None = None
    """The period with which to compare, see `Site.earlier`."""

    profile: bool = False
    """Whether to ask for the hours of the week instead of the places."""

    measure: Measure = "presence"
    zone: str | None = None
    epoch: int | None = None
    per_hour: bool = False
    layout: Layout = "row"

    outputs: tuple[Path, ...] = ()
    """Pictures (.png, .jpg, .webp), .csv, .json and .npz; without any, and without a video, a picture gets a name."""

    timelapse: Path | None = None
    """Video of the hours or days of the period, H.264."""

    step: Level = Level.HOUR
    overwrite: bool = False
    """Whether to replace existing files; if not, a number is added to the new name."""


@dataclass(frozen=True, slots=True)
class HeatResult:
    """The answer in words, and the written files."""

    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    """What is not included."""

    written: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer, and what is needed to write it."""

    answer: Answer

    picture: Path
    """Name of the picture if no file was named."""

    quality: int
    """Of JPEG and WebP, 1..100."""

    problem: str = ""
    """Why a picture lacks something, or empty."""


def heat(site: Site, job: HeatJob, on_progress: Progress) -> HeatResult:
    """Answer a question and write the files.

    Raises HistoryError where there is no answer, StoreError where the history cannot be read, EdgeheatError where an
    output cannot be written; then, and on Ctrl-C, no new file remains.
    """
    check_outputs(job.outputs, site.history)
    if job.timelapse is not None:
        check_video_target(job.timelapse, "h264", str(site.history))
    with HistoryStore(site.history, read_only=True) as store:
        answered = _plan_answer(site, job, store) if _is_plan(site, job) else _camera_answer(site, job, store)
        answer, outputs = answered.answer, job.outputs
        if not outputs and job.timelapse is None:
            outputs = (answered.picture,)
            check_outputs(outputs, site.history)
        with StagedOutputs() as staged:
            for path in outputs:
                stage_answer(staged, path, answer, answered.quality)
            if job.timelapse is not None:
                assert isinstance(answer, HeatAnswer)
                parts = Timelapse.of(store, answer, job.step)
                _stage_timelapse(staged, job.timelapse, parts, _PICTURES_PER_S[job.step], on_progress)
            written = staged.commit(overwrite=job.overwrite)
    problems = [answered.problem] if answered.problem else []
    return HeatResult(tuple(answer.sentences()), (*answer.notes(), *problems), written)


def _is_plan(site: Site, job: HeatJob) -> bool:
    return job.name in {plan.name for plan in site.config.plan}


def _camera_answer(site: Site, job: HeatJob, store: HistoryStore) -> _Answered:
    when = job.when
    if job.profile and when.from_text is None and when.to_text is None:
        when = replace(when, from_text=site.last_weeks())
    params = site.camera_params(job.name, store)
    only_zone(params, job.zone)
    with site.known_period(job.name, [job.name], store):
        selection = site.selection(when)
        answer: Answer
        if job.against is not None:
            earlier = site.earlier(job.against, when, selection)
            answer = answer_comparison(store, params, earlier, selection, job.measure, zone=job.zone, layout=job.layout)
            what = f"against {replace(earlier, hours=WHOLE_DAY, weekdays=ALL_WEEKDAYS, opening=None).words()}"
        elif job.profile:
            answer = answer_profile(store, params, selection, job.measure, epoch=job.epoch, zone=job.zone)
            what = "profile"
        else:
            answer = answer_heat(
                store, params, selection, job.measure, epoch=job.epoch, zone=job.zone, per_hour=job.per_hour
            )
            what = ""
    picture = default_output(job.name, job.zone or "", _measure_word(job), selection.words(), what)
    return _Answered(answer, picture, params.style.quality)


def _measure_word(job: HeatJob) -> str:
    return "" if job.measure == "presence" else job.measure


def _plan_answer(site: Site, job: HeatJob, store: HistoryStore) -> _Answered:
    asked = {
        "--against": job.against, "--profile": job.profile, "--timelapse": job.timelapse, "--zone": job.zone,
        "--epoch": job.epoch,
    }  # fmt: skip
    for option, value in asked.items():
        if value:
            raise HistoryError(f"{job.name} is a floor plan, and {option} answers for one camera: name a camera")
    index = [plan.name for plan in site.config.plan].index(job.name)
    plan, params = site.config.plan[index], site.config.plan_params()[index]
    image, problem = read_plan_image(plan.image, decode_image)
    with site.known_period(job.name, [view.camera for view in params.views], store):
        selection = site.selection(job.when)
        answer = answer_plan(store, params, selection, job.measure, image=image, per_hour=job.per_hour)
    return _Answered(
        answer, default_output(job.name, _measure_word(job), selection.words()), params.style.quality, problem
    )


def _stage_timelapse(
    outputs: StagedOutputs, path: Path, timelapse: Timelapse, rate: float, on_progress: Progress
) -> None:
    """Read each part twice: once for the scale that suits all, once to draw it."""
    count = len(timelapse.parts)
    top_s = 0.0
    for done, part_top_s in enumerate(timelapse.tops_s(), start=1):
        top_s = max(top_s, part_top_s)
        on_progress(done, 2 * count)

    def pictures() -> Iterator[tuple[U8, float]]:
        for done, picture in enumerate(timelapse.pictures(top_s), start=1):
            yield picture, done / rate
            on_progress(count + done, 2 * count)

    outputs.stage_by_name(
        path,
        lambda temp: write_video(
            temp, path.suffix, pictures(), size_wh=timelapse.size_wh, rate=rate, codec="h264", crf=_VIDEO_CRF
        ),
    )
