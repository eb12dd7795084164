"""All of OpenCV's subtractors fulfil one contract: changes are found, and an unchanged picture gives none."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from edgeheat.core.foreground.subtractor import BACKGROUND_LEVEL, make_subtractor
from edgeheat.core.grid.frames import U8
from edgeheat.defs.params import MotionParams, Subtractor

HW = (60, 80)
DT_S = 0.2
EVERY: tuple[Subtractor, ...] = get_args(Subtractor)
WITH_MODEL = tuple(name for name in EVERY if name != "difference")


def picture(random: np.random.Generator, left: int | None = None) -> U8:
    """The input of a subtractor: noise around BACKGROUND_LEVEL, and a square of 16 cells that differs by 60."""
    drawn = random.normal(BACKGROUND_LEVEL, 1.0, HW)
    if left is not None:
        drawn[20:36, left : left + 16] += 60
    return np.asarray(np.clip(np.rint(drawn), 0, 255), np.uint8)


@pytest.mark.parametrize("name", WITH_MODEL)
def test_a_square_that_moves_is_found_where_it_is(name: Subtractor) -> None:
    random = np.random.default_rng(1)
    model = make_subtractor(MotionParams(subtractor=name), HW)
    for _ in range(400):
        model.changed(picture(random), DT_S)
    for left in (5, 25, 45):
        found = model.changed(picture(random, left), DT_S)
        inside = found[22:34, left + 2 : left + 14]
        assert inside.mean() > 0.9 * 255, name
        inside[:] = 0
        found[18:38, max(0, left - 2) : left + 18] = 0
        assert np.count_nonzero(found) < 0.02 * found.size, f"{name}: nothing elsewhere, nor at its previous position"


@pytest.mark.parametrize("name", EVERY)
def test_an_unchanged_noisy_scene_shows_nothing_once_it_is_learned(name: Subtractor) -> None:
    random = np.random.default_rng(2)
    model = make_subtractor(MotionParams(subtractor=name), HW)
    found = [np.count_nonzero(model.changed(picture(random), DT_S)) for _ in range(80)][40:]
    assert sum(found) < 0.001 * 40 * HW[0] * HW[1], name


@pytest.mark.parametrize("name", EVERY)
def test_masks_are_255_or_0_and_the_picture_is_not_changed(name: Subtractor) -> None:
    given = picture(np.random.default_rng(3), 10)
    before = given.copy()
    model = make_subtractor(MotionParams(subtractor=name), HW)
    for _ in range(3):
        found = model.changed(given, DT_S)
        assert found.dtype == np.uint8 and found.shape == HW
        assert set(np.unique(found)) <= {0, 255}
    np.testing.assert_array_equal(given, before)


def test_difference_adds_no_cells_of_its_own() -> None:
    model = make_subtractor(MotionParams(subtractor="difference"), HW)
    assert not model.changed(picture(np.random.default_rng(4), 10), DT_S).any()


def test_how_fast_mog2_learns_depends_on_the_time_and_not_on_the_number_of_frames() -> None:
    def seconds_until_learned(dt_s: float) -> float:
        random = np.random.default_rng(5)
        model = make_subtractor(MotionParams(history_s=20.0), HW)
        for _ in range(20):
            model.changed(picture(random), dt_s)
        for number in range(1000):
            if np.count_nonzero(model.changed(picture(random, 10), dt_s)[20:36, 10:26]) < 64:
                return number * dt_s
        return float("inf")

    slow, fast = seconds_until_learned(1.0), seconds_until_learned(0.1)
    assert 1.0 < slow < 200.0
    assert abs(fast - slow) < 0.35 * slow
