"""Requests the last pictures of the day from cameras that are still read when the shop closes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgeheat.daemon.camera_listener import CameraListener
from edgeheat.defs.commands import Command, TakeSnapshot


class ClosingSnapshotRequester(CameraListener):
    """Requests one snapshot of each camera at closing time; where cameras are paused then, their processes draw it."""

    def __init__(
        self, send: Callable[[str, Command], None], cameras: Sequence[str], is_open: Callable[[], bool]
    ) -> None:
        self._send = send
        self._cameras = cameras
        self._is_open = is_open
        self._was_open = is_open()

    def on_cycle(self) -> None:
        """Request the snapshots if the shop has closed since the last cycle."""
        is_open = self._is_open()
        if self._was_open and not is_open:
            for camera in self._cameras:
                self._send(camera, TakeSnapshot())
        self._was_open = is_open
