"""Sees a camera's port come back, so that a long backoff need not be waited out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

_EVERY_S = 2.0
_CONNECT_TIMEOUT_S = 2.0
_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


def host_and_port(url: str) -> tuple[str, int] | None:
    """Return where a network camera listens; None for other sources."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


class PortProbe:
    """Tries a TCP port every two seconds and calls `on_open` once when it opens after it was seen closed.

    A camera that is up but refuses (wrong password, no video) never was closed, so it is not asked more often
    than its backoff says.
    """

    def __init__(self, address: tuple[str, int], on_open: Callable[[PortProbe], None]) -> None:
        self._address = address
        self._on_open = on_open
        self._stop = threading.Event()
        self.seen_closed = False
        """Whether the port was closed at least once."""
        threading.Thread(target=self._run, name="knock", daemon=True).start()

    def stop(self) -> None:
        """Stop trying; `on_open` may still be under way."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            is_open = self._is_open()
            if is_open:
                if self.seen_closed:
                    self._on_open(self)
                return
            self.seen_closed = True
            self._stop.wait(_EVERY_S)

    def _is_open(self) -> bool:
        try:
            with socket.create_connection(self._address, _CONNECT_TIMEOUT_S):
                return True
        except OSError:
            return False
