"""Tells people who stay from things that were put down: what is doubtful is held back until it is proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.background import BackgroundModel
from edgeheat.core.grid.frames import F32, U8, U32
from edgeheat.core.grid.masks import above, enlarged, half_hw, halved
from edgeheat.defs.params import MotionParams

_SEEN_S = 15.0
"""A place counts once it was seen empty for so long; before, what is there may be the empty scene itself."""

_VACATED_S = 2.0
_STIR_REACH, _BUSY_REACH = 21, 17
"""Cells: so far a movement of the hand speaks for the whole person; so near to somebody who walks nothing is told."""

_STIR_SHARE = 0.12
"""Who stirs changes less than this of what is seen of him, within that reach."""

_KNOWN_S = 3.0
_GHOST_TIMES, _GHOST_S = 1.0, 20.0
"""What was there for longer than the place was seen empty, and 20 s, is the empty scene: counted from when it outvoted
what the cell usually showed, so that after a long stay it takes twice as long."""

_EDGE_SHARE = 0.3
"""Cells on an edge change with every block that H.264 sends: they may differ by this share of the edge's height."""

_FIRST_STIR, _STIR_QUANTILE, _STIR_TIMES, _STIR_RATE = 16.0, 0.995, 1.3, 0.1
"""Grey levels by which a cell may differ from a second ago; learnt from the cells in which nobody is."""


@dataclass(frozen=True, slots=True)
class TickObservation:
    """What the last second showed; masks are 255 or 0, (grid height, grid width)."""

    luma: U8
    """Its last frame in the light of the empty scene."""

    tint: F32 | None
    """See scene.tint_of."""

    stir_tolerance: U8
    """See StationaryTracker.stir_tolerance."""

    people: U8
    """Cells where somebody or something is."""

    busy: U8
    """Those in which something moved in this second."""

    suspect: U8
    """Those in which nothing is to be proved now."""

    dt_s: float
    """How long it really was."""


@dataclass(frozen=True, slots=True, eq=False)
class Confirmed:
    """Milliseconds that were held back and are now certain, (grid height, grid width); both None: none are."""

    dwell_ms: U32 | None = None
    moved_ms: U32 | None = None
    """Those in which somebody moved there."""


@dataclass(frozen=True, slots=True)
class TickResult:
    """What one second made certain."""

    released: Confirmed
    ghost_cell_s: float
    furniture_cell_s: float
    """Seconds that were held back and are given up, summed over cells."""


