"""Pictures to PNG, JPEG or WebP bytes, within a bound where a receiver has one."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8
from edgeheat.defs.params import ImageFormat

MEDIA_TYPES: Final[dict[ImageFormat, str]] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
SUFFIXES: Final[dict[ImageFormat, str]] = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}

_QUALITY_FLAGS: Final[dict[ImageFormat, int]] = {
    "jpeg": cv2.IMWRITE_JPEG_QUALITY,
    "webp": cv2.IMWRITE_WEBP_QUALITY,
}
_LEAST_QUALITY = 50
"""Below this a picture looks worse than a smaller one of better quality."""

_QUALITY_STEP = 15
_SHRINK = 0.8
_LEAST_SIDE = 16


def encode(picture: U8, image_format: ImageFormat, quality: int, max_bytes: int | None = None) -> tuple[bytes, U8]:
    """Return the encoded picture and the picture as it was encoded, which is smaller where the bound asked for it.

    picture: BGR of shape (height, width, 3). quality: 1..100, of JPEG and WebP.
    max_bytes: first the quality is lowered, as far as 50, then the size; None for no bound.
    Raises ValueError where not even a tiny picture fits, or where the format cannot hold the size.
    """
    while True:
        data = _encode_once(picture, image_format, quality)
        if max_bytes is None or len(data) <= max_bytes:
            return data, picture
        if image_format in _QUALITY_FLAGS and quality > _LEAST_QUALITY:
            quality = max(quality - _QUALITY_STEP, _LEAST_QUALITY)
            continue
        height, width = (round(side * _SHRINK) for side in picture.shape[:2])
        if min(height, width) < _LEAST_SIDE:
            raise ValueError(f"no {image_format} of this picture fits into {max_bytes} bytes")
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _encode_once(picture: U8, image_format: ImageFormat, quality: int) -> bytes:
    flag = _QUALITY_FLAGS.get(image_format)
    try:
        done, data = cv2.imencode(SUFFIXES[image_format], picture, [] if flag is None else [flag, quality])
    except cv2.error as error:
        raise ValueError(f"{image_format} of {picture.shape[1]}x{picture.shape[0]} pixels: {error.err}") from error
    if not done:
        raise ValueError(f"{image_format} cannot hold a picture of {picture.shape[1]}x{picture.shape[0]} pixels")
    return data.tobytes()
