"""Makes the small recordings that tests of sources, commands, daemon and benchmarks read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
Painter = Callable[[int, tuple[int, int]], U8]


def moving_square(index: int, size_wh: tuple[int, int]) -> U8:
    """A grey ramp in BGR with a bright red square that moves right; shape (height, width, 3)."""
    width, height = size_wh
    ramp = np.linspace(40, 200, width).astype(np.uint8)
    picture = np.repeat(np.tile(ramp, (height, 1))[:, :, None], 3, axis=2)
    side = height // 4
    left = index * 4 % max(1, width - side)
    picture[side : 2 * side, left : left + side] = (30, 30, 230)
    return np.ascontiguousarray(picture)


def make_clip(
    path: Path,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    size_wh: tuple[int, int] = (160, 120),
    fps: int = 15,
    frames: int = 30,
    times_s: Sequence[float] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    full_range: bool = False,
    pixel_aspect: Fraction | None = None,
    turned: tuple[int, bool, bool] | None = None,
    painter: Painter = moving_square,
) -> Path:
    """Write a recording in the container of its suffix; `times_s` gives each frame its own time instead of `fps`.

    turned: what players do with the picture: degrees counterclockwise, then whether it is mirrored in x and in y.
    """
    ticks = fps if times_s is None else 1000
    if times_s is None:
        times_s = [index / fps for index in range(frames)]
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height = size_wh
        stream.pix_fmt = pix_fmt
        stream.codec_context.time_base = Fraction(1, ticks)
        if full_range:
            stream.codec_context.color_range = 2
        if pixel_aspect is not None:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if turned is not None:
            stream.set_display_rotation(*turned)
        if codec in ("libx264", "libx265"):
            stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": str(fps), **(options or {})}
        if codec == "libx264":
            # One slice a picture: GStreamer 1.22's rtph264pay ends a key frame of several slices after the first.
            stream.options = {"x264-params": "sliced-threads=0", **stream.options}
        for index, time_s in enumerate(times_s):
            picture = av.VideoFrame.from_ndarray(painter(index, size_wh), "bgr24")
            if picture.format.name != pix_fmt:
                picture = picture.reformat(format=pix_fmt, dst_color_range=2 if full_range else None)
            picture.pts, picture.time_base = round(time_s * ticks), Fraction(1, ticks)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def make_optimised_mjpeg(path: Path, *, frames: int = 30, fps: int = 15) -> Path:
    """Write a recording of JPEGs of 160x120 whose Huffman tables are made for each picture, not the standard's."""
    size_wh = (160, 120)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=fps)
        stream.width, stream.height = size_wh
        stream.pix_fmt = "yuvj420p"
        for index in range(frames):
            jpeg = cv2.imencode(".jpg", moving_square(index, size_wh), [cv2.IMWRITE_JPEG_OPTIMIZE, 1])[1]
            packet = av.Packet(jpeg.tobytes())
            packet.stream, packet.time_base = stream, Fraction(1, fps)
            packet.pts = packet.dts = index
            packet.is_keyframe = True
            container.mux(packet)
    return path


def make_audio(path: Path, seconds: float = 1.0) -> Path:
    """Write a recording with a sound track and no picture."""
    rate = 8000
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
        samples = (np.sin(np.arange(int(rate * seconds)) / 10) * 8000).astype(np.int16)[None, :]
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate, frame.pts = rate, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def truncate(path: Path, share: float) -> Path:
    """Cut the file to `share` of its bytes, as a full card or a pulled plug does."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path
