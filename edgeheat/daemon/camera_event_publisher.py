"""Turns what the cameras' processes report into events for the sinks: states, health, progress and snapshots."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edgeheat.daemon.camera_listener import CameraListener
from edgeheat.daemon.messages import Message, ProgressReport, SnapshotTaken
from edgeheat.defs.clock import Clock
from edgeheat.defs.events import CameraHealth, CameraState, CameraStatus, Event, HealthVerdict, Progress

_log = logging.getLogger(__name__)


class CameraEventPublisher(CameraListener):
    """Publishes every state, progress and snapshot; health when it changes, and each time the camera comes online."""

    def __init__(self, publish: Callable[[Event], None], clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        self._health: dict[str, HealthVerdict | None] = {}
        """By camera that is online: the verdict that was published last; None before the first."""

    def on_online(self, camera: str) -> None:
        """Publish that the camera is online."""
        self._health[camera] = None
        self._publish_status(camera, "online", reason="", reason_code="ok")

    def on_message(self, camera: str, message: Message) -> None:
        """Publish progress, a change of health, and snapshots."""
        match message:
            case ProgressReport(progress, _, _):
                self._publish_health_change(progress)
                self._publish(progress)
            case SnapshotTaken(snapshot, _):
                self._publish(snapshot)

    def on_offline(self, camera: str, reason_code: str, reason: str) -> None:
        """Publish that the camera is offline, and why."""
        self._health.pop(camera, None)
        self._publish_status(camera, "offline", reason=reason, reason_code=reason_code)

    def on_closed(self, camera: str) -> None:
        """Publish that the camera is not read because the shop is closed."""
        self._health.pop(camera, None)
        self._publish_status(camera, "closed", reason="", reason_code="closed")

    def on_stopped(self, camera: str) -> None:
        """Publish that edgeheat stops."""
        self._publish_status(camera, "offline", reason="edgeheat was stopped", reason_code="stopped")

    def _publish_status(self, camera: str, state: CameraState, *, reason: str, reason_code: str) -> None:
        wall_s = self._clock.wall()
        self._publish(CameraStatus(camera=camera, state=state, reason=reason, reason_code=reason_code, wall_s=wall_s))

    def _publish_health_change(self, progress: Progress) -> None:
        camera, verdict = progress.camera, progress.health
        if camera not in self._health or verdict is None or verdict == self._health[camera]:
            return
        if verdict != "ok":
            _log.warning("%s: %s", camera, progress.health_reason)
        elif self._health[camera] is not None:
            _log.info("%s: the picture is ok again", camera)
        self._health[camera] = verdict
        self._publish(CameraHealth(camera, verdict, progress.health_reason, progress.wall_s))
