"""People are told from light by their colour, or because they are darker than a shadow can be."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.differ import Difference, difference
from edgeheat.core.scene import EmptyScene, tint_of
from edgeheat.core.shapes import half_hw
from edgeheat.core.types import F32, U8
from tests.core.drawn import HW, Block, Look, Room, room

PLACE = Block(60, 20, 20, 50, luma=0)
INSIDE = np.s_[24:66, 63:77]
CALM: U8 = np.zeros(HW, np.uint8)


def scene_of(empty: Room) -> EmptyScene:
    luma, chroma = empty.draw()
    tint = tint_of(chroma, 1.0) if chroma is not None else None
    return EmptyScene(luma, tint, np.full(half_hw(HW), 60.0, np.float32))


def seen(look: Look, *, coloured: bool = True, shadows: bool = True, changed: U8 = CALM) -> Difference:
    shop = room(coloured=coloured)
    scene = scene_of(shop)
    luma, chroma = shop.draw(look)
    return difference(luma, tint_of(chroma, 1.0) if chroma is not None else None, scene, changed, shadows=shadows)


def light_on(factor: float) -> F32:
    """The light, changed by a factor in the place."""
    light = np.ones(HW, np.float32)
    light[PLACE.place] = factor
    return light


def block(luma: int, cb: int = 119, cr: int = 135) -> Look:
    """Something in the place; without colours given it has the floor's."""
    return Look((Block(PLACE.left, PLACE.top, PLACE.width, PLACE.height, luma=luma, cb=cb, cr=cr),))


@pytest.mark.parametrize(
    ("what", "look", "coloured", "people"),
    [
        ("a shadow of 60 % leaves the colour as it is", Look(light=light_on(0.6)), True, False),
        ("a patch of light of 140 % as well", Look(light=light_on(1.4)), True, False),
        ("a shadow of 60 % in a grey picture", Look(light=light_on(0.6)), False, False),
        ("a red coat as bright as the floor", block(105, 110, 170), True, True),
        ("a blue coat in a bright place", block(200, 165, 110), True, True),
        ("somebody in black is darker than any shadow", block(18, 128, 128), True, True),
        ("in a grey picture too", block(18), False, True),
        ("somebody bright in a grey picture", block(220), False, True),
    ],
)
def test_people_and_light_are_told_apart(what: str, look: Look, coloured: bool, people: bool) -> None:
    found = seen(look, coloured=coloured)
    share = np.count_nonzero(found.people[INSIDE]) / found.people[INSIDE].size
    assert share > 0.9 if people else share < 0.05, what
    if not people:
        assert np.count_nonzero(found.light[INSIDE]) > 0.8 * found.light[INSIDE].size, what


@pytest.mark.parametrize("coloured", [True, False])
def test_the_empty_room_shows_neither(coloured: bool) -> None:
    assert np.count_nonzero(seen(Look(), coloured=coloured).any) < 0.001 * HW[0] * HW[1]


def test_no_cell_is_both_and_any_is_all_of_them() -> None:
    found = seen(Look(block(200, 165, 110).blocks, light=light_on(0.6)))
    assert not np.any(found.people & found.light)
    np.testing.assert_array_equal(found.any, found.people | found.light)


def test_with_shadows_off_light_counts_as_people() -> None:
    found = seen(Look(light=light_on(0.6)), shadows=False)
    assert np.count_nonzero(found.people[INSIDE]) > 0.8 * found.people[INSIDE].size
    assert not found.light.any()


def test_grey_trousers_between_a_coloured_coat_and_dark_shoes_belong_to_the_person() -> None:
    coat = Block(60, 20, 20, 22, luma=150, cb=110, cr=170)
    trousers = Block(60, 42, 20, 14, luma=75, cb=121, cr=133, pattern=-1)
    shoes = Block(60, 56, 20, 10, luma=10)
    found = seen(Look((coat, trousers, shoes)))
    assert np.count_nonzero(found.people[44:54, 63:77]) > 0.8 * 10 * 14


def test_what_the_model_found_counts_only_where_it_is_no_light() -> None:
    changed = CALM.copy()
    changed[PLACE.place] = 255
    found = seen(Look(light=light_on(0.7)), changed=changed)
    assert not found.people[INSIDE].any()
    assert (found.light[INSIDE] == 255).all()
