"""Packs a grid of milliseconds into few bytes: bytes of equal weight together, then zlib."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

_LEVEL = 6


def pack_ms(grid_ms: NDArray[np.uint16] | NDArray[np.uint32]) -> bytes:
    """Return `grid_ms` compressed; shape and dtype are the caller's to remember.

    All low bytes come first, then all next ones: counts of neighbouring cells share their high bytes.
    """
    little = grid_ms.astype(grid_ms.dtype.newbyteorder("<"), copy=False)
    planes = np.ascontiguousarray(little).view(np.uint8).reshape(-1, grid_ms.dtype.itemsize).T
    return zlib.compress(np.ascontiguousarray(planes).tobytes(), _LEVEL)


def unpack_ms(packed: bytes, shape_hw: tuple[int, int], dtype: type[np.uint16] | type[np.uint32]) -> NDArray[np.uint32]:
    """Return what `pack_ms` packed as uint32, shape `shape_hw`, owned by the caller.

    `dtype` is that of the grid that was packed. Raises ValueError where the bytes are not such a grid.
    """
    itemsize = np.dtype(dtype).itemsize
    cells = shape_hw[0] * shape_hw[1]
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, cells * itemsize + 1)
    except zlib.error as error:
        raise ValueError(f"not a packed grid: {error}") from error
    if len(raw) != cells * itemsize or not inflater.eof:
        raise ValueError(f"packed grid: expected {cells * itemsize} bytes, got {len(raw)}")
    planes = np.frombuffer(raw, np.uint8).reshape(itemsize, cells)
    little = np.ascontiguousarray(planes.T).view(np.dtype(dtype).newbyteorder("<"))
    return little.reshape(shape_hw).astype(np.uint32)
