"""Heat is motion-seconds, whatever the frame rate, the gaps, the restarts and the years."""

from __future__ import annotations

import math
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.core.heat import WINDOW_BUCKETS, DecayingHeat, Heat, TotalHeat, WindowHeat, make_heat
from edgeheat.core.heats import Heats
from edgeheat.core.increment import Increment, IncrementBuilder
from edgeheat.core.params import HeatParams
from edgeheat.core.types import MotionMask

SHAPE = (3, 4)
WALL = 1_700_000_000.0


def increment(mono_s: float, motion_ms: int = 1000, observed_ms: int = 1000, wall_s: float | None = None) -> Increment:
    motion = np.zeros(SHAPE, np.uint16)
    motion[1, 2] = motion_ms
    return Increment(motion, observed_ms, mono_s, WALL + mono_s if wall_s is None else wall_s)


def read(heat: Heat, mono_s: float) -> float:
    return float(heat.read(mono_s, WALL + mono_s).heat_s[1, 2])


def test_decaying_heat_follows_the_closed_form_over_six_simulated_weeks() -> None:
    half_life_s, every_s = 7 * 86400.0, 60.0
    heat = DecayingHeat(SHAPE, half_life_s)
    steps = int(6 * 7 * 86400 / every_s)
    for step in range(steps):
        heat.add(increment(step * every_s))
    ratio = 2 ** (-every_s / half_life_s)
    expected = (1 - ratio**steps) / (1 - ratio)
    assert read(heat, (steps - 1) * every_s) == pytest.approx(expected, rel=1e-6)
    assert read(heat, (steps - 1) * every_s + half_life_s) == pytest.approx(expected / 2, rel=1e-6)


def test_decaying_heat_seen_without_a_break_for_long_is_fully_covered() -> None:
    heat = DecayingHeat(SHAPE, 60.0)
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
    heat = WindowHeat(SHAPE, length_s)
    times = list(np.cumsum(gaps))
    for at_s in times:
        heat.add(increment(at_s, motion_ms=7))
    now_s = times[-1] + wait_s
    bucket_s = length_s / WINDOW_BUCKETS
    surely = sum(at_s > now_s - length_s + 1e-6 for at_s in times)
    possibly = sum(at_s > now_s - length_s - bucket_s - 1e-6 for at_s in times)
    assert surely * 0.007 - 1e-6 <= read(heat, now_s) <= possibly * 0.007 + 1e-6


def test_window_leaves_no_residue_after_a_year() -> None:
    heat = WindowHeat(SHAPE, 3600.0)
    for hour in range(0, 365 * 24, 5):
        heat.add(increment(hour * 3600.0, motion_ms=999))
    assert read(heat, 365 * 86400.0 + 7200) == 0.0


def test_total_starts_anew_at_the_local_time_of_day_also_when_the_clocks_change() -> None:
    zone = ZoneInfo("Europe/Oslo")
    heat = make_heat(HeatParams("today", "total", since=time(6)), SHAPE, zone)
    # Summer time ends on 25 October 2026: 06:00 is 04:00 UTC the day before and 05:00 UTC on the day.
    start = datetime(2026, 10, 24, 10, tzinfo=UTC).timestamp()

    def at(hours: float) -> tuple[float, float]:
        return hours * 3600, start + hours * 3600

    for hour in range(19):
        mono_s, wall_s = at(hour)
        heat.add(increment(mono_s, wall_s=wall_s))
    assert heat.read(*at(18.99)).heat_s[1, 2] == pytest.approx(19.0)
    assert heat.read(*at(19.01)).heat_s[1, 2] == 0.0


def test_total_counts_for_ever_without_saturating() -> None:
    heat = TotalHeat(SHAPE, None)
    for second in range(100_000):
        heat.add(increment(float(second), motion_ms=65_535, observed_ms=65_535))
    assert read(heat, 100_000.0) == pytest.approx(65.535 * 100_000, rel=1e-6)


ALL_KINDS = (
    HeatParams("recent", "decaying", 300.0),
    HeatParams("hour", "window", 3600.0),
    HeatParams("ever", "total"),
    HeatParams("today", "total", since=time(6)),
)


@given(
    seconds=st.lists(st.tuples(st.floats(1.0, 900.0), st.integers(0, 1000)), min_size=2, max_size=60),
    cut=st.integers(0, 59),
    shift_s=st.sampled_from([0.0, 12_345.0, -54_321.0]),
)
def test_saving_and_restoring_equals_an_uninterrupted_run(
    seconds: list[tuple[float, int]], cut: int, shift_s: float
) -> None:
    whole, first = (Heats(ALL_KINDS, SHAPE, UTC) for _ in range(2))
    second = Heats(ALL_KINDS, SHAPE, UTC)
    current, moved, at_s = first, 0.0, 0.0
    for number, (gap_s, motion_ms) in enumerate(seconds):
        if number == cut:
            empty, _ = second.restore(first.save(None), shift_s)
            assert empty == []
            current, moved = second, shift_s
        at_s += gap_s
        one = increment(at_s, motion_ms)
        whole.add(one)
        current.add(Increment(one.motion_ms, one.observed_ms, at_s + moved, one.wall_s))
    for heat in ALL_KINDS:
        wanted = whole.read(heat.name, at_s + 5, WALL + at_s + 5)
        got = current.read(heat.name, at_s + 5 + moved, WALL + at_s + 5)
        np.testing.assert_allclose(got.heat_s, wanted.heat_s, rtol=1e-5, atol=1e-6)
        assert got.observed_s == pytest.approx(wanted.observed_s, rel=1e-6)


