"""Separates stationary people from static objects and ghosts; dwell time stays pending until confirmed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.background import MIN_OBSERVED_EMPTY_S, BackgroundModel
from edgeheat.core.foreground.flicker import FlickerMask
from edgeheat.core.grid.frames import F32, U8, U32
from edgeheat.core.grid.masks import (
    absolute_difference,
    as_levels,
    as_mask,
    difference,
    dilated_at_half,
    enlarged,
    half_hw,
    halved,
    intersection,
    opened,
    square_kernel,
    square_kernel_at_half,
)
from edgeheat.defs.params import MotionParams

_MOVED_S = 5.0
"""Movement counts even where the background is not known yet, once there was so much of it: a ghost does not move. In a
busy shop some places are never seen empty for long."""

_VACATED_S = 2.0
"""A place is vacated when nothing was detected there for so long."""

_MICRO_MOTION_REACH_CELLS = 21
"""A movement of the hand confirms the whole person: all cells within a square this wide."""

_MOVING_REACH_CELLS = 17
"""Within a square this wide around moving people nothing is concluded."""

_MAX_MICRO_MOTION_RATIO = 0.12
"""A stationary person changes less than this share of their visible cells within the reach; more is another person
stepping in front."""

_MIN_LIVELY_RATIO = 0.01
"""A connected place is lively while more than this share of it shows micro-motion: it is a person's, or beside one."""

_LIVELY_RATE = 4.0
"""Each second in which its place is lively takes back so many of the seconds in which a cell was quiet: legs do not
fidget, and are farther from a hand than `_MICRO_MOTION_REACH_CELLS`."""

_USUAL_AFTER_S = 3.0
"""Micro-motion is a difference from what a cell usually shows, which is known after so long."""

_GHOST_GRACE_S = 20.0
"""What is present for longer than its place was observed empty, plus this, is the background itself: counted from when
it outvoted what the cell usually showed, so after a long stay it takes twice as long."""

_EDGE_RATIO = 0.3
"""Cells on an edge change with every block that H.264 sends: they may differ by this share of the edge's height."""

_INITIAL_MICRO_MOTION = 16.0
"""Grey levels by which a cell may differ from its usual look before they are learned; no learned number is lower."""

_NOISE_QUANTILE = 0.995
"""Quantile of the differences of cells without people from which the level of micro-motion is learned."""

_NOISE_MARGIN = 1.3
"""Multiple of the quantile of noise above which a difference is micro-motion."""

_NOISE_RATE = 0.1
"""Share of the difference by which the learned level approaches the latest one in each second."""

_MIN_UNDISTURBED_RATIO = 0.12
"""The level is learned only while more than this share of the cells is undisturbed by people."""


@dataclass(frozen=True, slots=True)
class TickObservation:
    """What one second showed, as of its last frame; masks are 255 or 0, (grid height, grid width)."""

    luma: U8
    """Brightness in the light of the background, uint8."""

    tint: F32 | None
    """Colour, see `background.tint_of`; None where the picture is grey."""

    present: U8
    """Cells with a person or object, flickering ones included."""

    differing: U8
    """Cells that differ from the background, by people or by light."""

    moving: U8
    """Cells in which something moved in this second."""

    dt_s: float
    """How long the second really was."""


@dataclass(frozen=True, slots=True, eq=False)
class Confirmed:
    """Pending milliseconds that are confirmed now, (grid height, grid width); both None: none are."""

    dwell_ms: U32 | None = None
    moved_ms: U32 | None = None
    """Time in which something moved there; not part of `dwell_ms`."""


@dataclass(frozen=True, slots=True)
class TickResult:
    """What one second confirmed and what it discarded."""

    confirmed: Confirmed
    ghost_cell_s: float
    """Pending seconds of ghosts that were discarded, summed over cells."""

    static_object_cell_s: float
    """Pending seconds of static objects that were discarded, summed over cells."""


