"""Requests the complete state of each camera's worker at a fixed interval, so that the checkpoints stay recent."""

from __future__ import annotations

from collections.abc import Callable

from edgeheat.daemon.camera_listener import CameraListener
from edgeheat.defs.clock import Clock
from edgeheat.defs.commands import Command, SaveState


class StateSaveRequester(CameraListener):
    """Sends SaveState to every running worker each `interval_s` seconds, counted from the worker's start."""

    def __init__(self, send: Callable[[str, Command], None], interval_s: float, clock: Clock) -> None:
        self._send = send
        self._interval_s = interval_s
        self._clock = clock
        self._due_s: dict[str, float] = {}
        """For each camera with a worker, when its state is due on the monotonic clock."""

    def on_starting(self, camera: str) -> None:
        """Start counting the interval."""
        self._due_s[camera] = self._clock.monotonic() + self._interval_s

    def on_offline(self, camera: str, reason_code: str, reason: str) -> None:
        """A camera without a worker has no state to send."""
        self._due_s.pop(camera, None)

    def on_closed(self, camera: str) -> None:
        """Nor has one that is not read."""
        self._due_s.pop(camera, None)

    def on_cycle(self) -> None:
        """Request the state of the first worker that is due."""
        now_s = self._clock.monotonic()
        for camera, due_s in self._due_s.items():
            if now_s >= due_s:
                self._due_s[camera] = now_s + self._interval_s
                self._send(camera, SaveState())
                # One per cycle: each state that arrives is held in memory beside the one it replaces.
                return
