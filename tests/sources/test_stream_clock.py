"""The lag of a stream, from timestamps of every kind; times in seconds."""

from __future__ import annotations

import math

import pytest

from edgeheat.sources.stream_clock import StreamClock


def lags(pairs: list[tuple[float | None, float]]) -> list[float | None]:
    """The lag after each pair of a timestamp and the time at which it was read."""
    stream_clock, found = StreamClock(), []
    for stream_s, now_s in pairs:
        stream_clock.update(stream_s, now_s)
        found.append(stream_clock.lag_s)
    return found


def largest(pairs: list[tuple[float | None, float]]) -> float:
    return max(lag_s for lag_s in lags(pairs) if lag_s is not None)


@pytest.mark.parametrize("error_ppm", [-100, 100])
def test_a_clock_that_runs_wrong_is_no_lag_in_a_week(error_ppm: float) -> None:
    seconds = range(0, 7 * 86400, 10)
    assert largest([(5000.0 + second * (1 + error_ppm * 1e-6), float(second)) for second in seconds]) < 0.01


def test_a_pause_of_the_reader_is_its_lag_until_it_has_caught_up() -> None:
    pause = [(float(second), max(9.0, second)) for second in range(3, 10)]
    found = lags([(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), *pause, (10.0, 10.0)])
    assert found == pytest.approx([0, 0, 0, 6, 5, 4, 3, 2, 1, 0, 0], abs=0.01)


def test_late_packets_at_the_start_are_no_lag_of_those_after_them() -> None:
    assert largest([(0.0, 3.0), (1.0, 3.0), (2.0, 3.0), (3.0, 3.0), (4.0, 4.0)]) == 0


def test_pictures_out_of_display_order_are_hardly_late() -> None:
    order = [0, 3, 1, 2, 6, 4, 5]
    assert largest([(pts / 15, 10 + index / 15) for index, pts in enumerate(order)]) < 0.25


@pytest.mark.parametrize("jump_s", [-3600.0, -2.0, 2.0, 3600.0])
def test_a_jump_of_the_timestamps_is_no_lag(jump_s: float) -> None:
    times_s = [index / 10 for index in range(100)]
    assert largest([(time_s + jump_s * (time_s >= 5), time_s) for time_s in times_s]) < 0.01
    assert largest([(time_s + jump_s * (time_s == 5), time_s) for time_s in times_s]) < 0.01


def test_without_timestamps_nothing_is_known() -> None:
    stream_clock = StreamClock()
    stream_clock.update(None, 1.0)
    assert stream_clock.lag_s is None
    assert stream_clock.arrival_s(None, 2.0) == 2.0
    assert stream_clock.arrival_s(1.0, 2.0) == 2.0


def test_a_picture_arrived_when_it_would_have_been_read_without_lag() -> None:
    stream_clock = StreamClock()
    stream_clock.update(100.0, 5.0)
    stream_clock.update(101.0, 9.0)
    assert stream_clock.arrival_s(101.0, 9.0) == pytest.approx(6.0, abs=0.01)
    assert stream_clock.arrival_s(200.0, 9.0) == 9.0  # never in the future


def test_distrusted_timestamps_are_used_again_after_ten_minutes() -> None:
    stream_clock = StreamClock()
    stream_clock.update(0.0, 0.0)
    stream_clock.update(1.0, 5.0)
    stream_clock.distrust(5.0)
    for second in range(6, 604):
        stream_clock.update(second / 2, float(second))
        assert stream_clock.lag_s is None
        assert stream_clock.arrival_s(second / 2, float(second)) == second
    stream_clock.update(700.0, 700.0)
    stream_clock.update(701.0, 705.0)
    assert stream_clock.lag_s is not None and math.isclose(stream_clock.lag_s, 4.0, abs_tol=0.01)
