"""Encodes pictures with a real H.264 encoder, with settings like a camera's: constant rate, no B-frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from edgeheat.core.grid.frames import U8, SizeWH

_MPEG_TICKS_PER_S = 90_000
"""Time base of the recordings, the one of MPEG: every usual frame rate has whole frame durations in it."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Encoder settings of a camera."""

    fps: float
    """Pictures per second; the average for irregular times."""

    bits_a_second: int
    key_every_s: float = 2.0


def encode(path: Path, size_wh: SizeWH, rate: Rate, pictures: Iterable[tuple[float, U8]]) -> None:
    """Write an MP4 of pictures with their times in seconds, BGR, uint8, (height, width, 3).

    One slice and one thread, so that the same pictures give the same bytes. The rate is held within a second.
    """
    frames_a_key = round(rate.fps * rate.key_every_s)
    kilobits = rate.bits_a_second // 1000
    x264 = f"slices=1:sliced-threads=0:rc-lookahead=0:sync-lookahead=0:vbv-maxrate={kilobits}:vbv-bufsize={kilobits}"
    options = {"preset": "veryfast", "bf": "0", "sc_threshold": "0", "x264-params": x264}
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate.fps).limit_denominator(1000), options=options)
        stream.width, stream.height, stream.pix_fmt = *size_wh, "yuv420p"
        stream.bit_rate = rate.bits_a_second
        stream.codec_context.gop_size = frames_a_key
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, _MPEG_TICKS_PER_S)
        for t_s, bgr in pictures:
            picture = av.VideoFrame.from_ndarray(bgr, "bgr24").reformat(format="yuv420p")
            picture.pts, picture.time_base = round(t_s * _MPEG_TICKS_PER_S), Fraction(1, _MPEG_TICKS_PER_S)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
