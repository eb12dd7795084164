"""The exposure of a frame is estimated and compensated, with people in the picture too."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.foreground.exposure import ExposureCompensation
from edgeheat.core.grid.frames import U8
from tests.core.drawn import HW, room

NOBODY: U8 = np.zeros(HW, np.uint8)
SCENE: U8 = room(noise=0).draw()[0]


def exposed(gain: float, offset: float, people: float = 0.0, noise: float = 1.0) -> U8:
    """The scene through another exposure; `people`: the share of its columns that dark people cover."""
    random = np.random.default_rng(1)
    seen = gain * SCENE.astype(np.float32) + offset + random.normal(0, noise, HW)
    seen[:, : round(people * HW[1])] = random.uniform(5, 60, HW)[:, : round(people * HW[1])]
    return np.asarray(np.clip(np.rint(seen), 0, 255), np.uint8)


@pytest.mark.parametrize(
    ("what", "gain", "offset", "people"),
    [
        ("unchanged", 1.0, 0.0, 0.0),
        ("somewhat brighter", 1.15, 4.0, 0.0),
        ("much darker at once", 0.55, 6.0, 0.0),
        ("much brighter at once", 1.5, -10.0, 0.0),
        ("brighter, and people fill 30 % of the picture", 1.15, 4.0, 0.3),
        ("much darker at once, and people fill 30 %", 0.6, 0.0, 0.3),
    ],
)
def test_gain_and_offset_are_estimated_and_compensated(what: str, gain: float, offset: float, people: float) -> None:
    exposure = ExposureCompensation()
    frame = exposed(gain, offset, people)
    for _ in range(3):
        normal = exposure.normalised(frame, SCENE, NOBODY)
    assert exposure.gain == pytest.approx(gain, abs=0.04), what
    assert exposure.offset == pytest.approx(offset, abs=4.0), what
    fair = np.s_[:, round(people * HW[1]) + 1 :]
    unclipped = (frame[fair] > 4) & (frame[fair] < 250)
    error = np.abs(normal[fair].astype(int) - SCENE[fair])[unclipped]
    assert np.mean(error) < 3.5, what


def test_cells_of_known_people_are_not_fitted() -> None:
    frame, people = exposed(1.2, 0.0, 0.6), NOBODY.copy()
    people[:, : round(0.62 * HW[1])] = 255
    exposure = ExposureCompensation()
    exposure.normalised(frame, SCENE, people)
    assert exposure.gain == pytest.approx(1.2, abs=0.03)


def test_a_frame_in_the_same_exposure_is_returned_unchanged() -> None:
    frame = exposed(1.0, 0.0)
    assert ExposureCompensation().normalised(frame, SCENE, NOBODY) is frame


def test_a_flat_scene_determines_an_offset_but_no_gain() -> None:
    random = np.random.default_rng(2)
    flat, brighter = (np.rint(random.normal(level, 2, HW)).astype(np.uint8) for level in (100, 120))
    exposure = ExposureCompensation()
    normal = exposure.normalised(brighter, flat, NOBODY)
    assert exposure.gain == 1.0
    assert exposure.offset == pytest.approx(20.0, abs=0.3)
    assert normal.mean() == pytest.approx(100, abs=0.7)


@pytest.mark.parametrize("level", [0, 255])
def test_a_completely_clipped_frame_changes_nothing(level: int) -> None:
    exposure = ExposureCompensation()
    frame = np.full(HW, level, np.uint8)
    assert exposure.normalised(frame, SCENE, NOBODY) is frame
    assert (exposure.gain, exposure.offset) == (1.0, 0.0)


def test_clipped_cells_do_not_bias_the_fit() -> None:
    exposure = ExposureCompensation()
    exposure.normalised(exposed(1.9, 20.0), SCENE, NOBODY)
    assert exposure.gain == pytest.approx(1.9, abs=0.12)


def test_a_grid_with_fewer_cells_than_a_fit_needs_is_not_compensated() -> None:
    small = np.full((3, 3), 90, np.uint8)
    assert ExposureCompensation().normalised(small, np.full((3, 3), 40, np.uint8), np.zeros((3, 3), np.uint8)) is small


def test_the_lift_is_the_offset_in_the_light_of_the_background() -> None:
    exposure = ExposureCompensation()
    for _ in range(3):
        exposure.normalised(exposed(0.8, 20.0), SCENE, NOBODY)
    assert exposure.lift == pytest.approx(25.0, abs=4.0)
    for _ in range(3):
        exposure.normalised(exposed(1.0, 0.0), SCENE, NOBODY)
    assert exposure.lift == 0.0
