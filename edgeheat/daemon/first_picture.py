"""Requests a picture of restored heats as soon as their camera counts again, without waiting for the schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgeheat.daemon.listener import CameraListener
from edgeheat.daemon.messages import Message, ProgressReport
from edgeheat.defs.commands import Command, TakeSnapshot


class FirstPicture(CameraListener):
    """One snapshot for each camera whose heats were restored from disk; none after a worker's restart."""

    def __init__(self, send: Callable[[str, Command], None], restored: Iterable[str]) -> None:
        """`restored` are the cameras that have heats of earlier runs."""
        self._send = send
        self._waiting = set(restored)

    def on_message(self, camera: str, message: Message) -> None:
        """Request the picture once the camera has observed something."""
        if camera in self._waiting and isinstance(message, ProgressReport) and message.progress.observed_s > 0:
            self._waiting.discard(camera)
            self._send(camera, TakeSnapshot())
