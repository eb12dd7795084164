"""Frames of every pixel format: luma without a copy, its levels, and colour from the planes."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeheat.sources.av_frame import FrameMaker
from tests.support.media import moving_square

ODD_WH = (161, 121)  # odd, and no multiple of the decoder's line alignment

# pixel format; levels of black and white where the stream does not state the range
IN_PLACE = [
    ("yuv420p", (16, 235)),
    ("yuvj420p", (0, 255)),
    ("yuvj422p", (0, 255)),
    ("yuv422p", (16, 235)),
    ("yuv444p", (16, 235)),
    ("yuv411p", (16, 235)),
    ("nv12", (16, 235)),
    ("nv21", (16, 235)),
    ("nv16", (16, 235)),
    ("gray", (0, 255)),
    ("gray10le", (0, 1023)),
    ("gray16le", (0, 65535)),
    ("yuv420p10le", (64, 940)),
    ("yuv444p12le", (256, 3760)),
    ("p010le", (64 << 6, 940 << 6)),
    ("yuva420p", (16, 235)),
]
CONVERTED = ["bgra", "rgb24", "rgb8", "gbrp", "yuyv422", "yuv420p10be", "ya8", "rgb565le", "grayf32le", "monob"]


def _picture(pix_fmt: str, size_wh: tuple[int, int] = ODD_WH) -> av.VideoFrame:
    smooth = cv2.GaussianBlur(moving_square(3, size_wh), (0, 0), 4)
    return av.VideoFrame.from_ndarray(smooth, "bgr24").reformat(format=pix_fmt)


def _as_8_bits(luma: np.ndarray, levels: tuple[int, int]) -> np.ndarray:
    black, white = levels
    return np.clip((luma.astype(float) - black) / (white - black) * 255, 0, 255)


@pytest.mark.parametrize(("pix_fmt", "levels"), IN_PLACE)
def test_luma_is_the_decoders_own_plane(pix_fmt: str, levels: tuple[int, int]) -> None:
    picture = _picture(pix_fmt)
    frame = FrameMaker().frame(picture, 0.0, 0.0)
    assert np.shares_memory(frame.luma, np.frombuffer(picture.planes[0], np.uint8))
    assert not frame.luma.flags.owndata
    assert frame.size_wh == ODD_WH
    assert frame.luma.dtype == (np.uint8 if levels[1] <= 255 else np.uint16)
    assert frame.levels == levels
    true_grey = picture.reformat(format="gray", dst_color_range=2).to_ndarray()
    assert np.abs(_as_8_bits(frame.luma, frame.levels) - true_grey).mean() < 1.5


def test_the_decoders_memory_is_read_only() -> None:
    luma = FrameMaker().frame(_picture("yuv420p"), 0.0, 0.0).luma
    with pytest.raises(ValueError, match="read-only"):
        luma[0, 0] = 0
    cv2.resize(luma, (32, 18), interpolation=cv2.INTER_AREA)  # OpenCV accepts a read-only source


@pytest.mark.parametrize("pix_fmt", CONVERTED)
def test_formats_without_a_luma_plane_are_converted(pix_fmt: str) -> None:
    picture = _picture(pix_fmt)
    frame = FrameMaker().frame(picture, 0.0, 0.0)
    true = picture.reformat(format="bgr24").to_ndarray()
    assert frame.levels == (0, 255)
    assert np.abs(frame.luma.astype(int) - cv2.cvtColor(true, cv2.COLOR_BGR2GRAY)).max() <= 1
    assert np.array_equal(frame.colour(ODD_WH), true)


@pytest.mark.parametrize("pix_fmt", [pix_fmt for pix_fmt, _ in IN_PLACE])
@pytest.mark.parametrize("size_wh", [ODD_WH, (80, 60), (200, 150)])
def test_colour_from_the_planes_equals_ffmpegs_own(pix_fmt: str, size_wh: tuple[int, int]) -> None:
    picture = _picture(pix_fmt)
    colour = FrameMaker().frame(picture, 0.0, 0.0).colour(size_wh)
    true = cv2.resize(picture.reformat(format="bgr24").to_ndarray(), size_wh, interpolation=cv2.INTER_AREA)
    assert colour.shape == (size_wh[1], size_wh[0], 3)
    assert colour.dtype == np.uint8
    assert np.abs(colour.astype(int) - true).mean() < 1.5


@pytest.mark.parametrize(("color_range", "levels"), [(1, (16, 235)), (2, (0, 255))])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p", "gray"])
def test_the_range_stated_by_the_stream_wins(pix_fmt: str, color_range: int, levels: tuple[int, int]) -> None:
    picture = _picture(pix_fmt)
    picture.color_range = color_range
    assert FrameMaker().frame(picture, 0.0, 0.0).levels == levels


def test_bt709_is_distinguished_from_bt601() -> None:
    red = np.full((120, 160, 3), (0, 0, 220), np.uint8)
    as_709 = av.VideoFrame.from_ndarray(red, "bgr24").reformat(
        format="yuv420p", dst_colorspace="itu709", dst_color_range=1
    )
    assert as_709.colorspace == 1
    colour = FrameMaker().frame(as_709, 0.0, 0.0).colour((16, 12))
    assert np.abs(colour.astype(int) - (0, 0, 220)).max() <= 3


def test_a_picture_stored_bottom_up_is_flipped() -> None:
    upright = _picture("gray", (64, 48))
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_buffer(width=64, height=48, format="gray", time_base=upright.time_base or "1/25"),
        graph.add("vflip"),
        graph.add("buffersink"),
    ).configure()
    graph.push(upright)
    flipped = graph.pull()
    assert flipped.planes[0].line_size < 0
    luma = FrameMaker().frame(flipped, 0.0, 0.0).luma
    assert np.array_equal(luma, upright.to_ndarray()[::-1])


@given(
    width=st.integers(2, 200),
    height=st.integers(2, 200),
    pix_fmt=st.sampled_from(["yuv420p", "nv12", "yuvj422p", "gray", "p010le"]),
)
@settings(max_examples=40)
def test_any_size_is_cropped_to_the_picture(width: int, height: int, pix_fmt: str) -> None:
    grey = np.random.default_rng(width * 1000 + height).integers(0, 255, (height, width), np.uint8)
    picture = av.VideoFrame.from_ndarray(grey, "gray").reformat(format=pix_fmt, dst_color_range=2)
    frame = FrameMaker().frame(picture, 0.0, 0.0)
    assert frame.size_wh == (width, height)
    assert np.abs(_as_8_bits(frame.luma, frame.levels) - grey).max() <= 4
    assert frame.colour((width, height)).shape == (height, width, 3)


def test_one_maker_accepts_changing_formats() -> None:
    maker = FrameMaker()
    for pix_fmt, size_wh in [("bgra", (64, 48)), ("yuv420p", (32, 24)), ("rgb24", (96, 64)), ("bgra", (64, 48))]:
        frame = maker.frame(_picture(pix_fmt, size_wh), 0.0, 0.0)
        assert frame.size_wh == size_wh
        assert frame.colour((10, 8)).shape == (8, 10, 3)
