"""The delays before the restarts of a camera's process: doubling, jittered, and reset after a long run."""

from __future__ import annotations

from random import Random

import pytest

from edgeheat.daemon.restart import Backoff, RestartLimits


class Middle(Random):
    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff(RestartLimits(), Middle())
    waits = [backoff.next_delay_s(0.0) for _ in range(8)]
    assert waits == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30])


def test_only_a_long_run_with_frames_resets_the_delay() -> None:
    backoff = Backoff(RestartLimits(), Middle())
    for _ in range(5):
        backoff.next_delay_s(0.0)
    assert backoff.next_delay_s(59.0) == pytest.approx(30)
    assert backoff.next_delay_s(60.0) == pytest.approx(1)


def test_cameras_that_fail_together_are_not_restarted_together() -> None:
    waits = [Backoff(RestartLimits(), Random(seed)).next_delay_s(0.0) for seed in range(8)]
    assert len(set(waits)) == 8
    assert all(0.8 <= wait <= 1.2 for wait in waits)
