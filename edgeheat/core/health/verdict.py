"""Decides whether a camera's picture can be trusted: the health verdict, with a sentence that says what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.masks import dilated
from edgeheat.core.health.hysteresis import Hysteresis
from edgeheat.core.health.similarity import make_thumbnail, shared_signal
from edgeheat.core.health.tampering import TamperDetector
from edgeheat.defs.events import HealthVerdict

# How each value was measured: docs/design/health.md.

_MAX_UPDATE_STEP_S = 3.0
"""Longest time that one update counts for: nothing is known of a longer time between two."""

_MIN_MONITORED_S = 5.0
"""Observed seconds before which there is a verdict only if something is wrong."""

_BLACK_BRIGHTEST_LEVEL = 32
"""Grey levels: in a black picture the brightest 5 % of the cells are darker than this."""

_BLACK_MAX_SPREAD = 16
"""Grey levels: in a black picture the darkest and the brightest 5 % of the cells differ by less than this."""

_PLAIN_SIGNAL_LEVELS = 3.0
"""A picture is plain if what it shares with the previous one varies by less than this many grey levels."""

_PLAIN_CORRELATION = 0.25
"""A picture is also plain if it correlates with the previous one by less than this."""

_NOISE_LEVELS = 4.0
"""Plain pictures consist of noise if they differ from one another by at least this number of grey levels on average."""

_FROZEN_CELLS_RATIO = 0.005
"""Fraction of the cells that may change in a frozen picture: a clock that is not known as text keeps running."""

_TEXT_MARGIN_CELLS = 17
"""Within a square this wide around the camera's clock the encoder repeats the picture slightly differently."""

_ACCEPTED_MOVE_S = 86400.0
"""Time for which the verdict stays `moved` after a move was accepted, as a reminder that the zones do not fit."""

_REASONS = {
    "dark": "The picture is black: switch on a light, remove a cap from the lens, or have the sensor checked.",
    "noise": "The picture is nothing but noise: check the light, the camera's cable and its sensor.",
    "plain": "The picture is of one colour all over: check for something on the lens, or restart the camera.",
    "covered": "The lens is covered: remove what is in front of it.",
    "frozen": "The picture is frozen, it has not changed for half a minute: restart the camera.",
    "blurred": "The picture is out of focus: clean the lens and focus it.",
    "turned_away": "The camera shows a different place than before: turn it back, or redraw its zones.",
}
"""Explanations for users: what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a camera's picture at one instant."""

    verdict: HealthVerdict
    reason: str
    """One sentence that says what is wrong and what to do; empty where the verdict is ok."""

    shift_cells: tuple[float, float] | None = None
    """With `moved`: how far the picture has moved to the right and down, in cells of the grid; None where it shows
    another place altogether."""


