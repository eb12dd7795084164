"""Stationary people are distinguished from static objects by micro-motion, by leaving, and by time."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edgeheat.core.foreground.background import BackgroundModel
from edgeheat.core.foreground.flicker import FlickerMask
from edgeheat.core.foreground.stationary import StationaryTracker, TickObservation, TickResult
from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.masks import absolute_difference, exceeds, half_hw
from edgeheat.defs.params import MotionParams
from tests.core.drawn import HW, Block, Look, count, params, room, truth_of, walker

PERSON = Block(70, 30, 14, 40, luma=210, cb=162, cr=104)
PALLET = Block(66, 44, 30, 26, luma=215, cb=165, cr=110)
NOBODY: U8 = np.zeros(HW, np.uint8)


def stands(start_s: float, end_s: float, *, fidgets: bool = True) -> Callable[[float], Look]:
    """A person comes in from the left, stands, and leaves to the right."""

    def look(at_s: float) -> Look:
        if at_s < start_s - 5 or at_s > end_s + 5:
            return Look()
        left = round(70 - max(0.0, start_s - at_s) * 16 + max(0.0, at_s - end_s) * 18)
        sway = int(at_s / 4) % 2 if fidgets and start_s <= at_s <= end_s else 0
        pattern = int(at_s / 2.5) if fidgets else 0
        body = PERSON.at(left + sway)
        return Look((Block(body.left, 30, 14, 40, luma=210, cb=162, cr=104, pattern=pattern),))

    return look


def block_between(block: Block, start_s: float, end_s: float) -> Callable[[float], Look]:
    """A block is present between two instants, without any micro-motion."""
    return lambda at_s: Look((block,) if start_s <= at_s < end_s else ())


def test_a_person_who_fidgets_is_counted_for_the_whole_time() -> None:
    looks = stands(30, 150)
    counted = count(room().frames(looks, 180))
    body = np.s_[34:66, 73:82]
    truth = truth_of(looks, 180)
    assert counted.presence[body].mean() == pytest.approx(truth[body].mean(), rel=0.1)
    assert counted.heat("dwell")[body].mean() > 0.8 * counted.presence[body].mean()
    away = np.asarray(cv2.dilate(truth, np.ones((9, 9), np.uint8))) == 0
    assert counted.presence[away].sum() < 0.01 * counted.presence.sum()


def test_dwell_is_confirmed_while_the_person_still_stands_there() -> None:
    counted = count(room().frames(stands(30, 150), 120), flush=False)
    assert counted.heat("dwell")[34:66, 73:82].mean() > 60.0


def test_a_pallet_is_not_counted_and_becomes_background_after_furniture_s() -> None:
    counted = count(room().frames(block_between(PALLET, 30, 1000), 110), params(furniture_s=30.0), flush=False)
    place = PALLET.place
    assert counted.heat("dwell")[place].mean() < 2.0
    assert counted.heat("traffic")[place].mean() < 2.0
    seen = [mask for mask in counted.masks if mask.cells[place].mean() > 128]
    assert 55.0 < max(mask.mono_s for mask in seen) < 80.0
    later = next(mask for mask in counted.masks if mask.mono_s >= 90)
    assert not later.cells[place].any(), "it is background now"


def test_an_object_that_is_removed_within_dwell_max_is_counted_and_leaves_no_ghost() -> None:
    counted = count(room().frames(block_between(PALLET, 40, 130), 180), params(furniture_s=30.0), flush=False)
    inner = np.s_[48:66, 70:92]
    assert counted.presence[inner].mean() == pytest.approx(90.0, rel=0.15)
    assert not any(mask.cells[inner].any() for mask in counted.masks if mask.mono_s > 145)


def test_a_person_present_from_the_start_who_leaves_gives_a_ghost_without_heat() -> None:
    def look(at_s: float) -> Look:
        return Look((PERSON,) if at_s < 20 else (), 1.0)

    counted = count(room().frames(look, 150))
    inner = np.s_[34:66, 72:82]
    assert counted.presence[inner].mean() < 1.0, "the person was learned as background and is not counted either"
    assert not any(mask.cells[inner].any() for mask in counted.masks if mask.mono_s > 100)
    assert counted.pipeline.take_report().rejected.cells_s["ghost"] > 0.0


def test_anything_present_longer_than_dwell_max_is_a_static_object() -> None:
    looks = block_between(PALLET, 40, 1000)
    counted = count(room().frames(looks, 200), params(furniture_s=30.0, dwell_max_s=60.0))
    assert counted.presence[48:66, 70:92].mean() < 5.0
    assert counted.pipeline.take_report().rejected.cells_s["furniture"] > 0.5 * 60 * 30 * 26


def test_a_walking_person_is_traffic_once_the_background_is_certain() -> None:
    def look(at_s: float) -> Look:
        return Look((walker(at_s),))

    counted = count(room().frames(look, 90))
    truth = truth_of(look, 90)
    assert counted.presence.sum() == pytest.approx(truth.sum(), rel=0.15)
    assert counted.heat("traffic").sum() > 0.8 * counted.presence.sum()
    assert np.corrcoef(counted.presence.ravel(), truth.ravel())[0, 1] > 0.97


def test_a_walking_person_does_not_raise_the_micro_motion_level() -> None:
    counted = count(room().frames(lambda at_s: Look((walker(at_s),)), 60), flush=False)
    moving = [np.count_nonzero(mask.moving) for mask in counted.masks if mask.mono_s > 40]
    present = [np.count_nonzero(mask.cells) for mask in counted.masks if mask.mono_s > 40]
    assert sum(moving) > 0.8 * sum(present)


def test_walking_in_a_clip_too_short_for_a_certain_background_counts_as_movement() -> None:
    counted = count(room().frames(lambda at_s: Look((walker(at_s),)), 8))
    assert counted.heat("traffic").sum() > 0.7 * counted.presence.sum() > 0.0


# StationaryTracker by itself, second by second.


class Place:
    """A square of the grid, and the time that is pending and confirmed in it."""

    def __init__(self, seen_s: float, **motion: float) -> None:
        self.background = BackgroundModel(np.full(HW, 100, np.uint8), None, np.full(half_hw(HW), seen_s, np.float32))
        self.tracker = StationaryTracker(MotionParams(**motion), self.background)  # type: ignore[arg-type]
        self.square = np.s_[30:50, 60:80]

    def second(self, level: int | None, hand: int | None = None) -> TickResult:
        """`level`: grey level of the person, None: nobody; `hand`: grey level of a small part of the person."""
        luma, people = np.full(HW, 100, np.uint8), NOBODY.copy()
        if level is not None:
            luma[self.square], people[self.square] = level, 255
            if abs(int(level) - int(self.background.luma[40, 70])) <= 15:
                people[self.square] = 0
        if hand is not None:
            luma[42:44, 66:70] = hand
        self.tracker.add_pending(people, 1.0)
        return self.tick(luma, people, NOBODY)

    def tick(self, luma: U8, people: U8, moving: U8) -> TickResult:
        observation = TickObservation(luma, None, people, people, moving, 1.0)
        tolerance = self.tracker.micro_motion_tolerance(luma)
        return self.tracker.update(self.background, observation, tolerance, FlickerMask(HW))

    def seconds(self, *levels: int | None) -> list[float]:
        """Return the seconds that are confirmed in the middle of the place, for each second."""
        results = [self.second(level) for level in levels]
        return [
            0.0 if each.confirmed.dwell_ms is None else each.confirmed.dwell_ms[40, 70] / 1000.0 for each in results
        ]


def test_pending_time_is_confirmed_when_the_person_leaves() -> None:
    confirmed = Place(60.0).seconds(*[200] * 20, *[None] * 4)
    assert confirmed[:20] == [0.0] * 20
    assert sum(confirmed) == 20.0


def test_pending_time_is_confirmed_by_micro_motion() -> None:
    place = Place(60.0)
    assert sum(place.seconds(*[200] * 10)) == 0.0
    confirmed = place.second(200, hand=150).confirmed
    assert confirmed.dwell_ms is not None and confirmed.dwell_ms[40, 70] == 11_000


def test_a_person_who_steps_in_front_confirms_nothing() -> None:
    assert sum(Place(60.0).seconds(*[200] * 10, *[160] * 5)) == 0.0


def test_nothing_is_confirmed_in_a_place_that_was_never_observed_empty() -> None:
    place = Place(0.0)
    confirmed = place.seconds(*[200] * 20, *[None] * 10)
    assert sum(confirmed) == 0.0


def test_time_that_is_pending_at_the_end_is_confirmed_if_it_is_plausible() -> None:
    short, long = Place(60.0), Place(60.0, furniture_s=30.0)
    short.seconds(*[200] * 20)
    long.seconds(*[200] * 60)
    end, none = short.tracker.end(short.background).dwell_ms, long.tracker.end(long.background).dwell_ms
    assert end is not None and end[40, 70] == 20_000
    assert none is None or none[40, 70] == 0, "a static object is not plausible"


def test_anything_present_much_longer_than_the_place_was_observed_empty_is_background() -> None:
    place = Place(5.0, furniture_s=1000.0)
    assert sum(place.seconds(*[200] * 25)) == 0.0
    assert place.background.luma[40, 70] == 100, "until 5 s and 20 s have passed"
    results = [place.second(200) for _ in range(10)]
    assert place.background.luma[40, 70] == 200
    assert sum(each.ghost_cell_s for each in results) > 25 * 18 * 18
    assert not any(each.confirmed.dwell_ms is not None and each.confirmed.dwell_ms.any() for each in results)


def test_pending_movement_is_confirmed_as_movement() -> None:
    place = Place(60.0)
    body = NOBODY.copy()
    body[place.square] = 255
    place.tracker.add_pending(body, 2.0, body)
    place.tracker.add_pending(body, 3.0)
    confirmed = place.tracker.end(place.background)
    assert confirmed.dwell_ms is not None and confirmed.dwell_ms[40, 70] == 3_000
    assert confirmed.moved_ms is not None and confirmed.moved_ms[40, 70] == 2_000
    place.tracker.add_pending(body, 1.0)
    assert place.tracker.end(place.background).moved_ms is None


def test_time_at_a_static_object_is_pending_once() -> None:
    place = Place(60.0)
    place.seconds(*[200] * 50)
    body = NOBODY.copy()
    body[place.square] = 255
    luma = np.full(HW, 100, np.uint8)
    luma[place.square] = 200
    for _ in range(5):
        # A person walks by, so the object is detected and its time is pending as well.
        place.tracker.add_pending(body, 1.0)
        place.tick(luma, body, body)
    confirmed = sum(place.seconds(*[100] * 3))
    assert confirmed == 56.0, "50 s alone, 5 s with a person passing, and the second in which it was removed"


def test_discarded_time_is_not_confirmed() -> None:
    place = Place(60.0)
    place.seconds(*[200] * 10)
    discarded = NOBODY.copy()
    discarded[place.square] = 255
    place.tracker.discard(discarded)
    assert sum(place.seconds(*[None] * 5)) == 0.0


def test_the_micro_motion_level_is_learned_from_the_cameras_noise() -> None:
    random = np.random.default_rng(1)
    tracker = Place(60.0).tracker
    quiet = tracker.micro_motion_levels
    for _ in range(60):
        tracker.learn_noise(NOBODY, NOBODY, np.full(HW, 255, np.uint8))
    assert tracker.micro_motion_levels == pytest.approx(quiet), "a picture without noise lowers it no further"
    for _ in range(60):
        now, then = (np.clip(random.normal(100, 8, HW), 0, 255).astype(np.uint8) for _ in range(2))
        tracker.learn_noise(now, then, np.full(HW, 255, np.uint8))
    assert quiet + 10 < tracker.micro_motion_levels < 60.0


# A person who is much larger than what a movement of the hand confirms, on a grid of 320.

LARGE_HW = (180, 320)
TALL = np.s_[60:120, 150:170]
PARTS = {"head": np.s_[64:74, 156:166], "belly": np.s_[90:100, 155:165], "legs": np.s_[108:118, 155:165]}
BESIDE = np.s_[90:120, 170:220]
"""A pallet that touches the person."""
APART = np.s_[90:120, 178:228]
"""One that does not."""


class Shop:
    """A tall person who moves only a hand, and a pallet; keeps what is confirmed and detected where."""

    def __init__(self, observed_s: float, pallet: tuple[slice, slice] | None = None) -> None:
        self.background = BackgroundModel(
            np.full(LARGE_HW, 100, np.uint8), None, np.full(half_hw(LARGE_HW), observed_s, np.float32)
        )
        self.tracker = StationaryTracker(MotionParams(), self.background)
        self.pallet = pallet
        self.confirmed_s = np.zeros(LARGE_HW)
        self.detected_s = np.zeros(LARGE_HW)
        self.second = 0

    def watch(self, seconds: int, *, person: bool = True, hand: bool = True) -> None:
        nobody: U8 = np.zeros(LARGE_HW, np.uint8)
        for _ in range(seconds):
            luma = np.full(LARGE_HW, 100, np.uint8)
            if person:
                luma[TALL] = 200
            if person and hand:
                left = 152 + self.second // 2 % 3 * 4
                luma[66:72, left : left + 6] = 150
            if self.pallet is not None:
                luma[self.pallet] = 40
            present = exceeds(absolute_difference(luma, self.background.luma), 15)
            self.detected_s += present > 0
            self.tracker.add_pending(present, 1.0)
            tick = TickObservation(luma, None, present, present, nobody, 1.0)
            tolerance = self.tracker.micro_motion_tolerance(luma)
            confirmed = self.tracker.update(self.background, tick, tolerance, FlickerMask(LARGE_HW)).confirmed
            if confirmed.dwell_ms is not None:
                self.confirmed_s += confirmed.dwell_ms / 1000.0
            self.second += 1


def test_of_a_tall_person_who_moves_only_a_hand_everything_counts_for_minutes() -> None:
    shop = Shop(900.0)
    shop.watch(300)
    for name, part in PARTS.items():
        assert (shop.detected_s[part] == 300).all(), f"{name}: not absorbed into the background"
    shop.watch(5, person=False)
    for name, part in PARTS.items():
        assert shop.confirmed_s[part].mean() == pytest.approx(300, abs=3), name


def test_a_tall_object_that_does_not_move_is_absorbed() -> None:
    shop = Shop(900.0)
    shop.watch(100, hand=False)
    for part in PARTS.values():
        assert shop.detected_s[part].max() < 50
        assert not shop.confirmed_s[part].any()


def test_a_pallet_apart_from_a_person_who_fidgets_is_absorbed_and_not_confirmed() -> None:
    shop = Shop(900.0, APART)
    shop.watch(120)
    assert shop.detected_s[APART].max() < 50
    assert not shop.confirmed_s[APART].any()
    assert shop.confirmed_s[PARTS["head"]].min() > 110


def test_a_pallet_that_touches_a_person_who_fidgets_is_not_confirmed() -> None:
    shop = Shop(900.0, BESIDE)
    shop.watch(300)
    inner = np.s_[94:116, 176:216]
    assert not shop.confirmed_s[inner].any(), "it may be absorbed later, but no time of it counts"
    shop.watch(60, person=False)
    assert shop.detected_s[inner].max() < 360, "once the person is gone, it is absorbed"
    assert not shop.confirmed_s[inner].any()
    for name, part in PARTS.items():
        assert shop.confirmed_s[part].mean() == pytest.approx(300, abs=3), name
    end = shop.tracker.end(shop.background).dwell_ms
    assert end is None or not end[inner].any()
