"""Pictures are encoded in each format, within a limit of bytes where there is one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeheat.core.grid.frames import U8
from edgeheat.core.render.encode import MEDIA_TYPES, encode
from edgeheat.defs.params import ImageFormat


def noisy_picture(width: int = 320, height: int = 180) -> U8:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("image_format", "magic"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8\xff"), ("webp", b"RIFF")])
def test_each_format_has_its_magic_bytes_and_shows_the_picture(image_format: ImageFormat, magic: bytes) -> None:
    picture = cv2.GaussianBlur(noisy_picture(), (0, 0), 8)
    data, encoded = encode(np.asarray(picture, np.uint8), image_format, 90)
    assert data.startswith(magic)
    assert image_format in MEDIA_TYPES
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == encoded.shape == (180, 320, 3)
    assert np.abs(decoded.astype(int) - picture).mean() < 4


@pytest.mark.parametrize("image_format", ["jpeg", "webp"])
def test_lower_quality_takes_fewer_bytes(image_format: ImageFormat) -> None:
    assert len(encode(noisy_picture(), image_format, 30)[0]) < len(encode(noisy_picture(), image_format, 95)[0])


@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("max_bytes", [60_000, 20_000, 4_000])
def test_the_limit_is_kept(image_format: ImageFormat, max_bytes: int) -> None:
    data, encoded = encode(noisy_picture(), image_format, 90, max_bytes)
    assert len(data) <= max_bytes
    assert encoded.shape[1] / encoded.shape[0] == pytest.approx(320 / 180, rel=0.05)


def test_quality_is_lowered_before_the_size() -> None:
    full = len(encode(noisy_picture(), "jpeg", 90)[0])
    _, encoded = encode(noisy_picture(), "jpeg", 90, full - 1)
    assert encoded.shape == (180, 320, 3)


def test_an_impossible_limit_is_rejected() -> None:
    with pytest.raises(ValueError, match="fits into 10 bytes"):
        encode(noisy_picture(), "jpeg", 90, 10)


def test_a_size_that_the_format_does_not_support_is_rejected() -> None:
    with pytest.raises(ValueError, match="webp"):
        encode(np.zeros((2, 20_000, 3), np.uint8), "webp", 80)
