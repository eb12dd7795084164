"""The totals that the values of all metrics are read from."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, get_args

from edgeheat.defs.camera_state import CurrentState
from edgeheat.defs.events import CellRejection, FrameRejection, Progress
from edgeheat.defs.history import HistoryStatus

_OFFLINE_REASONS = ("unavailable", "ended", "stalled", "unresponsive", "crashed", "stopped")
"""The reason codes of a CameraStatus that is offline."""

_QUEUED_SINKS = ("disk", "mqtt")
"""The sinks that can drop events because they have a queue."""

PROCESSING_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Upper bounds of the histogram of processing times; a last bucket without bound follows."""

_Key = TypeVar("_Key", bound=str)
"""A label value, which an event may restrict to a Literal."""


def _zeros(*keys: str) -> dict[str, float]:
    return dict.fromkeys(keys, 0.0)


@dataclass(slots=True)
class Totals:
    """What was counted of one camera or floor plan since the daemon started, and its current state.

    Every label value that can occur is present at 0 from the start, so that rate() sees the first increase.
    """

    state: CurrentState
    frames: dict[str, float] = field(default_factory=lambda: _zeros("analysed", "skipped", "late", "damaged"))
    reconnects: dict[str, float] = field(default_factory=lambda: _zeros(*_OFFLINE_REASONS))
    """By reason code: how often it went, or stayed, offline."""

    processing: list[int] = field(default_factory=lambda: [0] * (len(PROCESSING_BUCKETS_S) + 1))
    """Frames by bucket of processing time, not cumulative."""

    processing_s: float = 0.0
    """Sum of the processing times."""

    observed_s: float = 0.0
    motion_s: dict[str, float] = field(default_factory=dict)
    cell_seconds: dict[str, float] = field(default_factory=dict)
    dwell_cell_s: dict[str, float] = field(default_factory=dict)
    active_s: dict[str, float] = field(default_factory=dict)
    entries: dict[str, float] = field(default_factory=dict)
    rejected_s: dict[str, float] = field(default_factory=lambda: _zeros(*get_args(FrameRejection)))
    rejected_cell_s: dict[str, float] = field(default_factory=lambda: _zeros(*get_args(CellRejection)))
    renders: dict[str, float] = field(default_factory=lambda: _zeros("ok", "failed"))
    """Pictures by whether they could be written."""

    checkpoint_wall_s: float = 0.0

    def add_zones(self, zones: Iterable[str]) -> None:
        """Let the zones' series start at 0; those that have started are kept."""
        increments = _zeros(*zones)
        for by_zone in (self.motion_s, self.cell_seconds, self.dwell_cell_s, self.active_s, self.entries):
            add_to(by_zone, increments)

    def add(self, progress: Progress) -> None:
        """Add the increments of one progress."""
        self.frames["analysed"] += progress.frames_analysed
        self.frames["skipped"] += progress.frames_skipped
        self.frames["late"] += progress.frames_late
        self.frames["damaged"] += progress.frames_damaged
        self.observed_s += progress.observed_s
        for step_s in progress.step_s:
            self.processing[bisect_left(PROCESSING_BUCKETS_S, step_s)] += 1
            self.processing_s += step_s
        add_to(self.motion_s, progress.motion_s)
        add_to(self.cell_seconds, progress.cell_seconds)
        add_to(self.dwell_cell_s, progress.dwell_cell_s)
        add_to(self.active_s, progress.active_s)
        add_to(self.entries, progress.entries)
        add_to(self.rejected_s, progress.rejected_s)
        add_to(self.rejected_cell_s, progress.rejected_cell_s)


def add_to(totals: dict[str, float], increments: Mapping[_Key, float]) -> None:
    """Add each increment to the total of its key, which starts at 0."""
    for key, amount in increments.items():
        totals[key] = totals.get(key, 0.0) + amount


@dataclass(slots=True)
class MetricValues:
    """Everything that the metrics are read from."""

    build: tuple[str, ...]
    """Versions of edgeheat, OpenCV, PyAV and Python."""

    totals: dict[str, Totals] = field(default_factory=dict)
    """By camera or floor plan."""

    is_open: bool = True
    """Whether the shop is open."""

    mqtt_connected: bool = False
    mqtt_dropped: int = 0
    storage_bytes: int = 0
    history: HistoryStatus = field(default_factory=HistoryStatus)
    dropped_events: dict[str, float] = field(default_factory=lambda: _zeros(*_QUEUED_SINKS))
    """By sink."""
