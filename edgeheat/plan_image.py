"""Checks a plan's picture file by its header, because the parent process loads no image decoder, and reads it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

_Picture = TypeVar("_Picture")

MAX_PIXELS = 24_000_000
"""Largest accepted picture: 24 megapixels take 72 MB decoded, and the plan is drawn 1280 pixels wide."""

_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of the JPEG segments that hold the size (start of frame)."""

_MAX_SEGMENTS = 1000
"""JPEG segments to read before the size; more are a sign of a damaged file."""


def check_plan_image(path: Path) -> None:
    """Raise ValueError, with a hint how to correct it, if `path` cannot be used as the picture of a plan."""
    if "\0" in str(path):
        raise ValueError(f"{str(path)!r} is not a file name")
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # opening a pipe would block
            raise ValueError(f"{path} is not a regular file; use a PNG, JPEG or WebP file, or remove image")
        with path.open("rb") as file:
            size_wh = image_size_wh(file)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if size_wh is None:
        raise ValueError(f"{path} is not a picture; use a PNG, JPEG or WebP file, or remove image")
    pixels = size_wh[0] * size_wh[1]
    if pixels > MAX_PIXELS:
        raise ValueError(
            f"{path} has {size_wh[0]} by {size_wh[1]} pixels; at most {MAX_PIXELS // 10**6} million are accepted: "
            "scale it down, a width of 2000 pixels is sufficient"
        )


def read_plan_image(file: str, decode: Callable[[bytes], _Picture | None]) -> tuple[_Picture | None, str]:
    """Return the picture of a plan, and what is wrong with it, or an empty text; None for an empty `file`.

    It is checked again, because it may have been replaced since the configuration was read. `decode` returns None for a
    damaged one; it is a parameter because the parent process loads no decoder.
    """
    if not file:
        return None, ""
    try:
        check_plan_image(Path(file))
        picture = decode(Path(file).read_bytes())
    except (ValueError, OSError) as error:
        return None, f"drawn without the plan's picture: {error}"
    if picture is None:
        return None, f"drawn without the plan's picture: {file} is damaged; save it again"
    return picture, ""


def image_size_wh(file: BinaryIO) -> tuple[int, int] | None:
    """Return (width, height) in pixels; None if the file is not a PNG, JPEG or WebP, or its size is 0."""
    header = file.read(30)
    size_wh: tuple[int, int] | None = None
    if header[:8] == b"\x89PNG\r\n\x1a\n" and header[12:16] == b"IHDR" and len(header) >= 24:
        size_wh = struct.unpack(">II", header[16:24])
    elif header[:3] == b"\xff\xd8\xff":
        file.seek(2)
        size_wh = _jpeg_size_wh(file)
    elif header[:4] == b"RIFF" and header[8:12] == b"WEBP" and len(header) == 30:
        size_wh = _webp_size_wh(header)
    return size_wh if size_wh is not None and min(size_wh) > 0 else None


def _jpeg_size_wh(file: BinaryIO) -> tuple[int, int] | None:
    for _ in range(_MAX_SEGMENTS):
        start = file.read(4)
        if len(start) < 4 or start[0] != 0xFF:
            return None
        marker, length = start[1], int.from_bytes(start[2:], "big")
        if marker in _JPEG_SIZES:
            frame = file.read(5)
            return (int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big")) if len(frame) == 5 else None
        file.seek(length - 2, 1)
    return None


def _webp_size_wh(header: bytes) -> tuple[int, int] | None:
    """Return the size of a lossy, lossless or extended WebP file from its first 30 bytes."""
    if header[12:16] == b"VP8 " and header[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", header[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if header[12:16] == b"VP8L" and header[20] == 0x2F:
        bits = int.from_bytes(header[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if header[12:16] == b"VP8X":
        return int.from_bytes(header[24:27], "little") + 1, int.from_bytes(header[27:30], "little") + 1
    return None
