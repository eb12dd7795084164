"""The contract of every sink: it takes events, one at a time, in its own thread."""

from __future__ import annotations

from typing import Protocol

from edgeheat.defs.events import Event


class Sink(Protocol):
    """Where snapshots and states go; called by one thread only, which may block in it."""

    name: str
    """A fixed word for logs and metrics: `disk`, `mqtt`, `metrics`."""

    def handle(self, event: Event) -> None:
        """Take one event; kinds that do not concern the sink are ignored.

        Raises SinkUnavailable, with the remedy, when it could not be taken; the event is not offered again.
        """
        ...

    def close(self) -> None:
        """Give back what it holds, within a second; called once, after the last event."""
        ...
