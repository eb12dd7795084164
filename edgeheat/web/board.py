"""The board: the latest that is known of every camera, for the page to show."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from types import MappingProxyType

from edgeheat.core.events import ALL, CameraState, CameraStatus, Event, HeatImage, Progress, Snapshot
from edgeheat.redact import redact


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
    """What is known of one camera at one instant."""

    name: str
    state: CameraState = "starting"
    reason: str = ""
    """Why it is not online, in one redacted sentence; empty while online."""

    since_wall_s: float = 0.0
    """Since when it is online, or is not; Unix time, 0 while nothing was heard of it."""

    last_frame_wall_s: float = 0.0
    """Unix time of the last decoded frame, 0 before the first."""

    motion_ratio: float | None = None
    """Share of the picture in motion in the last second, 0..1; None while not online."""

    next_picture_wall_s: float | None = None
    pictures: Mapping[str, Picture] = field(default_factory=lambda: MappingProxyType({}))
    """By heat, in the order of the configuration."""


class Board:
    """Keeps the latest of every camera; events come in and views go out from any thread.

    A sink that never blocks, so it needs no queue of its own. Holds one encoded picture for each heat of each camera.
    """

    name = "board"

    def __init__(self, cameras: Sequence[str], site: str, zone: tzinfo) -> None:
        self.site = site
        self.zone = zone
        self._lock = threading.Lock()
        self._cameras = {name: CameraView(name) for name in cameras}
        self._storage_problem: str | None = None
        self._mqtt_connected: bool | None = None

    def handle(self, event: Event) -> None:
        """Remember the event; its camera must be one of the board's."""
        with self._lock:
            view = self._cameras[event.camera]
            match event:
                case CameraStatus():
                    view = _with_status(view, event)
                case Progress():
                    view = _with_progress(view, event)
                case Snapshot():
                    view = _with_snapshot(view, event)
            self._cameras[event.camera] = view

    def close(self) -> None:
        """Nothing is held that must be given back."""

    def picture_due(self, camera: str, wall_s: float) -> None:
        """Note when the camera's next pictures will be drawn."""
        with self._lock:
            self._cameras[camera] = replace(self._cameras[camera], next_picture_wall_s=wall_s)

    def storage_problem(self, problem: str | None) -> None:
        """Note why pictures cannot be written at present, in one sentence; None once they can."""
        with self._lock:
            self._storage_problem = None if problem is None else redact(problem)

    def mqtt_connected(self, up: bool) -> None:
        """Note that the broker's connection came or went; not called where MQTT is not set up."""
        with self._lock:
            self._mqtt_connected = up

    def cameras(self) -> tuple[CameraView, ...]:
        """Return every camera as it stands, in the order of the configuration."""
        with self._lock:
            return tuple(self._cameras.values())

    def picture(self, camera: str, heat: str) -> Picture | None:
        """Return the latest picture of one heat; None where there is none, or no such camera or heat."""
        with self._lock:
            view = self._cameras.get(camera)
        return None if view is None else view.pictures.get(heat)

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong beyond the cameras, one sentence each."""
        with self._lock:
            storage_problem, mqtt_connected = self._storage_problem, self._mqtt_connected
        problems = []
        if storage_problem is not None:
            problems.append(f"Pictures cannot be stored: {storage_problem}")
        if mqtt_connected is False:
            problems.append("No connection to the MQTT broker; counting goes on.")
        return tuple(problems)


def _with_status(view: CameraView, status: CameraStatus) -> CameraView:
    # The next try after a failure is no news until it succeeds: the reason must stay on the page meanwhile.
    if status.state == "starting" and view.state == "offline":
        return view
    same = (status.state == "online") == (view.state == "online") and view.since_wall_s > 0
    return replace(
        view,
        state=status.state,
        reason=redact(status.reason),
        since_wall_s=view.since_wall_s if same else status.wall_s,
        motion_ratio=view.motion_ratio if status.state == "online" else None,
    )


def _with_progress(view: CameraView, progress: Progress) -> CameraView:
    # The last progress of a dead worker may come after its camera went offline.
    ratio = progress.motion_ratio.get(ALL, view.motion_ratio) if view.state == "online" else None
    return replace(
        view,
        last_frame_wall_s=progress.last_frame_wall_s or view.last_frame_wall_s,
        motion_ratio=ratio,
    )


def _with_snapshot(view: CameraView, snapshot: Snapshot) -> CameraView:
    fresh = {heat.heat: _picture(heat, snapshot.wall_s) for heat in snapshot.heats}
    return replace(view, pictures=MappingProxyType({**view.pictures, **fresh}))


def _picture(heat: HeatImage, wall_s: float) -> Picture:
    return Picture(heat, wall_s, f'"{hashlib.sha256(heat.image).hexdigest()[:20]}"')
