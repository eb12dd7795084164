"""Detects that an offline camera's port accepts connections again, so that the restart delay can be cut short."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

_PROBE_INTERVAL_S = 2.0
"""Pause between two attempts to connect."""

_PROBE_TIMEOUT_S = 2.0
"""The port of a camera that does not accept a connection within this time counts as closed."""

# The port of a URL that names none, by scheme.
_DEFAULT_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}


def host_and_port(url: str) -> tuple[str, int] | None:
    """Return the address of a network camera's URL; None for other sources."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def connection_problem(address: tuple[str, int]) -> str:
    """Try to connect; return why that is not possible, in the system's words, or an empty text if it is."""
    try:
        with socket.create_connection(address, _PROBE_TIMEOUT_S):
            return ""
    except OSError as error:
        return error.strerror or str(error)


class PortProbe:
    """Tries a TCP port every two seconds and calls `on_open` once, when the port opens after it was closed.

    The port of a camera that is up but fails (wrong password, no video) was never closed, so its restart delay holds.
    """

    def __init__(self, address: tuple[str, int], on_open: Callable[[PortProbe], None]) -> None:
        self._address = address
        self._on_open = on_open
        self._stop = threading.Event()
        self.seen_closed = False
        """Whether the port was closed at least once."""

        self._thread = threading.Thread(target=self._run, name="port-probe", daemon=True)
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait until the probe has ended; return whether it has. For tests."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Stop trying; a call of `on_open` may still be in progress."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            if not connection_problem(self._address):
                if self.seen_closed:
                    self._on_open(self)
                return
            self.seen_closed = True
            self._stop.wait(_PROBE_INTERVAL_S)
