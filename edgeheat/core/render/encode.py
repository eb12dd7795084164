"""Encodes pictures as PNG, JPEG or WebP; lowers quality, then size, until they fit into a limit of bytes."""

from __future__ import annotations

from typing import Final

import cv2

from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.masks import resized
from edgeheat.defs.params import ImageFormat

MEDIA_TYPES: Final[dict[ImageFormat, str]] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
"""MIME type of each format."""

SUFFIXES: Final[dict[ImageFormat, str]] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
"""File suffix of each format, as cv2.imencode takes it."""

_QUALITY_FLAGS: Final[dict[ImageFormat, int]] = {
    "jpeg": cv2.IMWRITE_JPEG_QUALITY,
    "webp": cv2.IMWRITE_WEBP_QUALITY,
}
"""cv2's parameter for the quality, of the formats that have one."""

_MIN_QUALITY = 50
"""Lowest quality, 1..100: below it a picture looks worse than a smaller one of better quality."""

_QUALITY_STEP = 15
"""Amount by which the quality is lowered at a time."""

_SHRINK_RATIO = 0.8
"""Factor on both sides by which the picture is shrunk at a time."""

_MIN_SIDE_PX = 16
"""Shortest side of a picture: a smaller one shows nothing."""


_BACKDROP_QUALITY = 85
"""JPEG quality of the backdrops for the history, 1..100."""

_BACKDROP_MAX_BYTES = 100_000
"""Size of such a backdrop: one is stored for each epoch, and replaced every day."""


def encode(picture: U8, image_format: ImageFormat, quality: int, max_bytes: int | None = None) -> tuple[bytes, U8]:
    """Return the encoded picture and the picture that was encoded, shrunk where `max_bytes` required it.

    picture: BGR uint8, shape (height, width, 3). quality: 1..100, for JPEG and WebP.
    max_bytes: the quality is lowered first, to 50 at least, then the picture is shrunk; None for no limit.
    Raises ValueError where not even a tiny picture fits, or where the format does not support the size.
    """
    while True:
        data = _encode_once(picture, image_format, quality)
        if max_bytes is None or len(data) <= max_bytes:
            return data, picture
        if image_format in _QUALITY_FLAGS and quality > _MIN_QUALITY:
            quality = max(quality - _QUALITY_STEP, _MIN_QUALITY)
            continue
        height, width = (round(side * _SHRINK_RATIO) for side in picture.shape[:2])
        if min(height, width) < _MIN_SIDE_PX:
            raise ValueError(f"no {image_format} of this picture fits into {max_bytes} bytes")
        picture = resized(picture, (width, height))


def encode_backdrop(picture: U8) -> bytes:
    """Return a backdrop, BGR uint8 (height, width, 3), as the JPEG that the history stores. Raises ValueError."""
    return encode(picture, "jpeg", _BACKDROP_QUALITY, _BACKDROP_MAX_BYTES)[0]


def _encode_once(picture: U8, image_format: ImageFormat, quality: int) -> bytes:
    flag = _QUALITY_FLAGS.get(image_format)
    try:
        done, data = cv2.imencode(SUFFIXES[image_format], picture, [] if flag is None else [flag, quality])
    except cv2.error as error:
        raise ValueError(f"{image_format} of {picture.shape[1]}x{picture.shape[0]} pixels: {error.err}") from error
    if not done:
        raise ValueError(f"{image_format} does not support a picture of {picture.shape[1]}x{picture.shape[0]} pixels")
    return data.tobytes()
