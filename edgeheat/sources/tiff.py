"""Counts the pages of a TIFF file from its directories, without decoding a picture."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
"""File name endings of TIFF files, in lower case."""

_BYTE_ORDERS = {b"II": "<", b"MM": ">"}
"""Byte orders of `struct` by the first two bytes of a file."""

_VERSIONS = {42: ("I", 4, "H", 12), 43: ("Q", 8, "Q", 20)}
"""By version, classic or BigTIFF: format of an offset, place of the first one, format of a count, bytes per entry."""


def page_count(path: Path) -> tuple[int, bool]:
    """Return the number of pages, and whether the file is complete; (0, True) where it is no TIFF file.

    Raises OSError. Reference: TIFF 6.0, section 2; the BigTIFF design.
    """
    with path.open("rb") as file:
        head = file.read(16)
        order = _BYTE_ORDERS.get(head[:2])
        layout = _VERSIONS.get(struct.unpack(order + "H", head[2:4])[0]) if order and len(head) == 16 else None
        if order is None or layout is None:
            return 0, True
        offset_format, place, count_format, entry_size = layout
        (offset,) = struct.unpack_from(order + offset_format, head, place)
        passed: set[int] = set()
        while offset and offset not in passed:  # damaged directories may refer to one another in a circle
            directory = offset
            try:
                file.seek(offset)
                (entries,) = _read(file, order + count_format)
                file.seek(entries * entry_size, os.SEEK_CUR)
                (offset,) = _read(file, order + offset_format)
            except (struct.error, OSError, OverflowError, ValueError):
                return len(passed), False
            passed.add(directory)
    return len(passed), offset == 0


def _read(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))
