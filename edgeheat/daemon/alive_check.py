"""Checks once a minute that a camera which is not read now is still there: its port answers, or its device exists."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from edgeheat.daemon.port_probe import connection_problem, host_and_port

_ALIVE_INTERVAL_S = 60.0
"""Pause between two checks."""


class AliveCheck:
    """Checks a camera at once and then every minute, in a thread of its own, until it is stopped.

    `on_change` gets the problem in one sentence, or an empty text, whenever it differs from the one before; at first
    there is none. Recordings and synthetic cameras are not checked.
    """

    def __init__(self, url: str, on_change: Callable[[AliveCheck, str], None]) -> None:
        self._url = url
        self._on_change = on_change
        self._stop = threading.Event()
        threading.Thread(target=self._run, name="alive-check", daemon=True).start()

    def stop(self) -> None:
        """Stop checking; a call of `on_change` may still be in progress."""
        self._stop.set()

    def _run(self) -> None:
        known = ""
        while not self._stop.is_set():
            problem = alive_problem(self._url)
            if problem != known:
                known = problem
                self._on_change(self, problem)
            self._stop.wait(_ALIVE_INTERVAL_S)


def alive_problem(url: str) -> str:
    """Return why a camera cannot be reached now, in one sentence without passwords; empty if it can."""
    if (address := host_and_port(url)) is not None:
        problem = connection_problem(address)
        host, port = address
        return f"{host}:{port}: {problem}: check that the camera is on and reachable from here" if problem else ""
    device = urlsplit(url).path if url.startswith("usb:") else url
    if device.startswith("/dev/") and not Path(device).exists():
        return f"{device}: no such device: check the camera's cable"
    return ""
