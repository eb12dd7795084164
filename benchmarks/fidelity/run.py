"""Measures the selected scenes in parallel processes, and draws their pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2

from benchmarks.fidelity import exposure_jump, pictures
from benchmarks.fidelity.count import count_edgeheat, count_rivals
from benchmarks.fidelity.results import JumpResult, SceneResult
from benchmarks.fidelity.rivals import RIVALS
from benchmarks.fidelity.scenes import SCENES, make
from benchmarks.fidelity.scores import score

_NICE = 10
"""Niceness of the processes: they take long and must not slow down other work."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which scenes and methods are measured, and where files are kept."""

    folder: Path
    """Where recordings, rivals' heats and pictures are kept."""

    rivals: bool
    real: bool
    """Whether the real recording is measured too, if it exists."""

    numbers: tuple[int, ...]
    """Of the scenes."""

    seed_offset: int = 0
    """Added to the scenes' seeds: other people with the same disturbances."""


def measure_all(
    selection: Selection, jobs: int, on_done: Callable[[str], None]
) -> tuple[list[SceneResult], JumpResult | None]:
    """Measure what is selected; results sorted by number, and the exposure jump or None."""
    selection.folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_init_process) as pool:
        real = exposure_jump.recording() if selection.real else None
        kept = selection.folder / f"{real.stem}.rivals.npz" if real is not None and selection.rivals else None
        of_jump = pool.submit(exposure_jump.measure, real, kept) if real is not None else None
        of_scenes = [pool.submit(measure_scene, selection, number) for number in selection.numbers]
        for result in _as_done(of_scenes):
            on_done(f"scene {result.number} {result.slug}: CC {result.edgeheat.cc:.3f}")
        results = [future.result() for future in of_scenes]
        return sorted(results, key=lambda each: each.number), of_jump.result() if of_jump is not None else None


def _as_done(futures: Sequence[Future[SceneResult]]) -> Iterator[SceneResult]:
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
