"""The errors of edgeheat: the kind says what the caller should do, the message says what the user should do."""

from __future__ import annotations


class EdgeheatError(Exception):
    """Base of everything edgeheat raises on purpose; the message is one line that a user can act on."""


class ConfigError(EdgeheatError):
    """The configuration cannot be used; nothing may start until the user corrects it.

    `errors` holds one line per error: where it is, what is wrong, what would be right.
    """

    def __init__(self, errors: list[str]) -> None:
        self.errors = errors
        super().__init__("\n".join(errors))


class SourceUnavailable(EdgeheatError):
    """The camera or file cannot be opened or read; a live camera is worth another try later."""


class SourceEnded(EdgeheatError):
    """The stream was running and stopped; a live camera is worth another try at once."""


class SinkUnavailable(EdgeheatError):
    """A sink could not take an event; the other sinks and the counting go on."""


class StoreError(EdgeheatError):
    """A file of the storage directory cannot be read or written."""
