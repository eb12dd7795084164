"""Passes events to the sinks: at once to those that never block, through a queue and a thread each to all others."""

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

_MAX_QUEUED_EVENTS = 16
"""Size of each sink's queue: a snapshot holds its pictures, about 1 MB, and a hanging disk must not fill the memory."""

OnDropped = Callable[[str, int], None]
"""Called with a sink's name and how many events it lost."""

OnProblem = Callable[[str, str | None], None]
"""Called when a sink starts to fail, with its name and the error in one sentence; with None when it works again."""


class SinkRunner:
    """Runs one sink in its own thread; when its queue is full, the oldest event is dropped and counted."""

    def __init__(self, sink: Sink, on_dropped: OnDropped, on_problem: OnProblem) -> None:
        self._sink = sink
        self._on_dropped = on_dropped
        self._on_problem = on_problem
        self._queue: queue.Queue[Event | None] = queue.Queue(_MAX_QUEUED_EVENTS)
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=f"sink-{sink.name}", daemon=True)
        self._thread.start()

    def offer(self, event: Event | None) -> None:
        """Queue one event without waiting; None ends the thread after the queued events."""
        while True:
            try:
                self._queue.put_nowait(event)
                return
            except queue.Full:
                try:
                    self._queue.get_nowait()
                except queue.Empty:
                    continue
                self._on_dropped(self._sink.name, 1)

    def close(self, timeout_s: float) -> None:
        """Let the sink process the queued events and close it; events left after `timeout_s` are lost."""
        self.offer(None)
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            _log.warning(
                "%s: did not finish in %.0f s; the events still queued for it are lost", self._sink.name, timeout_s
            )

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            self._handle(event)
        self._sink.close()

    def _handle(self, event: Event) -> None:
        try:
            self._sink.handle(event)
        except SinkUnavailable as error:
            self._set_failing(True, str(error))
        except Exception as error:  # noqa: BLE001 the thread's edge: one error must not end the sink for good
            _log.exception("%s: unexpected error", self._sink.name)
            self._set_failing(True, redact(f"unexpected {type(error).__name__}: {error}"))
        else:
            self._set_failing(False, "works again")

    def _set_failing(self, failing: bool, text: str) -> None:
        """Log only changes: otherwise a full disk would fill the journal too."""
        if failing != self._failing:
            self._failing = failing
            self._on_problem(self._sink.name, text if failing else None)
            _log.log(logging.WARNING if failing else logging.INFO, "%s: %s", self._sink.name, text)


class Hub:
    """Passes events to `direct` sinks (metrics, page), which never block, and to the threads of `queued` sinks."""

    def __init__(
        self, direct: Sequence[Sink], queued: Sequence[Sink], on_dropped: OnDropped, on_problem: OnProblem
    ) -> None:
        self._direct = direct
        self._failing: set[str] = set()
        """Direct sinks whose last event failed; logged once, because progress arrives every second."""

        self._runners = [SinkRunner(sink, on_dropped, on_problem) for sink in queued]

    def publish(self, event: Event) -> None:
        """Pass on one event; safe to call from several threads.

        Progress, one event per second and camera, goes to the direct sinks only: it would displace pictures in a queue.
        """
        for sink in self._direct:
            try:
                sink.handle(event)
                self._failing.discard(sink.name)
            except Exception:  # noqa: BLE001 an error in a sink must not end the counting
                if sink.name not in self._failing:
                    _log.exception("%s: unexpected error", sink.name)
                self._failing.add(sink.name)
        if isinstance(event, Progress):
            return
        for runner in self._runners:
            runner.offer(event)

    def close(self, timeout_s: float) -> None:
        """Let all sinks finish in parallel, within `timeout_s` in total."""
        closers = [threading.Thread(target=runner.close, args=(timeout_s,)) for runner in self._runners]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()
        for sink in self._direct:
            sink.close()
