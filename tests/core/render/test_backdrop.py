"""The background shows the shop and nobody in it, also before it was seen empty."""

from __future__ import annotations

import numpy as np

from edgeheat.core.grid.frames import U8
from edgeheat.core.render.backdrop import Backdrop

GRID_HW, PICTURE_HW = (90, 160), (360, 640)
PLACE, CELLS = np.s_[120:240, 280:320], np.s_[30:60, 70:80]


def shop(*, somebody: bool) -> U8:
    """Grey, with somebody in stripes that tell who it is."""
    picture: U8 = np.full((*PICTURE_HW, 3), 100, np.uint8)
    if somebody:
        picture[PLACE][::8] = 250
        picture[PLACE][4::8] = 0
    return picture


def people(*, there: bool) -> U8:
    mask: U8 = np.zeros(GRID_HW, np.uint8)
    mask[CELLS] = 255 if there else 0
    return mask


def test_who_is_there_in_the_first_picture_cannot_be_recognised() -> None:
    background = Backdrop()
    background.sample(shop(somebody=True), people(there=True))
    seen = background.picture()
    assert seen is not None
    assert seen[PLACE].astype(int).std() < 0.1 * shop(somebody=True)[PLACE].astype(int).std()
    assert (seen[:, :100] == 100).all(), "what was seen empty is sharp as it is"


def test_a_place_is_shown_as_it_is_once_it_was_seen_empty() -> None:
    background = Backdrop()
    background.sample(shop(somebody=True), people(there=True))
    background.sample(shop(somebody=False), people(there=False))
    seen = background.picture()
    assert seen is not None
    assert (seen == 100).all()
