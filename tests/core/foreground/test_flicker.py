"""The flicker mask excludes televisions but no people."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.foreground.flicker import FlickerMask
from edgeheat.core.grid.frames import U8
from tests.core.drawn import HW, Block, Counted, Look, count, params, room, television, truth_of, walker

TELEVISION = television(0.0)


def block_of(place: tuple[slice, slice]) -> U8:
    cells = np.zeros(HW, np.uint8)
    cells[place] = 255
    return cells


def second(mask: FlickerMask, cells: U8, changed: U8) -> None:
    """One second in which `cells` held something that changed in `changed`."""
    for _ in range(5):
        mask.add(cells, 0.2)
    mask.learn(changed, 1.0)


def television_for(mask: FlickerMask, seconds: int, random: np.random.Generator) -> None:
    for _ in range(seconds):
        flashes = block_of(TELEVISION.place)
        flashes[random.random(HW) < 0.5] = 0
        second(mask, block_of(TELEVISION.place), flashes)


def test_a_television_is_masked_within_90_s_and_unmasked_when_it_is_off() -> None:
    mask, random = FlickerMask(HW), np.random.default_rng(1)
    television_for(mask, 20, random)
    assert not mask.mask.any() and mask.suspect.any(), "suspect early, masked once it is confirmed"
    television_for(mask, 70, random)
    assert (mask.mask[TELEVISION.place] == 255).mean() > 0.9
    far = mask.mask.copy()
    far[4:42, 88:140] = 0
    assert not far.any()
    assert 0.02 < mask.ratio < 0.15
    for _ in range(400):
        second(mask, np.zeros(HW, np.uint8), np.zeros(HW, np.uint8))
    assert not mask.mask.any() and mask.ratio == 0.0


def test_a_place_is_unmasked_soon_after_its_television_is_off_however_long_that_was_on() -> None:
    mask, random = FlickerMask(HW), np.random.default_rng(1)
    television_for(mask, 900, random)
    for _ in range(400):
        second(mask, np.zeros(HW, np.uint8), np.zeros(HW, np.uint8))
    assert not mask.mask.any() and not mask.suspect.any()


def test_a_busy_aisle_is_not_masked() -> None:
    mask = FlickerMask(HW)
    for number in range(300):
        people = block_of(np.s_[30:70, 5 * number % 150 : 5 * number % 150 + 14])
        people |= block_of(np.s_[30:70, (7 * number + 60) % 150 : (7 * number + 60) % 150 + 14])
        second(mask, people, people)
    assert not mask.mask.any()


def test_a_person_who_fidgets_is_not_masked() -> None:
    mask, random = FlickerMask(HW), np.random.default_rng(2)
    person = np.s_[30:70, 60:74]
    for number in range(300):
        changed = np.zeros(HW, np.uint8)
        if number % 3 == 0:
            # A hand at changing positions, and a part of the outline.
            top = int(random.integers(30, 62))
            changed[top : top + 8, 60:66] = 255
            changed[30:70, 73:75] = 255
        second(mask, block_of(person), changed)
    assert not mask.mask.any()


def test_what_flickers_over_most_of_the_picture_is_not_masked() -> None:
    mask = FlickerMask(HW)
    for _ in range(150):
        second(mask, np.full(HW, 255, np.uint8), np.full(HW, 255, np.uint8))
    assert not mask.mask.any(), "otherwise a camera without light would mask the whole shop"


def test_a_saved_mask_is_continued_and_that_of_another_grid_is_rejected() -> None:
    mask, random = FlickerMask(HW), np.random.default_rng(1)
    television_for(mask, 90, random)
    again = FlickerMask(HW)
    again.restore(mask.state())
    np.testing.assert_array_equal(again.mask, mask.mask)
    television_for(again, 30, random)
    assert (again.mask[TELEVISION.place] == 255).mean() > 0.9
    with pytest.raises(ValueError, match="flicker mask: expected a grid of"):
        FlickerMask((180, 320)).restore(mask.state())


def test_a_grid_of_one_cell_does_no_harm() -> None:
    mask = FlickerMask((1, 1))
    for _ in range(60):
        second(mask, np.full((1, 1), 255, np.uint8), np.full((1, 1), 255, np.uint8))
    assert mask.mask.shape == (1, 1)


def test_a_blob_that_lies_mostly_in_a_masked_place_is_rejected_with_all_its_cells() -> None:
    mask = FlickerMask(HW)
    television_for(mask, 90, np.random.default_rng(1))
    inside, beside, reaching_out = (
        block_of(np.s_[16:26, 104:112]),
        block_of(np.s_[20:70, 10:24]),
        block_of(np.s_[16:26, 120:134]),
    )
    np.testing.assert_array_equal(mask.rejected(inside | beside), inside)
    np.testing.assert_array_equal(mask.rejected(reaching_out), reaching_out)


def test_a_blob_that_is_larger_than_the_masked_place_or_mostly_beside_it_is_not_rejected() -> None:
    mask = FlickerMask(HW)
    television_for(mask, 90, np.random.default_rng(1))
    for person in (block_of(np.s_[4:88, 96:132]), block_of(np.s_[10:60, 84:110])):
        assert not mask.rejected(person).any()
        inside = block_of(np.s_[16:26, 122:126]) & ~person
        np.testing.assert_array_equal(mask.rejected(person | inside), inside)


def test_without_a_mask_or_without_blobs_nothing_is_rejected() -> None:
    mask = FlickerMask(HW)
    assert not mask.rejected(np.full(HW, 255, np.uint8)).any()
    television_for(mask, 90, np.random.default_rng(1))
    assert not mask.rejected(np.zeros(HW, np.uint8)).any()


# The same with frames, through the whole pipeline.


def switched_on(at_s: float) -> tuple[Block, ...]:
    """A television that is switched on after the bootstrap, in which it would count as noise of the place."""
    return (television(at_s),) if at_s >= 15.0 else ()


def at_the_television(at_s: float) -> Look:
    """A television, and a person who walks past below it."""
    person = walker(at_s)
    return Look((*switched_on(at_s), person.at(person.left, 46)))


def late(counted: Counted, place: tuple[slice, slice]) -> float:
    """Mean seconds that were counted in the cells of a place from 90 s on."""
    counts = [mask for mask in counted.masks if mask.mono_s >= 90.0]
    moving = sum((mask.moving[place] > 0).mean() * mask.dt_s for mask in counts)
    late = [each for mask in counts for each in (mask.dwell_ms, mask.moved_ms) if each is not None]
    return float(moving + sum(each[place].mean() / 1000.0 for each in late))


def test_a_television_gives_no_lasting_heat_and_the_people_under_it_do() -> None:
    with_mask = count(room().frames(at_the_television, 180))
    without = count(room().frames(at_the_television, 180), params(flicker_mask=False))
    screen, below = np.s_[14:30, 102:126], np.s_[52:80, 20:90]
    assert late(without, screen) > 50.0
    assert late(with_mask, screen) < 0.02 * late(without, screen)
    assert with_mask.presence[screen].mean() < 35.0, "counted until it was suspect"
    assert with_mask.presence[below].sum() == pytest.approx(without.presence[below].sum(), rel=0.1)
    report = with_mask.pipeline.take_report()
    assert report.masked_ratio > 0.0
    assert report.rejected.cells_s["flicker"] > 1000.0


def test_a_reset_clears_the_mask_and_keeps_the_heats() -> None:
    counted = count(room().frames(at_the_television, 120), flush=False)
    counted.pipeline.reset(flicker=True, moved=False, heat=False)
    assert counted.pipeline.take_report().masked_ratio == 0.0
    assert counted.presence.any(), "the heats are kept"


def test_a_person_who_walks_about_in_front_of_a_television_counts() -> None:
    """Between 120 s and 160 s, in front of it and partly beside it."""

    def person(at_s: float) -> tuple[Block, ...]:
        if not 120.0 <= at_s < 160.0:
            return ()
        way = at_s % 10.0
        return (Block(round(60 + 12 * min(way, 10.0 - way)), 8, 26, 60, luma=210, cb=134, cr=122, pattern=3),)

    counted = count(room().frames(lambda at_s: Look((*switched_on(at_s), *person(at_s))), 165))
    assert counted.pipeline.take_report().masked_ratio > 0.02
    screen = np.s_[14:30, 102:126]
    truth = truth_of(lambda at_s: Look(person(at_s)), 165)[screen].mean()
    assert truth > 10.0
    assert late(counted, screen) > 0.6 * truth
    assert late(count(room().frames(lambda at_s: Look(switched_on(at_s)), 165)), screen) < 0.5
