"""The exceptions of edgeheat: the class determines how the caller reacts, the message says what the user must fix."""

from __future__ import annotations

OPENCV_REMEDY = "apt install libgl1 libglib2.0-0 libxcb1"
"""Command that installs the shared libraries that OpenCV needs; a Debian without a desktop lacks them."""


class EdgeheatError(Exception):
    """Base of all exceptions that edgeheat raises deliberately; the message is one line that a user can act on."""


class ConfigError(EdgeheatError):
    """The configuration cannot be used; nothing may start until the user corrects it.

    `errors` holds one line per error: where it is, what is wrong, and how to correct it.
    """

    def __init__(self, errors: list[str]) -> None:
        self.errors = errors
        super().__init__("\n".join(errors))


class StartupError(EdgeheatError):
    """edgeheat cannot start on this machine as it is now; no camera was started and nothing was counted."""


class SourceUnavailable(EdgeheatError):
    """The camera or file cannot be opened or read; retry a live camera later."""


class SourceEnded(EdgeheatError):
    """The stream was running and stopped; retry a live camera at once."""


class SinkUnavailable(EdgeheatError):
    """A sink could not take an event; the other sinks and the counting continue."""


class StoreError(EdgeheatError):
    """A file of the storage directory cannot be read or written."""


class StoreDamaged(StoreError):
    """A file of the storage directory is damaged: set it aside and start a new one."""


class HistoryError(EdgeheatError):
    """History cannot answer a question: it has nothing of the period, or not what was asked for."""
