"""While the light of the whole picture changes nothing is counted; counting resumes soon after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgeheat.core.foreground.background import BackgroundModel, Noise, tint_of
from edgeheat.core.foreground.illumination import Comparison, FrameChange, IlluminationGate
from edgeheat.core.grid.frames import F32, U8, SizeWH
from edgeheat.core.grid.masks import absolute_difference, exceeds, half_hw
from edgeheat.core.pipeline import CameraPipeline
from tests.core.drawn import HW, Block, Counted, Look, Room, count, params, room, truth_of, walker

OFF_S, ON_S, END_S = 40.0, 70.0, 110.0


def lamps(level: float) -> F32:
    """The light of lamps that reaches the left of the shop less than the right."""
    return np.linspace(level, min(1.0, level + 0.25), HW[1], dtype=np.float32)[None, :].repeat(HW[0], axis=0)


def lamps_off_and_on(with_walker: bool) -> Callable[[float], Look]:
    def look(at_s: float) -> Look:
        people = (walker(at_s),) if with_walker else ()
        return Look(people, lamps(0.3)) if OFF_S <= at_s < ON_S else Look(people)

    return look


def cells_after(counted: Counted, start_s: float, end_s: float) -> list[int]:
    return [int(np.count_nonzero(mask.cells)) for mask in counted.masks if start_s <= mask.mono_s < end_s]


@pytest.mark.parametrize("coloured", [True, False])
def test_lamps_that_go_off_and_on_in_an_empty_shop_give_no_heat(coloured: bool) -> None:
    counted = count(room(coloured=coloured).frames(lamps_off_and_on(False), END_S))
    assert counted.presence.sum() < 0.002 * END_S * HW[0] * HW[1]
    assert counted.pipeline.take_report().rejected.frames_s["light"] > 0.5


@pytest.mark.parametrize("coloured", [True, False])
def test_people_are_counted_while_lamps_are_off_and_after_they_are_on_again(coloured: bool) -> None:
    looks = lamps_off_and_on(True)
    counted = count(room(coloured=coloured).frames(looks, END_S))
    truth = truth_of(looks, END_S)
    assert counted.presence.sum() == pytest.approx(truth.sum(), rel=0.25)
    assert np.corrcoef(counted.presence.ravel(), truth.ravel())[0, 1] > 0.95
    assert counted.presence[:25].sum() + counted.presence[80:].sum() < 0.02 * counted.presence.sum()


def test_a_pallet_is_no_dwell_when_the_lamps_are_dimmed() -> None:
    pallet = Block(60, 40, 30, 24, luma=180, cb=100, cr=150)

    def look(at_s: float) -> Look:
        return Look((pallet,) if at_s >= 60 else (), lamps(0.4) if at_s >= 150 else 1.0)

    counted = count(room().frames(look, 200))
    assert counted.heat("dwell")[pallet.place].mean() < 2.0
    assert counted.pipeline.take_report().rejected.cells_s["furniture"] > 60 * 30 * 24


def colourless(size_wh: SizeWH) -> U8:
    return np.full((size_wh[1], size_wh[0], 2), 128, np.uint8)


@pytest.mark.parametrize("phase_s", [0.0, 0.2, 0.4, 0.6, 0.8])
def test_after_infra_red_the_background_has_its_colours_again(phase_s: float) -> None:
    day, night = room(), room(coloured=False)
    frames = [
        frame
        for frame, grey in zip(
            day.frames(lambda at_s: Look(light=1.0 if at_s < 40 else lamps(0.55)), 80),
            night.frames(lambda _: Look(light=0.6), 80),
            strict=True,
        )
        for frame in [replace(grey, chroma=colourless) if 30 <= frame.mono_s < 50 + phase_s else frame]
    ]
    counted = count(frames)
    saved = counted.pipeline.save()
    assert saved is not None
    again = CameraPipeline(params())
    again.restore(saved, [], 0.0)
    light = lamps(0.55)
    light[30:60, 60:100] *= 1.35
    later = [replace(frame, mono_s=frame.mono_s + 100) for frame in day.frames(lambda _: Look(light=light), 20)]
    for frame in later:
        again.step(frame)
    again.flush()
    heats = [again.heat(name, later[-1].mono_s, later[-1].wall_s) for name in ("traffic", "dwell")]
    assert sum(float(heat.heat_s.sum()) for heat in heats if heat) < 0.01 * 20 * 30 * 40, (
        "a patch of light is not a person"
    )


def test_counting_resumes_within_5_s_and_rejected_time_is_not_observed() -> None:
    counted = count(room().frames(lamps_off_and_on(True), END_S))
    for change_s in (OFF_S, ON_S):
        assert min(cells_after(counted, change_s + 5, change_s + 10)) > 200, "the person is detected again"
    rejected_s = counted.pipeline.take_report().rejected.frames_s
    assert 1.0 < rejected_s["light"] < 10.0
    lost_s = sum(rejected_s.values())
    grid = counted.pipeline.heat("traffic", END_S, 0.0)
    assert grid is not None
    assert grid.observed_s == pytest.approx(END_S - 0.2 - lost_s, abs=0.3)


def test_without_the_gate_no_frame_is_rejected() -> None:
    counted = count(room().frames(lamps_off_and_on(False), END_S), params(light_gate=False))
    assert "light" not in counted.pipeline.take_report().rejected.frames_s


def test_an_exposure_ramp_does_not_close_the_gate() -> None:
    def look(at_s: float) -> Look:
        return Look((walker(at_s),), gain=1.0 + 0.35 * np.sin(at_s / 6.0), offset=5 * np.sin(at_s / 9.0))

    assert "light" not in count(room().frames(look, 80)).pipeline.take_report().rejected.frames_s
    counted = count(room(coloured=False).frames(look, 80))
    assert "light" not in counted.pipeline.take_report().rejected.frames_s
    truth = truth_of(look, 80)
    assert counted.presence.sum() == pytest.approx(truth.sum(), rel=0.25)
    assert counted.presence[:25].sum() + counted.presence[80:].sum() < 0.02 * counted.presence.sum()


def test_a_slow_change_of_the_daylight_gives_no_heat_and_does_not_close_the_gate() -> None:
    def look(at_s: float) -> Look:
        return Look(light=lamps(1.0 - 0.4 * at_s / 150))

    counted = count(room().frames(look, 150))
    assert counted.presence.sum() < 0.002 * 150 * HW[0] * HW[1]
    assert counted.pipeline.take_report().rejected.frames_s.get("light", 0.0) < 5.0


def test_a_crowd_that_comes_in_does_not_close_the_gate() -> None:
    def look(at_s: float) -> Look:
        starts = [25.0 + 3.0 * number for number in range(6)]
        return Look([walker(at_s - start_s, round_s=16 + start_s / 5) for start_s in starts if at_s > start_s])

    counted = count(room().frames(look, 80))
    assert counted.pipeline.take_report().rejected.frames_s.get("light", 0.0) < 2.0
    assert counted.presence.sum() == pytest.approx(truth_of(look, 80).sum(), rel=0.25)


def crowd(at_s: float, *, start_s: float = 20.0) -> Look:
    """Two people close to the lens, in clothes with a pattern, who fill two fifths of the picture and walk about."""
    if at_s < start_s:
        return Look()
    way = round(12 * np.sin(at_s))
    return Look((Block(24 - way, 15, 50, 75, 90, 140, 110, 1), Block(90 + way, 20, 45, 70, 100, 110, 150, 2)))


def test_people_who_fill_much_of_the_picture_at_once_do_not_close_the_gate_and_count() -> None:
    counted = count(room().frames(crowd, 60))
    assert "light" not in counted.pipeline.take_report().rejected.frames_s
    assert counted.presence.sum() == pytest.approx(truth_of(crowd, 60).sum(), rel=0.15)


def test_a_change_of_light_behind_a_crowd_closes_the_gate_and_it_opens_although_they_keep_moving() -> None:
    def look(at_s: float) -> Look:
        return Look(crowd(at_s).blocks, lamps(0.45) if at_s >= 40 else 1.0)

    counted = count(room().frames(look, 80))
    rejected_s = counted.pipeline.take_report().rejected.frames_s
    assert 1.0 < sum(rejected_s.values()) < 8.0
    assert min(cells_after(counted, 48, 79)) > 2000


# Whether people or light changed a picture.

SCENE: U8 = room(noise=0).draw()[0]
NOBODY: U8 = np.zeros(HW, np.uint8)
EVERYWHERE: U8 = np.full(HW, 255, np.uint8)


def darkened(luma: U8) -> U8:
    return np.asarray(np.rint(luma * lamps(0.3)), np.uint8)


def compared(before: Look, now: Look, *, noise: float = 1.5) -> Comparison:
    """What two frames of the room show; `noise`: of the second of them."""
    shop = room(coloured=False)
    noisy = Room(shop.luma, None, noise)
    first, second = shop.draw(before)[0], noisy.draw(now)[0]
    return Comparison(first, second, exceeds(absolute_difference(first, second), 16))


def spot() -> F32:
    """The light of an infra-red lamp: bright in the middle and dark at the rim."""
    middle = np.full(HW, 0.4, np.float32)
    middle[30:60, 55:105] = 1.6
    return np.asarray(cv2.GaussianBlur(middle, (0, 0), 12), np.float32)


@pytest.mark.parametrize(
    ("what", "before", "now", "noise"),
    [
        ("lamps go off", Look(), Look(light=lamps(0.3)), 1.5),
        ("lamps go on", Look(light=lamps(0.3)), Look(), 1.5),
        ("lamps go off while a person walks", Look((walker(5.0),)), Look((walker(5.2),), lamps(0.3)), 1.5),
        ("the exposure rises", Look(), Look(gain=1.4), 1.5),
        ("the exposure falls", Look(), Look(gain=0.6), 1.5),
        ("the black level rises", Look(), Look(offset=30), 1.5),
        ("the black level falls", Look(), Look(offset=-25), 1.5),
        ("the camera switches to infra-red", Look(), Look(light=spot()), 4.0),
    ],
)
def test_light_is_no_people(what: str, before: Look, now: Look, noise: float) -> None:
    assert not compared(before, now, noise=noise).shows_people(), what


CROWD = (Block(10, 20, 50, 70, luma=90, pattern=1), Block(90, 25, 45, 65, luma=60, pattern=2))
CLOSE = Block(40, 0, 80, 90, luma=90, pattern=1)


@pytest.mark.parametrize(
    ("what", "before", "now"),
    [
        ("two people come in", (), CROWD),
        ("two people go", CROWD, ()),
        ("two people walk apart", CROWD, (CROWD[0].at(4), CROWD[1].at(96))),
        ("one steps in front of the lens", (), (CLOSE,)),
        ("one steps away from the lens", (CLOSE,), ()),
        ("one walks by", (walker(5.0),), (walker(5.6),)),
        ("two walk the same way", CROWD, (CROWD[0].at(16), CROWD[1].at(96))),
        ("one walks close to the lens", (CLOSE,), (CLOSE.at(46),)),
    ],
)
def test_people_are_no_light(what: str, before: tuple[Block, ...], now: tuple[Block, ...]) -> None:
    assert compared(Look(before), Look(now)).shows_people(), what


@pytest.mark.parametrize(("down", "right"), [(0, 3), (0, -6), (4, 3), (-5, 0)])
def test_a_move_of_the_camera_is_no_people(down: int, right: int) -> None:
    wide = room((110, 180), coloured=False)
    first, second = wide.draw()[0][10:100, 10:170], wide.draw()[0][10 + down :, 10 + right :][:90, :160]
    before, now = np.ascontiguousarray(first), np.ascontiguousarray(second)
    assert not Comparison(before, now, exceeds(absolute_difference(before, now), 16)).shows_people()


def test_a_picture_in_which_nothing_changed_shows_no_people() -> None:
    assert not Comparison(SCENE, SCENE, NOBODY).shows_people()


# The gate alone.

LIGHT = Comparison(SCENE, darkened(SCENE), EVERYWHERE)
PEOPLE_CAME = compared(Look(), Look(CROWD), noise=0)
ALL_OVER = FrameChange(0.9, 0.9, 0.9)


def background_of(luma: U8, observed_s: float = 60.0, noise: Noise | None = None) -> BackgroundModel:
    chroma = np.full((*half_hw(HW), 2), 128, np.uint8)
    return BackgroundModel(luma.copy(), tint_of(chroma, 1.0), np.full(half_hw(HW), observed_s, np.float32), noise)


def close(gate: IlluminationGate, people: U8 = NOBODY) -> None:
    assert gate.update(ALL_OVER, LIGHT, LIGHT, people, 0.2)


def through(gate: IlluminationGate, scene: BackgroundModel, seen: U8, people: U8 = NOBODY) -> BackgroundModel:
    """Close the gate, pass it `seen` until it opens, and return the background that it supplies."""
    close(gate, people)
    return opened_by(gate, scene, seen)


def opened_by(gate: IlluminationGate, scene: BackgroundModel, seen: U8) -> BackgroundModel:
    """Pass a closed gate `seen` until it opens, and return the background that it supplies."""
    for _ in range(100):
        if gate.update_closed(Comparison(seen, seen, NOBODY), None, 0.2):
            found = gate.try_open(scene, seen)
            if found is not None:
                return found
    raise AssertionError("the gate did not open")


@pytest.mark.parametrize(
    ("what", "ratios", "closes"),
    [
        ("nothing changes", [(0.0, 0.0, 0.01)] * 5, False),
        ("a few cells change", [(0.05, 0.05, 0.05), (0.08, 0.08, 0.1), (0.06, 0.06, 0.08)], False),
        ("the exposure ramps and is compensated", [(0.01, 0.5, 0.02)] * 5, False),
        ("half of the picture changes at once", [(0.0, 0.0, 0.01), (0.5, 0.5, 0.5)], True),
        ("the camera compensates most of the change", [(0.0, 0.0, 0.02), (0.1, 0.6, 0.11)], True),
        ("a large area differs suddenly", [(0.0, 0.0, 0.02), (0.1, 0.1, 0.2)], True),
        ("a large area differs for seconds and nothing moves", [(0.01, 0.01, 0.5)] * 30, True),
        ("a large area differs for seconds because of a crowd", [(0.1, 0.1, 0.5)] * 30, False),
    ],
)
def test_when_the_gate_closes(what: str, ratios: list[tuple[float, float, float]], closes: bool) -> None:
    for pictures, may_close in ((LIGHT, True), (PEOPLE_CAME, False)):
        gate = IlluminationGate(HW)
        changes = [FrameChange(*each) for each in ratios]
        closed = any(gate.update(change, pictures, pictures, NOBODY, 0.2) for change in changes)
        assert closed == (closes and may_close), what


STILL_DIFFERING = FrameChange(0.01, 0.01, 0.5)
STILL = Comparison(SCENE, SCENE, NOBODY)


def differs_still(gate: IlluminationGate, frames: int, people: U8 = NOBODY) -> bool:
    """Pass frames of a still picture in another light; returns whether the gate closed."""
    return any(gate.update(STILL_DIFFERING, STILL, LIGHT, people, 0.2) for _ in range(frames))


def test_people_who_sit_still_close_to_the_lens_do_not_close_the_gate() -> None:
    gate = IlluminationGate(HW)
    assert not any(gate.update(STILL_DIFFERING, STILL, PEOPLE_CAME, NOBODY, 0.2) for _ in range(100))


def test_seconds_of_a_large_difference_add_up_only_without_a_break() -> None:
    gate = IlluminationGate(HW)
    for _ in range(5):
        assert not gate.update(FrameChange(0.1, 0.1, 0.5), LIGHT, LIGHT, NOBODY, 0.2), "a crowd moves"
        assert not differs_still(gate, 15), "3 s"


def test_a_first_frame_in_another_light_than_the_background_closes_the_gate_at_once() -> None:
    assert differs_still(IlluminationGate(HW), 1)


def test_a_large_difference_from_before_the_gate_closed_does_not_close_it_again() -> None:
    gate, scene = IlluminationGate(HW), background_of(SCENE)
    assert not gate.update(FrameChange(0.1, 0.1, 0.5), LIGHT, LIGHT, NOBODY, 0.2), "a crowd moves"
    for _ in range(2):
        assert not differs_still(gate, 18), "3.6 s"
        assert differs_still(gate, 5)
        assert opened_by(gate, scene, SCENE) is scene


def test_the_gate_waits_for_steady_light_but_not_indefinitely() -> None:
    gate = IlluminationGate(HW)
    close(gate)
    assert not any(gate.update_closed(LIGHT, None, 0.2) for _ in range(95)), "19 s of flashes"
    ready = [gate.update_closed(STILL, None, 0.2) for _ in range(6)]
    assert not ready[0] and ready[-1]
    close(gate)
    ready = [gate.update_closed(LIGHT, None, 0.2) for _ in range(105)]
    assert not any(ready[:95]) and ready[-1], "after 20 s it continues in any case"
    assert gate.try_open(background_of(SCENE), darkened(SCENE)) is not None
    assert not gate.closed


def test_the_gate_opens_although_a_crowd_keeps_moving() -> None:
    gate = IlluminationGate(HW)
    close(gate)
    ready = [gate.update_closed(PEOPLE_CAME, None, 0.2) for _ in range(8)]
    assert not ready[0] and ready[-1]


def test_the_noise_of_each_cell_survives_a_change_of_light_and_back() -> None:
    noise = Noise(np.full(HW, 2.5, np.float32), np.zeros(half_hw(HW), np.float32))
    noise.luma[10:40, 20:60], noise.tint[5:20, 10:30] = 9.0, 4.0
    gate, scene = IlluminationGate(HW), background_of(SCENE, noise=noise)
    dark = through(gate, scene, darkened(SCENE))
    bright = through(gate, dark, SCENE)
    for other in (dark, bright):
        assert other is not scene
        np.testing.assert_array_equal(other.noise.luma, noise.luma)
        np.testing.assert_array_equal(other.noise.tint, noise.tint)
        assert (other.tolerance[12:38, 22:58] == 44).all()


def test_a_short_flash_keeps_the_background() -> None:
    scene = background_of(SCENE)
    assert through(IlluminationGate(HW), scene, SCENE) is scene


def test_the_background_in_the_new_light_is_as_certain_as_before() -> None:
    found = through(IlluminationGate(HW), background_of(SCENE), darkened(SCENE))
    assert np.abs(found.luma.astype(int) - darkened(SCENE)).mean() < 2.0
    assert np.quantile(found.observed_s, 0.1) >= 15.0, "cells that only became darker stay certain"


def test_an_earlier_background_is_restored_without_the_person_who_is_there_now() -> None:
    gate, scene = IlluminationGate(HW), background_of(SCENE)
    dark = through(gate, scene, darkened(SCENE))
    with_person = SCENE.copy()
    with_person[30:70, 60:74] = 230
    again = through(gate, dark, with_person)
    inside = np.s_[34:66, 64:70]
    assert np.abs(again.luma[inside].astype(int) - SCENE[inside]).mean() < 10.0, "the floor behind the person is known"
    assert np.abs(again.luma.astype(int) - SCENE).mean() < 3.0


PEOPLE: U8 = np.zeros(HW, np.uint8)
PEOPLE[28:72, 58:76] = 255
BEHIND_THEM = np.s_[34:66, 64:70]


def dark_with_a_person() -> U8:
    seen = darkened(SCENE)
    seen[30:70, 60:74] = 90
    return seen


def test_behind_people_the_old_background_is_adapted_to_the_new_light() -> None:
    found = through(IlluminationGate(HW), background_of(SCENE), dark_with_a_person(), PEOPLE)
    assert np.abs(found.luma[BEHIND_THEM].astype(int) - darkened(SCENE)[BEHIND_THEM]).mean() < 10.0


def test_after_a_slow_change_people_are_where_they_were_detected_before_it() -> None:
    """What is detected at its end is the light: here everywhere, or nowhere, but not at the person."""
    for at_its_end in (NOBODY, EVERYWHERE):
        gate = IlluminationGate(HW)
        gate.record_occupied(PEOPLE)
        for _ in range(6):
            gate.record_occupied(at_its_end)
        assert differs_still(gate, 30, at_its_end)
        found = opened_by(gate, background_of(SCENE), dark_with_a_person())
        assert np.abs(found.luma[BEHIND_THEM].astype(int) - darkened(SCENE)[BEHIND_THEM]).mean() < 10.0
        open_floor = np.abs(found.luma[:, :50].astype(int) - darkened(SCENE)[:, :50])
        assert open_floor.max() == 0, "the rest is learned from what is seen"
