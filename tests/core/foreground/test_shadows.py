"""People are distinguished from light by their colour, or because they are darker than any shadow."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.foreground.background import BackgroundModel, tint_of
from edgeheat.core.foreground.shadows import Classification, ShadowClassifier
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import half_hw, halved
from tests.core.drawn import HW, Block, Look, Room, room

PLACE = Block(60, 20, 20, 50, luma=0)
INSIDE = np.s_[24:66, 63:77]
CALM: U8 = np.zeros(half_hw(HW), np.uint8)


def background_of(empty: Room) -> BackgroundModel:
    luma, chroma = empty.draw()
    tint = tint_of(chroma, 1.0) if chroma is not None else None
    return BackgroundModel(luma, tint, np.full(half_hw(HW), 60.0, np.float32))


def seen(look: Look, *, coloured: bool = True, shadows: bool = True, changed: U8 = CALM) -> Classification:
    shop = room(coloured=coloured)
    background = background_of(shop)
    luma, chroma = shop.draw(look)
    tint = tint_of(chroma, 1.0) if chroma is not None else None
    return ShadowClassifier(background, enabled=shadows).classify(luma, halved(luma), tint, changed)


def light_on(factor: float) -> F32:
    """The light, multiplied by a factor in the place."""
    light = np.ones(HW, np.float32)
    light[PLACE.place] = factor
    return light


def block(luma: int, cb: int = 119, cr: int = 135) -> Look:
    """An object in the place, in the colour of the floor by default."""
    return Look((Block(PLACE.left, PLACE.top, PLACE.width, PLACE.height, luma=luma, cb=cb, cr=cr),))


@pytest.mark.parametrize(
    ("what", "look", "coloured", "people"),
    [
        ("a shadow of 60 % keeps the colour", Look(light=light_on(0.6)), True, False),
        ("a patch of light of 140 % as well", Look(light=light_on(1.4)), True, False),
        ("a shadow of 60 % in a grey picture", Look(light=light_on(0.6)), False, False),
        ("a red coat as bright as the floor", block(105, 110, 170), True, True),
        ("a blue coat in a bright place", block(200, 165, 110), True, True),
        ("a person in black is darker than any shadow", block(18, 128, 128), True, True),
        ("in a grey picture too", block(18), False, True),
        ("a person in bright clothes in a grey picture", block(220), False, True),
    ],
)
def test_people_and_light_are_distinguished(what: str, look: Look, coloured: bool, people: bool) -> None:
    found = seen(look, coloured=coloured)
    share = np.count_nonzero(found.people[INSIDE]) / found.people[INSIDE].size
    assert share > 0.9 if people else share < 0.05, what
    if not people:
        assert np.count_nonzero(found.light[INSIDE]) > 0.8 * found.light[INSIDE].size, what


@pytest.mark.parametrize("coloured", [True, False])
def test_the_empty_room_shows_neither_people_nor_light(coloured: bool) -> None:
    assert np.count_nonzero(seen(Look(), coloured=coloured).differing) < 0.001 * HW[0] * HW[1]


def test_each_differing_cell_is_either_people_or_light() -> None:
    found = seen(Look(block(200, 165, 110).blocks, light=light_on(0.6)))
    assert not np.any(found.people & found.light)
    np.testing.assert_array_equal(found.differing, found.people | found.light)


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


def test_cells_found_by_the_subtractor_count_only_if_they_are_not_light() -> None:
    changed = CALM.copy()
    changed[PLACE.top // 2 : (PLACE.top + PLACE.height) // 2, PLACE.left // 2 : (PLACE.left + PLACE.width) // 2] = 255
    found = seen(Look(light=light_on(0.7)), changed=changed)
    assert not found.people[INSIDE].any()
    assert (found.light[INSIDE] == 255).all()


def test_the_outline_of_a_person_that_looks_like_a_shadow_belongs_to_the_person_and_a_shadow_does_not() -> None:
    rim = light_on(0.6)
    rim[PLACE.top : PLACE.top + PLACE.height, PLACE.left - 1] = 0.6
    rim[PLACE.top : PLACE.top + PLACE.height, PLACE.left - 12 : PLACE.left - 1] = 0.6
    found = seen(Look(block(18, 128, 128).blocks, light=rim))
    middle = slice(PLACE.top + 4, PLACE.top + PLACE.height - 4)
    assert (found.people[middle, PLACE.left - 1] == 255).mean() > 0.8, "one cell next to a person belongs to the person"
    assert (found.light[middle, PLACE.left - 9 : PLACE.left - 4] == 255).mean() > 0.8, "farther away it is a shadow"


@pytest.mark.parametrize(("lift", "people"), [(24.0, False), (0.0, True)])
def test_colours_that_become_stronger_because_the_camera_lifts_dark_areas_are_not_people(
    lift: float, people: bool
) -> None:
    """A dark skirting board that the camera brightens from 48 to 71, and whose colour becomes stronger by a sixth."""
    background = BackgroundModel(
        np.full(HW, 48, np.uint8), np.zeros((2, *half_hw(HW)), np.float32), np.full(half_hw(HW), 60.0)
    )
    assert background.tint is not None
    background.tint[0], background.tint[1] = -28.5, 32.0
    luma: U8 = np.full(HW, 46, np.uint8)
    found = ShadowClassifier(background).classify(
        luma, halved(luma), background.tint * np.float32(1.22), CALM, lift=lift
    )
    assert bool(found.people.any()) is people


def test_a_coat_of_another_colour_is_detected_despite_the_lift() -> None:
    background = BackgroundModel(
        np.full(HW, 48, np.uint8), np.zeros((2, *half_hw(HW)), np.float32), np.full(half_hw(HW), 60.0)
    )
    assert background.tint is not None
    background.tint[0], background.tint[1] = -28.5, 32.0
    luma, tint = np.full(HW, 50, np.uint8), background.tint.copy()
    tint[:, 10:20, 30:40] = np.array([12.0, -20.0])[:, None, None]
    found = ShadowClassifier(background).classify(luma, halved(luma), tint, CALM, lift=24.0)
    assert (found.people[24:36, 64:76] == 255).all()