class HealthMonitor:
    """Keeps the health verdict of one camera. Not thread-safe.

    Reference: Ribnick et al. 2006, Saglam and Temizel 2009 (camera tampering); the rules for black, plain and frozen
    pictures are described in docs/design/health.md.
    """

    def __init__(self) -> None:
        self._dark = Hysteresis(4.0, 3.0)
        self._plain = Hysteresis(4.0, 3.0)
        self._frozen = Hysteresis(30.0, 2.0)
        self._tampering = TamperDetector()
        self._plain_reason = ""
        self._observed_s = 0.0
        self._last_s: float | None = None
        self._previous: U8 | None = None
        """Thumbnail of the previous picture."""
        self._frozen_grid: U8 | None = None
        """The picture at its last change."""
        self._changed: U8 | None = None
        """Not 0 in cells that have differed from `_frozen_grid` since."""
        self._accepted_move: tuple[float, tuple[float, float] | None] | None = None
        """When the last move was accepted, and its shift."""

    def update(
        self, grid: U8, background: U8 | None, people: U8 | None, mono_s: float, text: U8 | None = None
    ) -> Health | None:
        """Examine one picture and return the current verdict; None while too little time was observed for one.

        `grid`: the picture, uint8 (height, width), any size; copied. `background`: the scene without people, of the
        same shape, or None while it is not known. `people`: 255 where people are now, else 0, same shape, or None.
        `text`: 255 where the camera writes its clock, else 0, same shape, or None; it runs on in a frozen picture.
        To be called about once a second; `mono_s` must not decrease.
        """
        step_s = 0.0 if self._last_s is None else min(_MAX_UPDATE_STEP_S, max(0.0, mono_s - self._last_s))
        self._last_s = mono_s
        self._observed_s += step_s
        self._frozen.update(self._is_unchanged(grid, people, text), step_s)
        thumbnail = make_thumbnail(grid)
        same_shape = self._previous is not None and self._previous.shape == thumbnail.shape
        previous = self._previous if self._previous is not None and same_shape else thumbnail
        self._previous = thumbnail
        dark = _is_black(thumbnail)
        levels, correlation = shared_signal(thumbnail, previous)
        plain = not dark and (levels < _PLAIN_SIGNAL_LEVELS or correlation < _PLAIN_CORRELATION)
        if plain and not self._plain.active:
            self._plain_reason = _REASONS["noise" if _is_noisy(thumbnail, previous) else "plain"]
        self._dark.update(dark, step_s)
        self._plain.update(plain, step_s)
        if not dark and not plain:
            self._tampering.update(grid, background, people, mono_s)
        return self._verdict(mono_s, grid.shape[1])

    @property
    def move_detected(self) -> bool:
        """Whether the camera was moved and `accept_move` was not called since."""
        return self._tampering.shifted.active or self._tampering.turned_away.active

    def accept_move(self, mono_s: float) -> None:
        """Accept the new view as correct: the next background passed to `update` becomes the reference.

        Pass None as background until the new one is known. The verdict stays `moved` for a day or until
        `clear_moved`, except while a more severe one applies.
        """
        self._accepted_move = (mono_s, self._tampering.shift_cells if self._tampering.shifted.active else None)
        self._tampering.reset()

    def forget_view(self) -> None:
        """Take the next background as the reference, because the picture has another resolution.

        Pass None as background until the new one is known.
        """
        self._tampering.reset()

    def clear_moved(self) -> None:
        """End the verdict that an accepted move left behind: a person has checked the zones."""
        self._accepted_move = None

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what must outlive the process: the reference picture and the last accepted move."""
        reference = self._tampering.reference
        moved = np.zeros(0)
        if self._accepted_move is not None:
            at_s, shift_cells = self._accepted_move
            moved = np.array([at_s, *(shift_cells or (math.nan, math.nan))])
        return {"reference": np.zeros((0, 0), np.uint8) if reference is None else reference, "moved": moved}

    def restore(self, state: Mapping[str, NDArray[Any]], shift_s: float) -> None:
        """Continue from what `state` returned, with `shift_s` added to its times; call it before the first `update`.

        Raises ValueError where it is not such a state, and then changes nothing.
        """
        reference, moved = state.get("reference"), state.get("moved")
        if reference is None or moved is None:
            raise ValueError("camera health: expected a reference and the last move")
        if moved.dtype != np.float64 or moved.shape not in ((0,), (3,)) or not np.isfinite(moved[:1]).all():
            raise ValueError(f"camera health: expected the last move as 0 or 3 numbers, got {moved.dtype} {moved}")
        if reference.size:
            try:
                self._tampering.restore_reference(reference)
            except ValueError as error:
                raise ValueError(f"camera health: {error}") from error
        if moved.size:
            shift_cells = (float(moved[1]), float(moved[2])) if np.isfinite(moved).all() else None
            self._accepted_move = (float(moved[0]) + shift_s, shift_cells)

    def _is_unchanged(self, grid: U8, people: U8 | None, text: U8 | None) -> bool:
        """Whether hardly a cell, and none under people, has differed since the picture last changed."""
        if self._frozen_grid is not None and self._changed is not None and self._frozen_grid.shape == grid.shape:
            cv2.bitwise_or(self._changed, cv2.absdiff(grid, self._frozen_grid), self._changed)
            if text is not None:
                self._changed[dilated(text, _TEXT_MARGIN_CELLS) > 0] = 0
            count = cv2.countNonZero(self._changed)
            under_people = people is not None and count > 0 and bool(np.any(self._changed[people > 0]))
            if count <= _FROZEN_CELLS_RATIO * grid.size and not under_people:
                return True
        self._frozen_grid, self._changed = grid.copy(), np.zeros_like(grid)
        return False

    def _verdict(self, mono_s: float, grid_width: int) -> Health | None:
        """The most severe state: first what hides everything, then what invalidates zones, then what blurs the heat."""
        tampering = self._tampering
        if self._accepted_move is not None and mono_s - self._accepted_move[0] >= _ACCEPTED_MOVE_S:
            self._accepted_move = None
        if self.move_detected:
            moved = _moved_health(tampering.shift_cells if tampering.shifted.active else None, grid_width)
        else:
            moved = _moved_health(self._accepted_move[1] if self._accepted_move is not None else None, grid_width)
        by_severity = (
            (self._dark.active, Health("dark", _REASONS["dark"])),
            (self._plain.active, Health("covered", self._plain_reason)),
            (tampering.covered.active, Health("covered", _REASONS["covered"])),
            (self._frozen.active, Health("frozen", _REASONS["frozen"])),
            (self.move_detected, moved),
            (tampering.blurred.active, Health("blurred", _REASONS["blurred"])),
            (self._accepted_move is not None, moved),
            (self._observed_s >= _MIN_MONITORED_S, Health("ok", "")),
        )
        return next((health for active, health in by_severity if active), None)


def _moved_health(shift_cells: tuple[float, float] | None, grid_width: int) -> Health:
    if shift_cells is None:
        return Health("moved", _REASONS["turned_away"])
    percent = 100 * math.hypot(*shift_cells) / grid_width
    reason = f"The camera was moved by {percent:.1f} % of the picture's width: turn it back, or redraw its zones."
    return Health("moved", reason, shift_cells)


def _is_black(thumbnail: U8) -> bool:
    below = np.cumsum(cv2.calcHist([thumbnail], [0], None, [256], [0, 256])) / thumbnail.size
    darkest, brightest = (int(np.searchsorted(below, ratio)) for ratio in (0.05, 0.95))
    return brightest < _BLACK_BRIGHTEST_LEVEL and brightest - darkest < _BLACK_MAX_SPREAD


def _is_noisy(current: U8, previous: U8) -> bool:
    """Whether two pictures that share no signal still differ from one another."""
    return cv2.norm(current, previous, cv2.NORM_L1) / current.size >= _NOISE_LEVELS
