"""Moving people count at once, the time of stationary people is pending, and the rest is rejected with a reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeheat.core.foreground.background import BackgroundModel, tint_of
from edgeheat.core.foreground.detector import Detection, ForegroundDetector
from edgeheat.core.foreground.learning import SceneLearner
from edgeheat.core.foreground.rejections import Rejections
from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.masks import half_hw
from edgeheat.defs.params import MotionParams
from tests.core.drawn import HW, Block, Look, Room, room, walker

SITTER = Block(60, 30, 16, 40, luma=200, cb=90, cr=160)


class Camera:
    """A detector that has observed its empty room for a minute."""

    def __init__(self, counted: U8 | None = None, **motion: object) -> None:
        self.room: Room = room()
        luma, chroma = self.room.draw()
        assert chroma is not None
        background = BackgroundModel(luma, tint_of(chroma, 1.0), np.full(half_hw(HW), 60.0, np.float32))
        params = MotionParams(**motion)  # type: ignore[arg-type]
        self.rejections = Rejections()
        self.detector = ForegroundDetector(params, SceneLearner(params, background), self.rejections, counted)

    def watch(self, looks: Callable[[float], Look], seconds: float, start_s: float = 0.0) -> list[Detection]:
        """Return the detections of some seconds, at 5 frames per second."""
        drawn = (self.room.draw(looks(start_s + number / 5)) for number in range(round(5 * seconds)))
        return [self.detector.update(luma, chroma, 0.2) for luma, chroma in drawn]


def sitting(_: float) -> Look:
    return Look((SITTER,))


def test_an_empty_room_gives_nothing() -> None:
    camera = Camera()
    assert not any(each.cells.any() for each in camera.watch(lambda _: Look(), 10))
    assert camera.rejections.take().frames_s == {}


def test_a_walking_person_is_moving_and_counts_at_once() -> None:
    for detection in Camera().watch(lambda at_s: Look((walker(at_s),)), 10)[5:]:
        assert detection.rejection is None
        moving, present = np.count_nonzero(detection.moving), np.count_nonzero(detection.cells)
        assert moving > 0.9 * present > 300


def test_a_sitting_person_is_present_and_becomes_dwell_when_leaving() -> None:
    camera = Camera()
    seated = camera.watch(sitting, 10)[5:]
    assert all((each.cells[SITTER.place] == 255).mean() > 0.9 for each in seated)
    assert not any(each.moving.any() for each in seated[5:])
    assert all(each.confirmed.dwell_ms is None for each in seated)
    gone = camera.watch(lambda _: Look(), 5)
    confirmed = [each.confirmed.dwell_ms for each in gone if each.confirmed.dwell_ms is not None]
    assert 8_000 <= sum(int(each[50, 68]) for each in confirmed) <= 10_200


def test_a_shadow_is_reported_as_rejected_only_where_heat_counts() -> None:
    light = np.ones(HW, np.float32)
    light[20:70, 60:90] = 0.65
    nowhere: U8 = np.zeros(HW, np.uint8)
    everywhere, ignored = Camera(), Camera(counted=nowhere)
    for camera in (everywhere, ignored):
        detections = camera.watch(lambda _: Look(light=light), 4)
        assert not any(each.cells[24:66, 64:86].any() for each in detections)
        assert (detections[-1].rejected["shadow"][24:66, 64:86] == 255).mean() > 0.8
    assert everywhere.rejections.take().cells_s["shadow"] > 3 * 42 * 22
    assert ignored.rejections.take().cells_s == {}, "cells that would not have counted are not reported"


def test_lamps_that_go_off_reject_whole_frames_until_the_light_is_known() -> None:
    camera = Camera()
    camera.watch(lambda _: Look(), 2)
    lamps = np.linspace(0.3, 0.5, HW[1], dtype=np.float32)[None, :].repeat(HW[0], axis=0)
    detections = camera.watch(lambda _: Look(light=lamps), 10)
    reasons = [each.rejection for each in detections]
    assert reasons[0] == "light" and "settling" in reasons and reasons[-1] is None
    assert not any(each.cells.any() for each in detections)
    rejected_s = camera.rejections.take().frames_s
    assert sum(rejected_s.values()) < 5.0


def test_the_first_frame_with_the_background_of_another_light_is_not_compared_with_earlier_ones() -> None:
    camera = Camera()
    camera.watch(lambda _: Look(), 2)
    lamps = np.linspace(0.3, 0.5, HW[1], dtype=np.float32)[None, :].repeat(HW[0], axis=0)
    reasons = [each.rejection for each in camera.watch(lambda _: Look(light=lamps), 10)]
    changes = [reason for number, reason in enumerate(reasons) if number == 0 or reason != reasons[number - 1]]
    assert changes == ["light", "settling", None], "a second change of light would be rejected for as long again"


def test_a_person_who_sat_there_before_a_slow_change_of_light_is_detected_after_it() -> None:
    """Blinds open one after another: half of the picture is taken for people, until it was still for seconds."""

    def blinds(at_s: float) -> Look:
        light = np.ones(HW, np.float32)
        for number in range(8):
            if at_s >= number * 0.2:
                light[:, 20 * number : 20 * number + 10] = 2.0
        return Look((SITTER,), light)

    camera = Camera()
    camera.watch(sitting, 15)
    detections = camera.watch(blinds, 25)
    assert [each.rejection for each in detections[:10]] == [None] * 10, "it is a slow change"
    assert "light" in [each.rejection for each in detections]
    assert (detections[-1].cells[34:66, 64:72] == 255).all()


def test_with_feet_only_the_lower_edge_is_counted() -> None:
    whole, lower = (Camera(feet=feet).watch(sitting, 3)[-1] for feet in (False, True))
    assert 0 < np.count_nonzero(lower.cells) < 0.3 * np.count_nonzero(whole.cells)
    assert lower.cells[66:70, 62:74].any() and not lower.cells[30:50].any()
    np.testing.assert_array_equal(lower.occupied, whole.occupied)


def test_the_end_of_a_run_confirms_what_is_plausible() -> None:
    camera = Camera()
    camera.watch(sitting, 10)
    dwell_ms = camera.detector.end().confirmed.dwell_ms
    assert dwell_ms is not None and 8_000 <= dwell_ms[50, 68] <= 10_200


def test_a_frame_that_is_not_evaluated_counts_nothing_and_keeps_the_occupied_cells() -> None:
    camera = Camera()
    before = camera.watch(sitting, 3)[-1].occupied
    nothing = camera.detector.nothing("unhealthy")
    assert nothing.rejection == "unhealthy" and not nothing.cells.any()
    np.testing.assert_array_equal(nothing.occupied, before)


def test_a_frame_of_another_scene_differs_and_one_in_another_exposure_does_not() -> None:
    camera = Camera()
    luma = camera.room.draw()[0]
    assert camera.detector.differing_ratio(np.ascontiguousarray(luma[::-1, ::-1])) > 0.25
    assert camera.detector.differing_ratio((0.7 * luma).astype(np.uint8)) < 0.05
