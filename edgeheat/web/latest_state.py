"""Keeps what the status page shows: latest state and pictures of all cameras and floor plans, and current problems."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from types import MappingProxyType
from typing import Final, Literal

from edgeheat.defs.camera_state import CurrentState, apply_event
from edgeheat.defs.events import Event, HeatImage, Progress, ReportWritten, Snapshot
from edgeheat.defs.history import HistoryStatus
from edgeheat.defs.hours import OpeningHours
from edgeheat.redact import redact
from edgeheat.web.rejections import RejectionHistory, RejectionSummary

Stored = Literal["pictures", "heats", "history", "rollups", "earlier history"]
"""What is written to the storage folder."""

_NOT_STORED: Final[dict[Stored, str]] = {
    "pictures": "Pictures cannot be stored",
    "heats": "Heat data cannot be saved and would be lost in a power cut",
    "history": "History cannot be stored and waits in memory",
    "rollups": "History is stored, but not summed up",
    "earlier history": "Earlier history is lost, and a new one was started",
}
"""The page's text for each kind of data that cannot be written."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The latest picture of one heat."""

    heat: HeatImage
    wall_s: float
    """When it was drawn, Unix time in seconds."""

    etag: str
    """HTTP entity tag of the image, including its quotation marks."""


@dataclass(frozen=True, slots=True)
class CameraView:
    """Everything that the page shows of one camera or floor plan, at one instant."""

    current: CurrentState
    next_picture_wall_s: float | None = None
    """When its next pictures will be drawn, Unix time in seconds; None if they are not scheduled yet."""

    pictures: Mapping[str, Picture] = field(default_factory=lambda: MappingProxyType({}))
    """By heat, in the order of the configuration."""


class LatestState:
    """Receives events, and returns what the page shows; thread-safe.

    A sink that never blocks, so it needs no queue. Holds one encoded picture for each heat of each camera.
    """

    name = "page"

    def __init__(
        self,
        cameras: Sequence[str],
        site: str,
        timezone: tzinfo,
        plans: Sequence[str] = (),
        hours: OpeningHours | None = None,
    ) -> None:
        self.site = site
        self.timezone = timezone
        self.hours = hours
        """The shop's opening hours; None where it is always open."""
        self._lock = threading.Lock()
        self._views = {name: CameraView(CurrentState(name)) for name in cameras}
        self._views |= {name: CameraView(CurrentState(name, is_plan=True)) for name in plans}
        self._rejections = {name: RejectionHistory() for name in cameras}
        self._storage_problems: dict[Stored, str] = {}
        self._history: HistoryStatus | None = None
        self._mqtt_connected: bool | None = None

    def handle(self, event: Event) -> None:
        """Record the event; raises KeyError if its camera or floor plan was not given to the constructor."""
        if isinstance(event, ReportWritten):
            return
        with self._lock:
            view = self._views[event.camera]
            view = replace(view, current=apply_event(view.current, event))
            if isinstance(event, Snapshot):
                drawn = {heat.heat: _picture(heat, event.wall_s) for heat in event.heats}
                view = replace(view, pictures=MappingProxyType({**view.pictures, **drawn}))
            elif isinstance(event, Progress):
                self._rejections[event.camera].add(event)
            self._views[event.camera] = view

    def close(self) -> None:
        """There is nothing to release."""

    def set_next_picture_time(self, camera: str, wall_s: float) -> None:
        """Record when the camera's next pictures will be drawn, Unix time in seconds."""
        with self._lock:
            self._views[camera] = replace(self._views[camera], next_picture_wall_s=wall_s)

    def set_storage_problem(self, what: Stored, problem: str | None) -> None:
        """Record why something cannot be written now, in one sentence; None once it can."""
        with self._lock:
            self._storage_problems.pop(what, None)
            if problem is not None:
                self._storage_problems[what] = redact(problem)

    def set_history(self, status: HistoryStatus) -> None:
        """Record how storing the history goes."""
        self.set_storage_problem("history", status.problem)
        self.set_storage_problem("rollups", status.rollup_problem)
        self.set_storage_problem("earlier history", status.damaged)
        with self._lock:
            self._history = status

    def history(self) -> HistoryStatus | None:
        """Return how storing the history goes; None where it is disabled."""
        with self._lock:
            return self._history

    def set_mqtt_connected(self, connected: bool) -> None:
        """Record that the broker's connection came up or was lost; not called where MQTT is disabled."""
        with self._lock:
            self._mqtt_connected = connected

    def cameras(self) -> tuple[CameraView, ...]:
        """Return every camera, in the order of the configuration."""
        with self._lock:
            return tuple(view for view in self._views.values() if not view.current.is_plan)

    def plans(self) -> tuple[CameraView, ...]:
        """Return every floor plan, in the order of the configuration."""
        with self._lock:
            return tuple(view for view in self._views.values() if view.current.is_plan)

    def rejections(self, camera: str, now_wall_s: float) -> RejectionSummary:
        """Return what was rejected of a camera's frames in the hour before `now_wall_s`, Unix time in seconds."""
        with self._lock:
            return self._rejections[camera].summary(now_wall_s)

    def picture(self, camera: str, heat: str) -> Picture | None:
        """Return the latest picture of one heat; None if there is no such picture, camera, floor plan or heat."""
        with self._lock:
            view = self._views.get(camera)
        return None if view is None else view.pictures.get(heat)

    def problems(self) -> tuple[str, ...]:
        """Return the current problems that do not belong to one camera, one sentence each."""
        with self._lock:
            storage_problems, mqtt_connected = dict(self._storage_problems), self._mqtt_connected
        problems = [f"{_NOT_STORED[what]}: {problem}" for what, problem in storage_problems.items()]
        if mqtt_connected is False:
            problems.append("No connection to the MQTT broker; counting continues.")
        return tuple(problems)


def _picture(heat: HeatImage, wall_s: float) -> Picture:
    return Picture(heat, wall_s, f'"{hashlib.sha256(heat.image).hexdigest()[:20]}"')
