"""The interface of a sink: an output that handles events one at a time."""

from __future__ import annotations

from typing import Protocol

from edgeheat.defs.events import Event


class Sink(Protocol):
    """An output for events; called by one thread at a time, which it may block."""

    name: str
    """A fixed word for logs and metrics: `disk`, `mqtt`, `metrics`."""

    def handle(self, event: Event) -> None:
        """Process one event; kinds that the sink does not need are ignored.

        Raises SinkUnavailable, with the remedy, if it could not be processed; the event is not offered again.
        """
        ...

    def close(self) -> None:
        """Release everything it holds, within about a second; called once, after the last event."""
        ...
