"""The board: the latest that is known of every camera, for the page to show."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from types import MappingProxyType
from typing import Final, Literal

from edgeheat.defs.events import (
    ALL,
    CameraHealth,
    CameraState,
    CameraStatus,
    Event,
    HealthVerdict,
    HeatImage,
    PlanArea,
    Progress,
    Snapshot,
)
from edgeheat.redact import redact
from edgeheat.web.rejections import RejectionHistory, RejectionSummary

Stored = Literal["pictures", "heats"]
_NOT_STORED: Final[dict[Stored, str]] = {
    "pictures": "Pictures cannot be stored",
    "heats": "Heats cannot be saved, and a power cut would lose them",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """One heat's latest picture."""

    heat: HeatImage
    wall_s: float
    """When it was drawn, Unix time in seconds."""

    etag: str
    """Names these very bytes, quotation marks included."""


@dataclass(frozen=True, slots=True)
class CameraView:
    """What is known of one camera, or of one floor plan, at one instant."""

    name: str
    is_plan: bool = False
    state: CameraState = "starting"
    reason: str = ""
    """Why it is not online, in one redacted sentence; empty while online."""

    since_wall_s: float = 0.0
    """Since when it is online, or is not; Unix time, 0 while nothing was heard of it."""

    last_frame_wall_s: float = 0.0
    """Unix time of the last decoded frame, 0 before the first."""

    motion_ratio: float | None = None
    """Share of the picture in motion in the last observed second, 0..1; None while not online or not counted."""

    masked_ratio: float = 0.0
    """Share of the picture that the flicker mask leaves out, 0..1."""

    health: HealthVerdict | None = None
    """The verdict on its picture; None while not online."""

    health_reason: str = ""
    """Why, and what to do, in one redacted sentence; empty where it is ok."""

    health_since_wall_s: float = 0.0
    next_picture_wall_s: float | None = None
    pictures: Mapping[str, Picture] = field(default_factory=lambda: MappingProxyType({}))
    """By heat, in the order of the configuration."""

    plan: PlanArea | None = None
    """Of a plan; None before its first picture."""


class LatestState:
    """Keeps the latest of every camera and floor plan; events come in and views go out from any thread.

    A sink that never blocks, so it needs no queue of its own. Holds one encoded picture for each heat of each camera.
    """

    name = "board"

    def __init__(self, cameras: Sequence[str], site: str, timezone: tzinfo, plans: Sequence[str] = ()) -> None:
        self.site = site
        self.timezone = timezone
        self._lock = threading.Lock()
        self._cameras = {name: CameraView(name) for name in cameras}
        self._cameras |= {name: CameraView(name, is_plan=True) for name in plans}
        self._last_hours = {name: RejectionHistory() for name in cameras}
        self._storage_problems: dict[Stored, str] = {}
        self._mqtt_connected: bool | None = None

    def handle(self, event: Event) -> None:
        """Remember the event; its camera or plan must be one of the board's."""
        with self._lock:
            view = self._cameras[event.camera]
            match event:
                case CameraStatus():
                    view = _with_status(view, event)
                case CameraHealth():
                    view = _with_health(view, event)
                case Progress():
                    view = _with_progress(view, event)
                    self._last_hours[event.camera].add(event)
                case Snapshot():
                    view = _with_snapshot(view, event)
            self._cameras[event.camera] = view

    def close(self) -> None:
        """Nothing is held that must be given back."""

    def picture_due(self, camera: str, wall_s: float) -> None:
        """Note when the camera's next pictures will be drawn."""
        with self._lock:
            self._cameras[camera] = replace(self._cameras[camera], next_picture_wall_s=wall_s)

    def storage_problem(self, what: Stored, problem: str | None) -> None:
        """Note why pictures or heats cannot be written at present, in one sentence; None once they can."""
        with self._lock:
            self._storage_problems.pop(what, None)
            if problem is not None:
                self._storage_problems[what] = redact(problem)

    def mqtt_connected(self, up: bool) -> None:
        """Note that the broker's connection came or went; not called where MQTT is not set up."""
        with self._lock:
            self._mqtt_connected = up

    def cameras(self) -> tuple[CameraView, ...]:
        """Return every camera as it stands, in the order of the configuration."""
        with self._lock:
            return tuple(view for view in self._cameras.values() if not view.is_plan)

    def plans(self) -> tuple[CameraView, ...]:
        """Return every floor plan as it stands, in the order of the configuration."""
        with self._lock:
            return tuple(view for view in self._cameras.values() if view.is_plan)

    def left_out(self, camera: str, now_wall_s: float) -> RejectionSummary:
        """Return what was seen by one of the board's cameras and not counted in the hour before `now_wall_s`."""
        with self._lock:
            return self._last_hours[camera].sums(now_wall_s)

    def picture(self, camera: str, heat: str) -> Picture | None:
        """Return the latest picture of one heat; None where there is none, or no such camera, plan or heat."""
        with self._lock:
            view = self._cameras.get(camera)
        return None if view is None else view.pictures.get(heat)

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong beyond the cameras, one sentence each."""
        with self._lock:
            storage_problems, mqtt_connected = dict(self._storage_problems), self._mqtt_connected
        problems = [f"{_NOT_STORED[what]}: {problem}" for what, problem in storage_problems.items()]
        if mqtt_connected is False:
            problems.append("No connection to the MQTT broker; counting goes on.")
        return tuple(problems)


def _with_status(view: CameraView, status: CameraStatus) -> CameraView:
    # The next try after a failure is no news until it succeeds: the reason must stay on the page meanwhile.
    if status.state == "starting" and view.state == "offline":
        return view
    if status.state != "online":
        # What is wrong with a picture that nobody sees is not known.
        view = replace(view, motion_ratio=None, health=None, health_reason="", health_since_wall_s=0.0)
    same = (status.state == "online") == (view.state == "online") and view.since_wall_s > 0
    return replace(
        view,
        state=status.state,
        reason=redact(status.reason),
        since_wall_s=view.since_wall_s if same else status.wall_s,
    )


def _with_health(view: CameraView, health: CameraHealth) -> CameraView:
    return replace(view, health=health.verdict, health_reason=redact(health.reason), health_since_wall_s=health.wall_s)


def _with_progress(view: CameraView, progress: Progress) -> CameraView:
    # The last progress of a dead worker may come after its camera went offline.
    known = view.state == "online" and not progress.only_rejected
    ratio = progress.motion_ratio.get(ALL, view.motion_ratio) if known else None
    return replace(
        view,
        last_frame_wall_s=progress.last_frame_wall_s or view.last_frame_wall_s,
        motion_ratio=ratio,
        masked_ratio=progress.masked_ratio,
    )


def _with_snapshot(view: CameraView, snapshot: Snapshot) -> CameraView:
    fresh = {heat.heat: _picture(heat, snapshot.wall_s) for heat in snapshot.heats}
    return replace(view, pictures=MappingProxyType({**view.pictures, **fresh}), plan=snapshot.plan)


def _picture(heat: HeatImage, wall_s: float) -> Picture:
    return Picture(heat, wall_s, f'"{hashlib.sha256(heat.image).hexdigest()[:20]}"')
