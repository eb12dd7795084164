"""Detects people in each frame: moving, stationary (pending), or rejected as shadow, speck or flicker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.background import BackgroundModel, tint_of
from edgeheat.core.foreground.blobs import BlobFilter, feet
from edgeheat.core.foreground.exposure import ExposureCompensation
from edgeheat.core.foreground.illumination import Comparison, FrameChange, IlluminationGate
from edgeheat.core.foreground.learning import SceneLearner
from edgeheat.core.foreground.motion import MotionDetector, moving_areas
from edgeheat.core.foreground.rejections import Rejections
from edgeheat.core.foreground.screen_text import ScreenText
from edgeheat.core.foreground.shadows import Classification
from edgeheat.core.foreground.stationary import Confirmed, TickObservation
from edgeheat.core.foreground.subtractor import BACKGROUND_LEVEL, make_subtractor
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import (
    absolute_difference,
    difference,
    dilated,
    exceeds,
    half_hw,
    halved,
    intersection,
    ratio_of,
    union,
)
from edgeheat.defs.events import CellRejection, FrameRejection
from edgeheat.defs.params import MotionParams

_LEARN_EVERY_S = 1.0
"""Seconds after which the scene is learned again."""

_OCCUPIED_MARGIN_CELLS = 5
"""People may be within a square this wide around detected cells without being detected."""

_MIN_COLOUR_DISTANCE = 1.5
"""Mean distance of Cb and Cr from grey, in levels, from which a picture has colours; infra-red has none."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What one frame shows. Masks are 255 or 0, (grid height, grid width), and only to be read."""

    cells: U8
    """Cells with a person, moving or stationary; with `feet` only their lower edges."""

    moving: U8
    """The part of `cells` that moves and counts at once."""

    confirmed: Confirmed
    """Pending time of this frame and earlier ones that is confirmed now."""

    occupied: U8
    """Cells in which a person or object may be, counted or not: not background."""

    rejection: FrameRejection | None = None
    """Why nothing of the whole frame counts; None: it counts."""

    rejected: Mapping[CellRejection, U8] = field(default_factory=dict)
    """Cells that differ from the background and were rejected, by reason."""


