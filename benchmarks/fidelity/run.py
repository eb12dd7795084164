"""Measures the selected scenes in parallel processes, and draws their pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import cv2

from benchmarks.fidelity import exposure_jump, pictures
from benchmarks.fidelity.count import count_edgeheat, count_rivals
from benchmarks.fidelity.real import recordings
from benchmarks.fidelity.real.measure import FOLDER, RealResult, measure
from benchmarks.fidelity.results import JumpResult, SceneResult
from benchmarks.fidelity.rivals import RIVALS
from benchmarks.fidelity.scenes import SCENES, make
from benchmarks.fidelity.scores import score

_Result = TypeVar("_Result", SceneResult, RealResult)

_NICE = 10
"""Niceness of the processes: they take long and must not slow down other work."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which scenes and methods are measured, and where files are kept."""

    folder: Path
    """Where recordings, rivals' heats and pictures are kept."""

    rivals: bool
    jump: bool
    """Whether the real recording with an exposure jump is measured too, if it exists."""

    real: bool
    """Whether the real recordings with ground truth are measured too, if there are any."""

    numbers: tuple[int, ...]
    """Of the scenes."""

    seed_offset: int = 0
    """Added to the scenes' seeds: other people with the same disturbances."""

    def truth_folder(self) -> Path | None:
        """Return the folder of the real recordings to measure; None: none. Raises as `recordings.folder`."""
        return recordings.folder() if self.real else None


@dataclass(frozen=True, slots=True)
class Measured:
    """All results of one run."""

    scenes: list[SceneResult]
    """By number."""

    jump: JumpResult | None
    """None: not measured."""

    real: list[RealResult]
    """By variant and name; empty: not measured."""


def measure_all(selection: Selection, jobs: int, on_done: Callable[[str], None]) -> Measured:
    """Measure what is selected; `on_done` is called with a line for each scene and recording.

    Raises ValueError if EDGEHEAT_TRUTH names a folder without recordings.
    """
    selection.folder.mkdir(parents=True, exist_ok=True)
    truth = selection.truth_folder()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_init_process) as pool:
        video = exposure_jump.recording() if selection.jump else None
        kept = selection.folder / f"{video.stem}.rivals.npz" if video is not None and selection.rivals else None
        of_jump = pool.submit(exposure_jump.measure, video, kept) if video is not None else None
        of_real = (
            [
                pool.submit(measure, truth, name, variant, selection.folder / FOLDER, classic=selection.rivals)
                for variant in recordings.VARIANTS
                for name in recordings.names(truth)
            ]
            if truth is not None
            else []
        )
        of_scenes = [pool.submit(measure_scene, selection, number) for number in selection.numbers]
        for of in _as_done(of_real):
            on_done(f"recording {of.name} {of.variant}: CC {of.edgeheat.cc:.3f}")
        for result in _as_done(of_scenes):
            on_done(f"scene {result.number} {result.slug}: CC {result.edgeheat.cc:.3f}")
        return Measured(
            sorted((future.result() for future in of_scenes), key=lambda each: each.number),
            of_jump.result() if of_jump is not None else None,
            [future.result() for future in of_real],
        )


def _as_done(futures: Sequence[Future[_Result]]) -> Iterator[_Result]:
    return (future.result() for future in as_completed(futures))


def _init_process() -> None:
    os.nice(_NICE)
    cv2.setNumThreads(1)


def picture_path(folder: Path, result: SceneResult) -> Path:
    """Return the path of a scene's row of pictures."""
    return folder / f"{result.number:02d}-{result.slug}.jpg"


def measure_scene(selection: Selection, number: int) -> SceneResult:
    """Draw one scene if necessary, count it with all methods, score the heats, and write its row of pictures."""
    scene = next(each for each in SCENES if each.number == number)
    clip = make(scene, selection.folder, selection.seed_offset)
    presence_s = clip.truth.moving_s + clip.truth.standing_s
    samples = pictures.SampledPictures()
    heat_s = count_edgeheat(clip.video, on_frame=samples.add)
    heats = count_rivals(clip.video, clip.video.with_suffix(".rivals.npz")) if selection.rivals else []
    in_seconds = {rival.name: rival.in_seconds for rival in RIVALS}
    result = SceneResult(
        number=scene.number,
        slug=scene.name,
        title=scene.title,
        duration_s=scene.duration_s,
        edgeheat=score(heat_s, presence_s),
        rivals={each.name: score(each.heat, presence_s, in_seconds=in_seconds[each.name]) for each in heats},
    )
    panels = [("truth", presence_s), (f"edgeheat, CC {result.edgeheat.cc:.2f}", heat_s)]
    best = result.best_rival
    panels += [(f"{each.name}, CC {result.rivals[best].cc:.2f}", each.heat) for each in heats if each.name == best]
    picture_path(selection.folder, result).write_bytes(pictures.encode(pictures.row(samples.taken, panels)))
    return result
