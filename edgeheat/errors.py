"""The errors of edgeheat: the kind says what the caller should do, the message says what the user should do."""

from __future__ import annotations


class EdgeheatError(Exception):
    """Base of everything edgeheat raises on purpose; the message is one line that a user can act on."""


class ConfigError(EdgeheatError):
    """The configuration cannot be used; nothing may start until the user mends it.

    `faults` holds one line per fault: where, what is wrong, what would be right.
    """

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class SourceUnavailable(EdgeheatError):
    """The camera or file cannot be opened or read; a live camera is worth another try later."""


class SourceEnded(EdgeheatError):
    """The stream was running and stopped; a live camera is worth another try at once."""


class SinkUnavailable(EdgeheatError):
    """A sink could not take an event; the other sinks and the counting go on."""


class StoreError(EdgeheatError):
    """A file of the storage directory cannot be read or written."""
