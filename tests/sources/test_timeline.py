"""Increasing times from the timestamps found in real recordings."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.sources.timeline import Timeline

TICK_S, FRAME_S = 0.01, 0.1
HOURS = 1_000_000
stamps = st.none() | st.integers(-(2**40), 2**40)


@dataclass(frozen=True)
class Picture:
    pts: int | None
    dts: int | None = None
    duration: int = 0


def times_of(*pictures: Picture, start_s: float = 0.0) -> list[float]:
    return [time_s for _, time_s in Timeline(TICK_S, FRAME_S, start_s).times(pictures)]


def times_at(*pts: int | None) -> list[float]:
    return times_of(*(Picture(stamp) for stamp in pts))


@given(st.lists(st.builds(Picture, stamps, stamps, st.integers(0, 500)), min_size=2))
def test_times_start_at_zero_and_always_increase(pictures: list[Picture]) -> None:
    line = Timeline(TICK_S, FRAME_S)
    times_s = [time_s for _, time_s in line.times(pictures)]
    assert times_s[0] == pytest.approx(0.0, abs=1e-3)
    assert all(earlier < later for earlier, later in pairwise(times_s))
    assert len(times_s) + line.dropped == len(pictures)


def test_presentation_timestamps_that_jump_are_replaced_by_decoding_timestamps() -> None:
    pts = [10, 40, 30, 50, 20, 80, 70, 90, 60, 120, 110, 130, 100]  # as FFmpeg invents them for AVI
    times_s = times_of(*(Picture(stamp, 20 + 10 * index, 10) for index, stamp in enumerate(pts)))
    assert times_s[-1] == pytest.approx(1.2, abs=0.31)
    assert [b - a for a, b in pairwise(times_s[3:])] == pytest.approx([0.1] * 9)


def test_intervals_are_kept_after_a_jump_back() -> None:
    assert times_at(100, 120, 5, 45) == pytest.approx([0.0, 0.2, 0.3, 0.7])


def test_a_jump_back_by_hours_is_no_gap() -> None:
    assert times_at(HOURS, HOURS + 10, 0, 10, 20, 30) == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_a_jump_forward_is_a_gap() -> None:
    gap_s = (HOURS - 10) * TICK_S
    assert times_at(0, 10, HOURS, HOURS + 10, HOURS + 20) == pytest.approx(
        [0.0, 0.1, gap_s + 0.1, gap_s + 0.2, gap_s + 0.3]
    )


@pytest.mark.parametrize("wrong", [HOURS, -HOURS, 900, -900])
@pytest.mark.parametrize("index", [1, 5, 17])
@pytest.mark.parametrize("count", [1, 2])
def test_a_frame_with_a_wrong_timestamp_is_dropped(index: int, wrong: int, count: int) -> None:
    pts = [500 + 10 * number for number in range(20)]
    for number in range(index, index + count):
        pts[number] += wrong
    line = Timeline(TICK_S, FRAME_S)
    times_s = [time_s for _, time_s in line.times(Picture(stamp) for stamp in pts)]
    kept = [number for number in range(20) if not index <= number < index + count]
    assert times_s == pytest.approx([number / 10 for number in kept])
    assert line.dropped == count


@pytest.mark.parametrize("wrong", [HOURS, -HOURS])
def test_a_wrong_timestamp_at_either_end_is_dropped(wrong: int) -> None:
    pts = [500 + 10 * number for number in range(20)]
    assert times_at(pts[0] + wrong, *pts[1:]) == pytest.approx([number / 10 for number in range(19)])
    assert times_at(*pts[:-1], pts[-1] + wrong) == pytest.approx([number / 10 for number in range(19)])


def test_frames_that_are_hours_apart_are_kept() -> None:
    assert times_at(*range(0, 5 * HOURS, HOURS)) == pytest.approx([number * HOURS * TICK_S for number in range(5)])


@pytest.mark.parametrize("times", [2, 3, 4])
def test_frames_of_one_timestamp_are_spread_evenly(times: int) -> None:
    times_s = times_at(*(10 * (number // times) for number in range(8 * times)))
    assert times_s[: 7 * times] == pytest.approx([number * 0.1 / times for number in range(7 * times)])


def test_frames_without_any_difference_follow_one_another() -> None:
    assert times_at(*([70] * 10)) == pytest.approx([number / 10 for number in range(10)])


def test_a_frame_without_a_timestamp_follows_the_end_of_the_one_before() -> None:
    line = Timeline(TICK_S, FRAME_S, start_s=5.0)
    pictures = [Picture(0, None, 30), Picture(None), Picture(None, None, 20), Picture(None)]
    assert [time_s for _, time_s in line.times(pictures)] == pytest.approx([5.0, 5.3, 5.4, 5.6])
    assert line.next_s == pytest.approx(5.7)


def test_a_duration_that_is_far_too_short_is_ignored() -> None:
    line = Timeline(1e-6, FRAME_S)
    assert [time_s for _, time_s in line.times([Picture(None, None, 1)] * 3)] == pytest.approx([0.0, 0.1, 0.2])
