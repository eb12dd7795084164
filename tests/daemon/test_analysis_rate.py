"""The analysis rate of a worker that cannot keep up; times in seconds."""

from __future__ import annotations

import pytest

from edgeheat.daemon.analysis_rate import AnalysisRate


def test_one_lag_changes_nothing_and_a_second_within_a_minute_halves_the_rate() -> None:
    rate = AnalysisRate(5.0, max_gap_s=2.0)
    assert not rate.update(0, 0.0)
    assert not rate.update(1, 10.0)
    assert not rate.update(2, 71.0)
    assert rate.update(3, 130.0)
    assert (rate.fps, rate.ratio) == (2.5, 0.5)
    assert not rate.update(3, 131.0)


@pytest.mark.parametrize(
    ("configured_fps", "max_gap_s", "lowest_fps"), [(5.0, 2.0, 1.0), (10.0, 0.5, 4.0), (0.5, 2.0, 0.5), (2.0, 0.5, 2.0)]
)
def test_the_rate_never_falls_so_far_that_nothing_is_observed(
    configured_fps: float, max_gap_s: float, lowest_fps: float
) -> None:
    rate = AnalysisRate(configured_fps, max_gap_s)
    changes = [rate.update(overloads, 10.0 * overloads) for overloads in range(1, 20)]
    assert rate.fps == lowest_fps
    assert not any(changes[-10:])


def test_the_rate_is_doubled_after_each_calm_five_minutes() -> None:
    rate = AnalysisRate(5.0, max_gap_s=2.0)
    for overloads in range(1, 6):
        rate.update(overloads, 10.0 * overloads)
    steps = [(second, rate.fps) for second in range(51, 3600) if rate.update(5, float(second))]
    assert steps == [(350, 2.0), (650, 4.0), (950, 5.0)]


def test_a_lowered_rate_gets_time_to_take_effect() -> None:
    rate = AnalysisRate(5.0, max_gap_s=2.0)
    rate.update(1, 1.0)
    assert rate.update(2, 2.0)
    assert not rate.update(3, 3.0)
    assert not rate.update(4, 11.5)
    assert rate.update(5, 12.5)


def test_a_lag_restarts_the_calm_time() -> None:
    rate = AnalysisRate(4.0, max_gap_s=2.0)
    rate.update(1, 1.0)
    assert rate.update(2, 2.0)
    assert not rate.update(3, 290.0)
    assert not rate.update(3, 400.0)
    assert rate.update(3, 590.0)
