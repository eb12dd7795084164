"""Statistics of hand-made detections: what each frame adds to seconds, sizes, overlap, specks and noise."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.core.foreground.detector import Detection
from edgeheat.core.foreground.rejections import RejectedTime
from edgeheat.core.foreground.stationary import Confirmed
from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.defs.events import CellRejection, FrameRejection
from edgeheat.defs.params import ZoneParams
from edgeheat.offline.tuning.explanation import CODES, CellClass
from edgeheat.offline.tuning.statistics import RecordingStatistics, Summary

GRID_WH = (128, 72)
LEFT_HALF = ZoneParams("left", "ignore", ((0.0, 0.0), (0.49, 0.0), (0.49, 1.0), (0.0, 1.0)))


def box(top: int, left: int, height: int, width: int) -> U8:
    mask = np.zeros(GRID_WH[::-1], np.uint8)
    mask[top : top + height, left : left + width] = 255
    return mask


NOTHING = box(0, 0, 0, 0)


class Recording:
    """Statistics that are fed one frame a second."""

    def __init__(self, *zones: ZoneParams) -> None:
        self.statistics = RecordingStatistics(ZoneMasks.from_params(zones, GRID_WH))
        self._counted = self.statistics.zones.counted
        self._second = 0

    def frame(
        self,
        *,
        people: U8 = NOTHING,
        moving: U8 = NOTHING,
        rejected: Mapping[CellRejection, U8] | None = None,
        rejection: FrameRejection | None = None,
        dwell_ms: NDArray[np.int32] | None = None,
        moved_ms: NDArray[np.int32] | None = None,
    ) -> None:
        detection = Detection(people, moving, Confirmed(), people, rejection, rejected or {})
        counted = [np.asarray(cv2.bitwise_and(mask, self._counted), np.uint8) for mask in (people, moving)]
        dt_s = 0.0 if rejection else 1.0
        time_s = float(self._second)
        self.statistics.add(detection, MotionMask(*counted, dwell_ms, dt_s, time_s, time_s, moved_ms))
        self._second += 1

    def end(self, dwell_ms: NDArray[np.int32]) -> None:
        """The end of the run, which confirms pending time at the time of the last frame."""
        time_s = float(self._second - 1)
        detection = Detection(NOTHING, NOTHING, Confirmed(), NOTHING)
        self.statistics.add(detection, MotionMask(NOTHING, NOTHING, dwell_ms, 0.0, time_s, time_s))

    def summary(self) -> Summary:
        return self.statistics.summary()

    def class_cell_s(self) -> dict[CellClass, float]:
        """The classes that have any seconds."""
        return {cell_class: cell_s for cell_class, cell_s in self.summary().class_cell_s.items() if cell_s}


def milliseconds(mask: U8, value: int) -> NDArray[np.int32]:
    return np.where(mask > 0, value, 0).astype(np.int32)


def test_movement_adds_its_seconds_to_traffic() -> None:
    recording, body = Recording(), box(4, 40, 10, 5)
    for _ in range(3):
        recording.frame(people=body, moving=body)
    assert recording.class_cell_s() == {"traffic": 150.0}
    assert recording.summary().traffic_s.max() == 3.0


def test_staying_counts_where_it_was_confirmed_and_is_discarded_elsewhere() -> None:
    recording, upper, lower = Recording(), box(2, 40, 5, 5), box(20, 40, 5, 5)
    for _ in range(4):
        recording.frame(people=upper | lower)
    recording.end(milliseconds(upper, 4000))
    assert recording.class_cell_s() == {"staying": 100.0, "discarded": 100.0}
    codes = recording.statistics.final_codes_at(1)
    assert set(codes[upper > 0]) == {CODES["staying"]}
    assert set(codes[lower > 0]) == {CODES["discarded"]}
    assert set(recording.statistics.codes_at(1)[lower > 0]) == {CODES["staying"]}


def test_short_pending_time_is_not_shown_as_discarded() -> None:
    recording, body = Recording(), box(2, 40, 5, 5)
    recording.frame(people=body)
    assert set(recording.statistics.final_codes_at(0)[body > 0]) == {CODES["staying"]}


def test_pending_time_that_turns_out_to_be_movement_becomes_traffic() -> None:
    recording, body = Recording(), box(2, 40, 5, 5)
    for _ in range(2):
        recording.frame(people=body)
    recording.frame(moved_ms=milliseconds(body, 2000))
    assert recording.class_cell_s() == {"traffic": 50.0}


def test_rejected_cells_are_counted_by_reason() -> None:
    recording = Recording()
    recording.frame(rejected={"shadow": box(0, 40, 2, 10), "speck": box(5, 40, 1, 2), "flicker": box(9, 40, 3, 3)})
    assert recording.class_cell_s() == {"shadow": 20.0, "speck": 2.0, "flicker": 9.0}
    assert recording.summary().flicker_s.sum() == 9.0


def test_the_cameras_clock_is_shown_where_nobody_is_and_its_share_is_reported() -> None:
    recording = Recording()
    recording.frame(people=box(60, 0, 10, 5), moving=box(60, 0, 10, 5))
    assert recording.summary().screen_text_ratio == 0.0
    recording.statistics.screen_text = box(64, 0, 8, 64)
    codes = recording.statistics.final_codes_at(0)
    assert (codes[64:70, :5] == CODES["traffic"]).all() and (codes[64:72, 5:64] == CODES["text"]).all()
    assert np.count_nonzero(codes == CODES["text"]) == 8 * 64 - 30
    assert recording.summary().screen_text_ratio == pytest.approx(8 * 64 / (72 * 128))


def test_what_lies_outside_the_zones_is_counted_once_and_as_masked() -> None:
    recording, shadow = Recording(LEFT_HALF), box(4, 50, 2, 24)
    outside = np.count_nonzero(shadow[recording.statistics.zones.counted == 0])
    assert 20 < outside < 28
    for _ in range(3):
        recording.frame(rejected={"shadow": shadow})
    assert recording.class_cell_s() == {"shadow": 3.0 * (48 - outside), "masked": 3.0 * outside}


def test_whole_rejected_frames_are_recorded_but_not_counted() -> None:
    recording, body = Recording(), box(4, 40, 10, 5)
    recording.frame(people=body, moving=body)
    recording.frame(people=body, moving=body, rejection="light")
    recording.frame(people=body, moving=body)
    summary = recording.summary()
    assert (summary.length_s, summary.observed_s) == (2.0, 2.0)
    assert recording.class_cell_s() == {"traffic": 100.0}
    assert [record.rejection for record in recording.statistics.records] == [None, "light", None]
    assert [record.dt_s for record in recording.statistics.records] == [0.0, 1.0, 1.0]
    assert summary.overlap_ratio is None, "the frames before and after a rejected one are not compared"


def test_the_pipelines_rejections_are_passed_on() -> None:
    recording = Recording()
    recording.frame()
    recording.statistics.add_rejected(RejectedTime({"light": 7.0}, {"ghost": 9.0}))
    summary = recording.statistics.summary()
    assert (summary.rejected_s, summary.rejected_cell_s) == ({"light": 7.0}, {"ghost": 9.0})


def test_each_person_is_one_blob_with_size_and_lower_edge() -> None:
    recording = Recording()
    head_and_legs = box(4, 40, 3, 4) | box(8, 40, 6, 4)
    recording.frame(people=head_and_legs | box(20, 5, 16, 8))
    sizes, lower_edges = recording.summary().people.T
    assert sorted(sizes) == [12 + 24, 128]
    assert sorted(lower_edges) == pytest.approx([14 / 72, 36 / 72], abs=0.02)


def test_overlap_is_the_share_of_moving_cells_that_people_covered_a_frame_before() -> None:
    recording = Recording()
    for left in (10, 13, 16, 19):
        body = box(4, left, 10, 4)
        recording.frame(people=body, moving=body)
    assert recording.summary().overlap_ratio == pytest.approx(0.25)


def test_specks_are_measured_in_the_mean_frame_and_over_all_frames() -> None:
    recording, cells = Recording(), GRID_WH[0] * GRID_WH[1]
    for left in (10, 30):
        recording.frame(rejected={"speck": box(3, left, 2, 3)})
    summary = recording.summary()
    assert summary.speck_ratio == pytest.approx(6 / cells)
    assert summary.speckled_ratio == pytest.approx(12 / cells)


@pytest.mark.parametrize("std", [1.5, 4.0])
def test_noise_is_measured_away_from_people(std: float) -> None:
    recording, random = Recording(), np.random.default_rng(7)
    body = box(4, 3, 20, 5)
    for second in range(12):
        recording.frame(people=body, moving=body)
        grid = np.clip(np.rint(120 + random.normal(0, std, GRID_WH[::-1])), 0, 255).astype(np.uint8)
        grid[body > 0] = 255 * (second % 2)
        recording.statistics.add_grid(grid, float(second))
    assert recording.summary().noise_levels == pytest.approx(std, rel=0.1)


def test_without_frames_to_compare_noise_and_overlap_are_unknown() -> None:
    recording = Recording()
    recording.frame()
    recording.statistics.add_grid(np.zeros(GRID_WH[::-1], np.uint8), 99.0)
    summary = recording.summary()
    assert (summary.noise_levels, summary.overlap_ratio) == (None, None)
    assert summary.people.shape == (0, 2)
