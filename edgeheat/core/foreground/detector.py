"""Judges each frame: where people are, who of them moves, who stays, and what only looked like people."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.background import BackgroundModel, median_background, seen_so, tint_of
from edgeheat.core.foreground.blobs import Blobs, feet
from edgeheat.core.foreground.exposure import Exposure
from edgeheat.core.foreground.flicker import FlickerMask
from edgeheat.core.foreground.illumination import IlluminationGate, changed_share
from edgeheat.core.foreground.shadows import Classification, ShadowClassifier
from edgeheat.core.foreground.stationary import Confirmed, StationaryTracker, TickObservation
from edgeheat.core.foreground.subtractor import LEVEL, make_model
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import above, disc, enlarged, half_hw, halved, share, square, widened, window_round
from edgeheat.defs.events import CellRejection, FrameRejection
from edgeheat.defs.params import MotionParams

_TICK_S = 1.0
_MOVING_CELLS, _MOVING_RATIO = 21, 0.08
"""Somebody moves where this share of a square of so many cells changed in _MOVED_S."""

_MOVED_S = 0.18
"""What lies between two frames at 5 a second, less some slack."""

_MARGIN_CELLS, _ODD_MARGIN_CELLS, _PEOPLE_MARGIN_CELLS = 7, 5, 5
"""So far from people, and from what is odd, the scene is learnt; so far round people they may be without being seen."""

_MUCH_ODD_RATIO = 0.4
"""Where more is odd than this it is the light all over, which must be learnt like everything else."""

_REMEMBERED_TICKS = 7
"""Seconds: who was there so long ago was seen before a slow change of light began to hide him."""

_SEEN_BEFORE_S = 60.0
"""How sure an empty scene is of which nothing else is known than that an earlier run used it."""

_SEEN_LONG_S = 3600.0
"""A scene that was seen for longer is kept as seen for so long; nothing asks for more."""

_COLOURFUL = 1.5
"""Mean distance of Cb and Cr from grey, in levels, from which a picture has colours; infra-red has none."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What one frame shows. Masks are 255 or 0, (grid height, grid width), and only to be read."""

    cells: U8
    moving: U8
    released: Confirmed
    """See MotionMask."""

    people: U8
    """Cells in which somebody or something may be, counted or not: no part of the empty scene."""

    rejection: FrameRejection | None = None
    """Why nothing of the whole frame counts; None: it counts."""

    rejected: Mapping[CellRejection, U8] = field(default_factory=dict)
    """Cells that differ from the empty scene and were left out, by reason."""


