"""Says whether a camera's picture can be trusted: frozen, dark, covered, out of focus, or of another place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8
from edgeheat.core.health.hysteresis import Hysteresis
from edgeheat.core.health.similarity import shared, to_glance
from edgeheat.core.health.tampering import TamperDetector
from edgeheat.defs.events import HealthVerdict

# Where each figure comes from: docs/design/health.md.
_LONGEST_STEP_S = 3.0
"""Looks farther apart count as this far: nothing is known of the time between."""

_FIRST_VERDICT_S = 5.0
_BLACK_BELOW, _BLACK_SPREAD = 32, 16
"""Grey levels: the picture's brightest twentieth, and its distance from the darkest twentieth."""

_PLAIN_SPREAD, _PLAIN_CORRELATION, _NOISE_LEVELS = 3.0, 0.25, 4.0
_STILL_RATIO = 0.005
"""So many cells may differ and the picture still be frozen: the camera's own clock goes on."""

_MOVED_STANDS_S = 86400.0

_REASONS = {
    "dark": "The picture is black: switch on a light, look for a cap on the lens, or have the sensor checked.",
    "noise": "The picture is nothing but noise: check the light, the camera's cable and its sensor.",
    "plain": "The picture is of one colour all over: look for something on the lens, or restart the camera.",
    "covered": "The lens is covered: look for something in front of it.",
    "frozen": "The picture has stopped, it has not changed for half a minute: restart the camera.",
    "blurred": "The picture is out of focus: clean the lens and focus it.",
    "elsewhere": "The camera looks at another place than before: turn it back, or draw its zones anew.",
}


@dataclass(frozen=True, slots=True)
class Health:
    """What is to be said of the picture now."""

    verdict: HealthVerdict
    reason: str
    """One sentence that says what to do; empty where the verdict is ok."""

    shift_cells: tuple[float, float] | None = None
    """With `moved`: how far the picture has moved to the right and down, in cells of the grid; None where it shows
    another place altogether."""


