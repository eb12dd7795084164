"""Encodes a tile's grid of whole units in few bytes, and adds up encoded grids at little cost for each."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import zstandard
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U32

_Integer = TypeVar("_Integer", np.uint32, np.int64)

_ZSTD_LEVEL = 3
"""zstd's compression level: 19 saves a tenth and takes twenty times as long."""

_MAX_PLANES = 5
"""Signed bytes that hold every difference of two uint32."""


def split_units(sum_ms: NDArray[_Integer], unit_ms: int) -> tuple[U32, NDArray[_Integer]]:
    """Return the whole units in each cell and the carry, the milliseconds that remain, which the next tile starts with.

    sum_ms: milliseconds per cell, 0 or more, including the carry of the tile before. Both results have its shape and
    are owned by the caller. Because nothing is dropped, the sum over consecutive tiles is right to less than one unit.
    """
    units = sum_ms // unit_ms
    return units.astype(np.uint32), sum_ms - units * unit_ms


def round_units(sum_ms: NDArray[_Integer], unit_ms: int) -> U32:
    """Return the units in each cell, rounded half up, where no tile follows that could start with the remainder."""
    return ((sum_ms + unit_ms // 2) // unit_ms).astype(np.uint32)


def encode_units(units: U32) -> bytes:
    """Return a grid of units, uint32 (height, width), as bytes for `TileSum`; empty bytes where all are 0.

    The difference d of each cell from the cell above is split into signed bytes, d = d0 + 256 d1 + 65536 d2 + …, and
    all d0 (one plane), all d1 and so on are compressed by zstd, with its checksum, after one byte with the number of
    planes.
    """
    planes = []
    rest = units.astype(np.int64)
    rest[1:] -= units[:-1]
    while rest.any():
        plane = rest.astype(np.int8)  # keeps the lowest byte, as a signed one
        planes.append(plane.tobytes())
        rest = (rest - plane) >> 8
    if not planes:
        return b""
    compressor = zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True)
    return bytes([len(planes)]) + compressor.compress(b"".join(planes))


class TileSum:
    """The sum of encoded grids of one size.

    Each step of the encoding but the compression is linear: planes are added as they are decompressed, and only the sum
    is put together. It holds up to 16 million tiles.
    """

    def __init__(self, shape_hw: tuple[int, int]) -> None:
        self._shape_hw = shape_hw
        height, width = shape_hw
        self._planes: NDArray[np.int32] = np.zeros((_MAX_PLANES, height * width), np.int32)
        self._used_planes = 0
        """The others are zero."""
        self._decompressor = zstandard.ZstdDecompressor()

    def add(self, *encoded: bytes) -> None:
        """Add what `encode_units` returned for one or more grids of this size.

        Raises ValueError if any of them is damaged or of another size; the sum is unchanged then.
        """
        for planes in [self._decode(each) for each in encoded if each]:
            self._planes[: len(planes)] += planes
            self._used_planes = max(self._used_planes, len(planes))

    def _decode(self, encoded: bytes) -> NDArray[np.int8]:
        count, cells = encoded[0], self._planes.shape[1]
        if not 1 <= count <= _MAX_PLANES:
            raise ValueError(f"tile: expected 1 to {_MAX_PLANES} planes, got {count}")
        frame = memoryview(encoded)[1:]
        try:
            # Compared before anything is decompressed: a forged size must not allocate memory.
            size = zstandard.frame_content_size(frame)
            if size != count * cells:
                raise ValueError(f"tile: expected {count} planes of {cells} cells, got {size} bytes")
            raw = self._decompressor.decompress(frame, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise ValueError(f"tile: damaged: {error}") from error
        return np.frombuffer(raw, np.int8).reshape(count, cells)

    def result_units(self) -> NDArray[np.int64]:
        """Return the sum of all grids that were added, in units, int64 (height, width), owned by the caller."""
        differences = np.zeros(self._planes.shape[1], np.int64)
        for plane in self._planes[: self._used_planes][::-1]:
            differences <<= 8
            differences += plane
        units = differences.reshape(self._shape_hw)
        return np.cumsum(units, axis=0, out=units)