class ForegroundDetector:
    """Evaluates the frames of one camera against its background, all on one grid.

    Reference: the background subtractor is MOG2 by default, Zivkovic 2004, see subtractor.py.
    """

    def __init__(
        self,
        params: MotionParams,
        learner: SceneLearner,
        rejections: Rejections,
        counted: U8 | None = None,
    ) -> None:
        """`learner`: knows the background. `rejections`: gets what is not counted.

        `counted`: the cells whose heat counts, 255 or 0, only read; None: all. Everything is evaluated nevertheless.
        """
        self._params = params
        self._learner = learner
        self._rejections = rejections
        self._counted = counted
        shape_hw = learner.background.luma.shape
        self._nothing: U8 = np.zeros(shape_hw, np.uint8)
        self._subtractor = make_subtractor(params, half_hw(shape_hw))
        self._exposure = ExposureCompensation()
        self._gate = IlluminationGate(shape_hw)
        self._motion = MotionDetector()
        self._previous_grid: U8 | None = None
        self._blobs = BlobFilter(params, shape_hw)
        self._has_colours = True
        self._occupied = self._nothing
        self._tick_moving = self._nothing
        self._tick_s = 0.0

    def update(self, grid: U8, chroma: U8 | None, dt_s: float) -> Detection:
        """Evaluate the next frame.

        `grid`: uint8 (height, width). `chroma`: uint8 (h, w, 2) at half of it, or None. `dt_s`: seconds since the
        previous frame.
        """
        # 1. Bring the frame to the light of the background.
        background, tolerance = self._learner.background, self._learner.micro_motion_levels
        luma = self._exposure.normalised(grid, background.luma, self._occupied)
        # 2. What changed within the last moment.
        changed = self._motion.changed(luma, dt_s, tolerance)
        previous_grid = self._previous_grid if self._previous_grid is not None else grid
        moment = Comparison(previous_grid, grid, exceeds(absolute_difference(grid, previous_grid), tolerance))
        self._previous_grid = grid
        if self._gate.closed:
            return self._wait_for_light(moment, chroma, luma, dt_s)
        # 3. What differs from the background, and whether that is a person or light.
        tint = tint_of(chroma, self._exposure.gain) if chroma is not None and self._has_colours else None
        half = halved(luma)
        residual = np.asarray(cv2.addWeighted(half, 1, background.half, -1, BACKGROUND_LEVEL), np.uint8)
        subtracted = self._subtractor.changed(residual, dt_s)
        found = self._learner.shadows.classify(luma, half, tint, subtracted, lift=self._exposure.lift)
        # 4. Whether the light changed all over.
        if self._params.light_gate:
            change = FrameChange(ratio_of(changed), ratio_of(moment.changed), ratio_of(found.differing))
            since_empty = Comparison(
                background.luma, grid, exceeds(absolute_difference(grid, background.luma), tolerance)
            )
            if self._gate.update(change, moment, since_empty, self._occupied, dt_s):
                return self._rejected("light", dt_s)
        return self._detected(luma, tint, found, changed, dt_s)

    def _detected(self, luma: U8, tint: F32 | None, found: Classification, changed: U8, dt_s: float) -> Detection:
        # 5. Remove specks, blobs that are too small or too brief, and what flickers.
        cleaned = self._blobs.cleaned(found.people)
        present = self._blobs.mature(cleaned, dt_s)
        self._occupied = dilated(present, _OCCUPIED_MARGIN_CELLS)
        steady, flickering = present, self._nothing
        if self._params.flicker_mask:
            self._learner.flicker.add(present, dt_s)
            if self._learner.flicker.ratio > 0.0:
                flickering = self._learner.flicker.rejected(present)
                steady = difference(present, flickering)
        # 6. Split into moving people, which count at once, and stationary ones, whose time stays pending.
        moving = intersection(steady, moving_areas(changed))
        self._tick_moving = union(self._tick_moving, moving)
        shown = feet(steady) if self._params.feet else steady
        at_once = difference(intersection(shown, moving), self._learner.uncertain)
        pending = self._where_counted(difference(shown, at_once))
        self._learner.add_pending(pending, dt_s, intersection(pending, moving))
        # 7. Add up what was rejected.
        rejected: dict[CellRejection, U8] = {
            "shadow": found.light,
            "speck": difference(cleaned, present),
            "flicker": flickering,
        }
        for reason, cells in rejected.items():
            self._rejections.add_cells(reason, cv2.countNonZero(self._where_counted(cells)) * dt_s)
        # 8. Once a second, learn.
        self._tick_s += dt_s
        confirmed = Confirmed()
        if self._tick_s >= _LEARN_EVERY_S:
            confirmed = self._tick(
                TickObservation(luma, tint, present, found.differing, self._tick_moving, self._tick_s)
            )
        return Detection(shown, at_once, confirmed, self._occupied, None, rejected)

    def _tick(self, tick: TickObservation) -> Confirmed:
        self._tick_s, self._tick_moving = 0.0, self._nothing
        result = self._learner.update(tick)
        self._rejections.add_cells("ghost", result.ghost_cell_s)
        self._rejections.add_cells("furniture", result.static_object_cell_s)
        self._gate.record_occupied(self._occupied)
        return result.confirmed

    def _where_counted(self, cells: U8) -> U8:
        return cells if self._counted is None else intersection(cells, self._counted)

    def _wait_for_light(self, moment: Comparison, chroma: U8 | None, luma: U8, dt_s: float) -> Detection:
        if not self._gate.update_closed(moment, chroma, dt_s):
            return self._rejected("light", dt_s)
        background = self._gate.try_open(self._learner.background, luma)
        if background is not None:
            self._occupied = self._nothing
            if background is not self._learner.background:
                self._restart(background)
        return self._rejected("settling", dt_s)

    def _restart(self, background: BackgroundModel) -> None:
        """Continue with a background in another light."""
        self._rejections.add_cells("furniture", self._learner.restart(background))
        self._exposure = ExposureCompensation()
        self._subtractor = make_subtractor(self._params, half_hw(background.luma.shape))
        self._motion.restart()

    def _rejected(self, reason: FrameRejection, dt_s: float) -> Detection:
        self._rejections.add_frame(reason, dt_s)
        return self.nothing(reason)

    def nothing(self, reason: FrameRejection) -> Detection:
        """Return the detection of a frame that is not evaluated, for `reason`."""
        return Detection(self._nothing, self._nothing, Confirmed(), self._occupied, reason)

    def end(self) -> Detection:
        """Return what is confirmed at the end of a run, when no more will be learned."""
        return Detection(self._nothing, self._nothing, self._learner.end(), self._occupied)

    def detect_colours(self, chroma: U8 | None) -> None:
        """Note now and then whether a frame has colours; infra-red pictures have none. `chroma` as in `update`."""
        self._has_colours = (
            chroma is not None
            and cv2.norm(chroma, np.full_like(chroma, 128), cv2.NORM_L1) > _MIN_COLOUR_DISTANCE * chroma.size
        )

    def differing_ratio(self, grid: U8) -> float:
        """Return the share of a frame, exposure compensated, that does not show the background; learns nothing."""
        background = self._learner.background
        luma = ExposureCompensation().normalised(grid, background.luma, self._nothing)
        return ratio_of(exceeds(absolute_difference(luma, background.luma), background.tolerance))

    @property
    def background(self) -> BackgroundModel:
        """The background as it is known now; owned by this object."""
        return self._learner.background

    @property
    def occupied(self) -> U8:
        """Cells of the last frame in which a person or object may be, 255 or 0; owned by this object."""
        return self._occupied

    @property
    def masked_ratio(self) -> float:
        """Share of the picture that the flicker mask excludes, 0..1."""
        return self._learner.flicker.ratio

    def discard_pending(self) -> None:
        """Discard pending time: the heats start again from nothing."""
        self._learner.discard_pending()

    def remove_text(self, text: ScreenText) -> None:
        """Continue without newly found text; the frames must not show it any more."""
        self._learner.remove_text(text)

    def reset_flicker(self) -> None:
        """Learn the flicker mask again from nothing."""
        self._learner.reset_flicker()

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that `SceneLearner.restored` needs after a restart."""
        return self._learner.state()
