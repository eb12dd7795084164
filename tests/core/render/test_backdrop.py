"""The backdrop shows the shop without people, also before every place was seen empty."""

from __future__ import annotations

import numpy as np

from edgeheat.core.grid.frames import U8
from edgeheat.core.render.backdrop import Backdrop

GRID_HW, PICTURE_HW = (90, 160), (360, 640)
PLACE, CELLS = np.s_[120:240, 280:320], np.s_[30:60, 70:80]


def shop(*, person: bool) -> U8:
    """A grey picture, with a recognisable person in stripes."""
    picture: U8 = np.full((*PICTURE_HW, 3), 100, np.uint8)
    if person:
        picture[PLACE][::8] = 250
        picture[PLACE][4::8] = 0
    return picture


def moving(*, person: bool) -> U8:
    mask: U8 = np.zeros(GRID_HW, np.uint8)
    mask[CELLS] = 255 if person else 0
    return mask


def test_a_person_in_the_first_picture_cannot_be_recognised() -> None:
    backdrop = Backdrop()
    backdrop.add(shop(person=True), moving(person=True))
    seen = backdrop.picture()
    assert seen is not None
    assert seen[PLACE].astype(int).std() < 0.1 * shop(person=True)[PLACE].astype(int).std()
    assert (seen[:, :100] == 100).all(), "places that were seen empty stay sharp"


def test_a_place_is_sharp_once_it_was_observed_without_people() -> None:
    backdrop = Backdrop()
    backdrop.add(shop(person=True), moving(person=True))
    backdrop.add(shop(person=False), moving(person=False))
    seen = backdrop.picture()
    assert seen is not None
    assert (seen == 100).all()


def test_a_person_who_comes_later_is_not_in_the_backdrop() -> None:
    backdrop = Backdrop()
    backdrop.add(shop(person=False), moving(person=False))
    for _ in range(20):
        backdrop.add(shop(person=True), moving(person=True))
    seen = backdrop.picture()
    assert seen is not None
    assert (seen == 100).all()


def test_lighting_is_followed_to_the_last_level() -> None:
    backdrop = Backdrop()
    backdrop.add(shop(person=False), moving(person=False))
    levels = []
    for _ in range(40):
        backdrop.add(np.full((*PICTURE_HW, 3), 140, np.uint8), moving(person=False))
        seen = backdrop.picture()
        assert seen is not None
        levels.append(int(seen[0, 0, 0]))
    assert levels[0] == 105
    assert levels == sorted(levels)
    assert levels[-1] == 140


def test_there_is_no_picture_before_the_first_sample() -> None:
    assert Backdrop().picture() is None
