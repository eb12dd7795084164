"""While the light of the whole picture changes nothing is counted; counting resumes soon after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edgeheat.core.foreground.background import BackgroundModel, tint_of
from edgeheat.core.foreground.illumination import FrameChange, IlluminationGate
from edgeheat.core.grid.frames import F32, U8, SizeWH
from edgeheat.core.grid.masks import half_hw
from edgeheat.core.pipeline import CameraPipeline
from tests.core.drawn import HW, Block, Counted, Look, count, params, room, truth_of, walker

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


# The gate alone.

SCENE: U8 = room(noise=0).draw()[0]


def background_of(luma: U8, observed_s: float = 60.0) -> BackgroundModel:
    chroma = np.full((*half_hw(HW), 2), 128, np.uint8)
    return BackgroundModel(luma.copy(), tint_of(chroma, 1.0), np.full(half_hw(HW), observed_s, np.float32))


def darkened(luma: U8) -> U8:
    return np.asarray(np.rint(luma * lamps(0.3)), np.uint8)


NOBODY: U8 = np.zeros(HW, np.uint8)
ALL_OVER = FrameChange(0.9, 0.9, 0.9)


def through(gate: IlluminationGate, scene: BackgroundModel, seen: U8, people: U8 = NOBODY) -> BackgroundModel:
    """Close the gate, pass it `seen` until it opens, and return the background that it supplies."""
    assert gate.update(ALL_OVER, people, 0.2)
    return opened_by(gate, scene, seen)


def opened_by(gate: IlluminationGate, scene: BackgroundModel, seen: U8) -> BackgroundModel:
    """Pass a closed gate `seen` until it opens, and return the background that it supplies."""
    for _ in range(400):
        if gate.update_closed(seen, None, 0.0, 0.2):
            found = gate.try_open(scene, seen)
            if found is not None:
                return found
    raise AssertionError("the gate did not open")


@pytest.mark.parametrize(
    ("what", "ratios", "closes"),
    [
        ("nothing changes", [(0.0, 0.0, 0.01)] * 5, False),
        ("people walk", [(0.05, 0.05, 0.05), (0.08, 0.08, 0.1), (0.06, 0.06, 0.08)], False),
        ("the exposure ramps and is compensated", [(0.01, 0.5, 0.02)] * 5, False),
        ("half of the picture changes at once", [(0.0, 0.0, 0.01), (0.5, 0.5, 0.5)], True),
        ("the camera compensates most of the change", [(0.0, 0.0, 0.02), (0.1, 0.6, 0.11)], True),
        ("a large area differs suddenly", [(0.0, 0.0, 0.02), (0.1, 0.1, 0.2)], True),
        ("a large area differs for seconds and nothing moves", [(0.01, 0.01, 0.5)] * 30, True),
        ("a large area differs for seconds because of a crowd", [(0.1, 0.1, 0.5)] * 30, False),
    ],
)
def test_when_the_gate_closes(what: str, ratios: list[tuple[float, float, float]], closes: bool) -> None:
    gate = IlluminationGate(HW)
    assert any(gate.update(FrameChange(*each), NOBODY, 0.2) for each in ratios) == closes, what


STILL_DIFFERING = FrameChange(0.01, 0.01, 0.5)


def test_seconds_of_a_large_difference_add_up_only_without_a_break() -> None:
    gate = IlluminationGate(HW)
    for _ in range(5):
        assert not any(gate.update(STILL_DIFFERING, NOBODY, 0.2) for _ in range(15)), "3 s"
        assert not gate.update(FrameChange(0.1, 0.1, 0.5), NOBODY, 0.2), "a crowd moves"


def test_a_large_difference_from_before_the_gate_closed_does_not_close_it_again() -> None:
    gate, scene = IlluminationGate(HW), background_of(SCENE)
    for _ in range(2):
        assert not any(gate.update(STILL_DIFFERING, NOBODY, 0.2) for _ in range(18)), "3.6 s"
        assert any(gate.update(STILL_DIFFERING, NOBODY, 0.2) for _ in range(5))
        assert opened_by(gate, scene, SCENE) is scene


def test_the_gate_waits_for_steady_light_but_not_indefinitely() -> None:
    gate = IlluminationGate(HW)
    gate.update(ALL_OVER, NOBODY, 0.2)
    assert not any(gate.update_closed(SCENE, None, 0.5, 0.2) for _ in range(100)), "20 s of flashes"
    ready = [gate.update_closed(SCENE, None, 0.0, 0.2) for _ in range(6)]
    assert not ready[0] and ready[-1]
    gate.update(ALL_OVER, NOBODY, 0.2)
    assert any(gate.update_closed(SCENE, None, 0.5, 0.2) for _ in range(400)), "after a minute it continues in any case"


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
    for at_its_end in (NOBODY, np.full(HW, 255, np.uint8)):
        gate = IlluminationGate(HW)
        gate.record_occupied(PEOPLE)
        for _ in range(6):
            gate.record_occupied(at_its_end)
        assert any(gate.update(STILL_DIFFERING, at_its_end, 0.2) for _ in range(30))
        found = opened_by(gate, background_of(SCENE), dark_with_a_person())
        assert np.abs(found.luma[BEHIND_THEM].astype(int) - darkened(SCENE)[BEHIND_THEM]).mean() < 10.0
        open_floor = np.abs(found.luma[:, :50].astype(int) - darkened(SCENE)[:, :50])
        assert open_floor.max() == 0, "the rest is learned from what is seen"
