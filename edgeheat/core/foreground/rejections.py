"""Adds up what was detected and not counted, by reason, until it is reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgeheat.defs.events import CellRejection, FrameRejection


@dataclass(frozen=True, slots=True)
class RejectedTime:
    """What was not counted in some period, by reason; reasons without any are not in it."""

    frames_s: Mapping[FrameRejection, float] = field(default_factory=dict)
    """Seconds of whole frames; they are not observed either."""

    cells_s: Mapping[CellRejection, float] = field(default_factory=dict)
    """Seconds summed over cells, of the cells in which heat counts."""


class Rejections:
    """The sums of one camera since they were last taken."""

    def __init__(self) -> None:
        self._frames_s: dict[FrameRejection, float] = {}
        self._cells_s: dict[CellRejection, float] = {}

    def add_frame(self, reason: FrameRejection, dt_s: float) -> None:
        """Add a whole frame that stands for `dt_s` seconds."""
        self._frames_s[reason] = self._frames_s.get(reason, 0.0) + dt_s

    def add_cells(self, reason: CellRejection, cell_s: float) -> None:
        """Add seconds summed over cells; 0 adds no reason."""
        if cell_s > 0.0:
            self._cells_s[reason] = self._cells_s.get(reason, 0.0) + cell_s

    def take(self) -> RejectedTime:
        """Return the sums since this was last called, and start again from nothing."""
        taken = RejectedTime(self._frames_s, self._cells_s)
        self._frames_s, self._cells_s = {}, {}
        return taken
