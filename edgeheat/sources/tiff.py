"""Counts the pages of a TIFF file from its directories, without decoding a picture."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
"""File name endings of TIFF files, in lower case."""

_MAX_PAGES = 1_000_000
"""More pages than any recording has; directories that refer to one another in a circle end here."""

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
        pages = 0
        while offset and pages < _MAX_PAGES:
            try:
                file.seek(offset)
                (entries,) = _read(file, order + count_format)
                file.seek(entries * entry_size, os.SEEK_CUR)
                (offset,) = _read(file, order + offset_format)
            except (struct.error, OSError, OverflowError, ValueError):
                return pages, False
            pages += 1
    return pages, offset == 0


def _read(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))
