"""The camera's own clock is painted over with its surroundings: it counts nothing, and people behind it do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.core.foreground.background import BackgroundModel
from edgeheat.core.foreground.learning import SceneLearner
from edgeheat.core.foreground.screen_text import ScreenText
from edgeheat.core.grid.frames import GridFrame
from edgeheat.core.grid.masks import half_hw
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.defs.params import MotionParams
from tests.core import drawn
from tests.core.clocks import HW, Clock, frames, passer_by
from tests.core.drawn import Look, count, params

CLOCK = Clock()
TEXT_ROWS = np.s_[158:178]


def read(text: ScreenText, seconds: float, clock: Clock | None = CLOCK, from_s: float = 0.0) -> list[GridFrame]:
    """Return frames, painted over as far as the text was known."""
    painted = []
    for number in range(round(seconds * 5)):
        luma = drawn.room(HW).draw()[0]
        at_s = from_s + number / 5
        if clock is not None:
            clock.draw(luma, at_s)
        painted.append(GridFrame(luma, None, None, 0.2, at_s, at_s))
        text.remove_from(painted[-1])
    return painted


def text_at(*boxes: tuple[int, int, int, int], shape_hw: tuple[int, int] = HW) -> ScreenText:
    text = ScreenText()
    text.restore(
        {"text_boxes": np.array(boxes, np.int32).reshape(-1, 4), "text_grid": np.array(shape_hw, np.int32)}, shape_hw
    )
    return text


def test_the_clock_is_gone_from_the_frames_once_it_is_known() -> None:
    text = ScreenText()
    last = read(text, 12.0)[-1].grid.astype(int)
    mask = text.mask
    assert mask is not None and mask[CLOCK.place() > 0].mean() > 0.97 * 255
    assert text.ratio == pytest.approx((mask > 0).mean())
    without = drawn.room(HW).draw()[0].astype(int)
    assert np.abs(last - without)[TEXT_ROWS].max() < 60, "white text on the floor differs by more than 100"
    np.testing.assert_array_equal(last[:150], without[:150])


def test_text_is_filled_from_the_row_above_to_the_row_below() -> None:
    plane = np.full(HW, 9, np.uint8)
    plane[:50], plane[60:] = 10, 109
    text_at((20, 50, 120, 60)).paint_over(plane)
    np.testing.assert_array_equal(plane[49:61, 60], [10, 19, 28, 37, 46, 55, 64, 73, 82, 91, 100, 109])
    assert (plane[50:60, 19] == 9).all() and (plane[50:60, 120] == 9).all()


@pytest.mark.parametrize(("box", "seen"), [((20, 0, 120, 10), np.s_[10:12]), ((20, 170, 120, 180), np.s_[168:170])])
def test_text_at_the_edge_of_the_picture_is_filled_from_its_inner_side(
    box: tuple[int, int, int, int], seen: tuple[slice, ...]
) -> None:
    plane = np.zeros(HW, np.uint8)
    plane[seen] = 200
    text_at(box).paint_over(plane)
    assert (plane[box[1] : box[3], 20:120] == 200).all()


def test_colours_at_half_the_grid_and_planes_of_numbers_are_filled_too() -> None:
    chroma = np.zeros((90, 160, 2), np.uint8)
    chroma[:25], chroma[30:] = (100, 140), (100, 140)
    tint = np.zeros((90, 160), np.float32)
    tint[:25], tint[30:] = -3.5, -3.5
    text_at((20, 50, 120, 60)).paint_over(chroma, tint, None)
    assert (chroma[:, 10:60] == (100, 140)).all() and np.allclose(tint[:, 10:60], -3.5)


def test_text_that_covers_the_picture_from_top_to_bottom_becomes_its_mean() -> None:
    plane = np.zeros((4, 20), np.uint8)
    plane[:2] = 100
    text_at((0, 0, 4, 4), shape_hw=(4, 20)).paint_over(plane)
    assert (plane[:, :4] == 50).all()


def test_a_clock_that_is_switched_on_later_is_found_within_a_minute() -> None:
    text = ScreenText()
    read(text, 200.0, None)
    read(text, 60.0, CLOCK, from_s=200.0)
    assert text.mask is not None


def test_text_is_forgotten_when_nothing_changes_there_any_more() -> None:
    text = ScreenText()
    read(text, 12.0)
    assert text.mask is not None
    read(text, 60.0, None, from_s=12.0)
    assert text.mask is None and text.ratio == 0.0


def test_the_background_under_forgotten_text_was_never_observed() -> None:
    text = text_at((20, 50, 120, 60), (200, 50, 240, 60))
    shop = drawn.room(HW).draw()[0]
    learner = SceneLearner(MotionParams(), BackgroundModel(shop, None, np.full(half_hw(HW), 60.0, np.float32)))
    learner.add_pending(np.full(HW, 255, np.uint8), 1.0, np.zeros(HW, np.uint8))
    for number in range(5 * 60):
        luma = shop.copy()
        luma[50:60, 200:240] = 255 * (number // 5 % 2)
        frame = GridFrame(luma, None, None, 0.2, number / 5, number / 5)
        if text.remove_from(frame):
            learner.remove_text(text)
    assert text.mask is not None and text.mask[55, 220] and not text.mask[55, 70]
    assert (learner.background.observed_s[25:30, 10:60] == 0.0).all() and learner.uncertain[50:60, 20:120].all()
    assert (learner.background.observed_s[25:30, 100:120] > 0.0).all()
    assert (learner.background.observed_s[:25] > 0.0).all()
    confirmed = learner.end().dwell_ms
    assert confirmed is not None and not confirmed[50:60, 20:120].any() and confirmed[:50].all()


def test_text_of_low_contrast_is_found_twice_before_it_is_painted_over() -> None:
    faint = Clock(level=165, outline=None, bottom=172)
    text = ScreenText()
    read(text, 9.8, faint)
    assert text.mask is None
    read(text, 30.0, faint, from_s=9.8)
    assert text.mask is not None


def test_text_survives_a_restart_on_the_same_grid_only() -> None:
    first, second = ScreenText(), ScreenText()
    read(first, 12.0)
    second.restore(first.state(), HW)
    np.testing.assert_array_equal(second.mask, first.mask)
    half = GridFrame(np.zeros((90, 160), np.uint8), None, None, 0.2, 20.0, 20.0)
    assert not second.remove_from(half)
    assert second.mask is None


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"text_boxes": np.zeros((1, 4), np.int32)},
        {"text_boxes": np.zeros((1, 3), np.int32), "text_grid": np.array(HW, np.int32)},
        {"text_boxes": np.array([[5, 5, 4, 9]], np.int32), "text_grid": np.array(HW, np.int32)},
        {"text_boxes": np.array([[5, 5, 400, 9]], np.int32), "text_grid": np.array(HW, np.int32)},
        {"text_boxes": np.array([[0.5, 5, 40, 9]]), "text_grid": np.array(HW, np.int32)},
        {"text_boxes": np.array([[5, 5, 40, 9]], np.int32), "text_grid": np.array([2**40, 2**40])},
        {"text_boxes": np.array([[0, 0, 320, 180]], np.int32), "text_grid": np.array(HW, np.int32)},
    ],
)
def test_a_state_that_cannot_be_used_is_ignored(state: dict[str, NDArray[Any]]) -> None:
    text = ScreenText()
    text.restore(state, HW)
    assert text.mask is None


# The same through the whole pipeline.


def in_text(counted: drawn.Counted) -> float:
    """The cell-seconds that were counted where the clock is."""
    return float(counted.presence[TEXT_ROWS].sum())


def test_a_clock_counts_nothing_from_the_first_second_on() -> None:
    counted = count(frames(75, CLOCK))
    assert in_text(counted) == 0.0
    # OpenCV 4 and 5 draw the text in different fonts.
    assert 0.03 < counted.pipeline.take_report().screen_text_ratio < 0.09
    assert in_text(count(frames(75, CLOCK), params(screen_text=False))) > 1000.0


def test_a_person_behind_the_clock_counts_as_without_it() -> None:
    with_clock, without = count(frames(60, CLOCK, passer_by)), count(frames(60, None, passer_by))
    assert in_text(with_clock) == pytest.approx(in_text(without), rel=0.1)
    assert with_clock.presence.sum() == pytest.approx(without.presence.sum(), rel=0.05)


def test_a_clock_that_is_switched_on_later_counts_until_it_is_found_and_leaves_nothing_pending() -> None:
    counted = count(frames(100, CLOCK, from_s=30.0), flush=True)
    assert counted.presence_between(45.0, 101.0) == 0.0


def test_a_clock_that_is_found_while_frames_wait_counts_in_none_of_them() -> None:
    counted = count(frames(60, CLOCK, from_s=25.0), params(bootstrap_s=30.0))
    assert counted.presence_between(31.0, 61.0) == 0.0, "found at 40 s, while the frames since 31 s wait"


def test_a_clock_is_known_after_a_restart() -> None:
    first = count(frames(30, CLOCK), flush=False).pipeline
    second = CameraPipeline(params())
    second.restore(first.save(), [], 0.0)
    later = [frame for frame in frames(36, CLOCK) if frame.mono_s >= 30.0]
    masks = [mask for frame in later for mask in second.step(frame)]
    assert len(masks) == 30 and not any(mask.cells[TEXT_ROWS].any() for mask in masks)
    off = CameraPipeline(params(screen_text=False))
    off.restore(first.save(), [], 0.0)
    assert off.take_report().screen_text_ratio == 0.0


def test_the_clock_is_searched_again_when_the_picture_gets_another_resolution() -> None:
    pipeline, later = CameraPipeline(params()), replace(CLOCK, bottom=16)
    shown = {CLOCK: np.s_[150:], later: np.s_[:24]}
    for clock, size_wh, from_s in ((CLOCK, HW[::-1], 0.0), (later, (192, 108), 30.0)):
        for frame in frames(30, clock):
            luma = np.asarray(cv2.resize(frame.luma, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
            pipeline.step(drawn.frame_of(luma, None, from_s + frame.mono_s))
        text = pipeline.screen_text()
        assert text is not None and text[shown[clock]].any()
        text[shown[clock]] = 0
        assert not text.any(), "the clock is nowhere else now"


def test_a_clip_shorter_than_the_bootstrap_shows_no_clock() -> None:
    assert in_text(count(frames(9, CLOCK))) == 0.0


@pytest.mark.parametrize("scale", [0.5, 0.8])
def test_a_frozen_picture_is_reported_although_its_clock_runs_on(scale: float) -> None:
    clock = replace(CLOCK, scale=scale, bottom=170, text="{:%H:%M:%S}")
    room, pipeline = drawn.room(HW), CameraPipeline(params())
    still = room.draw()[0]
    verdicts = []
    for number in range(80 * 5):
        at_s = number / 5
        luma = clock.draw(room.draw(Look())[0] if at_s < 20 else still.copy(), at_s)
        pipeline.step(drawn.frame_of(luma, None, at_s))
        health = pipeline.take_report().health
        verdicts.append(None if health is None else health.verdict)
    assert verdicts[20 * 5] == "ok"
    assert verdicts.index("frozen") / 5 == pytest.approx(51, abs=3)
    assert verdicts[-1] == "frozen"
