"""The exceptions of edgeheat: the class tells the caller how to react, the message tells the user what to fix."""

from __future__ import annotations

OPENCV_REMEDY = "apt install libgl1 libglib2.0-0 libxcb1"
"""Installs the shared libraries that OpenCV's wheels need, on x86 and ARM; a Debian without a desktop lacks them."""


class EdgeheatError(Exception):
    """Base of all exceptions that edgeheat raises deliberately; the message is one line that a user can act on."""


class ConfigError(EdgeheatError):
    """The configuration is invalid; nothing may start until the user has corrected it.

    `faults` holds one line for each error: where it is, what is wrong, what would be valid.
    """

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class StartupError(EdgeheatError):
    """edgeheat cannot start on this machine as it is now; nothing was started."""


class SourceUnavailable(EdgeheatError):
    """The camera or file cannot be opened or read; retry a live camera later."""


class SourceEnded(EdgeheatError):
    """The stream was running and stopped; retry a live camera at once."""


class SinkUnavailable(EdgeheatError):
    """A sink could not take an event; the other sinks and the counting continue."""


class StoreError(EdgeheatError):
    """A file of the storage directory cannot be read or written."""
