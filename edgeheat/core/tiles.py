"""Packs a grid of milliseconds into few bytes: bytes of equal weight together, then zlib."""

from __future__ import annotations

import math
import zlib
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_LEVEL = 6
_Int = TypeVar("_Int", np.uint16, np.uint32, np.int64)


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
    itemsize = np.dtype(dtype).itemsize
    cells = math.prod(shape)
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, cells * itemsize + 1)
    except zlib.error as error:
        raise ValueError(f"not a packed grid: {error}") from error
    if len(raw) != cells * itemsize or not inflater.eof:
        raise ValueError(f"packed grid: expected {cells * itemsize} bytes, got {len(raw)}")
    planes = np.frombuffer(raw, np.uint8).reshape(itemsize, cells)
    little = np.ascontiguousarray(planes.T).view(np.dtype(dtype).newbyteorder("<"))
    return little.reshape(shape).astype(dtype)
