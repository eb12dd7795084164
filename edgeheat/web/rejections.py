"""What was seen and not counted in the last hour, by reason."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from edgeheat.defs.events import ALL, CellRejection, FrameRejection, Progress

_HOUR_S = 3600.0
_MINUTE_S = 60.0

_Reason = TypeVar("_Reason", bound=str)


@dataclass(frozen=True, slots=True)
class RejectionSummary:
    """The sums of one camera's last hour; reasons for which nothing was left out are not in them."""

    frames_s: Mapping[FrameRejection, float]
    """By reason: seconds of whole frames."""

    cells_ratio: Mapping[CellRejection, float]
    """By reason: share, 0..1, of all cell-seconds that differed from the empty scene."""


@dataclass(slots=True)
class _Minute:
    start_s: float
    frames_s: dict[FrameRejection, float] = field(default_factory=dict)
    cells_s: dict[CellRejection, float] = field(default_factory=dict)
    counted_cells_s: float = 0.0


class RejectionHistory:
    """Sums one camera's progress by minutes, of which it keeps an hour; not safe for several threads."""

    def __init__(self) -> None:
        self._minutes: deque[_Minute] = deque()

    def add(self, progress: Progress) -> None:
        """Count what `progress` brought."""
        start_s = progress.wall_s // _MINUTE_S * _MINUTE_S
        self._forget(start_s)
        if not self._minutes or self._minutes[-1].start_s != start_s:
            self._minutes.append(_Minute(start_s))
        minute = self._minutes[-1]
        _add(minute.frames_s, progress.rejected_s)
        _add(minute.cells_s, progress.rejected_cell_s)
        minute.counted_cells_s += progress.cell_seconds.get(ALL, 0.0) + progress.dwell_cell_s.get(ALL, 0.0)

    def sums(self, now_wall_s: float) -> RejectionSummary:
        """Return what was left out in the hour before `now_wall_s`, Unix time."""
        self._forget(now_wall_s)
        frames_s: dict[FrameRejection, float] = {}
        cells_s: dict[CellRejection, float] = {}
        for minute in self._minutes:
            _add(frames_s, minute.frames_s)
            _add(cells_s, minute.cells_s)
        differed_s = sum(cells_s.values()) + sum(minute.counted_cells_s for minute in self._minutes)
        return RejectionSummary(
            {reason: seconds for reason, seconds in frames_s.items() if seconds > 0},
            {reason: seconds / differed_s for reason, seconds in cells_s.items() if seconds > 0},
        )

    def _forget(self, now_wall_s: float) -> None:
        """Forget minutes that are too old, and those that lie ahead since the clock was set back."""
        while self._minutes and self._minutes[0].start_s <= now_wall_s - _HOUR_S:
            self._minutes.popleft()
        while self._minutes and self._minutes[-1].start_s > now_wall_s:
            self._minutes.pop()


def _add(sums: dict[_Reason, float], more: Mapping[_Reason, float]) -> None:
    for reason, seconds in more.items():
        sums[reason] = sums.get(reason, 0.0) + seconds
