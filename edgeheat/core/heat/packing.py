"""Packs a grid of milliseconds into few bytes: exactly, or each cell to four binary digits with the rest left over."""

from __future__ import annotations

import math
import zlib
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_LEVEL = 6
_Int = TypeVar("_Int", np.uint16, np.uint32, np.int64)

_DIGITS = 4
_STEP = 1 << (_DIGITS - 1)
"""Codes for each power of two; those below twice as many are the numbers themselves."""

_LARGEST_CODE = _STEP * (32 - _DIGITS) + 2 * _STEP - 1
_DECODED = np.array(
    [code if code < _STEP else (_STEP + code % _STEP) << (code // _STEP - 1) for code in range(_LARGEST_CODE + 1)],
    np.uint32,
)


def pack_ms(grid_ms: NDArray[_Int]) -> bytes:
    """Return `grid_ms` compressed; shape and dtype are the caller's to remember.

    All low bytes come first, then all next ones: counts of neighbouring cells share their high bytes.
    """
    little = grid_ms.astype(grid_ms.dtype.newbyteorder("<"), copy=False)
    planes = np.ascontiguousarray(little).view(np.uint8).reshape(-1, grid_ms.dtype.itemsize).T
    return zlib.compress(np.ascontiguousarray(planes).tobytes(), _LEVEL)


def unpack_ms(packed: bytes, shape: tuple[int, ...], dtype: type[_Int]) -> NDArray[_Int]:
    """Return what `pack_ms` packed, of that shape and dtype, owned by the caller.

    Raises ValueError where the bytes are not such a grid.
    """
    return _from_planes(_inflated(packed, math.prod(shape) * np.dtype(dtype).itemsize), shape, dtype)


def pack_leading(grid_ms: NDArray[np.uint32]) -> tuple[bytes, NDArray[np.uint32]]:
    """Return the leading four binary digits of each cell, packed, and the rest: together they are `grid_ms`.

    The rest of a cell is less than a ninth of it, and nothing below 16 ms. It is what hardly packs, for frames come
    at uneven times: without it a grid takes a quarter of the bytes. A cell is one byte, its digits behind the power
    of two that they stand at, as G.711 writes sound; what is packed is the difference from the cell above it.
    """
    # frexp, because log2 is off by one just below a power of two; float64 holds every uint32.
    shift = np.maximum(np.frexp(grid_ms.astype(np.float64))[1] - _DIGITS, 0).astype(np.uint32)
    digits = grid_ms >> shift
    codes = (_STEP * shift + digits).astype(np.uint8)
    deflater = zlib.compressobj(9, strategy=zlib.Z_FILTERED)
    packed = deflater.compress(np.diff(codes, axis=0, prepend=np.uint8(0)).tobytes()) + deflater.flush()
    return packed, grid_ms - (digits << shift)


def unpack_leading(packed: bytes, shape_hw: tuple[int, int]) -> NDArray[np.uint32]:
    """Return what `pack_leading` packed, owned by the caller; also what `pack_ms` packed of a uint32 grid.

    Raises ValueError where the bytes are neither.
    """
    cells = math.prod(shape_hw)
    raw = _inflated(packed, cells, cells * 4)
    if len(raw) == cells * 4:
        return _from_planes(raw, shape_hw, np.uint32)
    codes = np.cumsum(np.frombuffer(raw, np.uint8).reshape(shape_hw), axis=0, dtype=np.uint8)
    if codes.max(initial=0) > _LARGEST_CODE:
        raise ValueError(f"packed grid: expected codes up to {_LARGEST_CODE}, got {codes.max()}")
    return _DECODED[codes]


def _inflated(packed: bytes, *sizes: int) -> bytes:
    """Return it decompressed; raises ValueError where it has none of these sizes."""
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, max(sizes) + 1)
    except zlib.error as error:
        raise ValueError(f"not a packed grid: {error}") from error
    if len(raw) not in sizes or not inflater.eof:
        raise ValueError(f"packed grid: expected {' or '.join(map(str, sizes))} bytes, got {len(raw)}")
    return raw


def _from_planes(raw: bytes, shape: tuple[int, ...], dtype: type[_Int]) -> NDArray[_Int]:
    planes = np.frombuffer(raw, np.uint8).reshape(np.dtype(dtype).itemsize, -1)
    little = np.ascontiguousarray(planes.T).view(np.dtype(dtype).newbyteorder("<"))
    return little.reshape(shape).astype(dtype)
