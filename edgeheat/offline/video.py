"""The overlay video: the heat as it grows over each frame of a recording, as H.264."""

from __future__ import annotations

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
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.grid.zones import blackout_mask
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.increment import MillisecondRounder
from edgeheat.core.heat.packing import pack_array, unpack_array
from edgeheat.core.render.annotate import title_and_legend
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.heatmap import dimmed_background, heat_layer, scale_max_s
from edgeheat.defs.params import Measure, PipelineParams
from edgeheat.errors import EdgeheatError

FORMATS: Final = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""File endings and the containers that FFmpeg writes for them."""

_ENCODERS = ("libx264", "libopenh264", "h264_v4l2m2m")
_TICKS_PER_S = 90_000
_BT601, _VIDEO_RANGE = 6, 1
"""What cv2's I420 is, in the numbers of ITU-T H.273: players guess wrongly for large pictures that do not say."""


@dataclass(frozen=True, slots=True)
class _Logged:
    mono_s: float
    whole_ms: int
    moving: bytes | None
    late_ms: tuple[bytes, ...]


class MaskLog:
    """The counted masks of a run, packed: an hour at 5 a second takes about 10 MB.

    Only what a heat of `of` counts is kept. All masks of the run must come, in their order: then the growing heat ends
    at the millisecond at which the engine's total does.
    """

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._whole_ms = MillisecondRounder()
        self._masks: list[_Logged] = []

    def extend(self, masks: Iterable[MotionMask]) -> None:
        """Keep some masks more; they come with rising times."""
        for mask in masks:
            moving = zlib.compress(np.packbits(mask.moving > 0).tobytes(), 1) if self._measure != "dwell" else None
            late = (
                mask.dwell_ms if self._measure != "traffic" else None,
                mask.moved_ms if self._measure != "dwell" else None,
            )
            late_ms = tuple(pack_array(each) for each in late if each is not None)
            self._masks.append(_Logged(mask.mono_s, self._whole_ms.round(mask.dt_s), moving, late_ms))

    def growing(self, shape_hw: tuple[int, int]) -> GrowingHeat:
        """Return an empty heat that takes these masks in again; shape_hw: the (height, width) of all of them."""
        return GrowingHeat(self._masks, np.zeros(shape_hw, np.uint32))


@dataclass(slots=True)
class GrowingHeat:
    """The heat of a run up to an instant; staying shows from the instant on at which it became certain."""

    masks: list[_Logged]
    heat_ms: NDArray[np.uint32]
    """Milliseconds up to the last instant asked for, shape (grid height, grid width)."""

    taken: int = 0

    @property
    def heat_s(self) -> F32:
        """The same in seconds, rounded as the heats of the engine are."""
        return (self.heat_ms / 1000.0).astype(np.float32)

    def grow(self, mono_s: float) -> bool:
        """Take in all masks up to an instant; tell whether there were any."""
        before = self.taken
        while self.taken < len(self.masks) and self.masks[self.taken].mono_s <= mono_s:
            self._take_in(self.masks[self.taken])
            self.taken += 1
        return self.taken > before

    def _take_in(self, mask: _Logged) -> None:
        shape_hw = self.heat_ms.shape
        if mask.moving is not None:
            bits = np.frombuffer(zlib.decompress(mask.moving), np.uint8)
            cells = np.unpackbits(bits, count=self.heat_ms.size).reshape(shape_hw)
            self.heat_ms += cells * np.uint32(mask.whole_ms)
        for late_ms in mask.late_ms:
            self.heat_ms += unpack_array(late_ms, shape_hw, np.uint32)


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
    """Mean frames a second; each frame keeps its own time, this is what players are told."""

    crf: int
    """x264's constant rate factor: 18 is visually without loss, 23 usual, 30 small."""

    def write(self, path: Path, container: str, frames: Iterable[Frame]) -> None:
        """Encode the frames with the heat so far over them to `path`, whatever it is called.

        Raises OSError where it cannot be written, EdgeheatError where it cannot be encoded.
        """
        write_video(path, container, self._pictures(frames), size_wh=self.size_wh, rate=self.rate, crf=self.crf)

    def _pictures(self, frames: Iterable[Frame]) -> Iterator[tuple[U8, float]]:
        """Yield each frame with the heat so far over it, and its time."""
        style, top_s = self.params.style, scale_max_s(self.grid, self.params.style)
        words = title_and_legend(style, self.size_wh, top_s, self.caption, self.grid.coverage)
        blackout = blackout_mask(self.params.zones, self.size_wh)
        height, width = self.grid.heat_s.shape
        growing = self.masks.growing((height, width))
        layer = heat_layer(growing.heat_s, top_s, style, self.size_wh)
        for frame in frames:
            if growing.grow(frame.mono_s):
                layer = heat_layer(growing.heat_s, top_s, style, self.size_wh)
            picture = self._under(frame, blackout)
            for each in (layer, *words):
                each.lay_over(picture)
            yield picture, frame.mono_s

    def _under(self, frame: Frame, blackout: U8 | None) -> U8:
        if not self.params.style.overlay:
            return dimmed_background(None, self.params.style, self.size_wh)
        now = frame.colour(self.size_wh)
        if blackout is not None:
            now[blackout > 0] = 0
        return dimmed_background(now, self.params.style, self.size_wh)


