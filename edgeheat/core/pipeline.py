"""One camera's engine, read from top to bottom: frame in, motion counted, heats and pictures out."""

from __future__ import annotations

import logging

import cv2
import numpy as np

from edgeheat.core.activity import Activity, ActivityMeter
from edgeheat.core.background import BackgroundPicture
from edgeheat.core.events import Snapshot
from edgeheat.core.foreground import Foreground, empty_scene
from edgeheat.core.grid import Pace, grid_size_wh, to_grid
from edgeheat.core.heats import Heats
from edgeheat.core.increment import Increment
from edgeheat.core.params import PipelineParams
from edgeheat.core.picture import take_snapshot
from edgeheat.core.render import default_size
from edgeheat.core.types import U8, Frame, HeatGrid, MotionMask, SizeWH
from edgeheat.core.zones import ZoneMasks, blackout_mask

_log = logging.getLogger(__name__)

_BACKGROUND_EVERY_S = 10.0
_BOOTSTRAP_PICTURES = 5
_SCENE_CHANGED_RATIO = 0.25
"""Where more of the grid differs from the empty scene of an earlier run, the scene is another one."""


class _Look:
    """One analysed frame, held until the empty scene is known."""

    __slots__ = ("dt_s", "grid", "mono_s", "picture", "wall_s")

    def __init__(self, grid: U8, dt_s: float, frame: Frame, picture: U8 | None) -> None:
        self.grid, self.dt_s, self.picture = grid, dt_s, picture
        self.mono_s, self.wall_s = frame.mono_s, frame.wall_s


class CameraPipeline:
    """Counts the motion of one camera or recording.

    Not thread-safe. Frames must come with rising `mono_s`. Offline and daemon use it alike;
    they differ only in who says what time it is.
    """

    def __init__(self, params: PipelineParams) -> None:
        self.params = params
        self.frames_skipped = 0
        self._pace = Pace(params.motion.analysis_fps)
        self._heats: Heats | None = None
        self._zones: ZoneMasks | None = None
        self._meter: ActivityMeter | None = None
        self._foreground: Foreground | None = None
        self._earlier_scene: U8 | None = None
        self._held: list[_Look] = []
        self._background = BackgroundPicture()
        self._picture_wh: SizeWH = (0, 0)
        self._blackout: U8 | None = None
        self._last_mono_s: float | None = None
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
        if self._heats is not None:
            self._keep(self._heats.close())
        return masks

    # The steps of a frame, in their order.

    def _look(self, frame: Frame) -> _Look:
        heats, zones = self._prepare(frame.size_wh)
        grid = to_grid(frame, heats.shape_hw[::-1])
        if zones.privacy is not None:
            grid[zones.privacy > 0] = 0
        return _Look(grid, self._dt_s(frame.mono_s), frame, self._sample(frame))

    def _recognise(self, grid: U8) -> Foreground | None:
        """Go on with the empty scene of an earlier run, if the first frame still shows it."""
        scene, self._earlier_scene = self._earlier_scene, None
        if scene is None or scene.shape != grid.shape:
            return None
        foreground = Foreground(self.params.motion, scene)
        changed = cv2.countNonZero(foreground.cells(grid, 0.0)) / grid.size
        return foreground if changed <= _SCENE_CHANGED_RATIO else None

    def _begin(self) -> list[MotionMask]:
        held, self._held = self._held, []
        self._foreground = Foreground(self.params.motion, empty_scene([look.grid for look in held]))
        return [self._count(look) for look in held]

    def _count(self, look: _Look) -> MotionMask:
        assert self._foreground is not None and self._zones is not None
        assert self._heats is not None and self._meter is not None
        moving = self._foreground.cells(look.grid, look.dt_s)
        if look.picture is not None:
            self._background.sample(look.picture, moving)
        counted = np.asarray(cv2.bitwise_and(moving, self._zones.counted), np.uint8)
        mask = MotionMask(counted, look.dt_s, look.mono_s, look.wall_s)
        self._keep(self._heats.count(mask))
        self._meter.add(mask)
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
        grids = {heat.name: self._heats.read(heat.name, mono_s, wall_s) for heat in self.params.heats}
        return take_snapshot(
            self.params,
            grids=grids,
            zones=self._zones.named,
            background=self.background(),
            size_wh=self._picture_wh,
            wall_s=wall_s,
        )

    def take_activity(self) -> Activity:
        """Return the zones' figures since this was last called."""
        return self._meter.take() if self._meter is not None else Activity()

    def take_increments(self) -> list[Increment]:
        """Return the increments counted since this was last called; they restore the heats elsewhere."""
        taken, self._increments = self._increments, []
        return taken

    @property
    def scene_known(self) -> bool:
        """Whether the empty scene is known, so that a run that takes up `save()` need not learn it again."""
        return self._foreground is not None

    def save(self) -> bytes | None:
        """Return heats and empty scene for `restore`; None before the first frame."""
        if self._heats is None:
            return None
        scene = self._foreground.scene() if self._foreground is not None else self._earlier_scene
        return self._heats.save(scene)

    def restore(self, saved: bytes | None, increments: list[Increment], shift_s: float) -> list[str]:
        """Take up heats that an earlier run saved, and what it counted after; call it before the first frame.

        `shift_s` is added to all times, because the monotonic clock starts anew with the machine.
        Returns the names of the heats that start empty. Raises ValueError where the state cannot be used;
        nothing was taken up then.
        """
        if saved is not None:
            shape_hw = Heats.saved_shape_hw(saved)
        elif increments:
            height, width = increments[0].motion_ms.shape
            shape_hw = (height, width)
        else:
            return []
        heats = Heats(self.params.heats, shape_hw, self.params.zone)
        empty: list[str] = []
        if saved is not None:
            empty, self._earlier_scene = heats.restore(saved, shift_s)
        for each in increments:
            heats.add(Increment(each.motion_ms, each.observed_ms, each.mono_s + shift_s, each.wall_s))
        self._heats = heats
        return empty

    def _prepare(self, frame_wh: SizeWH) -> tuple[Heats, ZoneMasks]:
        """Make what depends on the camera's size; a change of size in mid-stream keeps grid, zones and heats."""
        if self._zones is None:
            width, height = grid_size_wh(frame_wh, self.params.motion.grid_width)
            if self._heats is not None and self._heats.shape_hw[1] != width:
                _log.warning("the grid is %d cells wide now, not %d: heats start empty", width, self._heats.shape_hw[1])
                self._heats = None
            if self._heats is None:
                self._heats = Heats(self.params.heats, (height, width), self.params.zone)
            grid_wh = self._heats.shape_hw[::-1]
            self._zones = ZoneMasks.of(self.params.zones, grid_wh)
            self._meter = ActivityMeter(self._zones.named)
            self._picture_wh = default_size(frame_wh, self.params.style)
            self._blackout = blackout_mask(self.params.zones, self._picture_wh)
        assert self._heats is not None
        return self._heats, self._zones

    def _keep(self, increment: Increment | None) -> None:
        if increment is not None:
            self._increments.append(increment)
