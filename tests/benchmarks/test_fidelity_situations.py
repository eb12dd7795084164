"""Tests that each situation scene shows what it is for, and that its ground truth has people and nothing else."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
import pytest

from benchmarks.fidelity.passers import Present, Sitter
from benchmarks.fidelity.scene_setups import SceneSetup
from benchmarks.fidelity.scenes import SCENES
from benchmarks.fidelity.seated import SeatedPose


@lru_cache
def setup_of(number: int) -> SceneSetup:
    scene = SCENES[number - 1]
    return scene.build(scene.duration_s, 100 + number)


def grey(number: int, t_s: float) -> np.ndarray:
    """The brightness at an instant, with always the same noise."""
    scene = setup_of(number).scene
    return np.asarray(cv2.cvtColor(scene.bgr(scene.moment(t_s, 0)), cv2.COLOR_BGR2GRAY)).astype(int)


def people(number: int, t_s: float) -> np.ndarray:
    masks = setup_of(number).scene.masks(t_s)
    return (masks.moving | masks.standing) > 0


def without_people(number: int, t_s: float) -> np.ndarray:
    scene = setup_of(number).scene
    everybody, scene.people = scene.people, Present([])
    try:
        return grey(number, t_s)
    finally:
        scene.people = everybody


def test_a_crowd_covers_much_of_the_picture_and_comes_suddenly_into_a_quiet_one() -> None:
    crowded = [people(17, t_s).mean() for t_s in np.arange(4.0, 50.0, 2.0)]
    assert 0.2 < np.mean(crowded) < 0.5
    assert np.percentile(crowded, 20) > 0.15
    quiet = [people(17, t_s) for t_s in np.arange(76.0, 79.0, 0.2)]
    sudden = [(after & ~before).mean() for before, after in pairwise(quiet)]
    assert quiet[0].mean() < 0.06
    assert max(sudden) > 0.25


def test_people_at_the_window_are_dark_grey_and_behind_a_railing() -> None:
    t_s = 50.0
    seen, empty = grey(18, t_s), without_people(18, t_s)
    ratio = seen[people(18, t_s)] / empty[people(18, t_s)]
    assert 0.25 < np.median(ratio) < 0.65
    scene = setup_of(18).scene
    covered = people(18, t_s)
    railing, scene.effects = scene.effects, [each for each in scene.effects if type(each).__name__ != "Railing"]
    assert people(18, t_s).sum() > 1.1 * covered.sum()
    scene.effects = railing
    assert people(18, t_s).mean() < 0.04


def test_the_attendants_are_there_from_the_first_frame_to_the_last() -> None:
    length_s = SCENES[18].duration_s
    always = np.logical_or.reduce([people(19, 0.0)])
    assert always.sum() > 4000
    for t_s in np.linspace(0.0, length_s - 0.1, 25):
        left = people(19, float(t_s))[:, :120]
        assert left.sum() > 800, t_s


def test_people_sit_for_one_to_four_minutes_and_move_a_little() -> None:
    sitters: list[Sitter] = setup_of(20).scene.people.members
    assert len(sitters) >= 10
    lengths_s = [end - begin for begin, end in (one.sits_s for one in sitters)]
    assert 60 <= min(lengths_s) < max(lengths_s) <= 240
    one = next(each for each in sitters if 10 < each.sits_s[0] < 60)
    begin_s, end_s = one.sits_s
    before, during, after = (one.pose(t_s) for t_s in (begin_s - 3, (begin_s + end_s) / 2, end_s + 3))
    assert isinstance(during, SeatedPose)
    assert during.standing
    assert during.seated == 1.0
    assert not isinstance(before, SeatedPose)
    assert after is not None
    assert not after.standing
    assert one.pose(begin_s - 60) is None


def test_a_seated_person_is_lower_than_a_standing_one_in_front_of_the_seat() -> None:
    sitters: list[Sitter] = setup_of(20).scene.people.members
    scene = setup_of(20).scene
    one = next(each for each in sitters if each.faces == (0.0, -1.0) and each.sits_s[0] > 10)
    heights = []
    everybody, scene.people = scene.people, Present([one])
    for t_s in (one.sits_s[0] - 0.05, one.sits_s[0] + 5):
        rows = np.flatnonzero((scene.masks(t_s).standing > 0).any(axis=1))
        heights.append(rows[-1] - rows[0])
    scene.people = everybody
    assert 0.6 < heights[1] / heights[0] < 0.9


@pytest.mark.parametrize(
    ("number", "windows", "moves"),
    [
        (21, [(slice(60, 330), slice(420, 600))], 500),
        (22, [(slice(0, 40), slice(0, 320)), (slice(330, 360), slice(480, 640))], 8),
        (24, [(slice(0, 290), slice(320, 640))], 2000),
    ],
    ids=["plant", "clocks", "branch"],
)
def test_what_moves_without_people_is_no_ground_truth(
    number: int, windows: list[tuple[slice, slice]], moves: int
) -> None:
    pictures = [without_people(number, t_s) for t_s in (100.0, 103.0, 106.0, 109.0)]
    for before, after in pairwise(pictures):
        changed = np.abs(after - before) > 20
        for window in windows:
            assert changed[window].sum() >= moves
            changed[window] = False
        assert changed.sum() == 0


def test_the_leaves_swing_about_their_rest_position() -> None:
    pictures = np.stack([without_people(21, t_s) for t_s in np.arange(0.0, 40.0, 0.5)])
    early, late = np.median(pictures[:40], axis=0), np.median(pictures[40:], axis=0)
    assert (np.abs(early - late) > 25).mean() < 0.01


def test_the_edge_of_the_sunlight_moves_and_clouds_take_it_away() -> None:
    sun = setup_of(23).scene.effects[0]
    strengths = [sun._strength(t_s) for t_s in np.arange(0.0, 240.0, 0.5)]
    assert (min(strengths), max(strengths)) == pytest.approx((0.0, 1.0))
    assert np.abs(np.diff(strengths)).max() < 0.4
    points = np.zeros((1, 1000, 3), np.float32)
    points[..., 0], points[..., 1] = np.linspace(0, 9, 1000), 2.0
    lit = [sun._reached(points, t_s)[0] > 0.5 for t_s in (0.0, 120.0, 240.0)]
    edges = [np.flatnonzero(one)[0] * 9 / 1000 for one in lit]
    assert 0.1 < edges[0] - edges[1] < 0.6
    assert 0.1 < edges[1] - edges[2] < 0.6


def test_a_person_behind_the_branch_is_not_visible_and_no_ground_truth() -> None:
    branch = setup_of(24).scene.effects[0]
    everywhere = np.full((360, 640), 255, np.uint8)
    shares = [1 - (branch.on_mask(everywhere.copy(), t_s) > 0).mean() for t_s in (10.0, 10.7, 50.0)]
    assert 0.03 < min(shares) < max(shares) < 0.2
    assert len(set(shares)) == 3
