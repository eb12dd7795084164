"""Starts the process that maintains the history: at the start of the daemon, and when a local hour is complete."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from random import Random

from edgeheat.daemon.child_main import maintain_history
from edgeheat.daemon.managed_process import ManagedProcess, Received
from edgeheat.daemon.messages import HistoryJob, HistoryMaintained
from edgeheat.daemon.restart import RestartLimits
from edgeheat.defs.clock import Clock
from edgeheat.defs.history import ROLLUP_GRACE_S, Level
from edgeheat.local_time.buckets import bucket_of

_log = logging.getLogger(__name__)

_LIMITS = RestartLimits(backoff_first_s=60.0, backoff_max_s=3600.0)
"""A process that crashes is not needed soon: no figure is lost, and questions are answered from smaller tiles."""

_TIMEOUT_S = 3600.0
"""A process that takes longer hangs. Looking for damage in 4 GB on a slow memory card takes a few minutes."""


class HistoryMaintenance:
    """Runs one process at a time; for one thread, which passes on what `on_received` got.

    While the clock is not right, only damage is looked for.
    """

    def __init__(
        self, job: HistoryJob, *, clock: Clock, random: Random, on_received: Callable[[Received], None]
    ) -> None:
        """`job` has the settings; what is to be done in it is replaced."""
        self._job = job
        self._clock = clock
        self._process = ManagedProcess(
            "history", maintain_history, limits=_LIMITS, clock=clock, random=random, on_received=on_received
        )
        self._is_checked = False
        """Whether damage has been looked for since the daemon started."""

        self._maintained_hour_s: int | None = None
        """Start of the last local hour that was complete when the history was last maintained."""

        self._running: tuple[HistoryJob, int | None] | None = None
        """What the process does, and the hour that will have been maintained then."""

        self._answer: HistoryMaintained | None = None

    @property
    def pid(self) -> int | None:
        """The id of the running process; None if there is none. For tests."""
        return self._process.pid

    def update(self, *, clock_is_right: bool) -> str | None:
        """Start the process if there is something to do, and end one that hangs; return what went wrong, if anything.

        Call it every second or so.
        """
        now_s = self._clock.monotonic()
        if self._process.is_running:
            if now_s >= self._process.deadline_s:
                return self._fail(f"took longer than {_TIMEOUT_S:.0f} s")
            return None
        hour_s = self._complete_hour_s() if clock_is_right else self._maintained_hour_s
        if now_s < self._process.start_at_s or (self._is_checked and hour_s == self._maintained_hour_s):
            return None
        now_wall_s = self._clock.wall() if clock_is_right else None
        job = replace(self._job, check=not self._is_checked, now_s=now_wall_s)
        self._running, self._answer = (job, hour_s), None
        try:
            self._process.start(job, _TIMEOUT_S)
        except OSError as error:  # out of memory or processes
            return self._fail(f"could not be started: {error}")
        return None

    def on_received(self, item: Received) -> HistoryMaintained | None:
        """Take an item of the process; return its answer once it has ended, also if it crashed."""
        if not item.is_current or self._running is None:
            return None
        if isinstance(item.message, HistoryMaintained):
            self._answer = item.message
        elif item.message is None and self._answer is None:
            exit_text = self._process.end()
            return HistoryMaintained(problem=self._fail(f"died ({exit_text})" if exit_text else "died"))
        elif item.message is None:
            return self._finish(self._answer)
        return None

    def _finish(self, answer: HistoryMaintained | None) -> HistoryMaintained | None:
        job, hour_s = self._running or (self._job, None)
        self._running = None
        if answer is not None and answer.problem:
            self._process.fail()
            return answer
        self._process.succeed()
        self._is_checked = self._is_checked or job.check
        self._maintained_hour_s = hour_s
        return answer

    def end(self) -> None:
        """Kill the process if it runs: it may be killed any time, and does its work again when it is started again."""
        self._process.end()
        self._running = None

    def _fail(self, what: str) -> str:
        self._process.fail()
        self._running = None
        return f"the process that sums up the history {what}; it is started again later"

    def _complete_hour_s(self) -> int:
        return bucket_of(Level.HOUR, int(self._clock.wall()) - ROLLUP_GRACE_S, self._job.timezone)[0]
