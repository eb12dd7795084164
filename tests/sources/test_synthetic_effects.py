"""Effects on the synthetic scene: their order among shop, people, lens and sensor, and their ground truth."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from edgeheat.core.grid.frames import U8
from edgeheat.sources.synthetic.backdrop import FLOOR_LUMA
from edgeheat.sources.synthetic.effects import Effect, Moment, SceneObject
from edgeheat.sources.synthetic.figure import body_spheres, render_reflection
from edgeheat.sources.synthetic.layouts import LAYOUTS
from edgeheat.sources.synthetic.scene import Scene, SceneParams
from edgeheat.sources.synthetic.walkers import Crowd, Pose, Track, random_appearance


class FixedPeople:
    """People in fixed poses."""

    def __init__(self, *poses: Pose) -> None:
        self._poses = list(poses)

    def poses(self, t_s: float) -> list[Pose]:
        return self._poses


class Board(Effect):
    """A pink board over the middle of the picture, at a given depth."""

    def __init__(self, distance_m: float) -> None:
        self._distance_m = distance_m

    def objects(self, t_s: float) -> Sequence[SceneObject]:
        bgr = np.full((120, 160, 3), (200, 0, 255), np.uint8)
        return [SceneObject(self._distance_m, 240, 120, bgr, np.full((120, 160), 255, np.uint8))]


class FloorPaint(Effect):
    """The whole empty shop is white."""

    def on_shop(self, picture: U8, moment: Moment) -> U8:
        return np.full_like(picture, 255)


class Dark(Effect):
    """The lens shows only grey."""

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        return np.full_like(picture, 100)


class Shift(Effect):
    """The camera looks 16 pixels further left and 8 further up."""

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        return np.roll(picture, (8, 16), (0, 1))

    def on_mask(self, mask: U8, t_s: float) -> U8:
        return np.roll(mask, (8, 16), (0, 1))


BOARD = np.zeros((360, 640), bool)
BOARD[120:240, 240:400] = True


def person(**changes: object) -> Pose:
    crowd = Crowd(LAYOUTS["shop"], seed=1, walkers=1, floor_luma=FLOOR_LUMA)
    pose = next(pose for t in range(200) for pose in crowd.poses(float(t)))
    return replace(pose, gait=0.0, reach=0.0, standing=True, **changes)  # type: ignore[arg-type]


@cache
def shop(noise: float) -> Scene:
    """The shop without people; rendered once, because that takes most of a test's time."""
    return Scene(SceneParams(noise=noise), FixedPeople())


def scene(*effects: Effect, people: FixedPeople | None = None, noise: float = 0.0) -> Scene:
    one = copy(shop(noise))
    one.people, one.effects = people or FixedPeople(person(x=4.9, y=3.5)), effects
    return one


def seen(one: Scene) -> np.ndarray:
    masks = one.masks(0.0)
    return (masks.moving | masks.standing) > 0


# Objects


@pytest.mark.parametrize(
    ("why", "distance_m", "hides"),
    [
        ("an object in front of a walker occludes the walker in picture and ground truth", 2.0, True),
        ("an object behind a walker occludes nothing", 4.0, False),
    ],
)
def test_objects_are_ordered_among_walkers_by_depth(why: str, distance_m: float, hides: bool) -> None:
    plain, with_board = scene(), scene(Board(distance_m))
    picture = with_board.bgr(with_board.moment(0.0, 0))
    pink = (picture == (200, 0, 255)).all(axis=2)
    walker = seen(plain) & BOARD
    assert walker.sum() > 1000
    assert pink[walker].mean() == pytest.approx(1.0 if hides else 0.0, abs=0.02), why
    assert np.array_equal(seen(with_board), seen(plain) & ~BOARD if hides else seen(plain)), why


def test_furniture_occludes_the_object_behind_it() -> None:
    behind = scene(Board(7.0), people=FixedPeople())
    picture = behind.bgr(behind.moment(0.0, 0))
    pink = (picture == (200, 0, 255)).all(axis=2)
    nearer = behind.backdrop.distance_m < 7.0
    assert np.array_equal(pink, BOARD & ~nearer)
    assert 0 < pink.sum() < BOARD.sum()


# Order


def test_effects_on_the_shop_lie_behind_people() -> None:
    one = scene(FloorPaint())
    picture = one.bgr(one.moment(0.0, 0))
    assert (picture[~seen(one)] == 255).all()
    assert picture[seen(one)].mean() < 200


