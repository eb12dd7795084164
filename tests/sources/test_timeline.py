"""Increasing times from the timestamps found in real recordings."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.sources.timeline import Timeline

TICK_S, FRAME_S = 0.01, 0.1
stamps = st.none() | st.integers(-(2**40), 2**40)


@given(st.lists(st.tuples(stamps, stamps, st.integers(0, 500)), min_size=2))
def test_times_start_at_zero_and_always_increase(stamped: list[tuple[int | None, int | None, int]]) -> None:
    line = Timeline(TICK_S, FRAME_S)
    times_s = [line.assign_time(*timestamps) for timestamps in stamped]
    assert times_s[0] == pytest.approx(0.0, abs=1e-3)
    assert all(earlier < later for earlier, later in pairwise(times_s))


def test_presentation_timestamps_that_jump_are_replaced_by_decoding_timestamps() -> None:
    line = Timeline(TICK_S, FRAME_S)
    pts = [10, 40, 30, 50, 20, 80, 70, 90, 60, 120, 110, 130, 100]  # as FFmpeg invents them for AVI
    times_s = [line.assign_time(stamp, 20 + 10 * index, 10) for index, stamp in enumerate(pts)]
    assert times_s[-1] == pytest.approx(1.2, abs=0.31)
    assert [b - a for a, b in pairwise(times_s[2:])] == pytest.approx([0.1] * 10)


def test_intervals_are_kept_after_a_jump_back() -> None:
    line = Timeline(TICK_S, FRAME_S)
    assert [line.assign_time(pts, None, 0) for pts in (100, 120, 5, 45)] == pytest.approx([0.0, 0.2, 0.3, 0.7])


def test_a_frame_without_a_timestamp_follows_the_end_of_the_one_before() -> None:
    line = Timeline(TICK_S, FRAME_S, start_s=5.0)
    stamped = [(0, None, 30), (None, None, 0), (None, None, 20), (None, None, 0)]
    assert [line.assign_time(*timestamps) for timestamps in stamped] == pytest.approx([5.0, 5.3, 5.4, 5.6])
    assert line.next_s == pytest.approx(5.7)
