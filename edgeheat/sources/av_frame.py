"""Makes frames from PyAV's decoded pictures and from BGR arrays; luma is a view of a plane where there is one."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Literal, cast

import cv2
import numpy as np
from av import VideoFormat, VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8, UPRIGHT, Frame, Orientation, SizeWH

_FULL_RANGE = 2
"""FFmpeg's AVCOL_RANGE_JPEG: black is 0."""

VIDEO_RANGE = 1
"""FFmpeg's AVCOL_RANGE_MPEG: black is 16 of 255."""

_BT709_COLORSPACES = frozenset({1, 9, 10})
"""FFmpeg's numbers AVCOL_SPC_BT709, _BT2020_NCL and _BT2020_CL, which are treated alike; all others count as BT.601."""

_LUMA_WEIGHTS = {True: (0.2126, 0.0722), False: (0.299, 0.114)}
"""Weights of red and blue in luma, by whether it is BT.709. Reference: ITU-R BT.709, BT.601."""

_QUARTER_TURNS = (
    UPRIGHT,
    Orientation(transposed=True, mirrored_y=True),
    Orientation(mirrored_x=True, mirrored_y=True),
    Orientation(transposed=True, mirrored_x=True),
)
"""Orientations by the number of quarter turns counterclockwise that make a picture upright."""

_MAX_PIXEL_ASPECT = 4.0
"""Pixels wider or higher than this are an error in a header and treated as square; the widest in use is 2.2."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a pixel format stores its samples in planes."""

    dtype: np.dtype[Any]
    bits: int
    shift: int
    """Zero bits below each sample: P010 and similar formats use the high bits."""

    chroma: Literal["none", "planar", "pairs", "swapped pairs"]
    """`planar`: Cb and Cr in a plane each; `pairs`: interleaved in one plane; `swapped pairs`: Cr before Cb."""

    full_range: bool
    """Whether samples are full range if the stream does not state its range."""

    def levels(self, full_range: bool) -> tuple[int, int]:
        """Return the sample values of black and of white."""
        if full_range:
            return 0, ((1 << self.bits) - 1) << self.shift
        return 16 << (self.bits - 8 + self.shift), 235 << (self.bits - 8 + self.shift)


@lru_cache
def _layout(pix_fmt: str) -> _Layout | None:
    """Return the layout of a format with a separate luma plane; None for others (RGB, palettes, packed YUV)."""
    pixels = VideoFormat(pix_fmt)
    luma, *others = pixels.components
    if (
        pixels.is_rgb
        or pixels.has_palette
        or pixels.is_bit_stream
        or (pixels.is_big_endian and luma.bits > 8)
        or not luma.is_luma
        or not 8 <= luma.bits <= 16
        or any(other.plane == luma.plane for other in others)
    ):
        return None
    chroma: Literal["none", "planar", "pairs", "swapped pairs"] = "none"
    if len(others) >= 2:
        pairs = others[0].plane == others[1].plane
        chroma = "planar" if not pairs else "swapped pairs" if pix_fmt in ("nv21", "nv42") else "pairs"
    high_bits = chroma == "pairs" and luma.bits > 8
    return _Layout(
        dtype=np.dtype(np.uint8 if luma.bits == 8 else np.uint16),
        bits=luma.bits,
        shift=16 - luma.bits if high_bits else 0,
        chroma=chroma,
        full_range=pix_fmt.startswith("yuvj") or chroma == "none",
    )


def _view(plane: VideoPlane, dtype: np.dtype[Any], width: int, height: int, channels: int = 1) -> NDArray[Any]:
    """Return a plane's samples without a copy, cropped to the picture; read-only, since the decoder still uses them."""
    line_size = plane.line_size
    shape = (height, width) if channels == 1 else (height, width, channels)
    strides = (abs(line_size), *(() if channels == 1 else (channels * dtype.itemsize,)), dtype.itemsize)
    view: NDArray[Any] = np.ndarray(shape, dtype, memoryview(plane), strides=strides)
    view.flags.writeable = False
    return view[::-1] if line_size < 0 else view  # a negative line size means that rows are stored bottom-up


