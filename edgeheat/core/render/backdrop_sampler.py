"""Keeps a camera's backdrop up to date from few frames: converting one to colour costs more than analysing it."""

from __future__ import annotations

from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.core.grid.letterbox import fitted_colour
from edgeheat.core.render.backdrop import Backdrop

_SAMPLE_INTERVAL_S = 10.0
"""Time between two frames that are converted to colour."""

_BOOTSTRAP_PICTURES = 5
"""Number of frames that are converted during the bootstrap."""


class BackdropSampler:
    """One camera's backdrop, made of a frame every ten seconds, and of more during the bootstrap."""

    def __init__(self, size_wh: SizeWH, privacy_mask: U8 | None, bootstrap_s: float) -> None:
        """`size_wh`: of the backdrop. `privacy_mask`: its private pixels, 255 or 0; None if there are none."""
        self.size_wh = size_wh
        self._privacy_mask = privacy_mask
        self._bootstrap_s = bootstrap_s
        self._backdrop = Backdrop()
        self._next_s = -float("inf")

    def convert_if_due(self, frame: Frame, *, bootstrapping: bool) -> U8 | None:
        """Return a frame in colour, BGR uint8, owned by the caller, if one is due; else None."""
        if frame.mono_s < self._next_s:
            return None
        self._next_s = frame.mono_s + (self._bootstrap_s / _BOOTSTRAP_PICTURES if bootstrapping else _SAMPLE_INTERVAL_S)
        picture = fitted_colour(frame, self.size_wh)
        if self._privacy_mask is not None:
            picture[self._privacy_mask > 0] = 0
        return picture

    def add(self, picture: U8, occupied: U8) -> None:
        """Add a picture from `convert_if_due`, owned from here on; `occupied`: cells with people, 255 or 0."""
        self._backdrop.add(picture, occupied)

    def discard(self, mono_s: float) -> None:
        """Do not use the picture that `convert_if_due` returned; if there is no backdrop yet, the next frame is due."""
        if self._backdrop.picture() is None:
            # Without a backdrop, heats are drawn on black.
            self._next_s = mono_s

    def picture(self) -> U8 | None:
        """Return the backdrop, BGR uint8, owned by this object; None before it is known."""
        return self._backdrop.picture()

    @property
    def is_complete(self) -> bool | None:
        """Whether every place was seen without people; None before the backdrop is known."""
        return self._backdrop.is_complete

    def restart(self) -> None:
        """Forget the backdrop, because the camera shows another place."""
        self._backdrop = Backdrop()
