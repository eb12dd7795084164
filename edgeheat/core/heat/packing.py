"""Packs numpy arrays into few bytes: containers for increments and saved heats, single arrays, rounded window grids."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Scalar = TypeVar("_Scalar", bound=np.generic)

_MAGIC = b"EHG1"
"""First bytes of a container; the digit is the version of everything that is packed in it."""

_INT_BYTES = 4
"""Length of the checksum and of the header's length, little-endian."""

_HEADER_AT = len(_MAGIC) + 2 * _INT_BYTES
"""Offset of the compressed header: after the magic, the checksum and the header's length."""

_MAX_HEADER_BYTES = 1 << 20
"""Longest header that is read; one of 100 heats with 100 zones takes 50 kB."""

_MAX_UNPACKED_BYTES = 1 << 30
"""Limit of all arrays of a container together, the same as of a checkpoint: a forged header cannot allocate more."""

_DTYPES = frozenset({"u1", "u2", "u4", "u8", "i4", "i8", "f2", "f4", "f8"})
"""The types that are packed, as numpy abbreviates them."""

_LEVEL = 6
"""zlib's compression level: 9 saves a tenth and takes three times as long."""

_DIGITS = 4
"""Binary digits that `pack_leading` keeps of each cell."""

_CODES_PER_POWER = 1 << (_DIGITS - 1)
"""Number of codes for each power of two; a code below twice this number is the value itself."""

_LARGEST_CODE = _CODES_PER_POWER * (32 - _DIGITS) + 2 * _CODES_PER_POWER - 1
"""The code of the largest uint32."""

