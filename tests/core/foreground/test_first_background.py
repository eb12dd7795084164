"""The first background is without the people whom the first seconds show, and comes with the noise of each cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from edgeheat.core.foreground.background import BackgroundModel
from edgeheat.core.foreground.first_background import FirstBackground, first_background
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import half_hw
from tests.core.drawn import HW, Block, Look, Room, count, frame_of, room, truth_of, walker

PERSON = Block(70, 30, 14, 40)
LEAVES = np.s_[2:30, 104:136]
INNER_LEAVES = np.s_[6:26, 108:132]


def plain(*, noise: float = 1.5) -> Room:
    """A room with a floor of one brightness and one colour."""
    tint = np.full((*half_hw(HW), 2), (-9.0, 7.0), np.float32)
    return Room(np.full(HW, 110.0, np.float32), tint, noise)


def seen(shop: Room, looks: Callable[[float], Look], frames: int = 50) -> tuple[list[U8], list[U8]]:
    """Brightness and colour of some frames, five a second."""
    drawn = [shop.draw(looks(number / 5)) for number in range(frames)]
    return [luma for luma, _ in drawn], [chroma for _, chroma in drawn if chroma is not None]


def assert_empty(found: FirstBackground, shop: Room) -> None:
    """Assert that a background is the empty room."""
    luma, chroma = Room(shop.luma, shop.tint, 0.0).draw()
    assert np.abs(found.luma.astype(int) - luma).max() <= 8
    if chroma is not None:
        assert found.chroma is not None
        assert np.abs(found.chroma.astype(int) - chroma).max() <= 4


@pytest.mark.parametrize("shop", [room(), plain(), room(coloured=False)], ids=["textured", "plain", "grey"])
def test_a_person_who_walks_through_is_not_in_the_background(shop: Room) -> None:
    assert_empty(first_background(*seen(shop, lambda at_s: Look((walker(at_s),)))), shop)


def stands_between(start_s: float, end_s: float, person: Block) -> Callable[[float], Look]:
    """A person comes from the left, if not there from the start, stands, and leaves to the right."""

    def look(at_s: float) -> Look:
        before_s, after_s = max(0.0, start_s - at_s), max(0.0, at_s - end_s)
        left = round(PERSON.left - 16 * before_s + 18 * after_s)
        return Look((person.at(left),) if 0 <= left < HW[1] else ())

    return look


@pytest.mark.parametrize("shop", [room(), plain()], ids=["textured", "plain"])
@pytest.mark.parametrize(
    "person",
    [
        Block(70, 30, 14, 40, luma=210, cb=162, cr=104),
        Block(70, 30, 14, 40, luma=40, cb=128, cr=128),
        Block(70, 30, 14, 40, luma=40, pattern=-1),
    ],
    ids=["bright", "dark", "dark and plain"],
)
@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [(0.0, 4.0), (0.0, 6.0), (0.0, 7.5), (5.0, 10.0), (3.0, 10.0), (2.0, 10.0), (2.0, 8.0)],
)
def test_a_person_who_stands_there_for_a_part_of_the_time_is_not_in_the_background(
    start_s: float, end_s: float, person: Block, shop: Room
) -> None:
    """Also for most of the time: the outline of a person shows where one is."""
    assert_empty(first_background(*seen(shop, stands_between(start_s, end_s, person))), shop)


def test_what_stands_there_all_the_time_is_background() -> None:
    found = first_background(*seen(room(), lambda _: Look((PERSON,))))
    shown = room(noise=0).draw(Look((PERSON,)))[0]
    assert np.abs(found.luma.astype(int) - shown).max() <= 8


def test_a_lamp_that_lights_the_whole_picture_for_most_of_the_time_is_background() -> None:
    found = first_background(*seen(room(), lambda at_s: Look(light=0.5 if at_s < 3 else 1.0)))
    assert_empty(found, room())


# The noise.


def swaying(luma: F32, at_s: float) -> U8:
    """Leaves in front of the room: a rough pattern that sways by some cells."""
    pattern = room((200, 200)).luma[60:100, 60:100] + np.random.default_rng(5).normal(0, 25, (40, 40))
    shown = luma.copy()
    shown[LEAVES] = np.roll(pattern, round(2 * np.sin(2.1 * at_s)), axis=1)[:28, :32]
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def test_cells_that_sway_are_noisy_and_the_others_are_not() -> None:
    grids, chromas = seen(room(), lambda _: Look())
    found = first_background([swaying(grid.astype(np.float32), k / 5) for k, grid in enumerate(grids)], chromas)
    assert found.noise is not None
    assert found.noise.luma[INNER_LEAVES].mean() > 8.0
    assert found.noise.luma[:, :96].max() < 3.0
    model = BackgroundModel(found.luma, None, np.zeros(half_hw(HW), np.float32), found.noise)
    assert model.tolerance[INNER_LEAVES].mean() > 35.0
    assert (model.tolerance[:, :96] == 20).all(), "the usual one, before the noise was observed for long"


def test_leaves_that_sway_from_the_start_do_not_count_and_a_person_below_them_does() -> None:
    shop, frames = room(), []
    for number in range(300):
        luma, chroma = shop.draw(Look((walker(number / 5),)))
        frames.append(frame_of(swaying(luma.astype(np.float32), number / 5), chroma, number / 5))
    counted = count(frames)
    assert counted.presence[LEAVES].mean() < 1.0
    assert counted.presence[40:66, 30:130].mean() == pytest.approx(
        truth_of(lambda at_s: Look((walker(at_s),)), 60)[40:66, 30:130].mean(), rel=0.2
    )


def test_cells_with_unsteady_colours_are_noisy_and_do_not_count() -> None:
    random, shop = np.random.default_rng(4), room()
    frames, chromas, grids = [], [], []
    for number in range(200):
        luma, chroma = shop.draw()
        assert chroma is not None
        levels = chroma[10:30, 50:70].astype(int) + random.choice([-9, 9])
        chroma[10:30, 50:70] = np.clip(levels, 0, 255)
        frames.append(frame_of(luma, chroma, number / 5))
        grids.append(luma)
        chromas.append(chroma)
    found = first_background(grids[:50], chromas[:50])
    assert found.noise is not None
    assert found.noise.tint[12:28, 52:68].min() > 8.0
    assert found.noise.tint[:, :48].max() < 3.0
    assert count(frames).presence[20:60, 100:140].mean() < 0.05


def test_a_person_who_passes_does_not_raise_the_noise() -> None:
    found = first_background(*seen(room(), lambda at_s: Look((walker(at_s, round_s=8),))))
    assert found.noise is not None
    assert found.noise.luma.max() < 4.0
    assert found.noise.tint.max() < 4.0


# Few frames, many frames, small frames.


@pytest.mark.parametrize("frames", [1, 2, 3, 4])
def test_few_frames_give_their_median_and_too_few_no_noise(frames: int) -> None:
    grids, chromas = seen(room(), lambda _: Look(), frames)
    found = first_background(grids, chromas)
    assert_empty(found, room())
    assert (found.noise is None) == (frames <= 3)


def test_of_many_frames_some_of_the_whole_time_are_used() -> None:
    """Two minutes, of which the person stands there for the first; frames are shown repeatedly."""
    grids, chromas = seen(room(), stands_between(0.0, 5.0, PERSON))
    many = [np.repeat(np.stack(each), 12, axis=0) for each in (grids, chromas)]
    before = many[0].copy()
    found = first_background(*(list(each) for each in many))
    assert_empty(found, room())
    np.testing.assert_array_equal(many[0], before, "the frames belong to the caller")
    evenly = first_background(*(list(each[::10]) for each in many))
    np.testing.assert_array_equal(found.luma, evenly.luma)
    assert found.noise is not None and evenly.noise is not None
    np.testing.assert_array_equal(found.noise.luma, evenly.noise.luma)


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 9), (2, 3), (5, 7)])
@pytest.mark.parametrize("frames", [1, 3, 20])
def test_small_grids_do_no_harm(frames: int, shape_hw: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    grids = list(random.integers(0, 256, (frames, *shape_hw), np.uint8))
    chromas = list(random.integers(0, 256, (frames, *half_hw(shape_hw), 2), np.uint8))
    found = first_background(grids, chromas)
    assert found.luma.shape == shape_hw and found.luma.dtype == np.uint8
    assert found.chroma is not None and found.chroma.shape == (*half_hw(shape_hw), 2)
    if found.noise is not None:
        assert found.noise.luma.shape == shape_hw and found.noise.tint.shape == half_hw(shape_hw)


def no_chromas(_: Sequence[U8]) -> list[U8]:
    return []


@pytest.mark.parametrize("kept", [no_chromas, lambda chromas: list(chromas[:-1])], ids=["grey", "another number"])
def test_without_colours_in_every_frame_there_are_none(kept: Callable[[Sequence[U8]], list[U8]]) -> None:
    grids, chromas = seen(room(), lambda at_s: Look((walker(at_s),)))
    found = first_background(grids, kept(chromas))
    assert found.chroma is None
    assert found.noise is not None and not found.noise.tint.any()
    assert np.abs(found.luma.astype(int) - room(noise=0).draw()[0]).max() <= 8


def test_if_the_light_changes_only_the_frames_after_it_count() -> None:
    shop = room()
    early = [shop.draw(Look(light=0.5))[0] for _ in range(30)]
    late = [shop.draw(Look())[0] for _ in range(20)]
    found = first_background(early + late, [])
    assert np.abs(found.luma.astype(int) - room(noise=0).draw()[0]).max() <= 8
