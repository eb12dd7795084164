"""Runs child processes that can always be killed: start, messages, deadline, kill, and the delay before a restart."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from random import Random
from typing import Any, Generic, TypeVar

from edgeheat.daemon.fork_server import fork_server_context
from edgeheat.daemon.messages import Message
from edgeheat.daemon.restart import Backoff, RestartLimits
from edgeheat.defs.clock import Clock
from edgeheat.defs.commands import Command

_log = logging.getLogger(__name__)

_COLLECT_TIMEOUT_S = 1.0
"""How long to wait for a killed process to end; one that hangs in a device driver may never do."""

Spec = TypeVar("Spec")


@dataclass(frozen=True, slots=True)
class Received:
    """A child's message, as its listener thread passes it to the thread that owns the child."""

    process: ManagedProcess[Any]
    run: object
    """Identifies one run of the process; a message may arrive after its run was killed."""

    message: Message | None
    """None if the child has closed its pipe: it has ended or is about to."""

    @property
    def is_current(self) -> bool:
        """Whether the message is from the process that is running now."""
        return self.process.is_current(self.run)


class ManagedProcess(Generic[Spec]):
    """Runs one child process at a time, each with `main(connection, spec)`, and restarts it after a growing delay.

    `on_received` is called in the listener thread of the child; it must hand the item to the owner's thread. All other
    methods are for the owner's thread, except `send` and `pid`, which any thread may use.
    """

    def __init__(
        self,
        name: str,
        main: Callable[[Connection, Spec], None],
        *,
        limits: RestartLimits,
        clock: Clock,
        random: Random,
        on_received: Callable[[Received], None],
    ) -> None:
        """`name` is for logs. `random` spreads the restarts, see `Backoff`."""
        self.name = name
        self._start_at_s = 0.0
        self._alive_s = 0.0
        """The last sign of life of the running process, on the monotonic clock."""

        self._timeout_s = 0.0
        self._main = main
        self._clock = clock
        self._backoff = Backoff(limits, random)
        self._on_received = on_received
        self._run: _Run | None = None
        fork_server_context()

    @property
    def is_running(self) -> bool:
        """Whether a process was started and not yet ended with `end` or `fail`."""
        return self._run is not None

    @property
    def pid(self) -> int | None:
        """The id of the running process; None if there is none."""
        run = self._run
        return run.pid if run is not None else None

    @property
    def start_at_s(self) -> float:
        """The earliest instant of the next start, on the monotonic clock."""
        return self._start_at_s

    @property
    def timeout_s(self) -> float:
        """How long the running process may give no sign of life before it is overdue."""
        return self._timeout_s

    @property
    def deadline_s(self) -> float:
        """When the running process is overdue unless it gives a sign of life first, on the monotonic clock."""
        return self._alive_s + self._timeout_s

    def is_current(self, run: object) -> bool:
        """Return whether a received message's run is the one that is running now."""
        return run is self._run

    def start(self, spec: Spec, timeout_s: float) -> None:
        """Start a process that has `timeout_s` for its first sign of life; raises OSError if none can be started."""
        self._run = _Run(self, self._main, spec, self._on_received)
        try:
            self._run.start()
        except OSError:
            self._run = None
            raise
        # Only now: until here the fork server may have loaded its libraries.
        self._alive_s = self._clock.monotonic()
        self._timeout_s = timeout_s

    def note_alive(self, at_s: float, timeout_s: float | None = None) -> None:
        """Note a sign of life at an instant of the monotonic clock; a given `timeout_s` is the limit from then on."""
        self._alive_s = max(self._alive_s, at_s)
        if timeout_s is not None:
            self._timeout_s = timeout_s

    def send(self, command: Command) -> None:
        """Send a command to the running process; does nothing if there is none or it is ending.

        Never blocks: commands are a few bytes and few, so the pipe's buffer always has room.
        """
        run = self._run
        if run is not None:
            run.send(command)

    def end(self) -> str:
        """Kill the process if it still runs, collect it, and return how it ended: "signal SIGSEGV" or "exit code 1".

        A process that does not end within a second after SIGKILL is left behind: the text is empty.
        """
        run, self._run = self._run, None
        return run.end() if run is not None else ""

    def fail(self, ran_for_s: float = 0.0) -> None:
        """End a process that failed after `ran_for_s` seconds of useful work, and set `start_at_s` for the next one."""
        self.end()
        self._start_at_s = self._clock.monotonic() + self._backoff.next_delay_s(ran_for_s)

    def succeed(self) -> None:
        """End a process that has done its work; the next failure is followed by the shortest wait again."""
        self.end()
        self._backoff.reset()


class _Run:
    """One run of a managed process: the process, its pipe, and the thread that reads the pipe."""

    def __init__(
        self,
        owner: ManagedProcess[Spec],
        main: Callable[[Connection, Spec], None],
        spec: Spec,
        on_received: Callable[[Received], None],
    ) -> None:
        self._owner = owner
        self._on_received = on_received
        context = fork_server_context()
        self._connection, self._theirs = context.Pipe()
        self._closing = threading.Lock()
        self._ended = False
        self._process = context.Process(
            target=main, args=(self._theirs, spec), name=f"edgeheat-{owner.name}", daemon=True
        )

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def start(self) -> None:
        """Start the listener, then the process; raises OSError."""
        try:
            # The thread first: a process without a reader must not be started. It is a thread of its own because a
            # worker that freezes in the middle of a message would block its reader.
            threading.Thread(target=self._listen, name=f"listen-{self._owner.name}", daemon=True).start()
            self._process.start()
        except (EOFError, RuntimeError) as error:  # the fork server died meanwhile, or no thread can be started
            raise OSError(str(error) or "the fork server ended") from error
        finally:
            self._theirs.close()

    def send(self, command: Command) -> None:
        try:
            with self._closing:
                self._connection.send(command)
        except OSError:
            _log.debug("%s: is ending and got no %s", self._owner.name, type(command).__name__)

    def end(self) -> str:
        if self.pid is not None and not self._ended:
            # Not Process.kill: when the fork server dies, multiprocessing considers all its processes ended.
            # The pipe is still open, so the process lives and the id is its own.
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._process.join(_COLLECT_TIMEOUT_S)
        if self._process.is_alive():
            _log.error(
                "%s: process %s did not end within %g s after SIGKILL; it may hang in a device driver",
                self._owner.name,
                self.pid,
                _COLLECT_TIMEOUT_S,
            )
        return _exit_text(self._process.exitcode)

    def _listen(self) -> None:
        try:
            while True:
                self._on_received(Received(self._owner, self, self._connection.recv()))
        except (EOFError, OSError):
            _log.debug("%s: the pipe is closed", self._owner.name)
        finally:
            self._ended = True
            with self._closing:
                self._connection.close()
            self._on_received(Received(self._owner, self, None))


def _exit_text(exit_code: int | None) -> str:
    if exit_code is None:
        return ""
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"signal {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"signal {-exit_code}"
