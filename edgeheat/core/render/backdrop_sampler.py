"""Chooses the frames from which the backdrop is made: converting one to colour costs more than evaluating it."""

from __future__ import annotations

from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.core.render.backdrop import Backdrop

_EVERY_S = 10.0
"""How often a frame is converted."""

_BOOTSTRAP_PICTURES = 5
"""How many are converted during the bootstrap."""


class BackdropSampler:
    """Keeps one camera's backdrop up to date."""

    def __init__(self, size_wh: SizeWH, blackout: U8 | None, bootstrap_s: float) -> None:
        """`size_wh`: of the backdrop. `blackout`: its pixels that are private, 255 or 0; None: none."""
        self.size_wh = size_wh
        self._blackout = blackout
        self._bootstrap_s = bootstrap_s
        self._backdrop = Backdrop()
        self._next_s = -float("inf")

    def capture(self, frame: Frame, *, bootstrapping: bool) -> U8 | None:
        """Return a frame in colour, BGR uint8, owned by the caller, if one is due; else None."""
        if frame.mono_s < self._next_s:
            return None
        self._next_s = frame.mono_s + (self._bootstrap_s / _BOOTSTRAP_PICTURES if bootstrapping else _EVERY_S)
        picture = frame.colour(self.size_wh)
        if self._blackout is not None:
            picture[self._blackout > 0] = 0
        return picture

    def add(self, picture: U8, occupied: U8) -> None:
        """Take in what `capture` gave, owned from here on; `occupied`: the grid's cells with people, 255 or 0."""
        self._backdrop.sample(picture, occupied)

    def reject(self, mono_s: float) -> None:
        """Note that what `capture` gave cannot be used; without any backdrop the next frame is tried."""
        if self._backdrop.picture() is None:
            # Heats of an earlier run must not lie on black for long.
            self._next_s = mono_s

    def picture(self) -> U8 | None:
        """Return the backdrop, BGR uint8, owned by this object; None before it is known."""
        return self._backdrop.picture()

    def restart(self) -> None:
        """Forget the backdrop: the camera shows another place."""
        self._backdrop = Backdrop()
