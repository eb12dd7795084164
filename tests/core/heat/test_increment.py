"""Increments count whole milliseconds, and come back from their bytes as they were."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.heat.increment import Increment, IncrementBuilder, MillisecondRounder
from edgeheat.core.heat.packing import pack
from edgeheat.core.heat.zone_counters import zero_counters
from tests.core.counting import SHAPE, WALL, ZONES, increment, mask_of

EVERYWHERE = np.full(SHAPE, 255, np.uint8)
NOWHERE = np.zeros(SHAPE, np.uint8)


def build(masks: list[MotionMask]) -> list[Increment]:
    """The increments of some masks, without zones."""
    builder, rounder = IncrementBuilder(SHAPE, ()), MillisecondRounder()
    done = [builder.add(mask, rounder.round(mask.dt_s), zero_counters(0)) for mask in masks]
    return [increment for increment in (*done, builder.close()) if increment is not None]


@given(st.lists(st.floats(0.001, 2.0), min_size=1, max_size=300))
def test_counting_in_whole_milliseconds_neither_loses_nor_adds_time(dts_s: list[float]) -> None:
    increments = build([mask_of(EVERYWHERE, at_s, dt_s) for at_s, dt_s in zip(np.cumsum(dts_s), dts_s, strict=True)])
    assert sum(increment.observed_ms for increment in increments) == pytest.approx(sum(dts_s) * 1000, abs=1.001)
    assert sum(int(increment.traffic_ms[0, 0]) for increment in increments) == sum(
        increment.observed_ms for increment in increments
    )


def test_frame_times_that_add_up_to_whole_milliseconds_are_counted_exactly() -> None:
    rounder = MillisecondRounder()
    assert sum(rounder.round(number / 5 - (number - 1) / 5) for number in range(1, 200)) == 39_800


def test_traffic_is_counted_in_moving_cells_only() -> None:
    moving = NOWHERE.copy()
    moving[:, :4] = 255
    (one,) = build([mask_of(EVERYWHERE, 10.0, 0.5, moving=moving)])
    assert (one.traffic_ms[:, :4] == 500).all()
    assert not one.traffic_ms[:, 4:].any()
    assert one.dwell_ms is None


def test_minutes_of_dwell_that_are_confirmed_at_once_do_not_overflow() -> None:
    dwell_ms = np.zeros(SHAPE, np.uint32)
    dwell_ms[2, 3] = 65_535
    increments = build([mask_of(NOWHERE, 10.0 + n / 10, 0.1, dwell_ms=dwell_ms) for n in range(10)])
    assert [increment.observed_ms for increment in increments] == [1000]
    assert increments[0].dwell_ms is not None
    assert increments[0].dwell_ms[2, 3] == increments[0].dwell_ms.sum() == 655_350


def test_movement_confirmed_late_is_traffic_and_its_excess_over_16_bits_is_dwell() -> None:
    moved_ms = np.zeros(SHAPE, np.uint32)
    moved_ms[2, 3], moved_ms[4, 4] = 4_000, 90_000
    (one,) = build([mask_of(EVERYWHERE, 10.0, 0.5, moved_ms=moved_ms), mask_of(EVERYWHERE, 10.2, 0.2)])
    assert (one.traffic_ms[2, 3], one.traffic_ms[0, 0]) == (4_700, 700)
    assert one.dwell_ms is not None
    assert int(one.traffic_ms[4, 4]) + int(one.dwell_ms[4, 4]) == 90_700
    assert one.dwell_ms.sum() == one.dwell_ms[4, 4]


@pytest.mark.parametrize("late_ms", [65_535, 65_536, 65_537])
def test_traffic_fills_16_bits_to_the_last_millisecond(late_ms: int) -> None:
    moved_ms = np.full(SHAPE, late_ms, np.uint32)
    (one,) = build([mask_of(NOWHERE, 10.0, 0.5, moved_ms=moved_ms)])
    assert (one.traffic_ms == 65_535).all()
    excess_ms = 0 if one.dwell_ms is None else one.dwell_ms
    assert (np.broadcast_to(excess_ms, SHAPE) == late_ms - 65_535).all()
    assert (one.dwell_ms is None) == (late_ms == 65_535)


def test_dwell_that_is_confirmed_at_the_end_of_a_run_is_in_the_last_increment() -> None:
    dwell_ms = np.full(SHAPE, 45_000, np.uint32)
    (one,) = build([mask_of(NOWHERE, 10.0, 0.0, dwell_ms=dwell_ms)])
    assert one.observed_ms == 0
    assert one.dwell_ms is not None
    assert (one.dwell_ms == 45_000).all()


def test_rejected_time_is_in_the_increments_of_its_own_second() -> None:
    """Otherwise a whole night in the dark would be in one increment, which the first light of the morning completes."""
    dark = [replace(mask_of(NOWHERE, 10.0 + n / 5, 0.0), rejection="unhealthy", rejected_s=0.2) for n in range(1, 15)]
    light = replace(mask_of(NOWHERE, 13.0, 0.0), rejection="light", rejected_s=0.2)
    increments = build([mask_of(EVERYWHERE, 10.0, 0.4), *dark, light])
    assert [dict(each.rejected_ms) for each in increments] == [
        {"unhealthy": 600},
        {"unhealthy": 1000},
        {"unhealthy": 1000},
        {"unhealthy": 200, "light": 200},
    ]
    assert [each.observed_ms for each in increments] == [400, 0, 0, 0]
    assert [each.mono_s for each in increments] == pytest.approx([10.6, 11.6, 12.6, 13.0])


def test_an_increment_of_an_earlier_version_has_no_rejected_time() -> None:
    earlier = Increment.unpack(pack(META, ARRAYS))
    assert (earlier.rejected_ms, earlier.clock_synced) == ({}, True)


def test_an_increment_does_not_change_when_counting_continues() -> None:
    dwell_ms = np.full(SHAPE, 300, np.uint32)
    builder = IncrementBuilder(SHAPE, ZONES.keys)
    counters = np.ones_like(zero_counters(len(ZONES.keys)))
    first = builder.add(mask_of(EVERYWHERE, 1.0, 1.0, dwell_ms=dwell_ms), 1000, counters)
    builder.add(mask_of(EVERYWHERE, 1.5, 0.5, dwell_ms=dwell_ms), 500, counters)
    assert first is not None and first.dwell_ms is not None
    assert (first.traffic_ms == 1000).all() and (first.dwell_ms == 300).all() and (first.zone_counters == 1).all()


@given(seed=st.integers(0, 2**32), stayed=st.booleans(), zones=st.integers(0, 5))
def test_an_increment_survives_packing(seed: int, stayed: bool, zones: int) -> None:
    random = np.random.default_rng(seed)
    traffic_ms = random.integers(0, 3000, SHAPE).astype(np.uint16)
    dwell_ms = random.integers(0, 2**32, SHAPE).astype(np.uint32) if stayed else None
    keys = tuple(int(key) for key in random.integers(0, 2**64, zones, np.uint64))
    counters = random.integers(0, 2**50, (zones, 6))
    rejected_ms = {"light": 4, "unhealthy": 1000} if stayed else {}
    made = Increment(traffic_ms, dwell_ms, 987, 123.5, WALL, keys, counters, rejected_ms, not stayed)
    back = Increment.unpack(made.pack())
    np.testing.assert_array_equal(back.traffic_ms, traffic_ms)
    assert (back.dwell_ms is None) == (dwell_ms is None)
    np.testing.assert_array_equal(np.asarray(back.dwell_ms), np.asarray(dwell_ms))
    np.testing.assert_array_equal(back.zone_counters, counters)
    assert (back.observed_ms, back.mono_s, back.wall_s, back.zone_keys) == (987, 123.5, WALL, keys)
    assert (back.rejected_ms, back.clock_synced) == (rejected_ms, not stayed)
    assert [array.dtype for array in (back.traffic_ms, back.zone_counters)] == [np.uint16, np.int64]
    assert back.dwell_ms is None or back.dwell_ms.dtype == np.uint32


@pytest.mark.parametrize("dwell_ms", [0, 45_000])
def test_a_truncated_increment_is_rejected(dwell_ms: int) -> None:
    packed = increment(10.0, 500, dwell_ms).pack()
    for end in range(len(packed)):
        with pytest.raises(ValueError, match="packed arrays"):
            Increment.unpack(packed[:end])
    with pytest.raises(ValueError, match="packed arrays"):
        Increment.unpack(packed + b"x")


META = {"observed_ms": 1000, "mono_s": 1.0, "wall_s": WALL}
ARRAYS: dict[str, NDArray[Any]] = {
    "traffic_ms": np.ones(SHAPE, np.uint16),
    "dwell_ms": np.ones(SHAPE, np.uint32),
    "zone_keys": np.ones(3, np.uint64),
    "zone_counters": np.ones((3, 6), np.int64),
}


@pytest.mark.parametrize(
    ("what", "meta", "arrays"),
    [
        ("other arrays", {}, {"heat_s": np.zeros(SHAPE, np.float32)}),
        ("no times", {}, ARRAYS),
        ("a time that is a list", META | {"mono_s": [1.0]}, ARRAYS),
        ("endless observed time", META | {"observed_ms": math.inf}, ARRAYS),
        ("rejected time without a reason", META | {"rejected_ms": [1.0]}, ARRAYS),
        ("endless rejected time", META | {"rejected_ms": {"light": math.inf}}, ARRAYS),
        ("negative rejected time", META | {"rejected_ms": {"light": -1}}, ARRAYS),
        ("traffic of another dtype", META, ARRAYS | {"traffic_ms": np.ones(SHAPE, np.int64)}),
        ("traffic without columns", META, ARRAYS | {"traffic_ms": np.ones(8, np.uint16)}),
        ("dwell of another grid", META, ARRAYS | {"dwell_ms": np.ones((2, 2), np.uint32)}),
        ("dwell of another dtype", META, ARRAYS | {"dwell_ms": np.ones(SHAPE, np.uint16)}),
        ("counters of fewer zones", META, ARRAYS | {"zone_counters": np.ones((2, 6), np.int64)}),
        ("a counter too many", META, ARRAYS | {"zone_counters": np.ones((3, 7), np.int64)}),
        ("keys in two dimensions", META, ARRAYS | {"zone_keys": np.ones((3, 1), np.uint64)}),
    ],
)
def test_packed_arrays_that_are_no_increment_are_rejected(
    what: str, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> None:
    assert Increment.unpack(pack(META, ARRAYS)).dwell_ms is not None
    with pytest.raises(ValueError, match="increment"):
        Increment.unpack(pack(meta, arrays))


def test_a_second_without_motion_takes_few_bytes() -> None:
    quiet = Increment(np.zeros((180, 320), np.uint16), None, 1000, 1.0, WALL, ZONES.keys, zero_counters(3))
    assert len(quiet.pack()) < 250