class ForegroundDetector:
    """Judges frame after frame, from a start window on whose median is the empty scene. All of one grid."""

    def __init__(self, params: MotionParams, scene: BackgroundModel, counted: U8 | None = None) -> None:
        """`counted`: the cells whose heat counts, 255 or 0, only read; None: all. All are judged, whatever it says."""
        self._params = params
        self._counted = counted
        self._scene = scene
        self._open, self._close = disc(params.open_cells), disc(params.close_cells)
        shape_hw = scene.luma.shape
        self._empty: U8 = np.zeros(shape_hw, np.uint8)
        self._model = make_model(params, half_hw(shape_hw))
        self._differ = ShadowClassifier(scene, shadows=params.detect_shadows)
        self._exposure = Exposure()
        self._gate = IlluminationGate()
        self._flicker = FlickerMask(shape_hw)
        self._stays = StationaryTracker(params, scene)
        self._blobs = Blobs(params, shape_hw)
        self._people = self._busy = self._odd = self._all_cells = self._empty
        self._remembered: deque[U8] = deque([self._empty], maxlen=_REMEMBERED_TICKS)
        self._raw_before: U8 | None = None
        self._seen_s = 0.0
        self._recent: deque[tuple[float, U8]] = deque()
        """Frames of the last moments, the oldest of them so long ago that people have moved since."""
        self._second_before: U8 | None = None
        self._still_before: U8 = self._empty
        self._tint: F32 | None = None
        self._colourful = True
        self._since_tick_s = 0.0
        self._doubtful: U8 = self._stays.doubtful(scene)
        self._rejected_s: dict[FrameRejection, float] = {}
        self._rejected_cell_s: dict[CellRejection, float] = {}

    @classmethod
    def beginning(
        cls,
        params: MotionParams,
        grids: Sequence[U8],
        chromas: Sequence[U8 | None],
        length_s: float,
        counted: U8 | None = None,
    ) -> ForegroundDetector:
        """Begin with the median of a start window that took `length_s`; its frames are to be judged afterwards."""
        luma = median_background(grids)
        coloured = [chroma for chroma in chromas if chroma is not None]
        tint = tint_of(median_background(coloured), 1.0) if len(coloured) == len(grids) else None
        return cls(params, BackgroundModel(luma, tint, seen_so(grids, luma, length_s)), counted)

    @classmethod
    def resumed(
        cls,
        params: MotionParams,
        state: Mapping[str, NDArray[Any]],
        shape_hw: tuple[int, ...],
        counted: U8 | None = None,
    ) -> ForegroundDetector:
        """Go on from what `state` gave, or from a bare `scene`.

        Raises KeyError where there is none, ValueError where it is of another grid.
        """
        scene = np.array(state["scene"], np.uint8)
        half = half_hw(scene.shape)
        seen_s = np.array(state["seen_s"], np.float32) if "seen_s" in state else np.full(half, _SEEN_BEFORE_S)
        tint = np.array(state["tint"], np.float32) if "tint" in state else None
        if scene.shape != shape_hw or seen_s.shape != half or (tint is not None and tint.shape != (2, *half)):
            raise ValueError(f"saved scene: expected a grid of {shape_hw}, got {scene.shape}")
        foreground = cls(params, BackgroundModel(scene, tint, seen_s.astype(np.float32)), counted)
        if "flicker_masked" in state:
            flicker = {name.removeprefix("flicker_"): state[name] for name in state if name.startswith("flicker_")}
            foreground._flicker.restore(flicker)
        return foreground

    def differing_ratio(self, grid: U8) -> float:
        """Return the share of a frame, exposure taken out, that does not show the empty scene; learns nothing."""
        luma = Exposure().normalised(grid, self._scene.luma, self._empty)
        return share(
            np.asarray(cv2.compare(cv2.absdiff(luma, self._scene.luma), self._scene.tolerance, cv2.CMP_GT), np.uint8)
        )

    def take_rejected(self) -> tuple[dict[FrameRejection, float], dict[CellRejection, float]]:
        """Return the seconds of frames, and the cell-seconds, left out since this was last called, by reason.

        Of cells only those that would have counted.
        """
        taken = self._rejected_s, self._rejected_cell_s
        self._rejected_s, self._rejected_cell_s = {}, {}
        return taken

    def judge(self, grid: U8, chroma: U8 | None, dt_s: float) -> Detection:
        """Judge the next frame: `grid` uint8 (height, width); `chroma` at half of it, uint8 (h, w, 2), or None."""
        scene = self._scene
        luma = self._exposure.normalised(grid, scene.luma, self._people)
        stir = self._stays.stir_levels
        raw_ratio = changed_share(grid, self._raw_before if self._raw_before is not None else grid, stir)
        moved = above(np.asarray(cv2.absdiff(luma, self._some_time_ago(luma, dt_s)), np.uint8), stir)
        self._raw_before = grid
        if self._gate.shut:
            return self._wait_for_light(grid, chroma, luma, share(moved), dt_s)
        self._tint = tint_of(chroma, self._exposure.gain) if chroma is not None and self._colourful else None
        half = halved(luma)
        residual = np.asarray(cv2.addWeighted(half, 1, scene.half, -1, LEVEL), np.uint8)
        found = self._differ.compare(
            luma, half, self._tint, self._model.changed(residual, dt_s), lift=self._exposure.lift
        )
        if self._params.light_gate and self._gate.judge(share(moved), raw_ratio, share(found.any), dt_s):
            self._gate.hide(self._remembered[0] if self._gate.slow else self._people)
            return self._left_out("light", dt_s)
        return self._count(luma, found, moved, dt_s)

    def _some_time_ago(self, luma: U8, dt_s: float) -> U8:
        """Return the frame of _MOVED_S ago, or the last one where frames are farther apart: who moves is told alike."""
        self._seen_s += dt_s
        self._recent.append((self._seen_s, luma))
        # After a gap, which counts as no time, only the last one: those of a slow camera would pile up for years.
        while len(self._recent) > 2 and dt_s <= 0.0:
            self._recent.popleft()
        while len(self._recent) > 1 and self._seen_s - self._recent[1][0] >= _MOVED_S:
            self._recent.popleft()
        return self._recent[0][1]

    def _count(self, luma: U8, found: Classification, moved: U8, dt_s: float) -> Detection:
        """Clean the cells up, leave out what flickers, and split them into who moves and who stays."""
        cells = self._cleaned(found.people)
        whole = self._blobs.mature(cells, dt_s)
        specks = np.asarray(cv2.subtract(cells, whole), np.uint8)
        self._people, self._odd, self._all_cells = widened(whole, _PEOPLE_MARGIN_CELLS), found.any, whole
        counted, flickering = whole, self._empty
        if self._params.flicker_mask:
            self._flicker.see(whole, dt_s)
        if self._params.flicker_mask and self._flicker.ratio > 0.0:
            flickering = np.asarray(cv2.bitwise_and(whole, self._flicker.mask), np.uint8)
            counted = np.asarray(cv2.subtract(whole, flickering), np.uint8)
        moving = np.asarray(cv2.bitwise_and(counted, moving_places(moved)), np.uint8)
        self._busy = np.asarray(cv2.bitwise_or(self._busy, moving), np.uint8)
        shown = feet(counted) if self._params.feet else counted
        at_once = np.asarray(cv2.subtract(cv2.bitwise_and(shown, moving), self._doubtful), np.uint8)
        held = self._where_counted(np.asarray(cv2.subtract(shown, at_once), np.uint8))
        self._stays.hold(held, dt_s, np.asarray(cv2.bitwise_and(held, moving), np.uint8))
        rejected: dict[CellRejection, U8] = {"shadow": found.light, "speck": specks, "flicker": flickering}
        for reason, left_out in rejected.items():
            self._reject(reason, cv2.countNonZero(self._where_counted(left_out)) * dt_s)
        self._since_tick_s += dt_s
        released = self._tick(luma) if self._since_tick_s >= _TICK_S else Confirmed()
        return Detection(shown, at_once, released, self._people, None, rejected)

    def _where_counted(self, cells: U8) -> U8:
        return cells if self._counted is None else np.asarray(cv2.bitwise_and(cells, self._counted), np.uint8)

    def _cleaned(self, cells: U8) -> U8:
        """Open, then close."""
        cleaned = np.zeros_like(cells)
        window = window_round(cells, self._params.open_cells + self._params.close_cells)
        part: Any = cells[window]
        if part.size and self._open is not None:
            part = cv2.morphologyEx(part, cv2.MORPH_OPEN, self._open)
        if part.size and self._close is not None:
            part = cv2.morphologyEx(part, cv2.MORPH_CLOSE, self._close)
        cleaned[window] = part
        return cleaned

    def _tick(self, luma: U8) -> Confirmed:
        """Do once a second what need not be done for each frame: learn, and judge who stays."""
        scene, dt_s, cells = self._scene, self._since_tick_s, self._all_cells
        self._since_tick_s = 0.0
        second_before = self._second_before if self._second_before is not None else luma
        self._second_before = luma
        still = np.asarray(cv2.bitwise_not(widened(cells, _MARGIN_CELLS)), np.uint8)
        odd = np.asarray(cv2.morphologyEx(self._odd, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)), np.uint8)
        odd = widened(odd, _ODD_MARGIN_CELLS)
        if share(odd) >= _MUCH_ODD_RATIO:
            odd = self._empty
        calm = np.asarray(cv2.subtract(still, odd), np.uint8)
        stir_tolerance = self._stays.stir_tolerance(luma)
        if self._params.flicker_mask:
            stirred = cv2.compare(cv2.absdiff(luma, second_before), stir_tolerance, cv2.CMP_GT)
            self._flicker.learn(np.asarray(cv2.bitwise_and(cells, stirred), np.uint8), dt_s)
            self._stays.drop(self._flicker.mask)
        counted = np.asarray(cv2.subtract(cells, self._flicker.mask), np.uint8)
        second = TickObservation(luma, self._tint, stir_tolerance, counted, self._busy, self._flicker.suspect, dt_s)
        settled = self._stays.settle(scene, second)
        self._reject("ghost", settled.ghost_cell_s)
        self._reject("furniture", settled.furniture_cell_s)
        factor = scene.light_change(luma, calm)
        if factor is not None:
            scene.relight(factor)
            self._stays.follow(factor)
        scene.learn(luma, self._tint, calm, np.asarray(cv2.bitwise_and(still, odd), np.uint8), dt_s)
        self._stays.learn_stir(luma, second_before, np.asarray(cv2.bitwise_and(still, self._still_before), np.uint8))
        self._still_before = still
        self._differ = ShadowClassifier(scene, shadows=self._params.detect_shadows)
        self._doubtful = np.asarray(cv2.bitwise_or(self._stays.doubtful(scene), self._flicker.suspect), np.uint8)
        self._busy = self._empty
        self._remembered.append(self._people)
        return settled.released

    def _wait_for_light(self, grid: U8, chroma: U8 | None, luma: U8, moved_ratio: float, dt_s: float) -> Detection:
        if not self._gate.wait(grid, chroma, moved_ratio, dt_s):
            return self._left_out("light", dt_s)
        scene = self._gate.open(self._scene, luma)
        if scene is not None:
            self._people = self._empty
        if scene is not None and scene is not self._scene:
            self._go_on_with(scene)
        return self._left_out("settling", dt_s)

    def _go_on_with(self, scene: BackgroundModel) -> None:
        self._scene = scene
        self._differ = ShadowClassifier(scene, shadows=self._params.detect_shadows)
        self._exposure = Exposure()
        self._model = make_model(self._params, half_hw(scene.luma.shape))
        self._reject("furniture", self._stays.begin_anew(scene))
        self._doubtful = self._stays.doubtful(scene)
        self._second_before = None
        self._recent.clear()

    def _left_out(self, reason: FrameRejection, dt_s: float) -> Detection:
        self._rejected_s[reason] = self._rejected_s.get(reason, 0.0) + dt_s
        return Detection(self._empty, self._empty, Confirmed(), self._people, reason)

    def _reject(self, reason: CellRejection, cell_s: float) -> None:
        if cell_s > 0.0:
            self._rejected_cell_s[reason] = self._rejected_cell_s.get(reason, 0.0) + cell_s

    def note_colours(self, chroma: U8 | None) -> None:
        """Learn from a frame's colours, now and then, whether there are any; infra-red pictures have none."""
        self._colourful = (
            chroma is not None and cv2.norm(chroma, np.full_like(chroma, 128), cv2.NORM_L1) > _COLOURFUL * chroma.size
        )

    def end(self) -> Confirmed:
        """Return what is still held back and likely, at the end of a run."""
        return self._stays.end(self._scene)

    @property
    def people(self) -> U8:
        """Cells of the last frame in which somebody or something may be, 255 or 0; still owned by this object."""
        return self._people

    @property
    def masked_ratio(self) -> float:
        """Share of the picture that the flicker mask leaves out, 0..1."""
        return self._flicker.ratio

    def forget_held(self) -> None:
        """Give up what is held back: the heats begin anew."""
        self._stays.drop(np.full_like(self._empty, 255))

    def forget_flicker(self) -> None:
        """Begin to learn the flicker mask anew."""
        self._flicker = FlickerMask(self._scene.luma.shape)

    def scene(self) -> U8:
        """Return the empty scene as it is known now: uint8, the grid's shape, still owned by this object."""
        return self._scene.luma

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what a later run needs to go on at once."""
        state: dict[str, NDArray[Any]] = {
            "scene": self._scene.luma,
            "seen_s": np.minimum(self._scene.seen_s, _SEEN_LONG_S).astype(np.float16),
        }
        if self._scene.tint is not None:
            state["tint"] = self._scene.tint.astype(np.float16)
        return state | {f"flicker_{name}": array for name, array in self._flicker.state().items()}


def moving_places(moved: U8) -> U8:
    """Return the cells around which much of what is seen changed since the frame before; masks of 255 or 0."""
    # Summed up at half the grid, which is half the work; squares there are told in cells of the whole grid too.
    half = halved(moved)
    side = square((_MOVING_CELLS + 1) // 2, moved.shape[1]).shape
    return enlarged(above(np.asarray(cv2.blur(half, side), np.uint8), 255 * _MOVING_RATIO), moved.shape)