def test_a_heat_whose_length_was_changed_starts_empty_and_the_others_go_on() -> None:
    before = Heats(ALL_KINDS, SHAPE, UTC)
    before.add(increment(10.0))
    changed = (HeatParams("recent", "decaying", 999.0), *ALL_KINDS[1:], HeatParams("new", "window", 60.0))
    after = Heats(changed, SHAPE, UTC)
    empty, _ = after.restore(before.save(None), 0.0)
    assert empty == ["recent", "new"]
    assert after.read("hour", 11.0, WALL).heat_s[1, 2] == pytest.approx(1.0)
    assert after.read("recent", 11.0, WALL).heat_s[1, 2] == 0.0


@given(st.data())
def test_damaged_saved_heats_are_refused(data: st.DataObject) -> None:
    heats = Heats(ALL_KINDS, SHAPE, UTC)
    heats.add(increment(10.0))
    saved = bytearray(heats.save(None))
    position = data.draw(st.integers(0, len(saved) - 1))
    if data.draw(st.booleans()):
        del saved[position:]
    else:
        saved[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError, match="damaged"):
        Heats(ALL_KINDS, SHAPE, UTC).restore(bytes(saved), 0.0)


def test_reading_in_the_middle_of_a_second_includes_it_and_changes_nothing() -> None:
    heats = Heats(ALL_KINDS, SHAPE, UTC)
    cells = np.full(SHAPE, 255, np.uint8)
    heats.count(MotionMask(cells, 0.4, 10.0, WALL))
    first = heats.read("hour", 10.0, WALL)
    assert first.heat_s[0, 0] == pytest.approx(0.4)
    assert heats.read("hour", 10.0, WALL).heat_s[0, 0] == first.heat_s[0, 0]


@given(st.lists(st.floats(0.001, 2.0), min_size=1, max_size=300))
def test_no_time_is_lost_or_invented_by_counting_in_whole_milliseconds(dts_s: list[float]) -> None:
    builder = IncrementBuilder(SHAPE)
    cells = np.full(SHAPE, 255, np.uint8)
    done = [
        builder.add(MotionMask(cells, dt_s, at_s, WALL)) for at_s, dt_s in zip(np.cumsum(dts_s), dts_s, strict=True)
    ]
    increments = [each for each in (*done, builder.close()) if each is not None]
    assert sum(each.observed_ms for each in increments) == pytest.approx(sum(dts_s) * 1000, abs=1.001)
    assert sum(int(each.motion_ms[0, 0]) for each in increments) == sum(each.observed_ms for each in increments)


@given(st.integers(0, 2**32))
def test_an_increment_survives_packing(seed: int) -> None:
    motion = np.random.default_rng(seed).integers(0, 3000, SHAPE).astype(np.uint16)
    packed = Increment(motion, 987, 123.5, WALL).pack()
    back = Increment.unpack(packed)
    np.testing.assert_array_equal(back.motion_ms, motion)
    assert (back.observed_ms, back.mono_s, back.wall_s) == (987, 123.5, WALL)
    with pytest.raises(ValueError, match=r"increment|packed grid"):
        Increment.unpack(packed[:-3])


def test_a_clock_that_ran_years_ahead_for_a_while_does_not_put_off_the_next_reset() -> None:
    heat = make_heat(HeatParams("today", "total", since=time(6)), SHAPE, UTC)
    midnight_s = 1_700_006_400.0
    heat.add(increment(1.0, wall_s=midnight_s + 5 * 365 * 86400))
    heat.add(increment(2.0, wall_s=midnight_s + 1))
    heat.add(increment(3.0, wall_s=midnight_s + 5.9 * 3600))
    assert heat.read(4.0, midnight_s + 5.99 * 3600).heat_s[1, 2] == pytest.approx(3.0)
    assert heat.read(5.0, midnight_s + 6.01 * 3600).heat_s[1, 2] == 0.0


def test_saved_heats_that_lack_a_part_are_refused_like_damaged_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DecayingHeat, "state", lambda self: {"motion_ms": np.zeros(SHAPE)})
    saved = Heats(ALL_KINDS, SHAPE, UTC).save(None)
    with pytest.raises(ValueError, match="recent does not fit"):
        Heats(ALL_KINDS, SHAPE, UTC).restore(saved, 0.0)