class FrameMaker:
    """Makes the frames of one stream; it keeps the converter for packed formats, which is expensive to create."""

    def __init__(self, track: VideoStream | None = None) -> None:
        """`track`: the stream whose pictures follow, for the shape of its pixels; None: they are square."""
        self._converter = VideoReformatter()
        self._last_stated = UPRIGHT
        self._intra_only = track is None or track.codec_context.codec.intra_only
        self._track = track
        self._stated_aspect = _ratio(track.sample_aspect_ratio) if track is not None else 0.0
        self._first_codec_aspect = _ratio(track.codec_context.sample_aspect_ratio) if track is not None else 0.0

    def shape(self, picture: VideoFrame) -> tuple[Orientation, float]:
        """Return the orientation of a picture and the width of a pixel divided by its height.

        Must be called for every picture, right after it was decoded: later ones may state nothing and follow it.
        """
        orientation = _orientation(picture, self._last_stated)
        if not self._intra_only:
            self._last_stated = orientation
        return orientation, self._pixel_aspect()

    def frame(
        self, picture: VideoFrame, mono_s: float, wall_s: float, shape: tuple[Orientation, float] | None = None
    ) -> Frame:
        """Return the frame of one decoded picture; size, pixel format and orientation may change between pictures.

        `shape`: what `shape` returned when it was decoded; None: it was decoded last, and `shape` was not called.
        """
        orientation, pixel_aspect = shape or self.shape(picture)
        layout = _layout(picture.format.name)
        if layout is None:
            return replace(self._packed(picture, mono_s, wall_s, orientation), pixel_aspect=pixel_aspect)
        stated_range = picture.color_range
        full_range = stated_range == _FULL_RANGE or (stated_range != VIDEO_RANGE and layout.full_range)
        return Frame(
            _view(picture.planes[0], layout.dtype, picture.width, picture.height),
            mono_s,
            wall_s,
            _upright(partial(_colour, picture, layout, full_range), orientation),
            layout.levels(full_range),
            _upright(partial(_chroma, picture, layout), orientation),
            orientation,
            pixel_aspect,
        )

    def _packed(self, picture: VideoFrame, mono_s: float, wall_s: float, orientation: Orientation) -> Frame:
        """Return the frame of a picture whose luma must be computed: GIF, RGB, palettes, packed YUV."""
        converted = self._converter.reformat(picture, format="bgr24")
        bgr = _view(converted.planes[0], np.dtype(np.uint8), picture.width, picture.height, channels=3)
        frame = bgr_frame(bgr, mono_s, wall_s)
        if orientation == UPRIGHT:
            return frame
        colour, chroma = _upright(frame.colour, orientation), _upright(frame.chroma, orientation)
        return replace(frame, colour=colour, chroma=chroma, orientation=orientation)

    def _pixel_aspect(self) -> float:
        """Return the width of a pixel divided by its height, in the picture that was decoded last.

        The container's statement has priority, as in players.
        """
        if self._track is None:
            return 1.0
        codec_aspect = _ratio(self._track.codec_context.sample_aspect_ratio)
        # What the container states was true of the pictures at its beginning; later ones may have another shape.
        aspect = self._stated_aspect if codec_aspect == self._first_codec_aspect else codec_aspect
        return aspect if 1 / _MAX_PIXEL_ASPECT <= aspect <= _MAX_PIXEL_ASPECT else 1.0


def _ratio(stated: Any) -> float:
    """Return a ratio of PyAV's as a number; 0 where it is not known."""
    return float(stated) if stated else 0.0


def _orientation(picture: VideoFrame, previous: Orientation) -> Orientation:
    """Return the orientation in the picture's display matrix, at the nearest right angle.

    Containers, H.264, H.265 and EXIF state it. `previous` is that of the picture before, which holds where nothing is
    stated: H.264 and H.265 state it at some pictures only.

    Reference: ISO/IEC 14496-12, section 6.2.2; FFmpeg's display.h.
    """
    try:
        stated: Any = picture.side_data.get("DISPLAYMATRIX")
    except ValueError:
        # PyAV 18 knows no EXIF data beside a JPEG picture and fails on it; the rotation is all that it gives then.
        return _QUARTER_TURNS[round(picture.rotation / 90) % 4]
    return previous if stated is None else _matrix_orientation(bytes(stated))


@lru_cache
def _matrix_orientation(matrix: bytes) -> Orientation:
    # A pixel at (x, y) as stored is shown at (a x + c y, b x + d y).
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)


