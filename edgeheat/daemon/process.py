"""A process of its own as its parent sees it: commands go in, messages come out, and it can always be killed."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import TypeVar

from edgeheat.daemon.messages import Command, Message, PlanJob, WorkerSpec

_log = logging.getLogger(__name__)

_COLLECT_TIMEOUT_S = 1.0

Spec = TypeVar("Spec")


class ManagedProcess:
    """Started when made, with `main(connection, spec)` in it; `name` is for logs.

    `hear(self, message)` is called in a thread of its own, at last with None.

    Reading has its own thread because a worker that is frozen while it writes would block its reader.
    Raises OSError where no process can be started.
    """

    def __init__(
        self,
        context: ForkServerContext,
        name: str,
        main: Callable[[Connection, Spec], None],
        spec: Spec,
        on_message: Callable[[ManagedProcess, Message | None], None],
    ) -> None:
        self._on_message = on_message
        self._connection, theirs = context.Pipe()
        self._closing = threading.Lock()
        self._ended = False
        self._process = context.Process(target=main, args=(theirs, spec), name=f"edgeheat-{name}", daemon=True)
        try:
            # The thread first: what cannot be listened to must not be started.
            threading.Thread(target=self._listen, name=f"hear-{name}", daemon=True).start()
            self._process.start()
        except (EOFError, RuntimeError) as error:  # the fork server died of it; there is no thread to be had
            raise OSError(str(error)) from error
        finally:
            theirs.close()

    @property
    def pid(self) -> int | None:
        """The process id, for tests and logs."""
        return self._process.pid

    def send(self, command: Command) -> None:
        """Say something to the worker; one that is dying does not hear it, and its end is heard soon.

        Commands are a few bytes and few: the pipe's buffer always has room, so this never blocks.
        """
        try:
            with self._closing:
                self._connection.send(command)
        except OSError:
            _log.debug("%s: is not listening any more", self._process.name)

    def end(self) -> None:
        """Kill the process if it still runs, and collect it.

        One that the kernel holds in a broken driver cannot be collected; it is left behind rather than waited for.
        """
        if self.pid is not None and not self._ended:
            # Not Process.kill: when the fork server dies, multiprocessing takes all its processes for ended.
            # The pipe is still open, so the process lives and the number is its own.
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._process.join(_COLLECT_TIMEOUT_S)
        if self._process.is_alive():
            _log.error("%s: process %s cannot be killed; a driver holds it", self._process.name, self._process.pid)

    def exit_words(self) -> str:
        """Say how the process ended: "signal SIGSEGV" or "exit code 1"."""
        code = self._process.exitcode
        if code is None or code >= 0:
            return f"exit code {code}"
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"

    def _listen(self) -> None:
        try:
            while True:
                self._on_message(self, self._connection.recv())
        except (EOFError, OSError):
            _log.debug("%s: the pipe is closed", self._process.name)
        finally:
            self._ended = True
            with self._closing:
                self._connection.close()
            self._on_message(self, None)


# Imported inside: the parent must not load numpy, cv2 and av; the fork server has loaded them already.


def watch_camera(connection: Connection, spec: WorkerSpec) -> None:
    """The main of a camera's worker."""
    from edgeheat.daemon.worker import run_worker

    run_worker(connection, spec)


def draw_plans(connection: Connection, job: PlanJob) -> None:
    """The main of the process that draws floor plans."""
    from edgeheat.daemon.render_worker import run_plan_worker

    run_plan_worker(connection, job)
