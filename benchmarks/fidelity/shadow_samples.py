"""Takes samples of people and of light from recordings with ground truth, with the shadow classifier's own features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fidelity.count import frames
from benchmarks.fidelity.real import recordings
from benchmarks.fidelity.scenes import FidelityScene, make, setup_of
from edgeheat.core.foreground.background import BackgroundModel, tint_of
from edgeheat.core.foreground.shadow_evidence import Features, ShadowWeights, evidence
from edgeheat.core.foreground.shadows import ShadowClassifier
from edgeheat.core.grid.frames import F32, U8, Frame
from edgeheat.core.grid.masks import absolute_difference, dilated_by, exceeds, half_hw, halved, resized, square_kernel
from edgeheat.core.grid.sampling import FrameSampler, grid_size_wh, to_grid
from edgeheat.defs.params import MotionParams

_SCENE_FPS = 5 / 6
"""Scenes are minutes long: of them fewer frames a second are taken than the engine analyses."""

_MIN_DIFFERENCE = 15
"""A cell is a sample if it differs from the background by more than this, in grey levels."""

_PERSON_COVERS = 200
"""A cell at half the grid is one of a person who covers more than this, of 255; and light where nobody is near."""

_PEOPLE_RIM = 5
"""Width of the square by which people are dilated before the background is learned, in cells of the array."""

_OBSERVED_S = 100.0
"""For how long the background counts as observed: it is known everywhere."""

_MAX_SAMPLES = 30000
"""Of a recording; chosen at random, with the same seed each time."""

WEIGHTS = tuple(field.name for field in fields(ShadowWeights))
"""The names of the weights, in the order of the design's columns."""


@dataclass(frozen=True, slots=True)
class LabelledFrames:
    """The analysed frames of a recording on the grid, with where people are in each."""

    luma: U8
    """(frames, height, width)."""

    chroma: U8
    """(frames, height, width, 2) at half the grid, around 128."""

    people: U8
    """How much of each cell people cover, 0 to 255, (frames, height, width)."""

    truth_known: U8
    """255 where the recording has ground truth, (height, width)."""

    first: int
    """Number of the first frame of which samples are taken; those before show the background too."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Cells that differ from the background, each of a person or of light."""

    design: F32
    """(samples, weights): with which factor each of `WEIGHTS` adds to the evidence."""

    person: NDArray[np.bool_]
    """(samples,): whether a person is there."""

    @property
    def counts(self) -> tuple[int, int]:
        """How many are of people, and how many of light."""
        people = int(np.count_nonzero(self.person))
        return people, len(self.person) - people


def of_recording(source: Path, name: str) -> LabelledFrames:
    """Return the frames that the engine would analyse. Raises ValueError as `person_masks` and for a grey picture."""
    recording = recordings.opened(source, name, recordings.VARIANTS[0], source)
    masks = recordings.person_masks(source, name)
    known = recording.scored.astype(np.uint8) * np.uint8(255)
    return _labelled(
        recording.video,
        MotionParams().analysis_fps,
        lambda number, _: masks[number],
        known,
        count=recording.until,
        before=recording.before,
    )


def of_scene(scene: FidelityScene, folder: Path) -> LabelledFrames:
    """Return frames of a scene, which is drawn if necessary."""
    clip, drawn = make(scene, folder), setup_of(scene).scene

    def people(_: int, t_s: float) -> U8:
        masks = drawn.masks(t_s)
        return np.maximum(masks.moving, masks.standing)

    return _labelled(clip.video, _SCENE_FPS, people, np.full(clip.truth.moving_s.shape, 255, np.uint8))


def _labelled(
    video: Path,
    fps: float,
    people_at: Callable[[int, float], U8],
    truth_known: U8,
    *,
    count: int | None = None,
    before: int = 0,
) -> LabelledFrames:
    """Read a recording; `people_at` a frame's number and time: 255 where a person is, in the picture's size."""
    sampler = FrameSampler(fps)
    due = ((number, frame) for number, frame in enumerate(frames(video, count)) if sampler.due(frame.mono_s))
    numbers, luma, chroma, people = [], [], [], []
    grid_wh = (0, 0)
    for number, frame in due:
        grid_wh = grid_size_wh(frame.size_wh, MotionParams().grid_width)
        numbers.append(number)
        luma.append(to_grid(frame, grid_wh))
        chroma.append(_chroma(frame, video, half_hw(grid_wh)))
        people.append(resized(people_at(number, frame.mono_s), grid_wh))
    first = sum(number < before for number in numbers)
    return LabelledFrames(
        np.stack(luma), np.stack(chroma), np.stack(people), exceeds(resized(truth_known, grid_wh), 254), first
    )


def _chroma(frame: Frame, video: Path, half_wh: tuple[int, int]) -> U8:
    chroma = frame.chroma(half_wh)
    if chroma is None:
        raise ValueError(f"{video}: a grey picture; the weights are fitted on colour: take it out of the folder")
    return chroma


def take(of: LabelledFrames) -> Samples:
    """Return samples of a recording, compared with what it shows where nobody is."""
    luma, empty = median_without_people(of.luma, of.people)
    half_people = np.stack([halved(each) for each in of.people])
    planes = [median_without_people(of.chroma[..., plane], half_people) for plane in (0, 1)]
    tint = tint_of(np.stack([plane for plane, _ in planes], axis=-1), gain=1.0)
    usable = exceeds(halved(empty & of.truth_known), 254) & planes[0][1] > 0
    background = BackgroundModel(luma, tint, np.full(usable.shape, _OBSERVED_S, np.float32))
    classifier = ShadowClassifier(background)
    designs, persons = [], []
    for frame, chroma, people in list(zip(of.luma, of.chroma, half_people, strict=True))[of.first :]:
        differs = halved(exceeds(absolute_difference(frame, background.luma), _MIN_DIFFERENCE)) > 127
        person = people > _PERSON_COVERS
        light = dilated_by(exceeds(people, 0), square_kernel(3)) == 0
        taken = differs & usable & (person | light)
        designs.append(design(classifier.features(halved(frame), tint_of(chroma, gain=1.0)))[taken])
        persons.append(person[taken])
    rows, person = np.concatenate(designs), np.concatenate(persons)
    chosen = np.random.default_rng(0).permutation(len(rows))[:_MAX_SAMPLES]
    return Samples(rows[chosen], person[chosen])


def design(of: Features) -> F32:
    """Return with which factor each weight adds to the engine's evidence, (height, width, weights).

    The evidence is linear in the weights, so that the engine itself says so: it is asked with each of them alone as 1.
    """
    return np.stack([evidence(of, ShadowWeights(**{name: 1.0})) for name in WEIGHTS], axis=-1)


def median_without_people(values: U8, people: U8) -> tuple[U8, U8]:
    """Return the median of the frames at each cell that nobody covers then, and 255 where there are any.

    `values` and `people`, 0 where nobody is: (frames, height, width).
    """
    near = np.stack([dilated_by(exceeds(each, 0), square_kernel(_PEOPLE_RIM)) for each in people]) > 0
    ordered = np.sort(np.where(near, np.int16(256), values), axis=0)  # people last
    count = np.count_nonzero(~near, axis=0)
    middle = np.maximum(count - 1, 0)[None] // 2
    median = np.take_along_axis(ordered, middle, axis=0)[0]
    return np.minimum(median, 255).astype(np.uint8), (count > 0).astype(np.uint8) * np.uint8(255)
