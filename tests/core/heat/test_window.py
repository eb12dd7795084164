"""Window heat is the sum of its length, to the millisecond, and nothing older remains in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.core.heat.window import (
    WINDOW_BUCKETS,
    PresenceWindow,
    WindowHeat,
    observed_ms,
    sum_of_windows,
)
from edgeheat.defs.params import Measure
from tests.core.counting import CELL, SHAPE, WALL, ZONES, active_s, cell_s, increment


def window(length_s: float, measure: Measure = "presence") -> WindowHeat:
    return WindowHeat(SHAPE, len(ZONES.keys), measure, length_s)


@given(
    gaps=st.lists(st.floats(0.1, 500.0), min_size=1, max_size=200),
    length_s=st.sampled_from([60.0, 600.0, 3600.0]),
    wait_s=st.floats(0.0, 5000.0),
)
def test_a_window_is_the_sum_of_its_length_to_within_one_bucket(
    gaps: list[float], length_s: float, wait_s: float
) -> None:
    heat = window(length_s)
    times = list(np.cumsum(gaps))
    for at_s in times:
        heat.add(increment(at_s, 7, observed_ms=7))
    now_s = times[-1] + wait_s
    bucket_s = length_s / WINDOW_BUCKETS
    surely = sum(at_s > now_s - length_s + 1e-6 for at_s in times)
    possibly = sum(at_s > now_s - length_s - bucket_s - 1e-6 for at_s in times)
    # The remainder of a bucket goes one bucket later: a ninth of it, a ninth of that, …, together an eighth.
    most = max(sum(start <= at_s <= start + bucket_s for at_s in times) for start in times)
    late = most / 8
    assert surely * 0.007 - 1e-6 <= cell_s(heat, now_s) <= (possibly + late) * 0.007 + 1e-6
    assert surely * 0.007 - 1e-6 <= active_s(heat, now_s) <= possibly * 0.007 + 1e-6


@given(
    seconds=st.lists(
        st.tuples(st.floats(0.5, 400.0), st.integers(0, 65_535), st.integers(0, 2_000_000)), min_size=1, max_size=80
    )
)
def test_closing_buckets_neither_loses_nor_adds_a_millisecond(seconds: list[tuple[float, int, int]]) -> None:
    heat, at_s, counted_ms = window(1_000_000.0), 0.0, 0
    for gap_s, traffic_ms, dwell_ms in seconds:
        at_s += 100 * gap_s
        heat.add(increment(at_s, traffic_ms, dwell_ms))
        counted_ms += traffic_ms + dwell_ms
        assert heat.read_ms(at_s)[CELL] == counted_ms


def test_the_remainder_of_a_bucket_goes_with_it_when_nothing_is_counted_in_the_next_one() -> None:
    heat = window(3600.0)
    heat.add(increment(0.0, 0, 1_234_567))
    assert heat.read_ms(3600.0)[CELL] == 1_234_567
    assert heat.read_ms(3660.0)[CELL] == 0


def test_a_window_leaves_no_residue_after_a_year() -> None:
    heat = window(3600.0)
    for hour in range(0, 365 * 24, 5):
        heat.add(increment(hour * 3600.0, 999, 70_001))
    end_s = 365 * 86400.0 + 7200
    assert cell_s(heat, end_s) == 0.0
    assert not heat.read_zone_counters(end_s, WALL + end_s).any()
    assert len(heat.state()["starts_s"]) == 0


def test_dwell_that_was_confirmed_while_nothing_was_observed_leaves_a_window_too() -> None:
    heat = window(3600.0)
    heat.add(increment(0.0, 1000))
    heat.add(increment(100.0, 0, 45_000, observed_ms=0))
    assert cell_s(heat, 3000.0) == pytest.approx(46.0)
    assert cell_s(heat, 3800.0) == 0.0


def test_presence_as_the_sum_of_two_windows_is_what_one_window_counts() -> None:
    traffic, dwell, presence = (window(600.0, measure) for measure in ("traffic", "dwell", "presence"))
    for number in range(40):
        one = increment(7.0 * number, 900, 20_001 if number % 3 == 0 else 0)
        for heat in (traffic, dwell, presence):
            heat.add(one)
    at_s = 7.0 * 39
    unfinished = increment(at_s + 1, 300, 400)
    both = PresenceWindow(traffic, dwell, 600.0).read(at_s + 1, WALL, unfinished)
    one_window = presence.read(at_s + 1, WALL, unfinished)
    assert both.heat_s.tobytes() == one_window.heat_s.tobytes()
    assert (both.observed_s, both.period_s) == (one_window.observed_s, one_window.period_s) == (41.0, 600.0)
    restored = window(600.0)
    restored.restore(sum_of_windows(traffic.state(), dwell.state()), 0.0)
    for now_s in (at_s, at_s + 300, at_s + 700):
        assert cell_s(restored, now_s) == pytest.approx(cell_s(traffic, now_s) + cell_s(dwell, now_s))
        assert active_s(restored, now_s) == active_s(traffic, now_s)
    assert observed_ms(restored.state()) == observed_ms(traffic.state())


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("another grid", {"open_ms": np.zeros((2, 2), np.uint32)}),
        ("another dtype", {"open_ms": np.zeros(SHAPE, np.float64)}),
        ("fewer zones", {"zone_counters": np.zeros((2, 1, 6), np.int64)}),
        ("a bucket too many", {"starts_s": np.array([0.0, 10.0])}),
        ("sizes beyond the packed bytes", {"sizes": np.array([10_000])}),
        ("packed bytes that are no bucket", {"packed": np.zeros(20, np.uint8), "sizes": np.array([20])}),
        ("no times", {"open": np.zeros(0)}),
    ],
)
def test_a_state_that_does_not_fit_is_rejected(what: str, change: dict[str, np.ndarray]) -> None:
    heat = window(600.0)
    for at_s in (0.0, 11.0):
        heat.add(increment(at_s))
    state = heat.state()
    restored = window(600.0)
    restored.restore(state, 0.0)
    assert (len(state["starts_s"]), cell_s(restored, 11.0)) == (1, 2.0)
    with pytest.raises((ValueError, IndexError)):
        window(600.0).restore(state | change, 0.0)
