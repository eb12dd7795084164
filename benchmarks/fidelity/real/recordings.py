"""Finds real recordings with ground truth, and encodes them again as weaker cameras would deliver them.

The folder EDGEHEAT_TRUTH holds NAME.mp4 and NAME.npz of each recording. The latter has `truth_s` (height, width), the
seconds in which each pixel showed a person in the scored frames, `roi` bool (height, width), the pixels with ground
truth, `first` and `last`, the numbers of the scored frames, from 1, inclusive, and `fps`. Training needs `masks` too:
uint8 (frames, height, width / 8), packed bits, 1 where a pixel of a frame shows a person.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8

FOLDER_VARIABLE = "EDGEHEAT_TRUTH"
"""The environment variable that names the folder of the recordings."""

TUNED = frozenset(("hall", "office", "shopfront-distant"))
"""Names of the recordings on which the default settings were tuned; all others were held out."""

_X264 = {"preset": "veryfast", "x264-params": "mbtree=0"}
"""Options of x264. With macroblock trees, the same pictures sometimes give other bytes."""

_KEY_EVERY_S = 2.0
"""Interval of the key frames of recordings that are encoded again."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way in which a recording is delivered."""

    name: str
    fps: float | None = None
    """Frames per second that are kept; None: all."""

    options: tuple[tuple[str, str], ...] = ()
    """Options of the encoder; empty: the recording itself."""


VARIANTS = (
    Variant("native"),
    Variant("5fps", fps=5.0, options=(("crf", "16"),)),
    Variant("300k", options=(("b", "300k"), ("maxrate", "300k"), ("bufsize", "600k"))),
)
"""The recording as it is, thinned to five frames a second, and at a bit rate that is too low for it."""


@dataclass(frozen=True, slots=True)
class RealRecording:
    """A recording with ground truth, in one variant."""

    name: str
    variant: str
    video: Path
    presence_s: F32
    """Seconds in which each pixel showed a person in the scored frames, (height, width)."""

    scored: NDArray[np.bool_]
    """The pixels with ground truth, (height, width)."""

    before: int
    """Number of frames before the scored ones."""

    until: int
    """Number of frames up to the last scored one."""

    length_s: float
    """Length of the scored frames."""


def folder() -> Path | None:
    """Return the folder of the recordings; None if EDGEHEAT_TRUTH is unset. Raises ValueError if it has none."""
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        return None
    if not names(Path(named)):
        raise ValueError(f"{FOLDER_VARIABLE}={named}: no NAME.mp4 with NAME.npz in it; name their folder or unset it")
    return Path(named)


def names(of: Path) -> list[str]:
    """Return the names of all recordings in a folder that have ground truth."""
    return sorted(path.stem for path in of.glob("*.npz") if path.with_suffix(".mp4").exists())


def opened(source: Path, name: str, variant: Variant, kept: Path) -> RealRecording:
    """Return one variant of a recording; encoded again into the folder `kept`, if needed and not done before."""
    video = source / f"{name}.mp4"
    with np.load(source / f"{name}.npz") as arrays:
        presence_s, scored = np.asarray(arrays["truth_s"], np.float32), np.asarray(arrays["roi"], np.bool_)
        first, last, fps = int(arrays["first"]), int(arrays["last"]), float(arrays["fps"])
    step = 1 if variant.fps is None else round(fps / variant.fps)
    if variant.options:
        original, video = video, kept / f"{name}.{variant.name}.mp4"
        if not video.exists() or video.stat().st_mtime < original.stat().st_mtime:
            kept.mkdir(parents=True, exist_ok=True)
            unfinished = video.with_suffix(".part")
            encode_again(original, unfinished, step, fps / step, dict(variant.options))
            unfinished.replace(video)
    # Of a thinned recording each frame stands for the `step` original ones that begin with it.
    before, until = (-(-count // step) for count in (first - 1, last))
    return RealRecording(name, variant.name, video, presence_s, scored, before, until, (last - first + 1) / fps)


def person_masks(source: Path, name: str) -> U8:
    """Return where each frame of a recording shows a person, 255 or 0, (frames, height, width).

    Raises ValueError if its ground truth is of all frames together only.
    """
    path = source / f"{name}.npz"
    with np.load(path) as arrays:
        if "masks" not in arrays:
            raise ValueError(f"{path}: no `masks`, the ground truth of each frame; training needs it")
        width = arrays["truth_s"].shape[1]
        return np.unpackbits(arrays["masks"], axis=2, count=width) * np.uint8(255)


def encode_again(source: Path, target: Path, step: int, fps: float, options: dict[str, str]) -> None:
    """Write the first of every `step` frames of a recording as H.264 at `fps`; repeatable to the byte."""
    frame_s = 1 / Fraction(fps).limit_denominator(1000)
    with av.open(str(source)) as read, av.open(str(target), "w", format="mp4") as written:
        stream = written.add_stream("libx264", rate=1 / frame_s, options={**_X264, **options})
        size = read.streams.video[0].codec_context
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
        stream.codec_context.gop_size = round(_KEY_EVERY_S * fps)
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = frame_s
        for number, picture in enumerate(_every(step, read.decode(video=0))):
            frame = picture.reformat(format="yuv420p")
            frame.pts, frame.time_base = number, frame_s
            # Else x264 copies the type of each decoded picture instead of choosing its own.
            frame.pict_type = av.video.frame.PictureType.NONE
            written.mux(stream.encode(frame))
        written.mux(stream.encode(None))


def _every(step: int, pictures: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    return (picture for number, picture in enumerate(pictures) if number % step == 0)
