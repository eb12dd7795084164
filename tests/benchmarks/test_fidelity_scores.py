"""Tests the scores of the fidelity benchmark against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fidelity.scores import (
    GRID_HW,
    SIGMA_RATIO,
    Scores,
    cc,
    false_share,
    on_grid,
    score,
    sim,
    smooth,
    total_ratio,
)

EMPTY = np.zeros((2, 2))
CORNER = np.array([[4.0, 0.0], [0.0, 0.0]])
OTHER = np.array([[0.0, 0.0], [0.0, 2.0]])


def one_person(top: int, left: int) -> np.ndarray:
    """A person of 40 by 20 pixels on 360 by 640, seen for 3 s."""
    presence_s = np.zeros((360, 640), np.float32)
    presence_s[top : top + 40, left : left + 20] = 3.0
    return presence_s


@pytest.mark.parametrize(
    ("case", "heat", "truth", "expected"),
    [
        ("the same map", CORNER, CORNER, 1.0),
        ("another scale and offset change nothing", 3 * CORNER + 1, CORNER, 1.0),
        ("inverted", 4 - CORNER, CORNER, -1.0),
        ("two of four cells, one of them right", np.array([[1.0, 1.0], [0.0, 0.0]]), CORNER, 1 / 3**0.5),
        ("one cell, the wrong one", OTHER, CORNER, -1 / 3),
        ("no heat", EMPTY, CORNER, 0.0),
        ("a flat heat", EMPTY + 7, CORNER, 0.0),
        ("no truth", CORNER, EMPTY, 0.0),
        ("neither", EMPTY, EMPTY, 0.0),
    ],
)
def test_correlation(case: str, heat: np.ndarray, truth: np.ndarray, expected: float) -> None:
    assert cc(heat, truth) == pytest.approx(expected), case


@pytest.mark.parametrize(
    ("case", "heat", "truth", "expected"),
    [
        ("the same shape at another scale", 5 * CORNER, CORNER, 1.0),
        ("nothing in common", OTHER, CORNER, 0.0),
        ("a quarter of the heat is right", np.ones((2, 2)), CORNER, 0.25),
        ("0.5 and 0.5 against 0.75 and 0.25", np.array([[1.0, 1.0]]), np.array([[3.0, 1.0]]), 0.75),
        ("no heat", EMPTY, CORNER, 0.0),
        ("no truth", CORNER, EMPTY, 0.0),
    ],
)
def test_histogram_intersection(case: str, heat: np.ndarray, truth: np.ndarray, expected: float) -> None:
    assert sim(heat, truth) == pytest.approx(expected), case


@pytest.mark.parametrize(
    ("case", "heat", "truth", "expected"),
    [
        ("half of the truth, at another place", OTHER, CORNER, 0.5),
        ("no heat", EMPTY, CORNER, 0.0),
        ("no truth and no heat", EMPTY, EMPTY, 1.0),
        ("no truth, but heat", CORNER, EMPTY, float("inf")),
    ],
)
def test_total(case: str, heat: np.ndarray, truth: np.ndarray, expected: float) -> None:
    assert total_ratio(heat, truth) == pytest.approx(expected), case


@pytest.mark.parametrize(
    ("case", "at", "expected"),
    [
        ("at the person", (10, 10), 0.0),
        ("two cells away, straight", (10, 12), 0.0),
        ("two cells away, diagonally", (8, 8), 0.0),
        ("three cells away", (10, 13), 0.25),
        ("far away", (0, 0), 0.25),
    ],
)
def test_heat_three_cells_away_from_a_person_is_false(case: str, at: tuple[int, int], expected: float) -> None:
    presence_s, heat = np.zeros((20, 20)), np.zeros((20, 20))
    presence_s[10, 10], heat[10, 10] = 0.5, 3.0
    heat[at] += 1.0
    assert false_share(heat, presence_s) == pytest.approx(expected), case


def test_without_heat_nothing_is_false_and_without_people_everything() -> None:
    assert false_share(EMPTY, CORNER) == 0.0
    assert false_share(CORNER, EMPTY) == 1.0


def test_area_averaging_keeps_the_mean_and_weights_parts_of_cells() -> None:
    assert on_grid(np.array([[1.0, 3.0], [5.0, 7.0]]), (1, 1)).tolist() == [[4.0]]
    assert on_grid(np.array([[1.0, 3.0]]), (2, 4)).tolist() == [[1, 1, 3, 3]] * 2
    assert on_grid(np.array([[3.0, 6.0, 9.0]]), (1, 2))[0] == pytest.approx([4.0, 8.0])
    assert on_grid(np.array([[4.0, 8.0]]), (1, 3))[0] == pytest.approx([4.0, 6.0, 8.0])
    uneven = np.random.default_rng(1).random((100, 178))
    assert on_grid(uneven).mean() == pytest.approx(uneven.mean())
    assert on_grid(uneven).shape == GRID_HW


def test_an_8_bit_map_does_not_overflow() -> None:
    assert on_grid(np.full((4, 4), 255, np.uint8), (2, 2)).tolist() == [[255.0, 255.0]] * 2
    assert total_ratio(np.full((9, 9), 255, np.uint8), np.full((9, 9), 1.0)) == pytest.approx(255.0)


def test_smoothing_has_the_stated_width_and_loses_nothing_at_the_edge() -> None:
    middle, edge = np.zeros(GRID_HW), np.zeros(GRID_HW)
    middle[90, 160], edge[0, 0] = 1.0, 1.0
    across = smooth(middle).sum(axis=0)
    sigma = float(np.sqrt(np.sum(across * (np.arange(320) - 160.0) ** 2)))
    assert sigma == pytest.approx(SIGMA_RATIO * 320, rel=0.02)
    assert smooth(edge).sum() == pytest.approx(1.0)


def test_a_perfect_heat_scores_full_marks_on_a_grid_of_its_own() -> None:
    presence_s = one_person(top=100, left=200)
    scores = score(on_grid(presence_s, (90, 160)), presence_s)
    assert scores.cc == pytest.approx(1.0, abs=0.001)
    assert scores.sim == pytest.approx(1.0, abs=0.001)
    assert scores.total_ratio == pytest.approx(1.0)
    assert scores.false_share == 0.0


def test_a_heat_with_half_at_a_wrong_place_scores_half() -> None:
    presence_s = one_person(top=100, left=200)
    scores = score(presence_s + one_person(top=250, left=500), presence_s)
    assert scores.sim == pytest.approx(0.5, abs=0.01)
    assert scores.total_ratio == pytest.approx(2.0)
    assert scores.false_share == pytest.approx(0.5)
    assert scores.cc == pytest.approx(0.7, abs=0.02)


def test_no_heat_scores_zero_without_an_error() -> None:
    assert score(np.zeros((180, 320)), one_person(0, 0)) == Scores(0.0, 0.0, 0.0, 0.0)


def test_a_heat_in_another_unit_has_no_total() -> None:
    assert score(one_person(0, 0), one_person(0, 0), in_seconds=False).total_ratio is None