def write_video(
    path: Path, container: str, pictures: Iterable[tuple[U8, float]], *, size_wh: SizeWH, rate: float, crf: int
) -> None:
    """Encode pictures, BGR of `size_wh`, each with the time in seconds from which it is seen, to `path`.

    rate, crf: see `OverlayVideo`. Raises OSError where it cannot be written, EdgeheatError where it cannot be encoded.
    """
    try:
        with _Encoder(path, container, size_wh, rate, crf) as encoder:
            for picture, mono_s in pictures:
                encoder.add(picture, mono_s)
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise EdgeheatError(f"the video cannot be encoded: {error.strerror}: try another size or quality") from error


class _Encoder:
    """H.264 in yuv420p, which every browser and phone plays."""

    def __init__(self, path: Path, container: str, size_wh: SizeWH, rate: float, crf: int) -> None:
        codec = _encoder_name()
        width, height = (side + side % 2 for side in size_wh)
        self._frame_ticks = round(_TICKS_PER_S / rate)
        self._zero_s: float | None = None
        self._last_ticks = -1
        # The index in front, so that a browser can begin before it has the whole file.
        options = {"movflags": "+faststart"} if container in ("mp4", "mov") else {}
        self._container: OutputContainer = av.open(str(path), "w", format=container, options=options)
        mean_rate = Fraction(rate).limit_denominator(1001)
        stream = self._container.add_stream(codec, rate=mean_rate, options=_quality(codec, crf))
        assert isinstance(stream, VideoStream)
        self._stream = stream
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _TICKS_PER_S)
        self._stream.codec_context.color_range = _VIDEO_RANGE
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
        """Encode one picture, BGR of shape (height, width, 3), that is seen from `mono_s` on."""
        height, width = picture.shape[:2]
        if height % 2 or width % 2:
            picture = np.asarray(
                cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8
            )
        planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        if self._zero_s is None:
            self._zero_s = mono_s
        # Two frames of one instant would be refused: the later one is moved by a tick.
        self._last_ticks = max(round((mono_s - self._zero_s) * _TICKS_PER_S), self._last_ticks + 1)
        frame.pts, frame.time_base, frame.duration = self._last_ticks, Fraction(1, _TICKS_PER_S), self._frame_ticks
        self._container.mux(self._stream.encode(frame))


def _encoder_name() -> str:
    for name in _ENCODERS:
        if name in av.codecs_available:
            return name
    raise EdgeheatError("this build of PyAV has no H.264 encoder: install the av wheel of PyPI, or leave --video out")


def _quality(codec: str, crf: int) -> dict[str, str]:
    return {"crf": str(crf), "preset": "veryfast"} if codec == "libx264" else {"b": "4M"}
