"""Writes the overlay video of a recording: the growing heat over each frame, encoded as H.264, VP9 or AV1."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8, Frame, SizeWH
from edgeheat.core.grid.letterbox import fitted_colour
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.grid.zones import blackout_mask
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.increment import MillisecondRounder
from edgeheat.core.heat.packing import pack_array, unpack_array
from edgeheat.core.render.annotate import title_and_legend
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.heatmap import dimmed_background, heat_layer, scale_max_s
from edgeheat.defs.params import Measure, PipelineParams, VideoCodec
from edgeheat.errors import EdgeheatError
from edgeheat.offline.outputs import check_target
from edgeheat.sources.av_frame import VIDEO_RANGE

_CONTAINERS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""File endings and FFmpeg's names of the containers that are written for them."""

_ENDINGS: Final[dict[VideoCodec, tuple[str, ...]]] = {
    "h264": (".mp4", ".m4v", ".mov", ".mkv"),
    "vp9": (".webm", ".mkv", ".mp4"),
    "av1": (".webm", ".mkv", ".mp4"),
}
"""File endings whose containers hold a codec in a form that browsers play."""

_ENCODERS: Final[dict[VideoCodec, tuple[str, ...]]] = {
    "h264": ("libx264", "libopenh264", "h264_v4l2m2m"),
    "vp9": ("libvpx-vp9",),
    "av1": ("libsvtav1",),
}
"""FFmpeg's encoders of each codec, best first. PyAV's wheels hold the first of each, and no libaom."""

_X264_MAX_CRF = 51
"""Lowest quality on the scale of `crf`, which is that of x264."""

_VPX_SVT_MAX_CRF = 63
"""Lowest quality on the scales of libvpx and SVT-AV1."""

_TICKS_PER_S = 90_000
"""Time base of the encoded frames: the one of MPEG, in which every usual frame rate has whole frame durations."""

_BT601 = 6
"""Number of the colour matrix of cv2's I420 in ITU-T H.273; without it players assume BT.709 for large pictures."""


@dataclass(frozen=True, slots=True)
class _LoggedMask:
    mono_s: float
    duration_ms: int
    moving: bytes | None
    """Packed cells in motion; None if the measure does not count them."""
    confirmed_ms: tuple[bytes, ...]
    """Packed milliseconds per cell of earlier time that this mask confirmed as dwell or movement."""


class MaskLog:
    """The counted masks of a run, packed: an hour at 5 a second takes about 10 MB.

    Only what counts for `measure` is kept. All masks of the run must be added, in order of time: the growing heat then
    ends with exactly the engine's total, to the millisecond.
    """

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._rounder = MillisecondRounder()
        self._masks: list[_LoggedMask] = []

    def extend(self, masks: Iterable[MotionMask]) -> None:
        """Append masks, whose times must not decrease."""
        for mask in masks:
            moving = zlib.compress(np.packbits(mask.moving > 0).tobytes(), 1) if self._measure != "dwell" else None
            confirmed = (
                mask.dwell_ms if self._measure != "traffic" else None,
                mask.moved_ms if self._measure != "dwell" else None,
            )
            confirmed_ms = tuple(pack_array(cells_ms) for cells_ms in confirmed if cells_ms is not None)
            self._masks.append(_LoggedMask(mask.mono_s, self._rounder.round(mask.dt_s), moving, confirmed_ms))

    def replay(self, shape_hw: tuple[int, int]) -> GrowingHeat:
        """Return an empty heat to which these masks are added again; shape_hw: their (height, width)."""
        return GrowingHeat(self._masks, np.zeros(shape_hw, np.uint32))