class HealthMonitor:
    """The verdict on one camera's picture. Not thread-safe."""

    def __init__(self) -> None:
        self._dark = Hysteresis(4.0, 3.0)
        self._plain = Hysteresis(4.0, 3.0)
        self._frozen = Hysteresis(30.0, 2.0)
        self._view = TamperDetector()
        self._plain_reason = ""
        self._watched_s = 0.0
        self._last_s: float | None = None
        self._before: U8 | None = None
        self._still_since: U8 | None = None
        """The picture when it last changed."""
        self._changed: U8 | None = None
        """Not 0 where it has differed from that since."""
        self._moved: tuple[float, tuple[float, float] | None] | None = None
        """When the last move was accepted, and how far it went."""

    def look(self, grid: U8, scene: U8 | None, people: U8 | None, mono_s: float) -> Health | None:
        """Look at the picture; returns the verdict that holds, None while it was watched too briefly to tell.

        `grid`: the picture, uint8 (height, width), any size; copied. `scene`: the empty scene, of the same shape, or
        None while it is not known. `people`: 255 where people are now, else 0, same shape, or None. Meant to be called
        about once a second; `mono_s` must not fall.
        """
        step_s = 0.0 if self._last_s is None else min(_LONGEST_STEP_S, max(0.0, mono_s - self._last_s))
        self._last_s = mono_s
        self._watched_s += step_s
        self._frozen.update(self._is_still(grid, people), step_s)
        glance = to_glance(grid)
        before = self._before if self._before is not None and self._before.shape == glance.shape else glance
        self._before = glance
        dark = _is_black(glance)
        levels, correlation = shared(glance, before)
        plain = not dark and (levels < _PLAIN_SPREAD or correlation < _PLAIN_CORRELATION)
        if plain and not self._plain.active:
            self._plain_reason = _REASONS["noise" if _is_noisy(glance, before) else "plain"]
        self._dark.update(dark, step_s)
        self._plain.update(plain, step_s)
        if not dark and not plain:
            self._view.look(grid, scene, people, mono_s)
        return self._verdict(mono_s, grid.shape[1])

    @property
    def move_pending(self) -> bool:
        """Whether a move is seen that `accepted_move` was not called for."""
        return self._view.shifted.active or self._view.elsewhere.active

    def accepted_move(self, mono_s: float) -> None:
        """Measure from the new scene on: the first that a later `look` is given, so give None until it is known.

        The verdict stays `moved` for a day or until `clear_moved`, unless something worse is to be said.
        """
        self._moved = (mono_s, self._view.shift_cells if self._view.shifted.active else None)
        self._view.forget()

    def clear_moved(self) -> None:
        """Take back the verdict that an accepted move left: somebody has looked after the zones."""
        self._moved = None

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what must outlive the process: the scene that is compared with, and the last accepted move."""
        reference = self._view.reference()
        moved = np.zeros(0)
        if self._moved is not None:
            at_s, shift_cells = self._moved
            moved = np.array([at_s, *(shift_cells or (math.nan, math.nan))])
        return {"reference": np.zeros((0, 0), np.uint8) if reference is None else reference, "moved": moved}

    def restore(self, state: dict[str, NDArray[Any]], shift_s: float) -> None:
        """Take up what `state` gave, `shift_s` added to its times; call it before the first look.

        Raises ValueError where it is not such a state; nothing was taken up then.
        """
        reference, moved = state.get("reference"), state.get("moved")
        if reference is None or moved is None:
            raise ValueError("camera health: expected a reference and the last move")
        if moved.dtype != np.float64 or moved.shape not in ((0,), (3,)) or not np.isfinite(moved[:1]).all():
            raise ValueError(f"camera health: expected the last move as 0 or 3 numbers, got {moved.dtype} {moved}")
        if reference.size:
            try:
                self._view.set_reference(reference)
            except ValueError as error:
                raise ValueError(f"camera health: {error}") from error
        if moved.size:
            shift_cells = (float(moved[1]), float(moved[2])) if np.isfinite(moved).all() else None
            self._moved = (float(moved[0]) + shift_s, shift_cells)

    def _is_still(self, grid: U8, people: U8 | None) -> bool:
        """Whether the picture is the same, cell by cell, as when it last changed."""
        if self._still_since is not None and self._changed is not None and self._still_since.shape == grid.shape:
            cv2.bitwise_or(self._changed, cv2.absdiff(grid, self._still_since), self._changed)
            count = cv2.countNonZero(self._changed)
            somebody = people is not None and count > 0 and bool(np.any(self._changed[people > 0]))
            if count <= _STILL_RATIO * grid.size and not somebody:
                return True
        self._still_since, self._changed = grid.copy(), np.zeros_like(grid)
        return False

    def _verdict(self, mono_s: float, grid_width: int) -> Health | None:
        """The worst comes first: what hides all else, then what makes zones wrong, then what makes heat vague."""
        view = self._view
        if self._moved is not None and mono_s - self._moved[0] >= _MOVED_STANDS_S:
            self._moved = None
        if view.shifted.active or view.elsewhere.active:
            moved = _moved_by(view.shift_cells if view.shifted.active else None, grid_width)
        else:
            moved = _moved_by(self._moved[1] if self._moved is not None else None, grid_width)
        held = (
            (self._dark.active, Health("dark", _REASONS["dark"])),
            (self._plain.active, Health("covered", self._plain_reason)),
            (view.covered.active, Health("covered", _REASONS["covered"])),
            (self._frozen.active, Health("frozen", _REASONS["frozen"])),
            (self.move_pending, moved),
            (view.blurred.active, Health("blurred", _REASONS["blurred"])),
            (self._moved is not None, moved),
            (self._watched_s >= _FIRST_VERDICT_S, Health("ok", "")),
        )
        return next((health for active, health in held if active), None)


def _moved_by(shift_cells: tuple[float, float] | None, grid_width: int) -> Health:
    if shift_cells is None:
        return Health("moved", _REASONS["elsewhere"])
    percent = 100 * math.hypot(*shift_cells) / grid_width
    reason = f"The camera was moved by {percent:.1f} % of the picture's width: turn it back, or draw its zones anew."
    return Health("moved", reason, shift_cells)


def _is_black(glance: U8) -> bool:
    below = np.cumsum(cv2.calcHist([glance], [0], None, [256], [0, 256])) / glance.size
    darkest, brightest = (int(np.searchsorted(below, share)) for share in (0.05, 0.95))
    return brightest < _BLACK_BELOW and brightest - darkest < _BLACK_SPREAD


def _is_noisy(now: U8, before: U8) -> bool:
    """Whether two looks that share nothing differ from one another all the same."""
    return cv2.norm(now, before, cv2.NORM_L1) / now.size >= _NOISE_LEVELS