def test_effects_on_the_picture_change_people_but_not_the_noise() -> None:
    calm, noisy = scene(Dark()), scene(Dark(), noise=4.0)
    assert (calm.bgr(calm.moment(0.0, 0)) == 100).all()
    assert noisy.luma(noisy.moment(0.0, 0)).std() == pytest.approx(4.0, rel=0.05)


def test_effects_are_applied_in_the_given_order() -> None:
    class Double(Effect):
        def on_picture(self, picture: U8, moment: Moment) -> U8:
            return np.asarray(picture * 2, np.uint8)

    first, last = scene(Dark(), Double()), scene(Double(), Dark())
    assert (first.bgr(first.moment(0.0, 0)) == 200).all()
    assert (last.bgr(last.moment(0.0, 0)) == 100).all()


def test_luma_and_colour_show_the_same_picture_with_effects() -> None:
    one = scene(Shift(), Board(4.0))
    moment = one.moment(0.0, 0)
    assert np.array_equal(one.luma(moment), cv2.cvtColor(one.bgr(moment), cv2.COLOR_BGR2GRAY))


def test_the_truth_of_a_moved_camera_matches_its_picture() -> None:
    moved, empty = scene(Shift()), scene(Shift(), people=FixedPeople())
    changed = (moved.bgr(moved.moment(0.0, 0)) != empty.bgr(empty.moment(0.0, 0))).any(axis=2)
    assert not np.any(changed & ~seen(moved))
    assert changed.sum() > 0.95 * seen(moved).sum()
    assert np.array_equal(
        moved.truth(0.0, 0.2).standing_s, np.roll(scene().truth(0.0, 0.2).standing_s, (8, 16), (0, 1))
    )


def test_a_scene_with_effects_is_reproducible() -> None:
    params, people = SceneParams(size_wh=(480, 270)), FixedPeople(person(x=4.9, y=3.5))
    first, second = (Scene(params, people, effects=(Shift(), Board(4.0))) for _ in range(2))
    assert np.array_equal(first.bgr(first.moment(1.0, 15)), second.bgr(second.moment(1.0, 15)))


def test_a_custom_layout_replaces_the_named_one() -> None:
    bare = replace(LAYOUTS["shop"], boxes=())
    assert np.isinf(Scene(SceneParams(size_wh=(64, 36)), FixedPeople(), bare).backdrop.distance_m).all()


# What effects can use of people


def test_a_reflection_is_upside_down_and_only_on_the_floor() -> None:
    one = scene()
    (walker,) = one.sprites(0.0)
    image = render_reflection(walker.pose, one.camera, one.backdrop)
    assert image is not None
    assert (one.backdrop.floor[image.window][image.labels > 0] > 0).all()
    feet_row = walker.top + np.nonzero(walker.labels.any(axis=1))[0].max()
    rows = image.top + np.nonzero(image.labels.any(axis=1))[0]
    assert rows.min() > feet_row - 15
    assert rows.max() > feet_row + 60


def test_body_spheres_are_where_the_walker_is_drawn() -> None:
    one = scene()
    (walker,) = one.sprites(0.0)
    balls = np.concatenate(body_spheres(walker.pose, one.camera))
    pixels, _ = one.camera.project(balls[:, :3])
    assert np.hypot(balls[:, 0] - 4.9, balls[:, 1] - 3.5).max() < 0.7
    assert balls[:, 2].max() == pytest.approx(walker.pose.appearance.height_m * 1.60 / 1.72, abs=0.01)
    inside = [one.masks(0.0).standing[int(y), int(x)] > 0 for x, y in pixels]
    assert np.mean(inside) > 0.9


def test_calm_people_rest_between_fidgets_but_do_not_freeze() -> None:
    rng = np.random.default_rng(3)
    still = np.ones(1200)
    track = Track(4.0 * still, 3.0 * still, still, 0.0 * still, still)
    appearance = random_appearance(rng, FLOOR_LUMA)
    restless, calm = (track.visit(appearance, 0.0, np.random.default_rng(5), every_s) for every_s in (None, 10.0))

    def speeds(visit: object) -> np.ndarray:
        at = np.array([(pose.x, pose.y) for t in np.arange(1, 118, 0.1) if (pose := visit.pose(t))])  # type: ignore[attr-defined]
        return np.hypot(*np.diff(at, axis=0).T) / 0.1

    assert np.median(speeds(calm)) < 0.3 * np.median(speeds(restless))
    assert speeds(calm).max() > 0.015
    reaches = np.array([calm.pose(t).reach for t in np.arange(1, 118, 0.1)])  # type: ignore[union-attr]
    assert 0.02 < np.mean(reaches > 0.2) < 0.4