def _upright(convert: Callable[[SizeWH], Any], orientation: Orientation) -> Callable[[SizeWH], Any]:
    """Return a conversion to an upright picture, for one from the picture as stored."""
    if orientation == UPRIGHT:
        return convert

    def convert_upright(size_wh: SizeWH) -> Any:
        stored = convert(orientation.stored_wh(size_wh))
        return None if stored is None else orientation.upright(stored)

    return convert_upright


def bgr_frame(bgr: NDArray[Any], mono_s: float, wall_s: float) -> Frame:
    """Return the frame of a full-range picture, uint8 or uint16: BGR (height, width, 3) or grey (height, width)."""
    luma = bgr if bgr.ndim == 2 else cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    levels = (0, int(np.iinfo(bgr.dtype).max))
    return Frame(luma, mono_s, wall_s, partial(_resize_bgr, bgr), levels, partial(bgr_chroma, bgr))


def bgr_chroma(bgr: NDArray[Any], size_wh: SizeWH) -> U8 | None:
    """Return Cb and Cr of a BGR picture at the given size, uint8 (height, width, 2); None for a grey picture."""
    if bgr.ndim == 2:
        return None
    luma_cr_cb = cv2.cvtColor(_resize_bgr(bgr, size_wh), cv2.COLOR_BGR2YCrCb)
    return np.asarray(luma_cr_cb[:, :, :0:-1], np.uint8)  # without luma, and in the order Cb, Cr


def _resize_bgr(bgr: NDArray[Any], size_wh: SizeWH) -> U8:
    small = _to_8_bits(cv2.resize(bgr, size_wh, interpolation=cv2.INTER_AREA), bgr.dtype.itemsize * 8)
    return small if small.ndim == 3 else cast(U8, cv2.cvtColor(small, cv2.COLOR_GRAY2BGR))


def _to_8_bits(samples: NDArray[Any], bits: int) -> U8:
    return samples if bits == 8 else cast(U8, cv2.convertScaleAbs(samples, alpha=2.0 ** (8 - bits)))


def _colour(picture: VideoFrame, layout: _Layout, full_range: bool, size_wh: SizeWH) -> U8:
    """Return the picture in BGR at the given size; planes are resized first, so that fewer pixels are converted."""
    luma = _plane(picture, layout, 0, size_wh)
    chroma = _chroma(picture, layout, size_wh)
    if chroma is None:
        chroma = np.full((*luma.shape, 2), 128, np.uint8)
    merged = np.dstack([luma, chroma])
    return cast(U8, cv2.transform(merged, _yuv_to_bgr(full_range, picture.colorspace in _BT709_COLORSPACES)))


def _chroma(picture: VideoFrame, layout: _Layout, size_wh: SizeWH) -> U8 | None:
    """Return Cb and Cr at the given size, uint8 (height, width, 2); None for a grey picture."""
    if layout.chroma == "none":
        return None
    if layout.chroma == "planar":
        return cast(U8, cv2.merge((_plane(picture, layout, 1, size_wh), _plane(picture, layout, 2, size_wh))))
    pairs = _plane(picture, layout, 1, size_wh, channels=2)
    return pairs[:, :, ::-1] if layout.chroma == "swapped pairs" else pairs


def _plane(picture: VideoFrame, layout: _Layout, index: int, size_wh: SizeWH, channels: int = 1) -> U8:
    """Return one plane at the given size, converted to 8 bits."""
    source = picture.planes[index]
    view = _view(source, layout.dtype, source.width, source.height, channels)
    return _to_8_bits(cv2.resize(view, size_wh, interpolation=cv2.INTER_AREA), layout.bits + layout.shift)


@lru_cache
def _yuv_to_bgr(full_range: bool, bt709: bool) -> F32:
    """Return the matrix, shape (3, 4), from 8-bit (Y, Cb, Cr, 1) to full-range BGR.

    Reference: ITU-T H.273, section 8.3.
    """
    red, blue = _LUMA_WEIGHTS[bt709]
    green = 1 - red - blue
    y_gain, y_black, c_gain = (1.0, 0, 1.0) if full_range else (255 / 219, 16, 255 / 224)
    chroma_gains = c_gain * np.array(
        [
            [2 * (1 - blue), 0],
            [-2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
            [0, 2 * (1 - red)],
        ]
    )
    offsets = -y_gain * y_black - 128 * chroma_gains.sum(axis=1, keepdims=True)
    return np.hstack([np.full((3, 1), y_gain), chroma_gains, offsets]).astype(np.float32)
