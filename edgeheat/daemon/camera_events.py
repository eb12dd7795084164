"""Publishes what the cameras' processes report as events for the sinks: states, health, progress and snapshots."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edgeheat.daemon.listener import CameraListener
from edgeheat.daemon.messages import Message, ProgressReport, SnapshotTaken
from edgeheat.defs.clock import Clock
from edgeheat.defs.events import CameraHealth, CameraStatus, Event, HealthVerdict, Progress

_log = logging.getLogger(__name__)


class CameraEvents(CameraListener):
    """A camera's health is published when it changes, and again each time the camera comes online."""

    def __init__(self, emit: Callable[[Event], None], clock: Clock) -> None:
        self._emit = emit
        self._clock = clock
        self._health: dict[str, HealthVerdict | None] = {}
        """The verdict published last, for each camera that is online; None before the first."""

    def on_online(self, camera: str) -> None:
        """Publish the state."""
        self._health[camera] = None
        self._emit(CameraStatus(camera, "online", "", "ok", self._clock.wall()))

    def on_message(self, camera: str, message: Message) -> None:
        """Publish progress, a change of health, and snapshots."""
        match message:
            case ProgressReport(progress, _, _):
                self._update_health(progress)
                self._emit(progress)
            case SnapshotTaken(snapshot, _):
                self._emit(snapshot)

    def on_offline(self, camera: str, reason_code: str, reason: str) -> None:
        """Publish the state."""
        self._health.pop(camera, None)
        self._emit(CameraStatus(camera, "offline", reason, reason_code, self._clock.wall()))

    def on_stopped(self, camera: str) -> None:
        """Publish the last state."""
        self._emit(CameraStatus(camera, "offline", "edgeheat was stopped", "stopped", self._clock.wall()))

    def _update_health(self, progress: Progress) -> None:
        camera, verdict = progress.camera, progress.health
        if camera not in self._health or verdict is None or verdict == self._health[camera]:
            return
        if verdict != "ok":
            _log.warning("%s: %s", camera, progress.health_reason)
        elif self._health[camera] is not None:
            _log.info("%s: the picture is ok again", camera)
        self._health[camera] = verdict
        self._emit(CameraHealth(camera, verdict, progress.health_reason, progress.wall_s))
