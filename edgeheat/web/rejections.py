"""Sums up by reason what was rejected instead of counted in the last hour, for the status page."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from edgeheat.defs.events import ALL, CellRejection, FrameRejection, Progress

_PERIOD_S = 3600.0
"""The summary covers the last hour."""

_BUCKET_S = 60.0
"""The hour is kept in buckets of one minute, so a summary covers up to one minute less."""

_Reason = TypeVar("_Reason", bound=str)


@dataclass(frozen=True, slots=True)
class RejectionSummary:
    """What was rejected of one camera's frames in the last hour; reasons that did not occur are absent."""

    frames_s: Mapping[FrameRejection, float]
    """By reason: seconds of whole frames."""

    cells_ratio: Mapping[CellRejection, float]
    """By reason: fraction, 0..1, of all cell-seconds that differed from the background."""


@dataclass(slots=True)
class _MinuteBucket:
    start_s: float
    frames_s: dict[FrameRejection, float] = field(default_factory=dict)
    cells_s: dict[CellRejection, float] = field(default_factory=dict)
    counted_cells_s: float = 0.0


class RejectionHistory:
    """Sums one camera's progress by minutes and keeps the last hour; not thread-safe."""

    def __init__(self) -> None:
        self._buckets: deque[_MinuteBucket] = deque()

    def add(self, progress: Progress) -> None:
        """Add the increments of `progress`."""
        start_s = progress.wall_s // _BUCKET_S * _BUCKET_S
        self._remove_outdated(start_s)
        if not self._buckets or self._buckets[-1].start_s != start_s:
            self._buckets.append(_MinuteBucket(start_s))
        current = self._buckets[-1]
        _add(current.frames_s, progress.rejected_s)
        _add(current.cells_s, progress.rejected_cell_s)
        current.counted_cells_s += progress.cell_seconds.get(ALL, 0.0) + progress.dwell_cell_s.get(ALL, 0.0)

    def summary(self, now_wall_s: float) -> RejectionSummary:
        """Return what was rejected in the hour before `now_wall_s`, Unix time in seconds."""
        self._remove_outdated(now_wall_s)
        frames_s: dict[FrameRejection, float] = {}
        cells_s: dict[CellRejection, float] = {}
        for bucket in self._buckets:
            _add(frames_s, bucket.frames_s)
            _add(cells_s, bucket.cells_s)
        foreground_s = sum(cells_s.values()) + sum(bucket.counted_cells_s for bucket in self._buckets)
        return RejectionSummary(
            {reason: seconds for reason, seconds in frames_s.items() if seconds > 0},
            {reason: seconds / foreground_s for reason, seconds in cells_s.items() if seconds > 0},
        )

    def _remove_outdated(self, now_wall_s: float) -> None:
        """Remove buckets that are too old, and those in the future after the clock was set back."""
        while self._buckets and self._buckets[0].start_s <= now_wall_s - _PERIOD_S:
            self._buckets.popleft()
        while self._buckets and self._buckets[-1].start_s > now_wall_s:
            self._buckets.pop()


def _add(totals: dict[_Reason, float], increments: Mapping[_Reason, float]) -> None:
    for reason, seconds in increments.items():
        totals[reason] = totals.get(reason, 0.0) + seconds
