"""Hands every event to every sink; each has its own bounded queue and thread, so a slow disk never delays MQTT."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence

from edgeheat.defs.events import Event, Progress
from edgeheat.errors import SinkUnavailable
from edgeheat.redact import redact
from edgeheat.sinks.base import Sink

_log = logging.getLogger(__name__)

_WAITING_EVENTS = 16
"""A snapshot holds its pictures, about a megabyte: a disk that hangs must not fill the memory."""


OnDropped = Callable[[str, int], None]
"""Called with a sink's name and how many events it lost."""

OnTrouble = Callable[[str, str | None], None]
"""Called with a sink's name and what is wrong with it, or None when it works again."""


class SinkRunner:
    """One sink in its own thread. When its queue is full the oldest event is dropped and counted."""

    def __init__(self, sink: Sink, on_dropped: OnDropped, on_trouble: OnTrouble) -> None:
        self._sink = sink
        self._on_dropped = on_dropped
        self._on_trouble = on_trouble
        self._waiting: queue.Queue[Event | None] = queue.Queue(_WAITING_EVENTS)
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=f"sink-{sink.name}", daemon=True)
        self._thread.start()

    def offer(self, event: Event | None) -> None:
        """Put one event in the queue without ever waiting; None ends the thread after what is queued."""
        while True:
            try:
                self._waiting.put_nowait(event)
                return
            except queue.Full:
                try:
                    self._waiting.get_nowait()
                except queue.Empty:
                    continue
                self._on_dropped(self._sink.name, 1)

    def close(self, timeout_s: float) -> None:
        """Let the sink take what is queued, close it, and give up after `timeout_s`."""
        self.offer(None)
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            _log.warning(
                "%s: did not finish in %.0f s; what was still queued for it is lost", self._sink.name, timeout_s
            )

    def _run(self) -> None:
        while (event := self._waiting.get()) is not None:
            self._handle(event)
        self._sink.close()

    def _handle(self, event: Event) -> None:
        try:
            self._sink.handle(event)
        except SinkUnavailable as error:
            self._state(failing=True, text=str(error))
        except Exception as error:  # noqa: BLE001 the thread's edge: a fault in one sink must not end it for years
            _log.exception("%s: unexpected fault", self._sink.name)
            self._state(failing=True, text=redact(f"unexpected {type(error).__name__}: {error}"))
        else:
            self._state(failing=False, text="works again")

    def _state(self, *, failing: bool, text: str) -> None:
        """Log a change of state once; a full disk would else fill the journal too."""
        if failing != self._failing:
            self._failing = failing
            self._on_trouble(self._sink.name, text if failing else None)
            _log.log(logging.WARNING if failing else logging.INFO, "%s: %s", self._sink.name, text)


class Hub:
    """`direct` sinks (metrics, page) take events at once and never block; `queued` ones in their own threads."""

    def __init__(
        self, direct: Sequence[Sink], queued: Sequence[Sink], on_dropped: OnDropped, on_trouble: OnTrouble
    ) -> None:
        self._direct = direct
        self._faulty: set[str] = set()
        """Direct sinks whose last event failed; each is logged once, for progress comes every second."""
        self._runners = [SinkRunner(sink, on_dropped, on_trouble) for sink in queued]

    def publish(self, event: Event) -> None:
        """Hand over one event; called by the supervisor's thread, and for floor plans by their keeper's.

        Progress, one a second from each camera, is for the direct sinks alone: it would push pictures out of a queue.
        """
        for sink in self._direct:
            try:
                sink.handle(event)
                self._faulty.discard(sink.name)
            except Exception:  # noqa: BLE001 a fault in a figure must not end the counting
                if sink.name not in self._faulty:
                    _log.exception("%s: unexpected fault", sink.name)
                self._faulty.add(sink.name)
        if isinstance(event, Progress):
            return
        for runner in self._runners:
            runner.offer(event)

    def close(self, timeout_s: float) -> None:
        """Let every sink finish; all of them share `timeout_s`, since they finish side by side."""
        closers = [threading.Thread(target=runner.close, args=(timeout_s,)) for runner in self._runners]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()
        for sink in self._direct:
            sink.close()