@dataclass(slots=True)
class GrowingHeat:
    """The heat of a run up to an instant; dwell appears at the instant at which it was confirmed."""

    masks: list[_LoggedMask]
    heat_ms: NDArray[np.uint32]
    """Milliseconds up to the last instant passed to `add_until`, shape (grid height, grid width)."""

    added: int = 0
    """Number of masks that are added already."""

    @property
    def heat_s(self) -> F32:
        """The heat in seconds per cell, rounded as by the engine."""
        return (self.heat_ms / 1000.0).astype(np.float32)

    def add_until(self, mono_s: float) -> bool:
        """Add all masks up to an instant; return whether there were any."""
        added_before = self.added
        while self.added < len(self.masks) and self.masks[self.added].mono_s <= mono_s:
            self._add(self.masks[self.added])
            self.added += 1
        return self.added > added_before

    def _add(self, mask: _LoggedMask) -> None:
        shape_hw = self.heat_ms.shape
        if mask.moving is not None:
            bits = np.frombuffer(zlib.decompress(mask.moving), np.uint8)
            cells = np.unpackbits(bits, count=self.heat_ms.size).reshape(shape_hw)
            self.heat_ms += cells * np.uint32(mask.duration_ms)
        for confirmed_ms in mask.confirmed_ms:
            self.heat_ms += unpack_array(confirmed_ms, shape_hw, np.uint32)


@dataclass(frozen=True, slots=True)
class OverlayVideo:
    """What the video shows, known from the first pass over the recording."""

    params: PipelineParams
    masks: MaskLog
    grid: HeatGrid
    """The heat at the end: it sets the colour scale of every frame, so that colours do not flicker."""

    caption: Caption
    size_wh: SizeWH
    rate: float
    """Mean frames per second, written to the header of the file; each frame keeps its own time."""

    codec: VideoCodec
    crf: int
    """Constant rate factor on x264's scale, 0..51: 18 is visually lossless, 23 usual, 30 small.

    Scaled linearly to 0..63 for VP9 and AV1: 23 becomes 28.
    """

    def write(self, path: Path, suffix: str, frames: Iterable[Frame]) -> None:
        """Encode the frames with the heat up to their time over them to `path`, in the container of `suffix`.

        `path` may be a temporary name with another ending. Raises OSError where it cannot be written, EdgeheatError
        where it cannot be encoded.
        """
        pictures = self._pictures(frames)
        write_video(path, suffix, pictures, size_wh=self.size_wh, rate=self.rate, codec=self.codec, crf=self.crf)

    def _pictures(self, frames: Iterable[Frame]) -> Iterator[tuple[U8, float]]:
        """Yield each frame with the heat so far over it, and its time."""
        style, top_s = self.params.style, scale_max_s(self.grid, self.params.style)
        title_layers = title_and_legend(style, self.size_wh, top_s, self.caption, self.grid.coverage)
        blackout = blackout_mask(self.params.zones, self.size_wh)
        height, width = self.grid.heat_s.shape
        growing = self.masks.replay((height, width))
        layer = heat_layer(growing.heat_s, top_s, style, self.size_wh)
        for frame in frames:
            if growing.add_until(frame.mono_s):
                layer = heat_layer(growing.heat_s, top_s, style, self.size_wh)
            picture = self._dimmed_frame(frame, blackout)
            for overlay in (layer, *title_layers):
                overlay.lay_over(picture)
            yield picture, frame.mono_s

    def _dimmed_frame(self, frame: Frame, blackout: U8 | None) -> U8:
        if not self.params.style.overlay:
            return dimmed_background(None, self.params.style, self.size_wh)
        picture = fitted_colour(frame, self.size_wh)
        if blackout is not None:
            picture[blackout > 0] = 0
        return dimmed_background(picture, self.params.style, self.size_wh)


def check_video_target(path: Path, codec: VideoCodec, source: str) -> None:
    """Raise EdgeheatError where `path` cannot become a video of this codec; `source` as for `check_target`."""
    endings = _ENDINGS[codec]
    if path.suffix.lower() not in endings:
        raise EdgeheatError(f"{path}: the name of a video in {codec} must end in {' or '.join(endings)}")
    check_target(path, endings, source)
    _encoder_name(codec)


