"""Increments: whole milliseconds in few bytes."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.heat.increment import Increment, IncrementBuilder, MillisecondRounder
from edgeheat.core.heat.zone_counters import zero_counters
from tests.core.counting import SHAPE, WALL, ZONES, increment, mask_of

EVERYWHERE = np.full(SHAPE, 255, np.uint8)
NOWHERE = np.zeros(SHAPE, np.uint8)


def build(masks: list[MotionMask]) -> list[Increment]:
    """The increments of some masks, zones left aside."""
    builder, whole_ms = IncrementBuilder(SHAPE, ()), MillisecondRounder()
    done = [builder.add(mask, whole_ms.round(mask.dt_s), zero_counters(0)) for mask in masks]
    return [each for each in (*done, builder.close()) if each is not None]


@given(st.lists(st.floats(0.001, 2.0), min_size=1, max_size=300))
def test_no_time_is_lost_or_invented_by_counting_in_whole_milliseconds(dts_s: list[float]) -> None:
    increments = build([mask_of(EVERYWHERE, at_s, dt_s) for at_s, dt_s in zip(np.cumsum(dts_s), dts_s, strict=True)])
    assert sum(each.observed_ms for each in increments) == pytest.approx(sum(dts_s) * 1000, abs=1.001)
    assert sum(int(each.traffic_ms[0, 0]) for each in increments) == sum(each.observed_ms for each in increments)


def test_frames_that_are_whole_milliseconds_together_are_so_in_figures() -> None:
    whole_ms = MillisecondRounder()
    assert sum(whole_ms.round(number / 5 - (number - 1) / 5) for number in range(1, 200)) == 39_800


def test_traffic_is_counted_where_it_moves_and_not_where_somebody_stays() -> None:
    moving = NOWHERE.copy()
    moving[:, :4] = 255
    (one,) = build([mask_of(EVERYWHERE, 10.0, 0.5, moving=moving)])
    assert (one.traffic_ms[:, :4] == 500).all()
    assert not one.traffic_ms[:, 4:].any()
    assert one.dwell_ms is None


def test_minutes_of_staying_that_become_certain_at_once_do_not_overflow() -> None:
    dwell_ms = np.zeros(SHAPE, np.uint32)
    dwell_ms[2, 3] = 65_535
    increments = build([mask_of(NOWHERE, 10.0 + n / 10, 0.1, dwell_ms=dwell_ms) for n in range(10)])
    assert [each.observed_ms for each in increments] == [1000]
    assert increments[0].dwell_ms is not None
    assert increments[0].dwell_ms[2, 3] == increments[0].dwell_ms.sum() == 655_350


def test_movement_that_becomes_certain_late_is_movement_and_of_more_than_an_increment_holds_nothing_is_lost() -> None:
    moved_ms = np.zeros(SHAPE, np.uint32)
    moved_ms[2, 3], moved_ms[4, 4] = 4_000, 90_000
    (one,) = build([mask_of(EVERYWHERE, 10.0, 0.5, moved_ms=moved_ms), mask_of(EVERYWHERE, 10.2, 0.2)])
    assert (one.traffic_ms[2, 3], one.traffic_ms[0, 0]) == (4_700, 700)
    assert one.dwell_ms is not None
    assert int(one.traffic_ms[4, 4]) + int(one.dwell_ms[4, 4]) == 90_700
    assert one.dwell_ms.sum() == one.dwell_ms[4, 4]


def test_staying_that_becomes_certain_at_the_end_of_a_run_is_in_the_last_increment() -> None:
    dwell_ms = np.full(SHAPE, 45_000, np.uint32)
    (one,) = build([mask_of(NOWHERE, 10.0, 0.0, dwell_ms=dwell_ms)])
    assert one.observed_ms == 0
    assert one.dwell_ms is not None
    assert (one.dwell_ms == 45_000).all()


def test_an_increment_does_not_change_when_counting_goes_on() -> None:
    dwell_ms = np.full(SHAPE, 300, np.uint32)
    builder = IncrementBuilder(SHAPE, ZONES.keys)
    rows = np.ones_like(zero_counters(len(ZONES.keys)))
    first = builder.add(mask_of(EVERYWHERE, 1.0, 1.0, dwell_ms=dwell_ms), 1000, rows)
    builder.add(mask_of(EVERYWHERE, 1.5, 0.5, dwell_ms=dwell_ms), 500, rows)
    assert first is not None and first.dwell_ms is not None
    assert (first.traffic_ms == 1000).all() and (first.dwell_ms == 300).all() and (first.zone_counters == 1).all()


@given(seed=st.integers(0, 2**32), stayed=st.booleans(), zones=st.integers(0, 5))
def test_an_increment_survives_packing(seed: int, stayed: bool, zones: int) -> None:
    random = np.random.default_rng(seed)
    traffic_ms = random.integers(0, 3000, SHAPE).astype(np.uint16)
    dwell_ms = random.integers(0, 2**32, SHAPE).astype(np.uint32) if stayed else None
    keys = tuple(int(key) for key in random.integers(0, 2**64, zones, np.uint64))
    rows = random.integers(0, 2**50, (zones, 6))
    back = Increment.unpack(Increment(traffic_ms, dwell_ms, 987, 123.5, WALL, keys, rows).pack())
    np.testing.assert_array_equal(back.traffic_ms, traffic_ms)
    assert (back.dwell_ms is None) == (dwell_ms is None)
    np.testing.assert_array_equal(np.asarray(back.dwell_ms), np.asarray(dwell_ms))
    np.testing.assert_array_equal(back.zone_counters, rows)
    assert (back.observed_ms, back.mono_s, back.wall_s, back.zone_keys) == (987, 123.5, WALL, keys)
    assert [array.dtype for array in (back.traffic_ms, back.zone_counters)] == [np.uint16, np.int64]
    assert back.dwell_ms is None or back.dwell_ms.dtype == np.uint32


@pytest.mark.parametrize("dwell_ms", [0, 45_000])
def test_an_increment_that_is_cut_off_anywhere_is_refused(dwell_ms: int) -> None:
    packed = increment(10.0, 500, dwell_ms).pack()
    for end in range(len(packed)):
        with pytest.raises(ValueError, match=r"increment|packed grid"):
            Increment.unpack(packed[:end])
    with pytest.raises(ValueError, match="increment"):
        Increment.unpack(packed + b"x")


def test_an_increment_of_a_later_layout_is_refused() -> None:
    packed = bytearray(increment(10.0).pack())
    packed[2] = 3
    with pytest.raises(ValueError, match="expected layout 2, got 3"):
        Increment.unpack(bytes(packed))


def test_a_quiet_second_takes_a_few_bytes_for_staying_and_zones() -> None:
    quiet = Increment(np.zeros((180, 320), np.uint16), None, 1000, 1.0, WALL, ZONES.keys, zero_counters(3))
    assert len(quiet.pack()) < 250


def test_an_increment_of_layout_1_is_taken_as_movement() -> None:
    """Checkpoints of edgeheat before dwell hold such bytes: a header, then low bytes, then high bytes, with zlib."""
    motion_ms = np.arange(48, dtype="<u2").reshape(SHAPE) * 20
    planes = motion_ms.view(np.uint8).reshape(-1, 2).T.tobytes()
    packed = struct.pack("<HHIdd", 8, 6, 960, 55.5, WALL) + zlib.compress(planes)
    back = Increment.unpack(packed)
    np.testing.assert_array_equal(back.traffic_ms, motion_ms)
    assert (back.dwell_ms, back.zone_keys, back.zone_counters.shape) == (None, (), (0, 6))
    assert (back.observed_ms, back.mono_s, back.wall_s) == (960, 55.5, WALL)
    with pytest.raises(ValueError, match=r"increment|packed grid"):
        Increment.unpack(packed[:-3])
