"""Measures scenes, each in a process of its own, two at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2

from benchmarks.fidelity import jump, pictures
from benchmarks.fidelity.count import count_edgeheat, count_rivals
from benchmarks.fidelity.measures import score
from benchmarks.fidelity.results import Jump, SceneResult
from benchmarks.fidelity.rivals import RIVALS
from benchmarks.fidelity.scenes import SCENES, make

_NICE = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    folder: Path
    """Where recordings, rivals' heats and pictures are kept."""

    rivals: bool
    real: bool
    """The real recording too, where it is there."""

    numbers: tuple[int, ...]
    """Of the scenes."""

    seed_offset: int = 0
    """Added to the scenes' seeds: other people, the same troubles."""


def measure_all(plan: Plan, jobs: int, on_done: Callable[[str], None]) -> tuple[list[SceneResult], Jump | None]:
    """Measure all that is planned; results by number."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_settle) as pool:
        real = jump.recording() if plan.real else None
        kept = plan.folder / f"{real.stem}.rivals.npz" if real is not None and plan.rivals else None
        of_jump = pool.submit(jump.measure, real, kept) if real is not None else None
        of_scenes = [pool.submit(measure_scene, plan, number) for number in plan.numbers]
        for result in _as_done(of_scenes):
            on_done(f"scene {result.number} {result.slug}: CC {result.edgeheat.cc:.3f}")
        results = [future.result() for future in of_scenes]
        return sorted(results, key=lambda each: each.number), of_jump.result() if of_jump is not None else None


def _as_done(futures: Sequence[Future[SceneResult]]) -> Iterator[SceneResult]:
    return (future.result() for future in as_completed(futures))


def _settle() -> None:
    os.nice(_NICE)
    cv2.setNumThreads(1)


def picture_path(folder: Path, result: SceneResult) -> Path:
    """Where the row of pictures of a scene lies."""
    return folder / f"{result.number:02d}-{result.slug}.jpg"


def measure_scene(plan: Plan, number: int) -> SceneResult:
    """Draw one scene if it is not there yet, count it in all ways and hold it against the truth; draws its pictures."""
    scene = next(each for each in SCENES if each.number == number)
    clip = make(scene, plan.folder, plan.seed_offset)
    presence_s = clip.truth.moving_s + clip.truth.standing_s
    glimpses = pictures.Glimpses()
    heat_s = count_edgeheat(clip.video, on_frame=glimpses.add)
    heats = count_rivals(clip.video, clip.video.with_suffix(".rivals.npz")) if plan.rivals else []
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
    picture_path(plan.folder, result).write_bytes(pictures.encode(pictures.row(glimpses.taken, panels)))
    return result
