"""Sends reset requests to the workers once these are online, and to the next worker if one ends unconfirmed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edgeheat.daemon.camera_listener import CameraListener
from edgeheat.daemon.messages import Message, ResetDone
from edgeheat.defs.commands import Command, Reset

_log = logging.getLogger(__name__)


class ResetDispatcher(CameraListener):
    """Keeps one pending reset per camera until a worker confirms it; if a worker dies before, the next one gets it."""

    def __init__(self, send: Callable[[str, Command], None]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._pending: dict[str, Reset] = {}
        self._online: set[str] = set()

    def request(self, camera: str, reset: Reset) -> None:
        """Reset a camera as soon as it is online, together with what is pending already; callable from any thread."""
        with self._lock:
            pending = self._pending.get(camera)
            self._pending[camera] = reset if pending is None else pending | reset
            if camera in self._online:
                self._send(camera, self._pending[camera])

    def on_online(self, camera: str) -> None:
        """Send the camera's pending reset."""
        with self._lock:
            self._online.add(camera)
            if camera in self._pending:
                self._send(camera, self._pending[camera])

    def on_offline(self, camera: str, reason_code: str, reason: str) -> None:
        """Keep the camera's pending reset for its next worker."""
        with self._lock:
            self._online.discard(camera)

    def on_closed(self, camera: str) -> None:
        """The same while the shop is closed."""
        with self._lock:
            self._online.discard(camera)

    def on_message(self, camera: str, message: Message) -> None:
        """Remove a reset that was confirmed."""
        if isinstance(message, ResetDone):
            with self._lock:
                # They differ if more was requested meanwhile; the worker confirms that separately.
                if self._pending.get(camera) == message.reset:
                    del self._pending[camera]

    def on_stopped(self, camera: str) -> None:
        """Log a reset that was not carried out."""
        with self._lock:
            self._online.discard(camera)
            reset = self._pending.pop(camera, None)
        if reset is not None:
            _log.warning("%s: reset of %s was not carried out before shutdown; send it again", camera, reset)
