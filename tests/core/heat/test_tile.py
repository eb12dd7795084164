"""Encoded grids add up exactly, damaged ones are rejected, and units with a carry are right over any period."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U32
from edgeheat.core.heat.tile import TileSum, encode_units, round_units, split_units

SHAPE = (6, 8)
LARGEST = 2**32 - 1
ANY_GRID = st.sampled_from([1, 127, 128, 255, 256, 70_000, LARGEST]).flatmap(
    lambda largest: npst.arrays(np.uint32, SHAPE, elements=st.integers(0, largest))
)


def sum_of(*encoded: bytes, shape_hw: tuple[int, int] = SHAPE) -> NDArray[np.int64]:
    total = TileSum(shape_hw)
    for each in encoded:
        total.add(each)
    return total.result_units()


def walkers(seed: int = 1, largest: int = 900) -> U32:
    """A grid of 180 by 320 in which a few people walked."""
    random = np.random.default_rng(seed)
    grid = np.zeros((180, 320), np.uint32)
    for left in random.integers(0, 290, 12):
        grid[40:150, left : left + 30] += random.integers(0, largest // 12, (110, 30)).astype(np.uint32)
    return grid


@given(st.lists(ANY_GRID, max_size=5))
def test_the_sum_of_encoded_grids_is_exact(grids: list[U32]) -> None:
    expected = sum((grid.astype(np.int64) for grid in grids), np.zeros(SHAPE, np.int64))
    total = sum_of(*(encode_units(grid) for grid in grids))
    np.testing.assert_array_equal(total, expected)
    assert total.dtype == np.int64


@pytest.mark.parametrize("shape_hw", [(1, 1), (1, 9), (9, 1), (180, 320)])
def test_grids_of_any_shape_come_back(shape_hw: tuple[int, int]) -> None:
    grid = np.random.default_rng(2).integers(0, 5000, shape_hw).astype(np.uint32)
    np.testing.assert_array_equal(sum_of(encode_units(grid), shape_hw=shape_hw), grid)


def test_a_grid_of_zeros_takes_no_bytes_and_adds_nothing() -> None:
    assert encode_units(np.zeros(SHAPE, np.uint32)) == b""
    assert not sum_of(b"", b"").any()


def test_a_hundred_thousand_tiles_of_the_largest_differences_do_not_overflow() -> None:
    grid = np.zeros((2, 3), np.uint32)
    grid[0] = [LARGEST, 0x80808080, 0x7F7F7F7F]
    encoded, total = encode_units(grid), TileSum((2, 3))
    for _ in range(100_000):
        total.add(encoded)
    np.testing.assert_array_equal(total.result_units(), 100_000 * grid.astype(np.int64))


def test_a_result_does_not_change_when_more_is_added() -> None:
    grid = np.full(SHAPE, 3, np.uint32)
    total = TileSum(SHAPE)
    total.add(encode_units(grid))
    first = total.result_units()
    total.add(encode_units(grid))
    assert (first == 3).all() and (total.result_units() == 6).all()


def test_the_same_grid_gives_the_same_bytes_in_any_memory_layout() -> None:
    grid = walkers()
    assert encode_units(np.asfortranarray(grid)) == encode_units(grid)


def test_a_tile_takes_a_fraction_of_its_cells() -> None:
    assert len(encode_units(walkers())) < 0.25 * 4 * 180 * 320


ENCODED = encode_units(np.arange(48, dtype=np.uint32).reshape(SHAPE) * 37)


@given(st.data())
def test_damage_is_noticed_and_changes_no_sum(data: st.DataObject) -> None:
    damaged = bytearray(ENCODED)
    position = data.draw(st.integers(0, len(damaged) - 1))
    if data.draw(st.booleans()):
        del damaged[max(1, position) :]
    else:
        damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    total = TileSum(SHAPE)
    total.add(ENCODED)
    before = total.result_units()
    try:
        total.add(bytes(damaged))
    except ValueError:
        np.testing.assert_array_equal(total.result_units(), before)
    else:  # zstd ignores one bit of its header
        np.testing.assert_array_equal(total.result_units(), 2 * before)


@given(st.binary(min_size=1, max_size=200))
def test_any_other_bytes_are_rejected(junk: bytes) -> None:
    with pytest.raises(ValueError, match="tile"):
        sum_of(junk)


SKIPPED = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
"""A frame of zstd that holds no data."""


@pytest.mark.parametrize(
    ("what", "encoded"),
    [
        ("a grid of another size", encode_units(walkers())),
        ("no plane", b"\x00" + ENCODED[1:]),
        ("more planes than the frame holds", bytes([ENCODED[0] + 1]) + ENCODED[1:]),
        ("more planes than 32 bits need", b"\x06" + zstandard.compress(bytes(6 * 48))),
        ("bytes after the frame", ENCODED + b"\x00"),
        ("two frames", ENCODED + ENCODED[1:]),
        ("a skipped frame before it", ENCODED[:1] + SKIPPED + ENCODED[1:]),
        ("only a skipped frame", b"\x01" + SKIPPED),
        ("no size", b"\x01" + zstandard.ZstdCompressor(write_content_size=False).compress(bytes(48))),
        ("zlib", b"\x01x\x9c" + bytes(40)),
    ],
)
def test_bytes_that_were_not_encoded_so_are_rejected(what: str, encoded: bytes) -> None:
    with pytest.raises(ValueError, match="tile"):
        sum_of(encoded)


def test_a_forged_size_allocates_nothing() -> None:
    for size in (2**31, 2**40, 2**62):
        forged = b"\x05" + b"\x28\xb5\x2f\xfd\xe0" + size.to_bytes(8, "little") + ENCODED[10:]
        total = TileSum(SHAPE)
        tracemalloc.start()
        with pytest.raises(ValueError, match=str(size)):
            total.add(forged)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak_bytes < 1 << 20


@given(st.lists(npst.arrays(np.int64, SHAPE, elements=st.integers(0, 400_000)), min_size=1, max_size=8), st.data())
def test_with_a_carry_the_sum_of_consecutive_tiles_is_right_to_less_than_one_unit(
    tiles_ms: list[NDArray[np.int64]], data: st.DataObject
) -> None:
    unit_ms = data.draw(st.sampled_from([200, 1000]))
    carry_ms = np.zeros(SHAPE, np.int64)
    units = []
    for tile_ms in tiles_ms[:-1]:
        whole, carry_ms = split_units(carry_ms + tile_ms, unit_ms)
        units.append(whole.astype(np.int64))
    units.append(round_units(carry_ms + tiles_ms[-1], unit_ms).astype(np.int64))
    error_ms = unit_ms * sum(units) - sum(tiles_ms)
    assert np.abs(error_ms).max() <= unit_ms // 2, "rounded at the end"
    first = data.draw(st.integers(0, len(units) - 1))
    last = data.draw(st.integers(first, len(units) - 1))
    period_ms = unit_ms * sum(units[first : last + 1]) - sum(tiles_ms[first : last + 1])
    assert np.abs(period_ms).max() < unit_ms * (1.5 if last == len(units) - 1 else 1)


@pytest.mark.parametrize(("sum_ms", "units"), [(0, 0), (99, 0), (100, 1), (299, 1), (300, 2)])
def test_the_end_is_rounded_half_up(sum_ms: int, units: int) -> None:
    assert round_units(np.full(SHAPE, sum_ms, np.uint32), 200).tolist() == np.full(SHAPE, units).tolist()
