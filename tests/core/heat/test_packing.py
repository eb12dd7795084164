"""Packed arrays come back as they were, and damaged or forged bytes are rejected."""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from edgeheat.core.heat import packing
from edgeheat.core.heat.packing import pack, pack_array, pack_leading, unpack, unpack_array, unpack_leading

DTYPES = [np.uint8, np.uint16, np.uint32, np.uint64, np.int32, np.int64, np.float16, np.float32, np.float64]
ANY_ARRAY = npst.arrays(st.sampled_from(DTYPES), npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def same(left: NDArray[Any], right: NDArray[Any]) -> bool:
    return (left.shape, left.dtype, left.tobytes()) == (right.shape, right.dtype, right.tobytes())


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=3), st.dictionaries(st.text(max_size=8), ANY_ARRAY))
def test_what_is_packed_comes_back_bit_for_bit(meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    back_meta, back = unpack(pack(meta, arrays))
    assert back_meta == meta
    assert list(back) == list(arrays)
    assert all(same(back[name], array) for name, array in arrays.items())


@given(ANY_ARRAY)
def test_one_array_comes_back_bit_for_bit(array: NDArray[Any]) -> None:
    assert same(unpack_array(pack_array(array), array.shape, array.dtype.type), array)


def test_arrays_with_gaps_or_in_another_byte_order_are_packed_by_value() -> None:
    array = np.arange(48, dtype=np.int32).reshape(6, 8)
    _, back = unpack(pack({}, {"gaps": array[::2, ::3], "big-endian": array.astype(">i4"), "columns": array.T}))
    np.testing.assert_array_equal(back["gaps"], array[::2, ::3])
    np.testing.assert_array_equal(back["big-endian"], array)
    np.testing.assert_array_equal(back["columns"], array.T)
    assert {array.dtype for array in back.values()} == {np.dtype(np.int32)}


def test_unpacked_arrays_are_owned_by_the_caller() -> None:
    packed = pack({}, {"grid": np.ones((20, 30), np.uint16), "stored": np.ones(9, np.uint8), "zeros": np.zeros(9)})
    for array in unpack(packed)[1].values():
        array.fill(5)
    assert [array.max() for array in unpack(packed)[1].values()] == [1, 1, 0]


@pytest.mark.parametrize("array", [np.zeros(3, np.bool_), np.array(["a"]), np.array([None]), np.zeros(3, complex)])
def test_arrays_that_are_not_numbers_cannot_be_packed(array: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="expected an array of integers or floats"):
        pack({}, {"array": array})


@pytest.mark.parametrize(
    ("what", "array", "size"),
    [
        ("zeros take no bytes", np.zeros((180, 320), np.uint32), 0),
        ("negative zero is not zero", np.array([-0.0]), 8),
        ("noise is stored as it is", np.random.default_rng(1).integers(0, 2**32, (40, 50), np.uint32), 8000),
        ("one dimension of bytes is stored as it is", np.full(1000, 7, np.uint8), 1000),
        ("equal high bytes are compressed", np.arange(200, dtype=np.uint32).reshape(10, 20), 220),
    ],
)
def test_sizes(what: str, array: NDArray[Any], size: int) -> None:
    assert len(pack_array(array)) == pytest.approx(size, abs=15 if size == 220 else 0), what


PACKED = pack({"epoch": 3}, {"grid": np.arange(48, dtype=np.uint16).reshape(6, 8), "stored": np.arange(9).astype("u1")})


@given(st.data())
def test_damaged_bytes_are_rejected(data: st.DataObject) -> None:
    packed = bytearray(PACKED)
    position = data.draw(st.integers(0, len(packed) - 1))
    if data.draw(st.booleans()):
        del packed[position:]
    else:
        packed[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ValueError, match="packed arrays"):
        unpack(bytes(packed))


@given(st.binary(max_size=200))
def test_any_other_bytes_are_rejected(junk: bytes) -> None:
    with pytest.raises(ValueError, match="packed arrays"):
        unpack(junk)


def test_bytes_of_another_version_are_rejected() -> None:
    with pytest.raises(ValueError, match="begin with b'EHG1'"):
        unpack(b"EHG2" + PACKED[4:])


def forged(header: object, bodies: bytes = b"") -> bytes:
    """Bytes with a correct checksum and a header that `pack` would not write."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    deflated = zlib.compress(text)
    content = len(deflated).to_bytes(4, "little") + deflated + bodies
    return b"EHG1" + zlib.crc32(content).to_bytes(4, "little") + content


HEADER = r"unreadable header"
COUNTS = r"unreadable header$"
"""What is said of a header that JSON can hold, but not `pack` write; numpy's own messages do not end so."""

FORGERIES = [
    ("no JSON", b"{", b"", rf"{HEADER}: Expecting"),
    ("nested too deeply", b"[" * 100_000, b"", rf"{HEADER}: .*recursion"),
    ("too large a header", b" " * (1 << 20) + b"[{}, {}]", b"", rf"{HEADER}: .* a whole stream of up to 1048576 bytes"),
    ("not two parts", [{}], b"", rf"{HEADER}: not enough values"),
    ("meta data that is a list", [[], {}], b"", COUNTS),
    ("a table that is a list", [{}, []], b"", rf"{HEADER}: 'list' object has no attribute 'items'"),
    ("an entry that is a number", [{}, {"a": 1}], b"", rf"{HEADER}: cannot unpack"),
    ("an unknown dtype", [{}, {"a": ["O8", 0, 1]}], b"", rf"{HEADER}: expected an array of .*, got 'O8'"),
    ("a dtype that is a list", [{}, {"a": [["u1"], 0, 1]}], b"", rf"{HEADER}: .*unhashable"),
    ("a negative side", [{}, {"a": ["u1", 0, -1]}], b"", COUNTS),
    ("a side that is true", [{}, {"a": ["u1", 0, True]}], b"", COUNTS),
    ("a side that is a fraction", [{}, {"a": ["u1", 0, 1.5]}], b"", COUNTS),
    ("a size that is text", [{}, {"a": ["u1", "1", 1]}], b"x", COUNTS),
    ("a terabyte of zeros", [{}, {"a": ["u1", 0, 1 << 20, 1 << 20]}], b"", r"the header says 1099511627776$"),
    ("a side beyond any memory", [{}, {"a": ["u1", 0, 10**30]}], b"", COUNTS),
    (
        "a terabyte in many arrays",
        [{}, {str(n): ["u1", 0, 1 << 29] for n in range(2000)}],
        b"",
        r"the header says 1073741824000$",
    ),
    ("too many dimensions", [{}, {"a": ["u1", 0, *[1] * 100]}], b"", r"dimension"),
    ("a body that is missing", [{}, {"a": ["u1", 9, 9]}], b"", r"packed arrays: expected 44 bytes, got 35"),
    ("a body too many", [{}, {}], b"x", r"packed arrays: expected 20 bytes, got 21"),
    ("a body that is not compressed", [{}, {"a": ["u2", 3, 9]}], b"abc", r"not compressed by zlib"),
    ("a body that unpacks to more", [{}, {"a": ["u2", 17, 40]}], zlib.compress(bytes(1000)), r"up to 80 bytes, got 81"),
    ("a body that unpacks to less", [{}, {"a": ["u2", 12, 40]}], zlib.compress(b"abcd"), r"expected 80 bytes, got 4"),
    ("a body for an array without cells", [{}, {"a": ["u2", 3, 0]}], b"abc", r"not compressed by zlib"),
]


@pytest.mark.parametrize(("what", "header", "bodies", "reason"), FORGERIES, ids=[case[0] for case in FORGERIES])
def test_forged_headers_are_rejected_before_memory_is_allocated(
    what: str, header: object, bodies: bytes, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack(forged(header, bodies))


# The leading digits of a closed bucket.

LARGEST = 2**32 - 1
CELL_MS = st.one_of(
    st.integers(0, LARGEST),
    st.integers(0, 31).map(lambda power: 2**power),
    st.integers(1, 32).map(lambda power: 2**power - 1),
)


@st.composite
def grids(draw: st.DrawFn) -> NDArray[np.uint32]:
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    cells = draw(st.lists(CELL_MS, min_size=height * width, max_size=height * width))
    return np.array(cells, np.uint32).reshape(height, width)


@given(grids())
def test_the_leading_digits_and_the_remainder_are_the_grid(grid_ms: NDArray[np.uint32]) -> None:
    packed, remainder_ms = pack_leading(grid_ms)
    leading_ms = unpack_leading(packed, (grid_ms.shape[0], grid_ms.shape[1]))
    np.testing.assert_array_equal(leading_ms.astype(np.uint64) + remainder_ms, grid_ms)
    assert (9 * remainder_ms.astype(np.uint64) <= grid_ms).all()
    assert not remainder_ms[grid_ms < 16].any()
    digits = [np.binary_repr(int(cell)).rstrip("0") for cell in leading_ms.ravel()]
    assert max(map(len, digits)) <= 4


@pytest.mark.parametrize(
    ("what", "packed", "reason"),
    [
        ("not compressed", b"nonsense", "not compressed by zlib"),
        ("too small", pack_leading(np.zeros((2, 2), np.uint32))[0], "expected 6 bytes, got 4"),
        ("too large", pack_leading(np.zeros((4, 4), np.uint32))[0], "up to 6 bytes, got 7"),
        ("truncated", pack_leading(np.zeros((2, 3), np.uint32))[0][:-3], "a whole stream"),
        ("with a tail", pack_leading(np.zeros((2, 3), np.uint32))[0] + b"x", "a whole stream"),
        ("an unknown code", zlib.compress(bytes([255, 0, 0, 0, 0, 0])), "codes up to 239, got 255"),
    ],
)
def test_bytes_that_are_not_leading_digits_are_rejected(what: str, packed: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack_leading(packed, (2, 3))


def test_what_could_not_be_unpacked_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="header to pack: expected up to 1048576 bytes"):
        pack({"keys": list(range(200_000))}, {})
    monkeypatch.setattr(packing, "_MAX_UNPACKED_BYTES", 15)
    assert unpack(pack({}, {"grid": np.zeros(15, np.uint8)}))[1]["grid"].shape == (15,)
    with pytest.raises(ValueError, match="expected up to 15 bytes, got 16"):
        pack({}, {"grid": np.zeros(8, np.uint16)})
