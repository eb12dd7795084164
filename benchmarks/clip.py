"""Makes the recordings for the benchmarks: the synthetic shop with sensor noise, encoded like a camera's H.264."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

OUT = Path(__file__).parent / "out"
"""Folder of recordings and figures, which git ignores."""

FPS = 15
"""Pictures per second of every recording."""

LENGTH_S = 60
"""Length of a recording, unless its clip has another one."""

SEED = 1
"""Seed of the synthetic shop, so that every machine draws the same people."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording at FPS pictures a second."""

    name: str
    size_wh: tuple[int, int]
    bits_a_second: int
    length_s: int = LENGTH_S

    @property
    def path(self) -> Path:
        """Path of the file; the name contains everything the content depends on."""
        return OUT / f"{self.name}-{self.bits_a_second // 1000}k-{self.length_s}s-seed{SEED}-whole.mp4"


FULL_HD = Clip("1080p15", (1920, 1080), 2_500_000)
"""The main stream of a camera."""

SMALL = Clip("360p15", (640, 360), 500_000)
"""The second stream of a camera, which is sufficient for heatmaps."""


def make(clip: Clip) -> Path:
    """Return the clip's file; the first call makes it.

    It is drawn in another process: this one must not load the libraries of edgeheat, because memory that two processes
    share is attributed to each by half. Raises RuntimeError if drawing fails.
    """
    if not clip.path.exists():
        OUT.mkdir(exist_ok=True)
        unfinished = clip.path.with_suffix(".part.mp4")
        drawing = get_context("spawn").Process(target=_draw, args=(clip, str(unfinished)))
        drawing.start()
        drawing.join()
        if drawing.exitcode:
            raise RuntimeError(f"{clip.path} could not be drawn")
        unfinished.rename(clip.path)
    return clip.path


def _draw(clip: Clip, path: str) -> None:
    import av

    from edgeheat.sources import open_source
    from edgeheat.sources.base import SourceOptions

    width, height = clip.size_wh
    scene = f"synthetic:shop?seed={SEED}&size={width}x{height}&fps={FPS}&walkers=5&shadows=1&noise=3"
    source = open_source(scene, SourceOptions(clock=None, count=FPS * clip.length_s))
    with av.open(path, "w") as container:
        # A key frame every two seconds and no B-frames, as cameras send. One slice each: GStreamer 1.22's rtph264pay
        # cuts a key frame of several slices after the first, which damages all following pictures.
        options = {"preset": "veryfast", "tune": "zerolatency", "x264-params": "sliced-threads=0"}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate, stream.codec_context.gop_size = clip.bits_a_second, 2 * FPS
        stream.codec_context.time_base = Fraction(1, FPS)
        for number, frame in enumerate(source.frames()):
            picture = av.VideoFrame.from_ndarray(frame.colour(clip.size_wh), "bgr24").reformat(format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
