"""Notifies systemd that the daemon is ready, alive or stopping, and reads the watchdog's period, as in sd_notify(3)."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

_log = logging.getLogger(__name__)

_SEND_TIMEOUT_S = 1.0
"""How long one notification may block if systemd does not read its socket."""


class SystemdNotifier:
    """Sends each notification as one datagram; does nothing if the process was not started by systemd."""

    def __init__(self, address: str | None) -> None:
        """`address` is the value of NOTIFY_SOCKET: a path, or `@name` for an abstract socket; None if it is not set."""
        self._address = "\0" + address[1:] if address and address.startswith("@") else address

    def ready(self) -> None:
        """Report that startup is complete; cameras may still be offline."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Report that shutdown has begun, so that systemd waits for TimeoutStopSec before it kills."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """Report progress; call it more often than every `watchdog_period_s`."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(_SEND_TIMEOUT_S)
                channel.sendto(message.encode(), self._address)
        except OSError as error:
            # A service manager that does not listen must not stop the counting.
            _log.warning("notification %s to systemd failed: %s", message.partition("=")[0], error)


def watchdog_period_s(environ: Mapping[str, str]) -> float | None:
    """Return after how many seconds without a notification systemd kills this process; None if it does not.

    Read from WATCHDOG_USEC. WATCHDOG_PID names the process: children inherit the variables, but only the parent counts.
    """
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or int(microseconds) == 0:
        return None
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 1e6
