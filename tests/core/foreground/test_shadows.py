"""People are distinguished from light by their colour, their texture, and because they are darker than a shadow."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeheat.core.foreground import shadows
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
    return seen_in(room(coloured=coloured), look, shadows=shadows, changed=changed)


def seen_in(shop: Room, look: Look, *, shadows: bool = True, changed: U8 = CALM) -> Classification:
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


def test_a_shadow_beside_a_person_does_not_belong_to_the_person() -> None:
    light = np.ones(HW, np.float32)
    light[PLACE.top : PLACE.top + PLACE.height, PLACE.left - 12 : PLACE.left] = 0.6
    found = seen(Look(block(18, 128, 128).blocks, light=light))
    middle = slice(PLACE.top + 4, PLACE.top + PLACE.height - 4)
    assert (found.people[INSIDE] == 255).mean() > 0.9
    assert (found.light[middle, PLACE.left - 9 : PLACE.left - 4] == 255).mean() > 0.8


# Floors on which only one kind of evidence tells people from light.


def bright_grey() -> Room:
    """A bright floor without colour."""
    return Room(0.35 * room().luma + 150, np.zeros((*half_hw(HW), 2), np.float32))


def coloured_floor() -> Room:
    return Room(room().luma, np.full((*half_hw(HW), 2), (-22.0, 28.0), np.float32))


def rough_floor() -> Room:
    """A carpet with a strong pattern."""
    pattern = np.random.default_rng(2).normal(0, 18, HW)
    return Room(np.clip(room().luma + pattern, 20, 235).astype(np.float32), room().tint)


def smooth(factor: float) -> F32:
    """A shadow or patch of light with a soft edge."""
    soft = cv2.GaussianBlur(light_on(2.0) - 1.0, (0, 0), 5)
    return np.asarray(1.0 + (factor - 1.0) * soft, np.float32)


@pytest.mark.parametrize("pattern", [1, -1])
def test_a_dark_person_without_colour_in_front_of_a_bright_grey_floor_counts(pattern: int) -> None:
    person = Block(PLACE.left, PLACE.top, PLACE.width, PLACE.height, luma=45, pattern=pattern)
    assert (seen_in(bright_grey(), Look((person,))).people[INSIDE] == 255).mean() > 0.9


@pytest.mark.parametrize("luma", [180, 200, 220])
def test_a_person_in_white_in_front_of_a_grey_floor_counts(luma: int) -> None:
    floor = Room(room().luma, np.zeros((*half_hw(HW), 2), np.float32))
    person = Block(PLACE.left, PLACE.top, PLACE.width, PLACE.height, luma=luma, pattern=1)
    assert (seen_in(floor, Look((person,))).people[INSIDE] == 255).mean() > 0.9


@pytest.mark.parametrize("factor", [0.25, 0.4, 0.6, 0.75])
def test_no_shadow_on_a_coloured_floor_counts(factor: float) -> None:
    """Not even one that takes three quarters of the light: it leaves the colour."""
    for light in (light_on(factor), smooth(factor)):
        found = seen_in(coloured_floor(), Look(light=light))
        assert not found.people.any()
        assert (found.light[INSIDE] == 255).mean() > 0.5


@pytest.mark.parametrize("factor", [1.3, 1.5, 1.8])
def test_a_patch_of_sun_on_a_floor_with_a_strong_pattern_does_not_count(factor: float) -> None:
    """It multiplies all of the pattern by the same factor; a person hides the pattern."""
    found = seen_in(rough_floor(), Look(light=smooth(factor)))
    assert (found.people[INSIDE] == 255).mean() < 0.01
    assert (found.light[INSIDE] == 255).mean() > 0.7
    person = Block(PLACE.left, PLACE.top, PLACE.width, PLACE.height, luma=200)
    assert (seen_in(rough_floor(), Look((person,))).people[INSIDE] == 255).mean() > 0.9


@pytest.mark.parametrize("shop", [room(), bright_grey(), coloured_floor(), rough_floor()])
def test_a_coat_of_another_colour_counts_though_it_is_as_bright_as_the_floor(shop: Room) -> None:
    luma = round(float(shop.luma[PLACE.place].mean()))
    coat = Block(PLACE.left, PLACE.top, PLACE.width, PLACE.height, luma=luma, cb=160, cr=90, pattern=-1)
    assert (seen_in(shop, Look((coat,))).people[INSIDE] == 255).mean() > 0.9


GREY_FLOOR = Room(np.full(HW, 130, np.float32), None)


@pytest.mark.parametrize(
    ("factor", "people"), [(0.4, True), (0.55, True), (0.65, True), (0.84, False), (1.1, False), (1.6, True)]
)
def test_in_a_grey_picture_only_the_brightness_tells_people_from_light(factor: float, people: bool) -> None:
    found = seen_in(GREY_FLOOR, Look(light=light_on(factor)))
    assert (found.people[INSIDE] == 255).all() if people else not found.people.any()


@pytest.mark.parametrize(("strong_rows", "counts"), [(0, False), (2, False), (4, True)])
def test_weak_evidence_counts_only_in_one_piece_with_strong_evidence(strong_rows: int, counts: bool) -> None:
    cells = np.zeros((40, 60), np.bool_)
    cells[5:35, 10:20] = cells[5:35, 40:50] = True
    logit = np.zeros(cells.shape, np.float32)
    logit[5 : 5 + strong_rows, 10:20] = 2.0
    kept = shadows._convincing(cells, logit)
    assert kept[5:35, 10:20].all() == kept[5:35, 10:20].any() == counts
    assert not kept[:, 36:].any(), "the other place has none"


@pytest.mark.parametrize(("lift", "people"), [(24.0, False), (0.0, True)])
def test_colours_that_become_stronger_because_the_camera_lifts_dark_areas_are_not_people(
    lift: float, people: bool
) -> None:
    """A dark skirting board that the camera brightens from 48 to 71, and whose colour becomes stronger by a third."""
    background = BackgroundModel(
        np.full(HW, 48, np.uint8), np.zeros((2, *half_hw(HW)), np.float32), np.full(half_hw(HW), 60.0)
    )
    assert background.tint is not None
    background.tint[0], background.tint[1] = -28.5, 32.0
    luma: U8 = np.full(HW, 46, np.uint8)
    found = ShadowClassifier(background).classify(
        luma, halved(luma), background.tint * np.float32(1.35), CALM, lift=lift
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


def test_more_places_than_sixteen_bits_can_number_are_classified() -> None:
    hw = 1080, 1920
    background = BackgroundModel(
        np.full(hw, 100, np.uint8), np.zeros((2, *half_hw(hw)), np.float32), np.full(half_hw(hw), 60.0, np.float32)
    )
    luma = np.full(hw, 100, np.uint8)
    rows, columns = np.indices(half_hw(hw))
    isolated = np.repeat(np.repeat((rows % 2 == 0) & (columns % 2 == 0), 2, axis=0), 2, axis=1)
    luma[isolated] = 200
    classified = ShadowClassifier(background).classify(
        luma, halved(luma), np.zeros((2, *half_hw(hw)), np.float32), np.zeros(half_hw(hw), np.uint8)
    )
    assert np.count_nonzero(classified.differing) >= 4 * 65_536
