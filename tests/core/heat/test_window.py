"""Heat is seconds of what it counts, whatever the frame rate, the gaps and the years."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeheat.core.heat.base import Heat
from edgeheat.core.heat.decaying import DecayingHeat
from edgeheat.core.heat.heat_set import HeatSet, make_heat
from edgeheat.core.heat.total import TotalHeat
from edgeheat.core.heat.window import WINDOW_BUCKETS, WindowHeat
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.defs.params import HeatParams, Measure
from tests.core.counting import (
    ALL_KINDS,
    CELL,
    EVERY_HEAT,
    SHAPE,
    WALL,
    ZONES,
    heats_of,
    increment,
    mask_of,
    random_masks,
)

ZONE_COUNT = len(ZONES.keys)


def decaying(half_life_s: float) -> DecayingHeat:
    return DecayingHeat(SHAPE, ZONE_COUNT, "presence", half_life_s)


def window(length_s: float) -> WindowHeat:
    return WindowHeat(SHAPE, ZONE_COUNT, "presence", length_s)


def read(heat: Heat, mono_s: float) -> float:
    return float(heat.read(mono_s, WALL + mono_s).heat_s[CELL])


def active_s(heat: Heat, mono_s: float) -> float:
    return float(heat.read_zone_counters(mono_s, WALL + mono_s)[0, Counter.ACTIVE_MS]) / 1000


def test_decaying_heat_follows_the_closed_form_over_six_simulated_weeks() -> None:
    half_life_s, every_s = 7 * 86400.0, 60.0
    heat = decaying(half_life_s)
    steps = int(6 * 7 * 86400 / every_s)
    for step in range(steps):
        heat.add(increment(step * every_s))
    ratio = 2 ** (-every_s / half_life_s)
    expected = (1 - ratio**steps) / (1 - ratio)
    for now_s, wanted in (((steps - 1) * every_s, expected), ((steps - 1) * every_s + half_life_s, expected / 2)):
        assert read(heat, now_s) == pytest.approx(wanted, rel=1e-6)
        assert active_s(heat, now_s) == pytest.approx(wanted, rel=1e-6)


def test_decaying_heat_seen_without_a_break_for_long_is_fully_covered() -> None:
    heat = decaying(60.0)
    for second in range(1200):
        heat.add(increment(float(second)))
    grid = heat.read(1199.0, WALL)
    assert grid.coverage == pytest.approx(1.0, abs=0.01)
    assert grid.period_s == pytest.approx(60 / math.log(2))


@given(
    gaps=st.lists(st.floats(0.1, 500.0), min_size=1, max_size=200),
    length_s=st.sampled_from([60.0, 600.0, 3600.0]),
    wait_s=st.floats(0.0, 5000.0),
)
def test_window_is_the_sum_of_what_fell_into_it_to_within_one_bucket(
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
    # What a bucket leaves over goes one bucket later: a ninth of it, a ninth of that, …, together an eighth.
    most = max(sum(start <= at_s <= start + bucket_s for at_s in times) for start in times)
    late = most / 8
    assert surely * 0.007 - 1e-6 <= read(heat, now_s) <= (possibly + late) * 0.007 + 1e-6
    assert surely * 0.007 - 1e-6 <= active_s(heat, now_s) <= possibly * 0.007 + 1e-6


@given(
    seconds=st.lists(
        st.tuples(st.floats(0.5, 400.0), st.integers(0, 65_535), st.integers(0, 2_000_000)), min_size=1, max_size=80
    )
)
def test_no_millisecond_is_lost_or_invented_when_buckets_are_closed(seconds: list[tuple[float, int, int]]) -> None:
    heat, at_s, counted_ms = window(1_000_000.0), 0.0, 0
    for gap_s, traffic_ms, dwell_ms in seconds:
        at_s += 100 * gap_s
        heat.add(increment(at_s, traffic_ms, dwell_ms))
        counted_ms += traffic_ms + dwell_ms
        assert heat.read_ms(at_s)[CELL] == counted_ms


def test_what_a_bucket_leaves_over_goes_with_it_when_nobody_counts_in_the_next_one() -> None:
    heat = window(3600.0)
    heat.add(increment(0.0, 0, 1_234_567))
    assert heat.read_ms(3600.0)[CELL] == 1_234_567
    assert heat.read_ms(3660.0)[CELL] == 0


def test_window_leaves_no_residue_after_a_year() -> None:
    heat = window(3600.0)
    for hour in range(0, 365 * 24, 5):
        heat.add(increment(hour * 3600.0, 999, 70_001))
    end_s = 365 * 86400.0 + 7200
    assert read(heat, end_s) == 0.0
    assert not heat.read_zone_counters(end_s, WALL + end_s).any()
    assert len(heat.state()["starts_s"]) == 0


def test_staying_that_became_certain_while_nothing_was_seen_leaves_a_window_too() -> None:
    heat = window(3600.0)
    heat.add(increment(0.0, 1000))
    heat.add(increment(100.0, 0, 45_000, observed_ms=0))
    assert read(heat, 3000.0) == pytest.approx(46.0)
    assert read(heat, 3800.0) == 0.0


def test_total_starts_anew_at_the_local_time_of_day_also_when_the_clocks_change() -> None:
    zone = ZoneInfo("Europe/Oslo")
    heat = make_heat(HeatParams("today", "total", since=time(6)), SHAPE, ZONE_COUNT, zone)
    # Summer time ends on 25 October 2026: 06:00 is 04:00 UTC the day before and 05:00 UTC on the day.
    start = datetime(2026, 10, 24, 10, tzinfo=UTC).timestamp()

    def at(hours: float) -> tuple[float, float]:
        return hours * 3600, start + hours * 3600

    for hour in range(19):
        mono_s, wall_s = at(hour)
        heat.add(increment(mono_s, wall_s=wall_s))
    assert heat.read(*at(18.99)).heat_s[CELL] == pytest.approx(19.0)
    assert heat.read_zone_counters(*at(18.99))[0, Counter.ENTRIES] == 19
    assert heat.read(*at(19.01)).heat_s[CELL] == 0.0
    assert not heat.read_zone_counters(*at(19.01)).any()


def test_total_counts_for_ever_without_saturating() -> None:
    heat = TotalHeat(SHAPE, ZONE_COUNT, "presence", None)
    for second in range(100_000):
        heat.add(increment(float(second), 65_535, observed_ms=65_535))
    assert read(heat, 100_000.0) == pytest.approx(65.535 * 100_000, rel=1e-6)
    assert active_s(heat, 100_000.0) == pytest.approx(65.535 * 100_000)


@pytest.mark.parametrize(("of", "seconds"), [("presence", 31.0), ("traffic", 1.0), ("dwell", 30.0)])
@pytest.mark.parametrize("params", ALL_KINDS, ids=lambda params: params.name)
def test_a_heat_counts_its_measure_and_its_zones_count_everything(
    params: HeatParams, of: Measure, seconds: float
) -> None:
    heat = make_heat(replace(params, measure=of), SHAPE, ZONE_COUNT, UTC)
    heat.add(increment(10.0, 1000, 30_000))
    assert read(heat, 10.0) == seconds
    row = heat.read_zone_counters(10.0, WALL + 10.0)[0]
    assert (row[Counter.TRAFFIC_CELL_MS], row[Counter.DWELL_CELL_MS]) == (1000, 30_000)


def assert_presence_is_traffic_and_dwell(heats: HeatSet, at_s: float) -> None:
    for kind in ALL_KINDS:
        presence, traffic, dwell = (
            heats.read(f"{kind.name}-{of}", at_s, WALL + at_s) for of in ("presence", "traffic", "dwell")
        )
        np.testing.assert_allclose(presence.heat_s, traffic.heat_s + dwell.heat_s, rtol=1e-6, atol=1e-9)
        assert presence.observed_s == traffic.observed_s == dwell.observed_s


@given(
    seconds=st.lists(
        st.tuples(st.floats(1.0, 900.0), st.integers(0, 1000), st.sampled_from([0, 0, 1, 45_000, 300_000])),
        min_size=1,
        max_size=40,
    ),
    wait_s=st.floats(0.0, 5000.0),
)
def test_presence_is_traffic_and_dwell_together_for_every_kind_of_heat_at_any_instant(
    seconds: list[tuple[float, int, int]], wait_s: float
) -> None:
    heats, at_s = heats_of(EVERY_HEAT), 0.0
    for gap_s, traffic_ms, dwell_ms in seconds:
        at_s += gap_s
        heats.add(increment(at_s, traffic_ms, dwell_ms))
        assert_presence_is_traffic_and_dwell(heats, at_s)
    assert_presence_is_traffic_and_dwell(heats, at_s + wait_s)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_the_zones_sums_are_those_of_the_heats_cells_in_the_middle_of_a_second_too(seed: int, count: int) -> None:
    heats = heats_of(EVERY_HEAT)
    for mask in random_masks(seed, count):
        heats.count(mask)
        now = mask.mono_s, mask.wall_s
        assert_presence_is_traffic_and_dwell(heats, mask.mono_s)
        for kind in ALL_KINDS:
            rows = heats.read_zone_counters(f"{kind.name}-presence", *now)
            for of, column in (("traffic", Counter.TRAFFIC_CELL_MS), ("dwell", Counter.DWELL_CELL_MS)):
                heat_s = heats.read(f"{kind.name}-{of}", *now).heat_s
                sums = [heat_s[cells > 0].sum(dtype=np.float64) for cells in ZONES.named.values()]
                assert rows[:, column] / 1000 == pytest.approx(sums, rel=1e-5, abs=1e-6)


def test_reading_in_the_middle_of_a_second_includes_it_and_changes_nothing() -> None:
    heats = heats_of()
    cells = np.full(SHAPE, 255, np.uint8)
    heats.count(mask_of(cells, 10.0, 0.4))
    for _ in range(2):
        for kind in ALL_KINDS:
            assert heats.read(kind.name, 10.0, WALL).heat_s[0, 0] == pytest.approx(0.4)
            assert heats.read_zone_counters(kind.name, 10.0, WALL)[0, Counter.ACTIVE_MS] == pytest.approx(400)


def test_a_clock_that_ran_years_ahead_for_a_while_does_not_put_off_the_next_reset() -> None:
    heat = make_heat(HeatParams("today", "total", since=time(6)), SHAPE, ZONE_COUNT, UTC)
    midnight_s = 1_700_006_400.0
    heat.add(increment(1.0, wall_s=midnight_s + 5 * 365 * 86400))
    heat.add(increment(2.0, wall_s=midnight_s + 1))
    heat.add(increment(3.0, wall_s=midnight_s + 5.9 * 3600))
    assert heat.read(4.0, midnight_s + 5.99 * 3600).heat_s[CELL] == pytest.approx(3.0)
    assert heat.read(5.0, midnight_s + 6.01 * 3600).heat_s[CELL] == 0.0


def test_a_total_that_begins_in_the_middle_of_its_day_has_not_seen_the_hours_before() -> None:
    heat = make_heat(HeatParams("today", "total", since=time(6)), SHAPE, ZONE_COUNT, ZoneInfo("Europe/Oslo"))
    # Summer time begins on 29 March 2026, at 02:00: 09:00 is 07:00 UTC, and 06:00 was three hours before.
    nine_s = datetime(2026, 3, 29, 7, tzinfo=UTC).timestamp()
    heat.add(increment(100.0, wall_s=nine_s))
    grid = heat.read(100.0 + 3600, nine_s + 3600)
    assert grid.period_s == pytest.approx(4 * 3600, abs=1.0)
    assert grid.coverage == pytest.approx(1 / (4 * 3600), rel=0.01)
