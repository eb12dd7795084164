"""One camera's engine, read from top to bottom: frame in, people detected, seconds counted, heats and pictures out."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgeheat.core import pipeline_state
from edgeheat.core.foreground.bootstrap import Bootstrap
from edgeheat.core.foreground.detector import Detection, ForegroundDetector
from edgeheat.core.foreground.learning import SceneLearner
from edgeheat.core.foreground.rejections import RejectedTime, Rejections
from edgeheat.core.foreground.screen_text import ScreenText
from edgeheat.core.grid.frames import U8, Frame, GridFrame, SizeWH
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.grid.reader import GridReader
from edgeheat.core.grid.resolution import ResolutionMonitor
from edgeheat.core.grid.sampling import FrameSampler, grid_size_wh
from edgeheat.core.grid.zones import ZoneMasks, blackout_mask
from edgeheat.core.health.verdict import Health, HealthMonitor
from edgeheat.core.heat.activity import Activity
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.increment import Increment
from edgeheat.core.pipeline_counts import PipelineCounts
from edgeheat.core.pipeline_report import PipelineReport
from edgeheat.core.pipeline_state import NO_TILES, StoredTiles
from edgeheat.core.render.backdrop_sampler import BackdropSampler
from edgeheat.core.render.heatmap import default_size
from edgeheat.core.render.snapshot import UndrawnSnapshot
from edgeheat.defs.clock import WallClockError
from edgeheat.defs.events import Snapshot
from edgeheat.defs.history import Tile
from edgeheat.defs.params import PipelineParams

_log = logging.getLogger(__name__)

_HEALTH_EVERY_S = 1.0
"""How often the health of the picture is checked."""

_UNUSABLE = ("frozen", "dark", "covered")
"""Verdicts on pictures in which nothing can be detected; blurred ones and those of a moved camera still count."""

_MAX_CHANGED_SCENE_RATIO = 0.25
"""Where more of the grid differs from the background of an earlier run, the camera shows another scene."""

_FRAMES_PER_STEP = 3
"""Waiting frames that one step evaluates: those of a bootstrap are caught up within half its length, and a step is
short enough that the process can report and read on."""

OnDetection = Callable[[Detection, MotionMask], None]
"""Called with each detection as it was before zones, and the mask that was counted of it; both are only to be read."""


@dataclass(frozen=True, slots=True)
class _Camera:
    """What depends on the size of the camera's first frame."""

    zones: ZoneMasks
    resolution: ResolutionMonitor
    reader: GridReader
    backdrop: BackdropSampler


