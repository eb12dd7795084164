"""Learns the scene once a second: background, flicker mask, and which pending time is confirmed or discarded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.background import MIN_OBSERVED_EMPTY_S, BackgroundModel
from edgeheat.core.foreground.flicker import FlickerMask
from edgeheat.core.foreground.screen_text import ScreenText
from edgeheat.core.foreground.shadows import ShadowClassifier
from edgeheat.core.foreground.stationary import Confirmed, StationaryTracker, TickObservation, TickResult
from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.masks import (
    absolute_difference,
    as_mask,
    difference,
    dilated,
    enlarged,
    exceeds,
    halved,
    intersection,
    invert,
    opened,
    ratio_of,
    union,
)
from edgeheat.defs.params import MotionParams

_PEOPLE_MARGIN_CELLS = 7
"""The background is not learned within a square this wide around people."""

_DIFFERING_MARGIN_CELLS = 5
"""The background is learned more slowly within a square this wide around cells that differ from it."""

_MAX_DIFFERING_SHARE = 0.4
"""Where more of the grid differs, the light changed all over and is learned like everything else."""

_PIXEL_NOISE = np.ones((2, 2), np.uint8)
"""Differing cells without a neighbour are noise."""


class SceneLearner:
    """What is known of one camera's scene, updated once a second."""

    def __init__(self, params: MotionParams, background: BackgroundModel) -> None:
        self._params = params
        self._nothing: U8 = np.zeros(background.luma.shape, np.uint8)
        self._stationary = StationaryTracker(params, background)
        self._previous_luma: U8 | None = None
        self._previously_vacant: U8 = self._nothing
        self.background = background
        self.flicker = FlickerMask(background.luma.shape)
        self.shadows = ShadowClassifier(background, enabled=params.detect_shadows)
        """Compares frames with `background`."""
        self.uncertain: U8 = self._not_observed_empty()
        """Cells (255) in which nothing counts at once: not yet observed empty, or suspected of flicker."""

    @property
    def micro_motion_levels(self) -> float:
        """See `StationaryTracker.micro_motion_levels`."""
        return self._stationary.micro_motion_levels

    def add_pending(self, cells: U8, dt_s: float, moving: U8) -> None:
        """Add pending time; see StationaryTracker.add_pending."""
        self._stationary.add_pending(cells, dt_s, moving)

    def update(self, tick: TickObservation) -> TickResult:
        """Learn from one second."""
        background = self.background
        # 1. Where the background may be learned: not near people, and slowly near what differs.
        vacant = invert(dilated(tick.present, _PEOPLE_MARGIN_CELLS))
        differing = dilated(opened(tick.differing, _PIXEL_NOISE), _DIFFERING_MARGIN_CELLS)
        if ratio_of(differing) >= _MAX_DIFFERING_SHARE:
            differing = self._nothing
        undisturbed = difference(vacant, differing)
        # 2. Which places flicker.
        previous_luma = self._previous_luma if self._previous_luma is not None else tick.luma
        tolerance = self._stationary.micro_motion_tolerance(tick.luma)
        if self._params.flicker_mask:
            changed = exceeds(absolute_difference(tick.luma, previous_luma), tolerance)
            self.flicker.learn(intersection(tick.present, changed), tick.dt_s)
            flickering = self.flicker.rejected(tick.present)
            self._stationary.discard(difference(self.flicker.mask, difference(tick.present, flickering)))
        # 3. Who is stationary and what is a static object; wrong background is replaced.
        result = self._stationary.update(background, tick, tolerance, self.flicker)
        # 4. Gradual changes of light.
        factor = background.light_change(tick.luma, undisturbed)
        if factor is not None:
            background.relight(factor)
            self._stationary.relight(factor)
        # 5. The background itself.
        background.learn(tick.luma, tick.tint, undisturbed, intersection(vacant, differing), tick.dt_s)
        # 6. How much cells change without people.
        self._stationary.learn_noise(tick.luma, previous_luma, intersection(vacant, self._previously_vacant))
        self._previous_luma, self._previously_vacant = tick.luma, vacant
        # 7. What the next frames are compared with.
        self.shadows = ShadowClassifier(background, enabled=self._params.detect_shadows)
        self.uncertain = union(self._not_observed_empty(), self.flicker.suspect)
        return result

    def end(self) -> Confirmed:
        """Return the pending time that is plausible at the end of a run."""
        return self._stationary.end(self.background)

    def restart(self, background: BackgroundModel) -> float:
        """Continue with a background in another light; returns what StationaryTracker.restart gives."""
        self.background = background
        self.shadows = ShadowClassifier(background, enabled=self._params.detect_shadows)
        discarded_cell_s = self._stationary.restart(background)
        self.uncertain = self._not_observed_empty()
        self._previous_luma = None
        return discarded_cell_s

    def discard_pending(self) -> None:
        """Discard all pending time: the heats start again from nothing."""
        self._stationary.discard(invert(self._nothing))

    def remove_text(self, text: ScreenText) -> None:
        """Paint over newly found text in the background, and discard what is pending there.

        Where text was forgotten, the background is what was painted: it counts as never observed.
        """
        mask, forgotten, background = text.mask, text.forgotten, self.background
        if forgotten is not None:
            background.observed_s[exceeds(halved(forgotten), 0) > 0] = 0.0
            self._stationary.discard(forgotten)
            self.uncertain = self._not_observed_empty()
        if mask is None:
            return
        luma, tint = background.luma.copy(), None if background.tint is None else background.tint.copy()
        text.paint_over(luma, *(() if tint is None else tint))
        background.replace(exceeds(halved(mask), 0), luma, tint)
        self.shadows = ShadowClassifier(background, enabled=self._params.detect_shadows)
        self._stationary.discard(mask)

    def reset_flicker(self) -> None:
        """Learn the flicker mask again from nothing."""
        self.flicker = FlickerMask(self.background.luma.shape)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that `restored` needs after a restart."""
        return self.background.state() | {f"flicker_{name}": array for name, array in self.flicker.state().items()}

    @classmethod
    def restored(
        cls, params: MotionParams, state: Mapping[str, NDArray[Any]], shape_hw: tuple[int, ...]
    ) -> SceneLearner:
        """Restore what `state` gave; raises KeyError where there is none, ValueError where it is of another grid."""
        learner = cls(params, BackgroundModel.from_state(state, shape_hw))
        flicker = {name.removeprefix("flicker_"): state[name] for name in state if name.startswith("flicker_")}
        learner.flicker.restore(flicker)
        return learner

    def _not_observed_empty(self) -> U8:
        return enlarged(as_mask(self.background.observed_s < MIN_OBSERVED_EMPTY_S), self.background.luma.shape)