class StationaryTracker:
    """The pending time of one grid, and what decides about it; updated about once a second, at half the grid.

    Pending time is confirmed when the person shows micro-motion, or leaves. Anything that shows none for
    `furniture_s` is treated as a static object: it becomes part of the background, but its time stays pending, because
    it may still get up and leave.
    Reference: majority vote, Boyer and Moore 1981.
    """

    def __init__(self, params: MotionParams, background: BackgroundModel) -> None:
        self._params = params
        self.micro_motion_levels = _INITIAL_MICRO_MOTION
        """Grey levels by which a cell may differ from its usual look, learned from how cells without people change."""
        half = half_hw(background.luma.shape)
        self._pending_ms: NDArray[np.int32] = np.zeros(background.luma.shape, np.int32)
        self._pending_moved_ms: NDArray[np.int32] | None = None
        """The part of it in which something moved; None: none, as it is once all places are known."""
        self._quiet_s: F32 = np.zeros(half, np.float32)
        self._vacant_s: F32 = np.zeros(half, np.float32)
        self._usual: U8 = background.half.copy()
        """What the cell showed most of the time, one vote for each second."""
        self._votes_s: F32 = np.zeros(half, np.float32)
        self._static: NDArray[np.bool_] = np.zeros(half, np.bool_)
        """Where a static object stands."""
        self._static_s: F32 = np.zeros(half, np.float32)
        """Seconds since it became part of the background."""
        self._behind_luma: F32 = background.luma.astype(np.float32)
        """The brightness of the background before the object came."""
        self._behind_tint: F32 | None = None
        """The colour of the background before the object came; None: not known yet, or the picture is grey."""

    def add_pending(self, cells: U8, dt_s: float, moving: U8 | None = None) -> None:
        """Add `dt_s` of pending time in these cells (255); `moving`: those of them in which something moves."""
        whole_ms = np.int32(round(dt_s * 1000.0))
        np.add(self._pending_ms, whole_ms, out=self._pending_ms, where=cells > 0)
        if moving is not None and cv2.countNonZero(moving):
            if self._pending_moved_ms is None:
                self._pending_moved_ms = np.zeros_like(self._pending_ms)
            np.add(self._pending_moved_ms, whole_ms, out=self._pending_moved_ms, where=moving > 0)

    def discard(self, cells: U8) -> None:
        """Discard the pending time of these cells (255)."""
        self._clear(cells > 0)

    def update(
        self, background: BackgroundModel, tick: TickObservation, tolerance: U8, flicker: FlickerMask
    ) -> TickResult:
        """Confirm or discard pending time, once a second; changes `background` where that was wrong.

        `tolerance`: see `micro_motion_tolerance`.
        """
        present = difference(tick.present, flicker.rejected(tick.present))
        vacated = self._restore_vacated(background, tick, present)
        seen = halved(tick.luma)
        here = (halved(present) > 127) & ~vacated
        near_motion = dilated_at_half(tick.moving, _MOVING_REACH_CELLS) > 0
        change = absolute_difference(seen, self._usual)
        usual = change <= halved(background.tolerance)
        fidgeting = here & ~near_motion & (self._votes_s > _USUAL_AFTER_S) & (change > halved(tolerance))
        if fidgeting.any():
            fidgeting &= ~self._occluded(fidgeting, here)
        reach = square_kernel_at_half(_MICRO_MOTION_REACH_CELLS, tick.present.shape[1])
        alive = cv2.dilate(fidgeting.astype(np.uint8), reach) > 0
        self._quiet_s[_lively(fidgeting, here)] -= np.float32(_LIVELY_RATE * tick.dt_s)
        np.maximum(self._quiet_s, 0.0, out=self._quiet_s)
        still = here & ~near_motion
        self._count_time(seen, here & usual, still & ~alive, tick.dt_s)
        background.observed_s[~here & ~near_motion] += np.float32(tick.dt_s)
        self._quiet_s[alive] = 0.0
        self._vacant_s = np.where(here, np.float32(0.0), self._vacant_s + np.float32(tick.dt_s))
        self._quiet_s[self._vacant_s >= _VACATED_S] = 0.0
        implausible = self._implausible(background)
        moved = self._at_half_ms(self._pending_moved_ms) > 1000.0 * _MOVED_S
        ready = ((alive & here) | (self._vacant_s >= _VACATED_S)) & (background.observed_s >= MIN_OBSERVED_EMPTY_S)
        ready &= ~self._static & (halved(flicker.suspect) == 0)
        confirmed = self._confirm(ready | vacated, also_moved=moved & (halved(flicker.suspect) == 0))
        ghost_ms = self._merge_into_background(background, tick, still, usual)
        ghost_ms += self._discard_at_half(implausible)
        return TickResult(confirmed, ghost_ms / 1000.0, self._age_static_objects(here, tick.dt_s) / 1000.0)

    def end(self, background: BackgroundModel) -> Confirmed:
        """Return the pending time that is plausible at the end of a run, when no more will be learned.

        Not that of static objects, nor of what was present much longer than its place was observed empty.
        """
        return self._confirm(~self._static & ~self._implausible(background))

    def restart(self, background: BackgroundModel) -> float:
        """Continue with a background in another light; returns the discarded seconds of static objects, over cells.

        They are discarded because the objects are part of that background too: nothing will confirm their time.
        """
        discarded_ms = self._discard_at_half(self._static)
        self._usual = background.half.copy()
        self._votes_s.fill(0.0)
        self._static.fill(False)
        self._quiet_s.fill(0.0)
        return discarded_ms / 1000.0

    def relight(self, factor: F32) -> None:
        """Follow the light as it changes, `factor` as BackgroundModel.light_change gives it."""
        half = cv2.resize(factor, self._usual.shape[::-1], interpolation=cv2.INTER_AREA)
        self._usual = as_levels(self._usual * half)
        self._behind_luma *= factor

    def learn_noise(self, luma: U8, previous: U8, undisturbed: U8) -> None:
        """Learn how much cells change from second to second without people, from the `undisturbed` ones (255)."""
        # Every second cell of every second row: a quarter of them is enough.
        change = cv2.absdiff(luma[::2, ::2], previous[::2, ::2])
        mask = np.ascontiguousarray(undisturbed[::2, ::2])
        counts = np.cumsum(cv2.calcHist([change], [0], mask, [256], (0, 256)))
        if counts[-1] > _MIN_UNDISTURBED_RATIO * change.size:
            level = int(np.searchsorted(counts, _NOISE_QUANTILE * counts[-1]))
            found = max(_INITIAL_MICRO_MOTION, level * _NOISE_MARGIN)
            self.micro_motion_levels += _NOISE_RATE * (found - self.micro_motion_levels)

    def micro_motion_tolerance(self, luma: U8) -> U8:
        """Return the grey levels by which each cell may differ from its usual look without showing micro-motion."""
        edges = cv2.morphologyEx(luma, cv2.MORPH_GRADIENT, square_kernel(3))
        return as_levels(edges, _EDGE_RATIO, self.micro_motion_levels)

    def _implausible(self, background: BackgroundModel) -> NDArray[np.bool_]:
        """Return where more time is pending than is plausible for a place that was hardly ever observed empty."""
        stayed_ms = self._at_half_ms(self._pending_ms) - self._at_half_ms(self._pending_moved_ms)
        return (stayed_ms > 1000.0 * (background.observed_s + _GHOST_GRACE_S)) & ~self._static

    def _at_half_ms(self, pending_ms: NDArray[np.int32] | None) -> F32:
        """Return pending milliseconds at half the grid, the mean of four cells; None: none are."""
        if pending_ms is None:
            return np.zeros(self._static.shape, np.float32)
        half_wh = self._static.shape[1], self._static.shape[0]
        return np.asarray(cv2.resize(pending_ms.astype(np.float32), half_wh, interpolation=cv2.INTER_AREA), np.float32)

    def _occluded(self, fidgeting: NDArray[np.bool_], here: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return where so much of what is present changed that another person must have stepped in front of it."""
        side = square_kernel_at_half(_MICRO_MOTION_REACH_CELLS, self._pending_ms.shape[1]).shape
        changed, present = (cv2.blur(cells.astype(np.float32), side) for cells in (fidgeting, here))
        return np.asarray(changed > _MAX_MICRO_MOTION_RATIO * present, np.bool_)

    def _count_time(self, seen: U8, as_usual: NDArray[np.bool_], quiet: NDArray[np.bool_], dt_s: float) -> None:
        """Vote for what each cell usually shows, and count for how long nothing changed in it."""
        step = np.float32(dt_s)
        self._votes_s += np.where(as_usual, step, -step)
        outvoted = self._votes_s < 0.0
        self._usual[outvoted] = seen[outvoted]
        self._votes_s[outvoted] = 0.0
        self._quiet_s[quiet] += step

    def _confirm(self, cells: NDArray[np.bool_], also_moved: NDArray[np.bool_] | None = None) -> Confirmed:
        """Take the pending time out of these cells of half the grid; of `also_moved` that in which something moved."""
        shape_hw = self._pending_ms.shape
        chosen = (enlarged(cells.astype(np.uint8), shape_hw) > 0) & (self._pending_ms > 0)
        moved_ms = None
        if self._pending_moved_ms is not None:
            moved = chosen
            if also_moved is not None:
                moved = (chosen | (enlarged(also_moved.astype(np.uint8), shape_hw) > 0)) & (self._pending_moved_ms > 0)
            if moved.any():
                moved_ms = np.where(moved, self._pending_moved_ms, 0).astype(np.uint32)
                self._pending_ms -= moved_ms.astype(np.int32)
                self._pending_moved_ms[moved] = 0
        if moved_ms is None and not chosen.any():
            return Confirmed()
        dwell_ms = np.where(chosen, self._pending_ms, 0).astype(np.uint32)
        self._clear(chosen)
        return Confirmed(dwell_ms, moved_ms)

    def _clear(self, cells: NDArray[np.bool_]) -> None:
        self._pending_ms[cells] = 0
        if self._pending_moved_ms is not None:
            self._pending_moved_ms[cells] = 0
            if not self._pending_moved_ms.any():
                self._pending_moved_ms = None

    def _restore_vacated(self, background: BackgroundModel, tick: TickObservation, present: U8) -> NDArray[np.bool_]:
        """Restore the background where a static object has gone again, and return these cells, to be confirmed."""
        if not self._static.any():
            return self._static
        behind = as_levels(self._behind_luma)
        distance = absolute_difference(tick.luma, behind)
        as_before = np.asarray(cv2.compare(distance, background.tolerance, cv2.CMP_LE), np.uint8)
        gone = _mostly(self._static, halved(intersection(present, as_before)) > 127)
        if gone.any():
            background.replace(as_mask(gone), behind, self._behind_tint)
            self._static &= ~gone
            self._quiet_s[gone] = 0.0
        return gone

    def _merge_into_background(
        self, background: BackgroundModel, tick: TickObservation, still: NDArray[np.bool_], usual: NDArray[np.bool_]
    ) -> float:
        """Make what stays part of the background; returns the pending milliseconds that are discarded as ghosts."""
        longest_s, static_after_s = self._params.dwell_max_s, self._params.furniture_s
        outlasts = usual & (self._votes_s >= np.minimum(background.observed_s + _GHOST_GRACE_S, longest_s))
        merged = still & ((self._quiet_s >= static_after_s) | outlasts)
        if not merged.any():
            return 0.0
        arrived = merged & ((background.observed_s >= static_after_s) | self._static) & (self._votes_s < longest_s)
        # An object is of one piece; isolated cells are what a change of light left over.
        arrived &= opened(arrived.astype(np.uint8), square_kernel(3)) > 0
        ghosts = merged & ~arrived
        fresh = arrived & ~self._static
        now = enlarged(fresh.astype(np.uint8), background.luma.shape)
        cv2.copyTo(background.luma.astype(np.float32), now, self._behind_luma)
        if background.tint is not None:
            if self._behind_tint is None:
                self._behind_tint = background.tint.copy()
            self._behind_tint[:, fresh] = background.tint[:, fresh]
        self._static_s[fresh] = 0.0
        self._static = (self._static | arrived) & ~ghosts
        background.replace(as_mask(merged), tick.luma, tick.tint)
        background.observed_s[merged] = 0.0
        self._quiet_s[merged] = 0.0
        return self._discard_at_half(ghosts)

    def _age_static_objects(self, here: NDArray[np.bool_], dt_s: float) -> float:
        """Add pending time of static objects where nothing is detected, until it is too long.

        Returns the pending milliseconds that are discarded as theirs.
        """
        if not self._static.any():
            return 0.0
        self._static_s[self._static] += np.float32(dt_s)
        self.add_pending(enlarged(as_mask(self._static & ~here), self._pending_ms.shape), dt_s)
        expired = self._static & (self._static_s > self._params.dwell_max_s)
        self._static &= ~expired
        return self._discard_at_half(expired)

    def _discard_at_half(self, cells: NDArray[np.bool_]) -> float:
        """Discard the pending time in which nothing moved, of cells of half the grid.

        Returns it in milliseconds, summed over cells.
        """
        if not cells.any():
            return 0.0
        chosen = enlarged(cells.astype(np.uint8), self._pending_ms.shape) > 0
        before_ms = float(self._pending_ms[chosen].sum())
        # What moved is no ghost; it stays pending.
        self._pending_ms[chosen] = 0 if self._pending_moved_ms is None else self._pending_moved_ms[chosen]
        return before_ms - float(self._pending_ms[chosen].sum())


def _lively(fidgeting: NDArray[np.bool_], here: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the connected places of `here` of which enough is fidgeting."""
    count, labels = cv2.connectedComponents(here.astype(np.uint8), connectivity=8)
    lively = np.bincount(labels[fidgeting], minlength=count) > _MIN_LIVELY_RATIO * np.bincount(labels.ravel())
    return np.asarray(lively[labels], np.bool_) & here


def _mostly(places: NDArray[np.bool_], cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return of each connected place the given cells, where they are most of it and not isolated."""
    found = np.zeros_like(places)
    together = opened((cells & places).astype(np.uint8), square_kernel(3)) > 0
    if not together.any():
        return found
    count, labels = cv2.connectedComponents(places.astype(np.uint8), connectivity=8)
    for place in range(1, count):
        own = labels == place
        if 2 * np.count_nonzero(together & own) > np.count_nonzero(own):
            found |= together & own
    return found