class CameraPipeline:
    """Counts the motion of one camera or recording.

    Not thread-safe. Frames must come with rising `mono_s`. Offline and daemon use it alike; they differ only in who
    says what time it is.
    """

    def __init__(self, params: PipelineParams, on_detection: OnDetection | None = None) -> None:
        self.params = params
        self.wall_clock = WallClockError()
        """Which `wall_s` of the frames are wrong; whoever knows the machine's clock keeps it up to date."""
        self._on_detection = on_detection
        self._sampler = FrameSampler(params.motion.analysis_fps)
        self._camera: _Camera | None = None
        self._counts: PipelineCounts | None = None
        self._text = ScreenText()
        self._bootstrap = Bootstrap(params.motion)
        self._waiting: deque[GridFrame] = deque()
        """Frames to be evaluated, in order: more than one only while those of a bootstrap are being caught up."""
        self._waiting_s = 0.0
        """Seconds of the frames in `_waiting` and in `_bootstrap`."""
        self._detector: ForegroundDetector | None = None
        self._restored: Mapping[str, NDArray[Any]] = {}
        """The scene of an earlier run, until the first frame shows whether it is still the same."""
        self._health_monitor = HealthMonitor()
        self._health: Health | None = None
        self._next_health_s = -float("inf")
        self._rejections = Rejections()
        self._frames_skipped = 0
        self._ended_epochs: list[UndrawnSnapshot] = []
        self._last_counted: tuple[float, float] | None = None

    def step(self, frame: Frame) -> list[MotionMask]:
        """Evaluate one frame; returns the masks that were counted by this call.

        Empty during the first `bootstrap_s` seconds and again for as long after each move of the camera. The frames of
        these seconds are evaluated afterwards, a few with each frame that is due at `analysis_fps`, until none waits;
        from then on the mask is that of the frame.
        """
        if not self._sampler.due(frame.mono_s):
            self._frames_skipped += 1
            return []
        camera = self._camera or self._open(frame.size_wh)
        resolution = camera.resolution.update(frame.size_wh, frame.mono_s)
        if resolution == "unsettled":
            self._frames_skipped += 1
            return []
        masks = self._forget_background() if resolution == "changed" else []
        picture = camera.backdrop.convert_if_due(frame, bootstrapping=self._detector is None)
        on_grid = camera.reader.read(frame, picture)
        if self.params.motion.screen_text and self._text.remove_from(on_grid):
            self._remove_new_text()
        if self._restored:
            self._detector = self._resumed_detector(on_grid.grid)
        self._waiting.append(on_grid)
        self._waiting_s += on_grid.dt_s
        return masks + self._evaluate_waiting()

    def set_analysis_fps(self, fps: float) -> None:
        """Analyse at most this number of frames per second from now on, instead of `analysis_fps`."""
        self._sampler = FrameSampler(fps)

    def catch_up(self) -> list[MotionMask]:
        """Evaluate a few waiting frames, also of an unfinished bootstrap, at the end of a run; returns their masks.

        Call it while `has_waiting_frames`, and then `flush`, where one call must not take long.
        """
        if not self._waiting and len(self._bootstrap):
            self._finish_bootstrap()
        return self._evaluate_waiting()

    @property
    def has_waiting_frames(self) -> bool:
        """Whether frames wait for their evaluation, because the background is not known or was not known before."""
        return bool(self._waiting) or len(self._bootstrap) > 0

    def flush(self) -> list[MotionMask]:
        """Count all waiting frames and the unfinished second; call it at the end of a run. Returns the masks."""
        masks: list[MotionMask] = []
        while self.has_waiting_frames:
            masks += self.catch_up()
        if self._counts is None or self._detector is None or self._last_counted is None:
            return masks
        rest = self._detector.end()
        if rest.confirmed.dwell_ms is not None:
            masks.append(self._count(rest, 0.0, *self._last_counted))
        self._counts.close_increment()
        return masks

    def _evaluate_waiting(self) -> list[MotionMask]:
        """Evaluate the next few waiting frames; returns the masks that were counted."""
        masks: list[MotionMask] = []
        for _ in range(_FRAMES_PER_STEP):
            if not self._waiting:
                break
            mask = self._process(self._waiting.popleft())
            if mask is not None:
                masks.append(mask)
        if not self.has_waiting_frames:
            self._waiting_s = 0.0  # without the rounding errors of its sums and differences
        return masks

    def _process(self, frame: GridFrame) -> MotionMask | None:
        """Take one frame through all steps; returns the mask that was counted, None where the frame has to wait."""
        assert self._camera is not None
        # 1. Can the picture be trusted? A camera that was moved starts a new epoch and a new bootstrap.
        usable = self._detector is None or self._check_health(frame, self._detector)
        # 2. Until the background is known, frames wait.
        if self._detector is None:
            if self._bootstrap.add(frame):
                self._finish_bootstrap()
            return None
        self._waiting_s -= frame.dt_s
        # 3. Where are people?
        if usable:
            detection = self._detector.update(frame.grid, frame.chroma, frame.dt_s)
        else:
            self._rejections.add_frame("unhealthy", frame.dt_s)
            detection = self._detector.nothing("unhealthy")
        # 4. The picture that heats are drawn on.
        if frame.picture is not None and detection.rejection is None:
            self._camera.backdrop.add(frame.picture, detection.occupied)
        elif frame.picture is not None:
            self._camera.backdrop.discard(frame.mono_s)
        # 5. Zones, heats and figures.
        return self._count(detection, frame.dt_s, frame.mono_s, frame.wall_s)

    # The steps.

    def _check_health(self, frame: GridFrame, detector: ForegroundDetector) -> bool:
        """Check about once a second; returns whether the frame can be evaluated. May start a new epoch."""
        if frame.mono_s >= self._next_health_s:
            self._next_health_s = frame.mono_s + _HEALTH_EVERY_S
            detector.detect_colours(frame.chroma)
            self._health = self._health_monitor.update(
                frame.grid, detector.background.luma, detector.occupied, frame.mono_s, self._text.mask
            )
            if self._health_monitor.move_detected and self.params.new_epoch_when_moved:
                self._begin_epoch(frame.mono_s, frame.wall_s)
        return self._health is None or self._health.verdict not in _UNUSABLE

    def _begin_epoch(self, mono_s: float, wall_s: float) -> None:
        """Start all heats from 0, because the camera shows another place from now on."""
        assert self._camera is not None and self._counts is not None
        _log.warning("%s was moved: its heats start again from 0; check that its zones still fit", self.params.camera)
        self._counts.close_increment()
        self._ended_epochs.append(self._undrawn(self._counts, self._camera, mono_s, wall_s))
        self._health_monitor.accept_move(mono_s)
        self._counts.start_epoch(self._counts.heats.zones)
        self._camera.backdrop.restart()
        self._detector = None

    def _forget_background(self) -> list[MotionMask]:
        """Learn the background again, because the picture has another resolution; returns the masks counted until then.

        The camera's clock is searched again, since it may be elsewhere in the picture. Heats are kept, because the
        camera still shows the same place.
        """
        masks = self.flush()
        self._detector, self._restored = None, {}
        self._text = ScreenText()
        self._health_monitor.forget_view()
        return masks

    def _finish_bootstrap(self) -> None:
        """Make the detector from the frames that were kept, which are to be evaluated next."""
        if self._text.search():
            self._remove_new_text()
        self._detector = self._new_detector(self._bootstrap.learn())
        self._waiting.extendleft(reversed(self._bootstrap.take()))

    def _remove_new_text(self) -> None:
        """Remove text that has just been found from the frames that wait, and from what was learned of earlier ones."""
        for frame in (*self._bootstrap.frames, *self._waiting):
            self._text.paint_over(frame.grid, frame.chroma)
        if self._detector is not None:
            self._detector.remove_text(self._text)

    def _resumed_detector(self, grid: U8) -> ForegroundDetector | None:
        """Return a detector that knows the scene of an earlier run; None where the first frame shows another."""
        state, self._restored = self._restored, {}
        try:
            detector = self._new_detector(SceneLearner.restored(self.params.motion, state, grid.shape))
        except (KeyError, ValueError):
            return None
        return detector if detector.differing_ratio(grid) <= _MAX_CHANGED_SCENE_RATIO else None

    def _new_detector(self, learner: SceneLearner) -> ForegroundDetector:
        assert self._camera is not None
        counted = self._camera.zones.counted
        return ForegroundDetector(self.params.motion, learner, self._rejections, None if counted.all() else counted)

    def _count(self, detection: Detection, dt_s: float, mono_s: float, wall_s: float) -> MotionMask:
        """Count a detection; `dt_s`: seconds of its frame, whether rejected or not."""
        assert self._counts is not None
        self._last_counted = mono_s, wall_s
        mask = self._counts.count(detection, dt_s, mono_s, wall_s)
        if self._on_detection is not None:
            self._on_detection(detection, mask)
        return mask

    # What the engine holds, and how it is handed over.

    @property
    def epoch(self) -> int:
        """Rises when the camera was moved, or the grid or `feet` was changed: heats of two epochs do not compare."""
        return self._counts.epoch if self._counts is not None else self.params.first_epoch

    def heat(self, name: str, mono_s: float, wall_s: float) -> HeatGrid | None:
        """Return one heat at an instant; None before the first frame."""
        return self._counts.heats.read(name, mono_s, wall_s) if self._counts is not None else None

    def backdrop(self) -> U8 | None:
        """Return the picture without people, BGR uint8, owned by the pipeline; None before it is known."""
        return self._camera.backdrop.picture() if self._camera is not None else None

    def snapshot(self, mono_s: float, wall_s: float) -> Snapshot | None:
        """Draw and encode all heats at an instant; None before the first frame."""
        if self._counts is None or self._camera is None:
            return None
        return self._undrawn(self._counts, self._camera, mono_s, wall_s).draw(self.params)

    def _undrawn(self, counts: PipelineCounts, of: _Camera, mono_s: float, wall_s: float) -> UndrawnSnapshot:
        return UndrawnSnapshot(counts.heats, of.backdrop.picture(), of.backdrop.size_wh, counts.epoch, mono_s, wall_s)

    def take_report(self) -> PipelineReport:
        """Return what happened since this was last called."""
        counts = self._counts
        is_open = counts is None or counts.is_open
        rejected = self._rejections.take()
        report = PipelineReport(
            is_open=is_open,
            activity=counts.heats.take_activity() if counts is not None else Activity(),
            increments=counts.take_increments() if counts is not None else (),
            tiles=self.take_tiles(),
            frames_skipped=self._frames_skipped,
            rejected=rejected if is_open else RejectedTime(),
            masked_ratio=self._detector.masked_ratio if self._detector is not None else 0.0,
            screen_text_ratio=self._text.ratio,
            health=self._health,
            background_known=self._detector is not None,
            backdrop_complete=self._camera.backdrop.is_complete if self._camera is not None else None,
            ended_epochs=tuple(self._ended_epochs),
            uncounted_s=self._waiting_s + (counts.heats.unfinished_s if counts is not None else 0.0),
        )
        self._ended_epochs, self._frames_skipped = [], 0
        return report

    def take_tiles(self, *, is_last: bool = False) -> tuple[Tile, ...]:
        """Return the tiles closed since the last report, which `save` omits; with `is_last`, after `flush`, all."""
        return self._counts.take_tiles(is_last=is_last) if self._counts is not None else ()

    def close_tile_if_due(self, wall_s: float) -> None:
        """Close the open tile if it has ended, also where no more frames come; call it from time to time."""
        if self._counts is not None and not self.has_waiting_frames:
            self._counts.close_tile_if_due(wall_s)

    def screen_text(self) -> U8 | None:
        """Return the cells in which the camera writes its clock, 255 or 0, owned by the caller; None: none is known."""
        return self._text.mask

    def save(self) -> bytes | None:
        """Return heats and scene for `restore`; None before the first frame.

        They hold all increments so far, which are therefore not reported any more.
        """
        if self._counts is None:
            return None
        scene = self._detector.state() if self._detector is not None else self._restored
        scene = {**scene, **self._text.state()}
        feet = self.params.motion.feet
        saved = pipeline_state.save(self._counts, scene, self._health_monitor.state(), feet=feet)
        self._counts.take_increments()
        return saved

    def restore(
        self, saved: bytes | None, increments: list[Increment], shift_s: float, later: StoredTiles = NO_TILES
    ) -> list[str]:
        """Restore heats that an earlier run saved, and what it counted after; call it before the first frame.

        `shift_s` is added to all times, because the monotonic clock starts again with the machine; `later` are tiles
        that were stored after that. Returns the names of the heats that start empty. A scene or health that cannot be
        used is learned again. Raises ValueError where the rest cannot be used; nothing was restored then.
        """
        restored = pipeline_state.restore(self.params, self.wall_clock, saved, increments, shift_s, later=later)
        if restored is None:
            return []
        self._counts, self._restored = restored.counts, restored.scene
        if self.params.motion.screen_text:
            self._text.restore(restored.scene, self._counts.heats.shape_hw)
        try:
            if restored.health:
                self._health_monitor.restore(restored.health, shift_s)
        except ValueError as error:
            _log.warning("the health of the camera is learned again: %s", error)
        return restored.empty_heats

    def reset(self, *, flicker: bool, moved: bool, heat: bool) -> None:
        """Clear the flicker mask, accept the current view after a move, or start all heats from 0."""
        if flicker and self._detector is not None:
            self._detector.reset_flicker()
        if moved:
            self._health_monitor.clear_moved()
        if heat and self._counts is not None:
            self._counts.empty_heats()
            if self._detector is not None:
                self._detector.discard_pending()

    def _open(self, frame_wh: SizeWH) -> _Camera:
        """Prepare what depends on the camera's size; a change of size in mid-stream keeps grid, zones and heats."""
        motion = self.params.motion
        width, height = grid_size_wh(frame_wh, motion.grid_width)
        # A picture that became smaller than the grid is enlarged, so that what was counted is not lost.
        if self._counts is None:
            zones = ZoneMasks.from_params(self.params.zones, (width, height))
            self._counts = PipelineCounts(self.params, zones, self.wall_clock)
        elif not width <= self._counts.heats.shape_hw[1] <= motion.grid_width:
            _log.warning("the grid is %d cells wide now; its heats start empty", width)
            self._counts.start_epoch(ZoneMasks.from_params(self.params.zones, (width, height)))
        zones, grid_wh = self._counts.heats.zones, self._counts.heats.shape_hw[::-1]
        size_wh = default_size(frame_wh, self.params.style)
        resolution = ResolutionMonitor(self.params.camera, frame_wh, grid_wh)
        if resolution.is_coarse:
            # The background of an earlier run is sharper, and the camera's clock may be elsewhere.
            self._restored, self._text = {}, ScreenText()
        self._camera = _Camera(
            zones,
            resolution,
            GridReader(self._counts.heats.shape_hw, zones.privacy, motion.max_gap_s),
            BackdropSampler(size_wh, blackout_mask(self.params.zones, size_wh), motion.bootstrap_s),
        )
        return self._camera
