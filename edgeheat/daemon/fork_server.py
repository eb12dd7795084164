"""Sets up the fork server from which all child processes are forked, and checks at startup that its libraries load."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext

from edgeheat.defs.clock import Clock
from edgeheat.errors import OPENCV_REMEDY, StartupError

_PRELOAD = "edgeheat.daemon.preload"
"""The module that the fork server imports."""

_LOAD_TIMEOUT_S = 120.0
"""How long the libraries may take to load: 1 s on a PC, up to a minute on a busy Raspberry Pi with a slow card."""

_STOP_CHECK_INTERVAL_S = 0.1
"""How often the wait for the libraries checks for a request to stop."""

_REINSTALL_REMEDY = "Reinstall them: pip install --force-reinstall numpy opencv-contrib-python av"

_MACHINE_REMEDY = (
    "Memory may have run out, or the processor may lack an instruction that they use: "
    "see the lines above and `dmesg`; free memory, or install packages that are built for this processor"
)
"""For everything but an ImportError: the files are there, so installing them again would not help."""

# Environment variables of the fork server, and with it of all child processes.
_CHILD_ENVIRONMENT = {
    # OpenBLAS would keep a pool of threads and buffers in each worker; nothing here multiplies matrices.
    "OPENBLAS_NUM_THREADS": "1",
    # glibc keeps freed memory for reuse, in an arena for each thread; a worker returns pictures and grids instead.
    # Grids of 58 kB are above this threshold, so they are freed too: hundreds are held while the background is learned.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "32768",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}


def fork_server_context() -> ForkServerContext:
    """Return the multiprocessing context of all child processes; its server loads numpy, cv2 and av once for all."""
    for name, value in _CHILD_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOAD])
    return context


def start_fork_server() -> None:
    """Start the fork server; returns at once, while the server loads the libraries. For the main thread only."""
    fork_server_context()
    # A terminal sends Ctrl-C to the fork server too, which would die of it while it loads the libraries, and SIGHUP as
    # it closes. It inherits that both are ignored, and passes it on to the child processes, which are stopped by their
    # parent alone.
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        forkserver.ensure_running()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def check_libraries(clock: Clock, stop_requested: Callable[[], bool], timeout_s: float = _LOAD_TIMEOUT_S) -> None:
    """Return once a child process has loaded numpy, OpenCV and PyAV, or once `stop_requested` returns True.

    Raises StartupError, with the error and the remedy, if they cannot be loaded within `timeout_s`. A fork server that
    is still loading them then ends by itself once it has: it notices that its parent is gone.
    """
    results: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
    # In a thread, because starting a process blocks until the fork server has loaded the libraries.
    threading.Thread(target=_probe, args=(results,), name="library-check", daemon=True).start()
    ends_s = clock.monotonic() + timeout_s
    while not stop_requested():
        try:
            error, remedy = results.get(timeout=_STOP_CHECK_INTERVAL_S)
        except queue.Empty:
            if clock.monotonic() < ends_s:
                continue
            raise StartupError(
                f"numpy, OpenCV and PyAV did not load within {timeout_s:.0f} s: the disk may be failing, see `dmesg`"
            ) from None
        if error and not stop_requested():
            raise StartupError(f"OpenCV, PyAV or numpy cannot be loaded: {error}. {remedy}")
        return


def _probe(results: queue.SimpleQueue[tuple[str, str]]) -> None:
    """Put error and remedy of loading the libraries in a child process into `results`; empty texts if they load."""
    try:
        results.put(_load_in_child())
    except (EOFError, ConnectionError) as failure:
        results.put((f"the process that loads them ended without an answer ({_error_text(failure)})", _MACHINE_REMEDY))
    except Exception as failure:  # noqa: BLE001 the thread's edge: the main thread waits for an answer
        results.put((f"no process could be started ({_error_text(failure)})", _MACHINE_REMEDY))


def _load_in_child() -> tuple[str, str]:
    context = fork_server_context()
    reader, writer = context.Pipe(duplex=False)
    with reader:
        with writer:  # closed here, so that the end of the child ends `recv`
            process = context.Process(target=_load_libraries, args=(writer,), daemon=True)
            process.start()
        answer: tuple[str, str] = reader.recv()
    process.join()
    return answer


def _load_libraries(connection: Connection) -> None:
    """The main function of the probe: libraries that the fork server could not load fail to load here again."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(BrokenPipeError):  # the parent was stopped meanwhile
        connection.send(_load())


def _load() -> tuple[str, str]:
    try:
        importlib.import_module(_PRELOAD)
    except ImportError as error:
        missing_file = "shared object" in str(error)
        return str(error), f"Install the missing library: {OPENCV_REMEDY}" if missing_file else _REINSTALL_REMEDY
    except Exception as error:  # noqa: BLE001 the process's edge: the parent names whatever happened
        return _error_text(error), _MACHINE_REMEDY
    return "", ""


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
