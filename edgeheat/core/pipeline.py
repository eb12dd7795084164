"""One camera's engine, read from top to bottom: frame in, motion counted, heats and pictures out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.detector import Detection, ForegroundDetector
from edgeheat.core.foreground.stationary import Confirmed
from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.core.grid.masks import MotionMask, half_hw
from edgeheat.core.grid.sampling import FrameSampler, grid_size_wh, to_grid
from edgeheat.core.grid.zones import ZoneMasks, blackout_mask
from edgeheat.core.health.verdict import Health, HealthMonitor
from edgeheat.core.heat.activity import Activity
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.heat.increment import Increment
from edgeheat.core.render.backdrop import Backdrop
from edgeheat.core.render.heatmap import default_size
from edgeheat.core.render.snapshot import take_snapshot
from edgeheat.defs.events import CellRejection, FrameRejection, Snapshot
from edgeheat.defs.params import PipelineParams

_log = logging.getLogger(__name__)

_BACKGROUND_EVERY_S = 10.0
_BOOTSTRAP_PICTURES = 5
_HEALTH_EVERY_S = 1.0
_WORTHLESS = ("frozen", "dark", "covered")
"""Verdicts on pictures in which nothing can be told; blurred ones and those of a moved camera still count."""

_SCENE_CHANGED_RATIO = 0.25
"""Where more of the grid differs from the empty scene of an earlier run, the scene is another one."""


OnDetection = Callable[[Detection, MotionMask], None]
"""Called with each judgement as it was before zones, and the mask that was counted of it; both are only to be read."""


class _Look:
    """One analysed frame, held until the empty scene is known."""

    __slots__ = ("chroma", "dt_s", "grid", "mono_s", "picture", "wall_s")

    def __init__(self, grid: U8, chroma: U8 | None, dt_s: float, frame: Frame, picture: U8 | None) -> None:
        self.grid, self.chroma, self.dt_s, self.picture = grid, chroma, dt_s, picture
        self.mono_s, self.wall_s = frame.mono_s, frame.wall_s


@dataclass(slots=True)
class LeftOut:
    """What was not counted since it was last taken, by reason, and how the picture is."""

    rejected_s: Mapping[FrameRejection, float] = field(default_factory=dict)
    """Seconds of whole frames; they are not observed either."""

    rejected_cell_s: Mapping[CellRejection, float] = field(default_factory=dict)
    """Seconds summed over cells."""

    masked_ratio: float = 0.0
    """Share of the cells that the flicker mask leaves out now, 0..1."""

    health: Health | None = None
    """None: not known yet."""


class CameraPipeline:
    """Counts the motion of one camera or recording.

    Not thread-safe. Frames must come with rising `mono_s`. Offline and daemon use it alike;
    they differ only in who says what time it is.
    """

    def __init__(self, params: PipelineParams, on_detection: OnDetection | None = None) -> None:
        self.params = params
        self._on_detection = on_detection
        self.frames_skipped = 0
        self._pace = FrameSampler(params.motion.analysis_fps)
        self._heats: HeatSet | None = None
        self._zones: ZoneMasks | None = None
        self._foreground: ForegroundDetector | None = None
        self._earlier: dict[str, NDArray[Any]] = {}
        self._health_watch = HealthMonitor()
        self._health: Health | None = None
        self._next_health_s = -float("inf")
        self._rejected_s: dict[FrameRejection, float] = {}
        self._ended_epochs: list[Snapshot] = []
        self._scene_outdated = False
        self.epoch = 1
        """Goes up when the camera was moved: heats of different epochs show different places."""
        self._held: list[_Look] = []
        self._background = Backdrop()
        self._picture_wh: SizeWH = (0, 0)
        self._blackout: U8 | None = None
        self._last_mono_s: float | None = None
        self._last: tuple[float, float] | None = None
        self._next_picture_s = -float("inf")
        self._increments: list[Increment] = []

    def step(self, frame: Frame) -> list[MotionMask]:
        """Look at one frame; returns the masks that were counted by this call.

        None while the first `bootstrap_s` seconds are held back, all of them when the empty scene is known,
        then one for each frame that is due at `analysis_fps`.
        """
        if not self._pace.due(frame.mono_s):
            self.frames_skipped += 1
            return []
        look = self._look(frame)
        if self._scene_outdated:
            self._foreground, self._scene_outdated = None, False
        if self._foreground is None:
            self._foreground = self._recognise(look.grid)
        if self._foreground is not None:
            return [self._count(look)]
        self._held.append(look)
        if look.mono_s - self._held[0].mono_s < self.params.motion.bootstrap_s:
            return []
        return self._begin()

    def flush(self) -> list[MotionMask]:
        """Count what is still held back and the unfinished second; call it at the end of a run."""
        masks = self._begin() if self._held else []
        if self._heats is None or self._foreground is None or self._last is None:
            return masks
        nothing = np.zeros(self._heats.shape_hw, np.uint8)
        rest = Detection(nothing, nothing, self._foreground.end(), nothing)
        if rest.released.dwell_ms is not None:
            masks.append(self._put_down(rest, 0.0, *self._last))
        self._keep(self._heats.close())
        return masks

    # The steps of a frame, in their order.

    def _look(self, frame: Frame) -> _Look:
        heats, zones = self._prepare(frame.size_wh)
        grid = to_grid(frame, heats.shape_hw[::-1])
        chroma = frame.chroma(half_hw(heats.shape_hw)[::-1])
        if zones.privacy is not None:
            grid[zones.privacy > 0] = 0
            if chroma is not None:
                chroma[cv2.resize(zones.privacy, chroma.shape[1::-1], interpolation=cv2.INTER_AREA) > 0] = 128
        return _Look(grid, chroma, self._dt_s(frame.mono_s), frame, self._sample(frame))

    def _recognise(self, grid: U8) -> ForegroundDetector | None:
        """Go on with the empty scene of an earlier run, if the first frame still shows it."""
        earlier, self._earlier = self._earlier, {}
        try:
            foreground = ForegroundDetector.resumed(self.params.motion, earlier, grid.shape, self._counted())
        except (KeyError, ValueError):
            return None
        return foreground if foreground.differing_ratio(grid) <= _SCENE_CHANGED_RATIO else None

    def _begin(self) -> list[MotionMask]:
        held, self._held = self._held, []
        length_s = max(self.params.motion.bootstrap_s, held[-1].mono_s - held[0].mono_s)
        self._foreground = ForegroundDetector.beginning(
            self.params.motion,
            [look.grid for look in held],
            [look.chroma for look in held],
            length_s,
            self._counted(),
        )
        return [self._count(look) for look in held]

    def _counted(self) -> U8 | None:
        """The cells in which heat counts; None: all."""
        counted = self._zones.counted if self._zones is not None else None
        return counted if counted is not None and not counted.all() else None

    def _count(self, look: _Look) -> MotionMask:
        assert self._foreground is not None
        if self._unhealthy(look):
            self._rejected_s["unhealthy"] = self._rejected_s.get("unhealthy", 0.0) + look.dt_s
            nothing = np.zeros_like(look.grid)
            judged = Detection(nothing, nothing, Confirmed(), self._foreground.people, "unhealthy")
        else:
            judged = self._foreground.judge(look.grid, look.chroma, look.dt_s)
        if judged.rejection is None and look.picture is not None:
            self._background.sample(look.picture, judged.people)
        elif look.picture is not None and self._background.picture() is None:
            self._next_picture_s = look.mono_s  # heats of an earlier run must not lie on black for long
        return self._put_down(judged, look.dt_s if judged.rejection is None else 0.0, look.mono_s, look.wall_s)

    def _unhealthy(self, look: _Look) -> bool:
        """Look after the camera's health about once a second; tells whether its picture is worth nothing."""
        assert self._foreground is not None
        if look.mono_s >= self._next_health_s:
            self._next_health_s = look.mono_s + _HEALTH_EVERY_S
            self._foreground.note_colours(look.chroma)
            scene, people = self._foreground.scene(), self._foreground.people
            self._health = self._health_watch.look(look.grid, scene, people, look.mono_s)
            if self._health_watch.move_pending and self.params.new_epoch_when_moved:
                self._begin_epoch(look.mono_s, look.wall_s)
        return self._health is not None and self._health.verdict in _WORTHLESS

    def _begin_epoch(self, mono_s: float, wall_s: float) -> None:
        """The camera shows another place from now on: its heats start anew, after a last picture of the old ones."""
        _log.warning("%s was moved: its heats start anew, and its zones may not fit any more", self.params.camera)
        last = self.snapshot(mono_s, wall_s)
        if last is not None:
            self._ended_epochs.append(last)
        self.epoch += 1
        self._health_watch.accepted_move(mono_s)
        self._empty_heats()
        self._background = Backdrop()
        self._scene_outdated = True

    def _empty_heats(self) -> None:
        assert self._heats is not None
        self._heats = HeatSet(self.params.heats, self._heats.zones, self.params.timezone)
        self._increments.clear()

    def _put_down(self, judged: Detection, dt_s: float, mono_s: float, wall_s: float) -> MotionMask:
        """Count what was judged, where it counts."""
        assert self._heats is not None and self._zones is not None
        counted, late = self._zones.counted, judged.released
        for late_ms in (late.dwell_ms, late.moved_ms):
            if late_ms is not None:
                late_ms[counted == 0] = 0
        cells = np.asarray(cv2.bitwise_and(judged.cells, counted), np.uint8)
        moving = np.asarray(cv2.bitwise_and(judged.moving, counted), np.uint8)
        mask = MotionMask(cells, moving, late.dwell_ms, dt_s, mono_s, wall_s, late.moved_ms)
        self._last = mono_s, wall_s
        self._keep(self._heats.count(mask))
        if self._on_detection is not None:
            self._on_detection(judged, mask)
        return mask

    def _dt_s(self, mono_s: float) -> float:
        last_s, self._last_mono_s = self._last_mono_s, mono_s
        dt_s = 0.0 if last_s is None else mono_s - last_s
        return dt_s if dt_s <= self.params.motion.max_gap_s else 0.0

    def _sample(self, frame: Frame) -> U8 | None:
        """Convert one frame in a few seconds to colour, for the background; conversion is what costs."""
        if frame.mono_s < self._next_picture_s:
            return None
        settling = self._foreground is None
        every_s = self.params.motion.bootstrap_s / _BOOTSTRAP_PICTURES if settling else _BACKGROUND_EVERY_S
        self._next_picture_s = frame.mono_s + every_s
        picture = frame.colour(self._picture_wh)
        if self._blackout is not None:
            picture[self._blackout > 0] = 0
        return picture

    # What the engine holds, and how it is handed over.

    def heat(self, name: str, mono_s: float, wall_s: float) -> HeatGrid | None:
        """Return one heat at an instant; None before the first frame."""
        return self._heats.read(name, mono_s, wall_s) if self._heats is not None else None

    def background(self) -> U8 | None:
        """Return the picture of the empty scene, BGR uint8, owned by the pipeline; None before it is known."""
        return self._background.picture()

    def snapshot(self, mono_s: float, wall_s: float) -> Snapshot | None:
        """Draw and encode all heats at an instant; None before the first frame."""
        if self._heats is None or self._zones is None:
            return None
        background = self.background()
        return take_snapshot(
            self.params,
            self._heats,
            background=background,
            size_wh=self._picture_wh,
            mono_s=mono_s,
            wall_s=wall_s,
            epoch=self.epoch,
        )

    def take_activity(self) -> Activity:
        """Return the zones' figures since this was last called."""
        return self._heats.take_activity() if self._heats is not None else Activity()

    def take_increments(self) -> list[Increment]:
        """Return the increments counted since this was last called; they restore the heats elsewhere."""
        taken, self._increments = self._increments, []
        return taken

    @property
    def health(self) -> Health | None:
        """How the picture is; None: not known yet."""
        return self._health

    @property
    def scene_known(self) -> bool:
        """Whether the empty scene is known, so that a run that takes up `save()` need not learn it again."""
        return self._foreground is not None

    def save(self) -> bytes | None:
        """Return heats and empty scene for `restore`; None before the first frame."""
        if self._heats is None:
            return None
        state = self._foreground.state() if self._foreground is not None else self._earlier
        health = {f"health_{name}": array for name, array in self._health_watch.state().items()}
        return self._heats.save({**state, **health, "epoch": np.array([self.epoch])})

    def take_left_out(self) -> LeftOut:
        """Return what was not counted since this was last called, and how the picture is."""
        foreground = self._foreground
        if foreground is None:
            return LeftOut(health=self._health)
        rejected_s, self._rejected_s = self._rejected_s, {}
        whole_s, cell_s = foreground.take_rejected()
        return LeftOut({**rejected_s, **whole_s}, cell_s, foreground.masked_ratio, self._health)

    def take_ended_epochs(self) -> list[Snapshot]:
        """Return the last snapshots of epochs that ended since this was last called."""
        taken, self._ended_epochs = self._ended_epochs, []
        return taken

    def reset(self, *, flicker: bool, moved: bool, heat: bool) -> None:
        """Forget the flicker mask, take the present view for the right one, or begin all heats anew."""
        if flicker and self._foreground is not None:
            self._foreground.forget_flicker()
        if moved:
            self._health_watch.clear_moved()
        if heat and self._heats is not None:
            self._empty_heats()
            if self._foreground is not None:
                self._foreground.forget_held()

    def restore(self, saved: bytes | None, increments: list[Increment], shift_s: float) -> list[str]:
        """Take up heats that an earlier run saved, and what it counted after; call it before the first frame.

        `shift_s` is added to all times, because the monotonic clock starts anew with the machine.
        Returns the names of the heats that start empty. Raises ValueError where the state cannot be used;
        nothing was taken up then.
        """
        if saved is not None:
            shape_hw = HeatSet.saved_shape_hw(saved)
        elif increments:
            height, width = increments[0].traffic_ms.shape
            shape_hw = (height, width)
        else:
            return []
        heats = HeatSet(
            self.params.heats, ZoneMasks.from_params(self.params.zones, shape_hw[::-1]), self.params.timezone
        )
        empty: list[str] = []
        extra: dict[str, NDArray[Any]] = {}
        if saved is not None:
            empty, extra = heats.restore(saved, shift_s)
        for each in increments:
            heats.add(replace(each, mono_s=each.mono_s + shift_s))
        self._take_up(extra, shift_s)
        self._heats = heats
        return empty

    def _take_up(self, extra: Mapping[str, NDArray[Any]], shift_s: float) -> None:
        """Take up what was saved beside the heats; what cannot be used is learnt anew."""
        self._earlier = dict(extra)
        self.epoch = int(extra["epoch"][0]) if "epoch" in extra else 1
        health = {name.removeprefix("health_"): array for name, array in extra.items() if name.startswith("health_")}
        try:
            if health:
                self._health_watch.restore(health, shift_s)
        except ValueError as error:
            _log.warning("the camera's health is judged anew: %s", error)

    def _prepare(self, frame_wh: SizeWH) -> tuple[HeatSet, ZoneMasks]:
        """Make what depends on the camera's size; a change of size in mid-stream keeps grid, zones and heats."""
        if self._zones is None:
            width, height = grid_size_wh(frame_wh, self.params.motion.grid_width)
            if self._heats is not None and self._heats.shape_hw[1] != width:
                _log.warning("the grid is %d cells wide now, not %d: heats start empty", width, self._heats.shape_hw[1])
                self._heats = None
            if self._heats is None:
                zones = ZoneMasks.from_params(self.params.zones, (width, height))
                self._heats = HeatSet(self.params.heats, zones, self.params.timezone)
            self._zones = self._heats.zones
            self._picture_wh = default_size(frame_wh, self.params.style)
            self._blackout = blackout_mask(self.params.zones, self._picture_wh)
        assert self._heats is not None
        return self._heats, self._zones

    def _keep(self, increment: Increment | None) -> None:
        if increment is not None:
            self._increments.append(increment)
