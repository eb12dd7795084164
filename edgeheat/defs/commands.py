"""The commands that the parent sends to a camera's worker process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Draw all heats now; answered with SnapshotTaken."""


@dataclass(frozen=True, slots=True)
class SaveState:
    """Send the complete state; answered with StateSaved."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Discard the learned or counted data that is True, at least one of the three. Answered with ResetDone."""

    flicker: bool
    """Relearn which cells the flicker mask excludes."""

    moved: bool
    """Accept the current view as the reference: the camera was moved and its zones were checked."""

    heat: bool
    """Clear all heats."""

    def __or__(self, other: Reset) -> Reset:
        """Return a reset of everything that either of the two resets."""
        return Reset(self.flicker or other.flicker, self.moved or other.moved, self.heat or other.heat)

    def __str__(self) -> str:
        """Name what is reset, to follow "reset of": "flicker mask, reference view"."""
        parts = {"flicker mask": self.flicker, "reference view": self.moved, "heats": self.heat}
        return ", ".join(name for name, included in parts.items() if included)


@dataclass(frozen=True, slots=True)
class Stop:
    """Count the buffered frames, send the final snapshot and state, and exit."""


Command = TakeSnapshot | SaveState | Reset | Stop
