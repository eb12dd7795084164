"""Measures step by step what one analysed frame costs, against OpenCV's background model alone on the whole grid."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from statistics import fmean, median
from typing import Any

import cv2
from av import VideoFrame

from benchmarks.clip import SEED
from benchmarks.figures import Figure
from benchmarks.plan import Plan
from edgeheat.core.foreground import detector, subtractor
from edgeheat.core.foreground.blobs import BlobFilter
from edgeheat.core.foreground.detector import ForegroundDetector
from edgeheat.core.foreground.exposure import ExposureCompensation
from edgeheat.core.foreground.flicker import FlickerMask
from edgeheat.core.foreground.learning import SceneLearner
from edgeheat.core.foreground.motion import MotionDetector
from edgeheat.core.foreground.screen_text import ScreenText
from edgeheat.core.foreground.shadows import ShadowClassifier
from edgeheat.core.foreground.stationary import StationaryTracker
from edgeheat.core.grid import reader
from edgeheat.core.grid.frames import Frame
from edgeheat.core.grid.sampling import to_grid
from edgeheat.core.health.verdict import HealthMonitor
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.defs.params import PipelineParams
from edgeheat.sources import open_source
from edgeheat.sources.av_frame import FrameMaker
from edgeheat.sources.base import SourceOptions

_ANALYSED_FPS = 5
"""Frames per second of the profiled scene: the default of `analysis_fps`."""

_SIZE_WH = (640, 360)
"""Size of the pictures in pixels."""

_GRID_WH = (320, 180)
"""Size of the grid in cells: the default for pictures of this shape."""

_MOG2_RATE = 1 / 500
"""MOG2's own learning rate after its first 500 frames."""

_MAX_RATIO = 1.40
"""Target of C1: the greatest cost of detection, as a multiple of MOG2 alone."""

_ALONE = "mog2"
"""The id of the step that is the reference: MOG2 alone, measured in a separate run."""

_GRID = "grid"
"""The id of the step that reduces a picture to the grid."""

_CHROMA = "chroma"
"""The id of the step that reads the colours of a frame; each frame has its own function for it."""


@dataclass(frozen=True, slots=True)
class _Step:
    id: str
    words: str
    owner: Any = None
    """Module or class that holds the function; None: each frame has its own."""
    function: str = ""


_STEPS = (
    _Step(_ALONE, "MOG2 alone on the whole grid; no part of edgeheat"),
    _Step("model", "MOG2 on half the grid, as edgeheat uses it", subtractor.OpenCvSubtractor, "changed"),
    _Step("text", "the camera's clock", ScreenText, "remove_from"),
    _Step("exposure", "exposure", ExposureCompensation, "normalised"),
    _Step("changed", "what changed within the last moment", MotionDetector, "changed"),
    _Step(_CHROMA, "colour on half the grid"),
    _Step("tint", "colour in the exposure of the background", detector, "tint_of"),
    _Step("shadows", "shadow classifier", ShadowClassifier, "classify"),
    _Step("clean", "opening and closing", BlobFilter, "cleaned"),
    _Step("blobs", "size and age of blobs", BlobFilter, "mature"),
    _Step("flicker", "flicker mask", FlickerMask, "add"),
    _Step("moving", "moving cells", detector, "moving_areas"),
    _Step("pending", "pending time", StationaryTracker, "add_pending"),
    _Step("detection", "all other steps of detection", ForegroundDetector, "update"),
    _Step("second", "once a second: background model, stationary people, static objects", SceneLearner, "update"),
    _Step("health", "once a second: health of the picture", HealthMonitor, "update"),
    _Step("count", "counting in zones and heats", CameraPipeline, "_count"),
    _Step("heats", "once a second: counting in zones and heats", HeatSet, "add"),
    _Step(_GRID, "to the grid, from 640x360", reader, "to_grid"),
)
"""All steps, in the order of the table in docs/benchmarks.md."""

_PLAIN = (_ALONE, _GRID, "count", "heats")
"""What the simplest program needs too: scale to the grid, subtract the background, add up."""


