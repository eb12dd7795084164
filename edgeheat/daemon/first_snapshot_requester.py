"""Requests a snapshot of heats restored from disk as soon as their camera is observed, ahead of the schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edgeheat.daemon.camera_listener import CameraListener
from edgeheat.daemon.messages import Message, ProgressReport
from edgeheat.defs.commands import Command, TakeSnapshot


class FirstSnapshotRequester(CameraListener):
    """Requests one snapshot per camera whose heats were restored from disk; a restart of its worker requests none."""

    def __init__(self, send: Callable[[str, Command], None], restored: Iterable[str]) -> None:
        """`restored` are the cameras that have heats of earlier runs."""
        self._send = send
        self._waiting = set(restored)

    def on_message(self, camera: str, message: Message) -> None:
        """Request the snapshot at the first progress with observed time."""
        if camera in self._waiting and isinstance(message, ProgressReport) and message.progress.observed_s > 0:
            self._waiting.discard(camera)
            self._send(camera, TakeSnapshot())
