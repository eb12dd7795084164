"""Time that only grows, out of the timestamps that recordings really have."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.sources.timeline import Timeline

TICK_S, FRAME_S = 0.01, 0.1
stamps = st.none() | st.integers(-(2**40), 2**40)


@given(st.lists(st.tuples(stamps, stamps, st.integers(0, 500)), min_size=2))
def test_time_always_grows_from_zero(told: list[tuple[int | None, int | None, int]]) -> None:
    line = Timeline(TICK_S, FRAME_S)
    times_s = [line.place(*one) for one in told]
    assert times_s[0] == pytest.approx(0.0, abs=1e-3)
    assert all(earlier < later for earlier, later in pairwise(times_s))


def test_presentation_timestamps_that_go_to_and_fro_give_way_to_decoding_timestamps() -> None:
    line = Timeline(TICK_S, FRAME_S)
    pts = [10, 40, 30, 50, 20, 80, 70, 90, 60, 120, 110, 130, 100]  # as FFmpeg makes them up for AVI
    times_s = [line.place(stamp, 20 + 10 * index, 10) for index, stamp in enumerate(pts)]
    assert times_s[-1] == pytest.approx(1.2, abs=0.31)
    assert [b - a for a, b in pairwise(times_s[2:])] == pytest.approx([0.1] * 10)


def test_after_a_jump_back_intervals_are_kept() -> None:
    line = Timeline(TICK_S, FRAME_S)
    assert [line.place(pts, None, 0) for pts in (100, 120, 5, 45)] == pytest.approx([0.0, 0.2, 0.3, 0.7])


def test_a_frame_without_a_timestamp_follows_the_end_of_the_one_before() -> None:
    line = Timeline(TICK_S, FRAME_S, starts_s=5.0)
    told = [(0, None, 30), (None, None, 0), (None, None, 20), (None, None, 0)]
    assert [line.place(*one) for one in told] == pytest.approx([5.0, 5.3, 5.4, 5.6])
    assert line.next_s == pytest.approx(5.7)