class Stopwatch:
    """Adds up the processor time of functions, each without that of the timed functions it calls."""

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        self._inside = [0.0]
        """For each timed function that is running: the seconds of the timed functions it called."""
        self._seconds: dict[str, float] = {}

    def timed(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function; its processor time is added to `step`."""

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._inside.append(0.0)
            start_s = self._clock()
            try:
                return function(*args, **kwargs)
            finally:
                whole_s = self._clock() - start_s
                self._seconds[step] = self._seconds.get(step, 0.0) + whole_s - self._inside.pop()
                self._inside[-1] += whole_s

        return watched

    def take(self) -> dict[str, float]:
        """Return the seconds of each step since this was last called; steps that did not run are absent."""
        taken, self._seconds = self._seconds, {}
        return taken


def cost_ms(frames: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the cost of each step for one frame, in milliseconds, from the seconds it took in some frames.

    Of steps that run in most frames the median; the cost of other steps is divided among all frames.
    """
    costs = {}
    for step in {step for frame in frames for step in frame}:
        ran = [frame[step] for frame in frames if step in frame]
        often = 2 * len(ran) > len(frames)
        costs[step] = 1000.0 * (median(ran) if often else fmean(ran) * len(ran) / len(frames))
    return costs


def model_ratio(costs: Mapping[str, float]) -> float:
    """Return the cost of detection in one frame divided by that of MOG2 alone."""
    return sum(cost for step, cost in costs.items() if step not in _PLAIN) / costs[_ALONE]


def profile(plan: Plan) -> list[Figure]:
    """Measure each step of `plan.window_s` of the synthetic shop, after the warm-up; one thread, nothing decoded."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        frames = list(_frames(plan.warm_up_s + plan.window_s))
        runs = [_run(frames, plan.warm_up_s) for _ in range(plan.runs)]
    finally:
        cv2.setNumThreads(threads)
    ratios = tuple(model_ratio(run) for run in runs)
    whole = tuple(sum(run.values()) - run[_ALONE] for run in runs)
    return [
        Figure("C1", "CPU of detection per frame ÷ MOG2 alone, 320x180", "", ratios, plan.window_s, target=_MAX_RATIO),
        Figure("C1.all", "these steps of one frame together", "ms", whole, plan.window_s),
        *(
            Figure(f"C1.{step.id}", step.words, "ms", tuple(run.get(step.id, 0.0) for run in runs), plan.window_s)
            for step in _STEPS
        ),
    ]


def _frames(length_s: float) -> Iterator[Frame]:
    """The synthetic shop as decoded pictures, all in memory."""
    width, height = _SIZE_WH
    scene = f"synthetic:shop?seed={SEED}&size={width}x{height}&fps={_ANALYSED_FPS}&walkers=5&shadows=1&noise=3"
    maker = FrameMaker()
    for drawn in open_source(scene, SourceOptions(clock=None, count=round(_ANALYSED_FPS * length_s))).frames():
        picture = VideoFrame.from_ndarray(drawn.colour(_SIZE_WH), "bgr24").reformat(format="yuv420p")
        yield maker.frame(picture, drawn.mono_s, drawn.wall_s)


def _run(frames: Sequence[Frame], warm_up_s: float) -> dict[str, float]:
    # One after the other, because they would displace each other's data from the processor's cache.
    return _alone(frames, warm_up_s) | _engine(frames, warm_up_s)


def _alone(frames: Sequence[Frame], warm_up_s: float) -> dict[str, float]:
    watch = Stopwatch()
    measured = []
    subtract = watch.timed(_ALONE, cv2.createBackgroundSubtractorMOG2(detectShadows=False).apply)
    for frame in frames:
        subtract(to_grid(frame, _GRID_WH), learningRate=_MOG2_RATE)
        taken = watch.take()
        if frame.mono_s >= warm_up_s:
            measured.append(taken)
    return cost_ms(measured)


def _engine(frames: Sequence[Frame], warm_up_s: float) -> dict[str, float]:
    watch = Stopwatch()
    measured = []
    with _watched(watch):
        engine = CameraPipeline(PipelineParams("profile", UTC))
        for frame in frames:
            engine.step(replace(frame, chroma=watch.timed(_CHROMA, frame.chroma)))
            taken = watch.take()
            if frame.mono_s >= warm_up_s:
                measured.append(taken)
    return cost_ms(measured)


@contextmanager
def _watched(watch: Stopwatch) -> Iterator[None]:
    """Attach the stopwatch to each step from outside, so that the engine contains no measuring code."""
    with ExitStack() as undo:
        for step in _STEPS:
            if step.owner is not None:
                function = getattr(step.owner, step.function)
                undo.callback(setattr, step.owner, step.function, function)
                setattr(step.owner, step.function, watch.timed(step.id, function))
        yield