class StationaryTracker:
    """What is held back on one grid, and all that decides about it. Judged about once a second, at half the grid.

    Held time is proved when the one who stays stirs, or leaves. What does not stir for `furniture_s` is furniture: it
    becomes part of the empty scene, but its time is still held, for it may get up and leave after all.
    """

    def __init__(self, params: MotionParams, scene: BackgroundModel) -> None:
        self._params = params
        self.stir_levels = _FIRST_STIR
        shape_hw = half_hw(scene.luma.shape)
        self._held_ms: NDArray[np.int32] = np.zeros(scene.luma.shape, np.int32)
        self._moved_ms: NDArray[np.int32] | None = None
        """The part of it in which somebody moved; None: none, as it is when all places are known."""
        self._quiet_s: F32 = np.zeros(shape_hw, np.float32)
        self._gone_s: F32 = np.zeros(shape_hw, np.float32)
        self._usual: U8 = scene.half.copy()
        """What the cell showed most of the time: the majority vote of Boyer and Moore, one vote for each second."""
        self._votes_s: F32 = np.zeros(shape_hw, np.float32)
        self._parked: NDArray[np.bool_] = np.zeros(shape_hw, np.bool_)
        """Where furniture came to stand; below, for how long, and what was there before it."""
        self._parked_s: F32 = np.zeros(shape_hw, np.float32)
        self._behind_luma: F32 = scene.luma.astype(np.float32)
        self._behind_tint: F32 | None = None

    def hold(self, cells: U8, dt_s: float, moving: U8 | None = None) -> None:
        """Hold back `dt_s` in these cells (255); `moving`: those of them in which somebody moves."""
        whole_ms = np.int32(round(dt_s * 1000.0))
        np.add(self._held_ms, whole_ms, out=self._held_ms, where=cells > 0)
        if moving is not None and cv2.countNonZero(moving):
            if self._moved_ms is None:
                self._moved_ms = np.zeros_like(self._held_ms)
            np.add(self._moved_ms, whole_ms, out=self._moved_ms, where=moving > 0)

    def doubtful(self, scene: BackgroundModel) -> U8:
        """Return the cells that were not yet seen empty for long enough to count there at once, 255 or 0."""
        return enlarged((scene.seen_s < _SEEN_S).astype(np.uint8) * 255, scene.luma.shape)

    def drop(self, cells: U8) -> None:
        """Give up what is held in these cells (255)."""
        self._empty(cells > 0)

    def settle(self, scene: BackgroundModel, second: TickObservation) -> TickResult:
        """Judge what is held back, once a second; changes the empty scene where that was wrong."""
        proved = self._welcome_back(scene, second)
        seen = halved(second.luma)
        here = (halved(second.people) > 127) & ~proved
        near = widened_half(second.busy, _BUSY_REACH) > 0
        unlike = cv2.absdiff(seen, self._usual)
        usual = unlike <= halved(scene.tolerance)
        stirs = here & ~near & (self._votes_s > _KNOWN_S) & (unlike > halved(second.stir_tolerance))
        if stirs.any():
            stirs &= ~self._in_front(stirs, here)
        alive = cv2.dilate(stirs.astype(np.uint8), _kernel(_STIR_REACH, second.people)) > 0
        still = here & ~near
        self._count_time(seen, here & usual, still & ~alive, second.dt_s)
        scene.seen_s[~here & ~near] += np.float32(second.dt_s)
        self._quiet_s[alive] = 0.0
        self._gone_s = np.where(here, np.float32(0.0), self._gone_s + np.float32(second.dt_s))
        self._quiet_s[self._gone_s >= _VACATED_S] = 0.0
        overdue = self._overdue(scene)
        ready = ((alive & here) | (self._gone_s >= _VACATED_S)) & (scene.seen_s >= _SEEN_S) & ~self._parked
        ready &= halved(second.suspect) == 0
        released = self._release(ready | proved)
        ghost_ms = self._become_scene(scene, second, still, usual)
        ghost_ms += self._give_up(overdue)
        return TickResult(released, ghost_ms / 1000.0, self._age_furniture(here, second.dt_s) / 1000.0)

    def end(self, scene: BackgroundModel) -> Confirmed:
        """Return what is still held and is likely: at the end of a run there is no more to be learnt.

        Furniture is not, nor what was there much longer than the place was seen empty.
        """
        return self._release(~self._parked & ~self._overdue(scene))

    def _overdue(self, scene: BackgroundModel) -> NDArray[np.bool_]:
        """Tell where more is held than can be believed of a place that was hardly ever seen empty."""
        held_s = cv2.resize(self._held_ms.astype(np.float32), scene.seen_s.shape[::-1], interpolation=cv2.INTER_AREA)
        return (held_s > 1000.0 * (_GHOST_TIMES * scene.seen_s + _GHOST_S)) & ~self._parked

    def begin_anew(self, scene: BackgroundModel) -> float:
        """Go on with the scene in another light altogether; returns the held seconds of furniture, summed over cells.

        They are given up: furniture is part of that scene too, and nothing will prove its time any more.
        """
        furniture_ms = self._give_up(self._parked)
        self._usual = scene.half.copy()
        self._votes_s.fill(0.0)
        self._parked.fill(False)
        self._quiet_s.fill(0.0)
        return furniture_ms / 1000.0

    def follow(self, factor: F32) -> None:
        """Follow the light as it changes, `factor` as BackgroundModel.light_change gives it."""
        half = cv2.resize(factor, self._usual.shape[::-1], interpolation=cv2.INTER_AREA)
        self._usual = np.asarray(cv2.convertScaleAbs(self._usual * half), np.uint8)
        self._behind_luma *= factor

    def learn_stir(self, luma: U8, before: U8, calm: U8) -> None:
        """Learn how much cells change from second to second without people, from the `calm` ones (255)."""
        # Every second cell of every second row: a quarter of them tells as much.
        change = cv2.absdiff(luma[::2, ::2], before[::2, ::2])
        counts = np.cumsum(cv2.calcHist([change], [0], np.ascontiguousarray(calm[::2, ::2]), [256], (0, 256)))
        if counts[-1] > 0.12 * change.size:
            level = int(np.searchsorted(counts, _STIR_QUANTILE * counts[-1]))
            found = max(_FIRST_STIR, level * _STIR_TIMES)
            self.stir_levels += _STIR_RATE * (found - self.stir_levels)

    def _in_front(self, stirs: NDArray[np.bool_], here: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell where so much of what is here changed that somebody else must have stepped in front of it."""
        side = _kernel(_STIR_REACH, self._held_ms).shape
        stirring, there = (cv2.blur(cells.astype(np.float32), side) for cells in (stirs, here))
        return np.asarray(stirring > _STIR_SHARE * there, np.bool_)

    def stir_tolerance(self, luma: U8) -> U8:
        """Return the grey levels by which each cell may differ without that anything stirs in it."""
        edges = cv2.morphologyEx(luma, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        return np.asarray(cv2.convertScaleAbs(edges, alpha=_EDGE_SHARE, beta=self.stir_levels), np.uint8)

    def _count_time(self, seen: U8, as_usual: NDArray[np.bool_], quiet: NDArray[np.bool_], dt_s: float) -> None:
        """Vote for what each cell usually shows, and count for how long nothing stirred in it."""
        step = np.float32(dt_s)
        self._votes_s += np.where(as_usual, step, -step)
        outvoted = self._votes_s < 0.0
        self._usual[outvoted] = seen[outvoted]
        self._votes_s[outvoted] = 0.0
        self._quiet_s[quiet] += step

    def _release(self, cells: NDArray[np.bool_]) -> Confirmed:
        """Take what is held in these cells of half the grid out."""
        if not cells.any():
            return Confirmed()
        chosen = enlarged(cells.astype(np.uint8), self._held_ms.shape) > 0
        chosen &= self._held_ms > 0
        if not chosen.any():
            return Confirmed()
        dwell_ms, moved_ms = np.where(chosen, self._held_ms, 0).astype(np.uint32), None
        if self._moved_ms is not None:
            moved_ms = np.where(chosen, self._moved_ms, 0).astype(np.uint32)
            dwell_ms -= moved_ms
        self._empty(chosen)
        return Confirmed(dwell_ms, moved_ms)

    def _empty(self, cells: NDArray[np.bool_]) -> None:
        self._held_ms[cells] = 0
        if self._moved_ms is not None:
            self._moved_ms[cells] = 0
            if not self._moved_ms.any():
                self._moved_ms = None

    def _welcome_back(self, scene: BackgroundModel, second: TickObservation) -> NDArray[np.bool_]:
        """Put the empty scene back where furniture has gone again; its held time is proved by that."""
        if not self._parked.any():
            return self._parked
        behind = np.asarray(cv2.convertScaleAbs(self._behind_luma), np.uint8)
        like = cv2.compare(cv2.absdiff(second.luma, behind), scene.tolerance, cv2.CMP_LE)
        back = np.asarray(cv2.bitwise_and(second.people, like), np.uint8)
        gone = _mostly(self._parked, halved(back) > 127)
        if gone.any():
            scene.replace(gone.astype(np.uint8) * 255, behind, self._behind_tint)
            self._parked &= ~gone
            self._quiet_s[gone] = 0.0
        return gone

    def _become_scene(
        self, scene: BackgroundModel, second: TickObservation, still: NDArray[np.bool_], usual: NDArray[np.bool_]
    ) -> float:
        """Take what stays into the empty scene; returns the held ms that are given up as those of ghosts."""
        longest_s, furniture_s = self._params.dwell_max_s, self._params.furniture_s
        outlasts = usual & (self._votes_s >= np.minimum(_GHOST_TIMES * scene.seen_s + _GHOST_S, longest_s))
        settled = still & ((self._quiet_s >= furniture_s) | outlasts)
        if not settled.any():
            return 0.0
        came = settled & ((scene.seen_s >= furniture_s) | self._parked) & (self._votes_s < longest_s)
        # Furniture is of one piece; cells by themselves are what a change of light left over.
        came &= cv2.morphologyEx(came.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
        ghosts = settled & ~came
        fresh = came & ~self._parked
        now = enlarged(fresh.astype(np.uint8), scene.luma.shape)
        cv2.copyTo(scene.luma.astype(np.float32), now, self._behind_luma)
        if scene.tint is not None:
            if self._behind_tint is None:
                self._behind_tint = scene.tint.copy()
            self._behind_tint[:, fresh] = scene.tint[:, fresh]
        self._parked_s[fresh] = 0.0
        self._parked = (self._parked | came) & ~ghosts
        scene.replace(settled.astype(np.uint8) * 255, second.luma, second.tint)
        scene.seen_s[settled] = 0.0
        self._quiet_s[settled] = 0.0
        return self._give_up(ghosts)

    def _age_furniture(self, here: NDArray[np.bool_], dt_s: float) -> float:
        """Hold the time of furniture too, where it is not `here` and held already, until it is too long.

        Returns the held ms that are given up as its.
        """
        if not self._parked.any():
            return 0.0
        self._parked_s[self._parked] += np.float32(dt_s)
        self.hold(enlarged((self._parked & ~here).astype(np.uint8) * 255, self._held_ms.shape), dt_s)
        over = self._parked & (self._parked_s > self._params.dwell_max_s)
        self._parked &= ~over
        return self._give_up(over)

    def _give_up(self, cells: NDArray[np.bool_]) -> float:
        if not cells.any():
            return 0.0
        chosen = enlarged(cells.astype(np.uint8), self._held_ms.shape) > 0
        given_up = float(self._held_ms[chosen].sum())
        self._empty(chosen)
        return given_up


def _mostly(places: NDArray[np.bool_], cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return of each connected place the cells, where they are most of it, together and not by chance."""
    found = np.zeros_like(places)
    together = cv2.morphologyEx((cells & places).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    if not together.any():
        return found
    count, labels = cv2.connectedComponents(places.astype(np.uint8), connectivity=8)
    for place in range(1, count):
        own = labels == place
        if 2 * np.count_nonzero(together & own) > np.count_nonzero(own):
            found |= together & own
    return found


def widened_half(mask: U8, cells: int) -> U8:
    """Return the mask, widened by `cells` of the grid, at half the grid."""
    return np.asarray(cv2.dilate(above(halved(mask), 0), _kernel(cells, mask)), np.uint8)


def _kernel(cells: int, mask: NDArray[Any]) -> U8:
    """A square of so many cells of the grid, for arrays of half the grid."""
    side = 2 * max(0, round((cells * mask.shape[1] / 320 / 2 - 1) / 2)) + 1
    return np.ones((side, side), np.uint8)
