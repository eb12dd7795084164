"""Tells systemd how the daemon fares: ready, alive, stopping, and one line of status for `systemctl status`."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

_log = logging.getLogger(__name__)

_SEND_TIMEOUT_S = 1.0


class Notifier:
    """Sends one datagram a message, after sd_notify(3); a process that systemd did not start has no one to tell."""

    def __init__(self, address: str | None) -> None:
        """`address` is the value of NOTIFY_SOCKET: a path, or `@name` for an abstract socket; None does nothing."""
        self._address = "\0" + address[1:] if address and address.startswith("@") else address

    def ready(self) -> None:
        """Say that configuration and storage are up; cameras may still be silent."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Say that the end has begun, so that systemd waits for TimeoutStopSec before it kills."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """Say that the daemon makes progress; call it more often than `watchdog_period_s` says."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Show `text` in `systemctl status`; its line breaks become spaces, for each line is a message of its own."""
        self._send("STATUS=" + " ".join(text.split()))

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(_SEND_TIMEOUT_S)
                channel.sendto(message.encode(), self._address)
        except OSError as error:
            # A service manager that does not listen must not stop the counting.
            _log.warning("systemd did not take %s: %s", message.partition("=")[0], error)


def watchdog_period_s(environ: Mapping[str, str]) -> float | None:
    """Seconds of silence after which systemd kills this process (WATCHDOG_USEC), or None where it does not watch.

    WATCHDOG_PID names the process meant: children inherit the variables, but only the parent is watched.
    """
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 1e6