def write_video(
    path: Path,
    suffix: str,
    pictures: Iterable[tuple[U8, float]],
    *,
    size_wh: SizeWH,
    rate: float,
    codec: VideoCodec,
    crf: int,
) -> None:
    """Encode pictures, BGR of `size_wh`, each with the time in seconds from which it is shown.

    path, suffix, rate, codec, crf: see `OverlayVideo`. Raises OSError where the file cannot be written, EdgeheatError
    where the pictures cannot be encoded.
    """
    try:
        with _Encoder(path, suffix, size_wh=size_wh, rate=rate, codec=codec, crf=crf) as encoder:
            for picture, mono_s in pictures:
                encoder.add(picture, mono_s)
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise EdgeheatError(f"the video cannot be encoded: {error.strerror}: try another size or quality") from error


class _Encoder:
    """A video file that is being written, in yuv420p: the one pixel format that every browser and phone plays."""

    def __init__(self, path: Path, suffix: str, *, size_wh: SizeWH, rate: float, codec: VideoCodec, crf: int) -> None:
        container = _CONTAINERS[suffix.lower()]
        encoder = _encoder_name(codec)
        # SVT-AV1 writes about twenty lines to stderr for each video unless only errors are asked for.
        os.environ.setdefault("SVT_LOG", "1")
        width, height = (side + side % 2 for side in size_wh)
        self._frame_ticks = round(_TICKS_PER_S / rate)
        self._zero_s: float | None = None
        self._last_ticks = -1
        # The index at the front, so that a browser can start before it has the whole file.
        options = {"movflags": "+faststart"} if container in ("mp4", "mov") else {}
        self._container: OutputContainer = av.open(str(path), "w", format=container, options=options)
        mean_rate = Fraction(rate).limit_denominator(1001)
        stream = self._container.add_stream(encoder, rate=mean_rate, options=_options(encoder, crf))
        assert isinstance(stream, VideoStream)
        self._stream = stream
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _TICKS_PER_S)
        self._stream.codec_context.color_range = VIDEO_RANGE  # as cv2's I420 has it
        self._stream.codec_context.colorspace = _BT601

    def __enter__(self) -> _Encoder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def add(self, picture: U8, mono_s: float) -> None:
        """Encode one picture, BGR of shape (height, width, 3), that is shown from `mono_s` on."""
        height, width = picture.shape[:2]
        if height % 2 or width % 2:
            picture = np.asarray(
                cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8
            )
        planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        if self._zero_s is None:
            self._zero_s = mono_s
        # Two frames of one instant would be rejected: the later one is moved by a tick.
        self._last_ticks = max(round((mono_s - self._zero_s) * _TICKS_PER_S), self._last_ticks + 1)
        frame.pts, frame.time_base, frame.duration = self._last_ticks, Fraction(1, _TICKS_PER_S), self._frame_ticks
        self._container.mux(self._stream.encode(frame))


def _encoder_name(codec: VideoCodec) -> str:
    for name in _ENCODERS[codec]:
        if name in av.codecs_available:
            return name
    raise EdgeheatError(
        f"this build of PyAV has no encoder for {codec}: install the av wheel from PyPI, or omit --video"
    )


def _options(encoder: str, crf: int) -> dict[str, str]:
    """Return the encoder's options for a quality on x264's scale, at a speed that suits a Raspberry Pi."""
    scaled = str(round(crf * _VPX_SVT_MAX_CRF / _X264_MAX_CRF))
    if encoder == "libx264":
        return {"crf": str(crf), "preset": "veryfast"}
    if encoder == "libvpx-vp9":
        # Without a bit rate of 0 the CRF is only a lower limit of quality.
        return {"crf": scaled, "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
    if encoder == "libsvtav1":
        return {"crf": scaled, "preset": "9"}
    return {"b": "4M"}