_DECODED = np.array(
    [
        code
        if code < _CODES_PER_POWER
        else (_CODES_PER_POWER + code % _CODES_PER_POWER) << (code // _CODES_PER_POWER - 1)
        for code in range(_LARGEST_CODE + 1)
    ],
    np.uint32,
)
"""The value of each code."""


def pack(meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return values that JSON can hold and named arrays as bytes for `unpack`, with a checksum.

    Raises ValueError where an array is of another type than `_DTYPES`, or where `unpack` would reject the size.
    """
    total = sum(array.nbytes for array in arrays.values())
    if total > _MAX_UNPACKED_BYTES:
        raise ValueError(f"arrays to pack: expected up to {_MAX_UNPACKED_BYTES} bytes, got {total}")
    bodies = [pack_array(array) for array in arrays.values()]
    table = {
        name: [array.dtype.str[1:], len(body), *array.shape]
        for (name, array), body in zip(arrays.items(), bodies, strict=True)
    }
    description = json.dumps([meta, table], separators=(",", ":")).encode()
    if len(description) > _MAX_HEADER_BYTES:
        raise ValueError(f"header to pack: expected up to {_MAX_HEADER_BYTES} bytes, got {len(description)}")
    header = zlib.compress(description)
    parts = [len(header).to_bytes(_INT_BYTES, "little"), header, *bodies]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return b"".join([_MAGIC, checksum.to_bytes(_INT_BYTES, "little"), *parts])


def unpack(packed: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return what `pack` packed; the arrays are owned by the caller.

    Raises ValueError where the bytes are damaged or were not packed by this version.
    """
    if packed[: len(_MAGIC)] != _MAGIC or len(packed) < _HEADER_AT:
        raise ValueError(f"packed arrays: expected {_HEADER_AT} bytes or more that begin with {_MAGIC!r}")
    content = memoryview(packed)[len(_MAGIC) + _INT_BYTES :]
    if zlib.crc32(content) != int.from_bytes(packed[len(_MAGIC) : len(_MAGIC) + _INT_BYTES], "little"):
        raise ValueError("packed arrays: damaged, the checksum does not match")
    at = _INT_BYTES + int.from_bytes(content[:_INT_BYTES], "little")
    meta, table = _read_header(content[_INT_BYTES:at])
    arrays = {}
    for name, (dtype, size, shape) in table.items():
        arrays[name] = unpack_array(content[at : at + size], shape, dtype)
        at += size
    if at != len(content):
        raise ValueError(f"packed arrays: expected {at} bytes, got {len(content)}")
    return meta, arrays


def _read_header(
    header: memoryview,
) -> tuple[dict[str, Any], dict[str, tuple[type[np.generic], int, tuple[int, ...]]]]:
    """Return the meta data, and for each array its dtype, the size of its packed bytes, and its shape."""
    try:
        meta, table = json.loads(_inflate(header, _MAX_HEADER_BYTES))
        checked = {name: (_dtype(dtype), size, tuple(shape)) for name, (dtype, size, *shape) in table.items()}
    except (AttributeError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"packed arrays: unreadable header: {error}") from error
    counts = [count for _, size, shape in checked.values() for count in (size, *shape)]
    if not isinstance(meta, dict) or any(type(count) is not int or not 0 <= count < 1 << 32 for count in counts):
        raise ValueError("packed arrays: unreadable header")
    total = sum(np.dtype(dtype).itemsize * math.prod(shape) for dtype, _, shape in checked.values())
    if total > _MAX_UNPACKED_BYTES:
        raise ValueError(f"packed arrays: expected up to {_MAX_UNPACKED_BYTES} bytes unpacked, the header says {total}")
    return meta, checked


def _dtype(name: object) -> type[np.generic]:
    if name not in _DTYPES:
        raise ValueError(f"expected an array of integers or floats, got {name!r}")
    return np.dtype(str(name)).type


def pack_array(array: NDArray[Any]) -> bytes:
    """Return one array of integers or floats as bytes for `unpack_array`; the caller remembers its shape and dtype.

    Zeros take no bytes. A one-dimensional array of uint8 holds bytes that are compressed already and is stored as it
    is; everything else is compressed where that makes it smaller. Raises ValueError for other dtypes.
    """
    _dtype(array.dtype.str[1:])
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    data: NDArray[np.uint8] = little.reshape(-1).view(np.uint8)
    if not data.any():
        return b""
    if array.dtype == np.uint8 and array.ndim == 1:
        return data.tobytes()
    if array.dtype.kind in "iu":
        # All lowest bytes first, then all next ones: neighbouring cells have their high bytes in common.
        data = np.ascontiguousarray(data.reshape(-1, array.dtype.itemsize).T)
    raw = data.tobytes()
    deflated = zlib.compress(raw, _LEVEL)
    return deflated if len(deflated) < len(raw) else raw


def unpack_array(packed: bytes | memoryview, shape: tuple[int, ...], dtype: type[_Scalar]) -> NDArray[_Scalar]:
    """Return what `pack_array` packed, of that shape and dtype, owned by the caller.

    Raises ValueError where the bytes are not such an array.
    """
    native = np.dtype(dtype)
    size = math.prod(shape) * native.itemsize
    if not packed:
        return np.zeros(shape, dtype)
    raw = packed if len(packed) == size else _inflate(packed, size)
    if len(raw) != size:
        raise ValueError(f"packed array: expected {size} bytes, got {len(raw)}")
    data = np.frombuffer(raw, np.uint8)
    if native.kind in "iu":
        data = np.ascontiguousarray(data.reshape(native.itemsize, -1).T)
    return data.reshape(-1).view(native.newbyteorder("<")).reshape(shape).astype(dtype)


def pack_leading(grid_ms: NDArray[np.uint32]) -> tuple[bytes, NDArray[np.uint32]]:
    """Return the four leading binary digits of each cell as bytes for `unpack_leading`, and the remainder.

    grid_ms: shape (height, width). The remainder, of the same shape and owned by the caller, is less than a ninth of
    each cell, and 0 below 16. The sum of both is `grid_ms`. Frames come at uneven times, so the low digits of a sum of
    milliseconds are noise, which does not compress: without them a grid takes a quarter of the bytes. A cell becomes
    one byte, the exponent and the digits behind the leading one; neighbouring rows are subtracted, then compressed.
    Reference: ITU-T G.711, segmented companding of amplitudes.
    """
    # frexp, because log2 is off by one just below a power of two; float64 holds every uint32.
    shift = np.maximum(np.frexp(grid_ms.astype(np.float64))[1] - _DIGITS, 0).astype(np.uint32)
    digits = grid_ms >> shift
    codes = (_CODES_PER_POWER * shift + digits).astype(np.uint8)
    deflater = zlib.compressobj(9, strategy=zlib.Z_FILTERED)
    packed = deflater.compress(np.diff(codes, axis=0, prepend=np.uint8(0)).tobytes()) + deflater.flush()
    return packed, grid_ms - (digits << shift)


def unpack_leading(packed: bytes, shape_hw: tuple[int, int]) -> NDArray[np.uint32]:
    """Return the grid of leading digits that `pack_leading` packed, shape `shape_hw`, owned by the caller.

    Raises ValueError where the bytes are not such a grid.
    """
    raw = _inflate(packed, math.prod(shape_hw))
    if len(raw) != math.prod(shape_hw):
        raise ValueError(f"packed grid: expected {math.prod(shape_hw)} bytes, got {len(raw)}")
    codes = np.cumsum(np.frombuffer(raw, np.uint8).reshape(shape_hw), axis=0, dtype=np.uint8)
    if codes.max(initial=0) > _LARGEST_CODE:
        raise ValueError(f"packed grid: expected codes up to {_LARGEST_CODE}, got {codes.max()}")
    return _DECODED[codes]


def _inflate(packed: bytes | memoryview, max_bytes: int) -> bytes:
    """Return the bytes decompressed; raises ValueError where they are not zlib's, or are more than `max_bytes`."""
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, max_bytes + 1)
    except zlib.error as error:
        raise ValueError(f"not compressed by zlib: {error}") from error
    if len(raw) > max_bytes or not inflater.eof or inflater.unused_data:
        raise ValueError(f"compressed bytes: expected a whole stream of up to {max_bytes} bytes, got {len(raw)}")
    return raw
