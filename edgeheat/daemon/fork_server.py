"""Sets up the fork server from which all child processes are forked, and checks at startup that its libraries load."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import queue
import signal
import threading
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext

from edgeheat.errors import OPENCV_REMEDY, StartupError

_PRELOAD = "edgeheat.daemon.preload"
"""The module that the fork server imports."""

_LOAD_TIMEOUT_S = 120.0
"""How long the libraries may take to load: 1 s on a PC, up to a minute on a busy Raspberry Pi with a slow card."""

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
    """Start the fork server; returns at once, while the server loads the libraries."""
    fork_server_context()
    forkserver.ensure_running()


def check_libraries(timeout_s: float = _LOAD_TIMEOUT_S) -> None:
    """Return once a child process has loaded numpy, OpenCV and PyAV.

    Raises StartupError, with the loader's message and the remedy, if they cannot be loaded within `timeout_s`.
    """
    results: queue.SimpleQueue[str] = queue.SimpleQueue()
    # In a thread, because starting a process blocks until the fork server has loaded the libraries.
    threading.Thread(target=_probe, args=(results,), name="library-check", daemon=True).start()
    try:
        error = results.get(timeout=timeout_s)
    except queue.Empty:
        raise StartupError(
            f"numpy, OpenCV and PyAV did not load within {timeout_s:.0f} s: the disk may be failing, see `dmesg`"
        ) from None
    if error:
        raise StartupError(f"OpenCV, PyAV or numpy cannot be loaded: {error}. {_remedy(error)}")


def _remedy(error: str) -> str:
    if "shared object" in error:
        return f"Install the missing library: {OPENCV_REMEDY}"
    return "Reinstall them: pip install --force-reinstall numpy opencv-contrib-python av"


def _probe(results: queue.SimpleQueue[str]) -> None:
    """Put the error of loading the libraries in a child process into `results`; an empty text if they load."""
    context = fork_server_context()
    reader, writer = context.Pipe(duplex=False)
    try:
        process = context.Process(target=_load_libraries, args=(writer,), daemon=True)
        process.start()
        writer.close()
        error = reader.recv()
        process.join()
    except (EOFError, OSError) as failure:
        error = f"the process that loads them ended ({failure or 'no answer'})"
    finally:
        reader.close()
    results.put(error)


def _load_libraries(connection: Connection) -> None:
    """The main function of the probe: libraries that the fork server could not load fail to load here again."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        importlib.import_module(_PRELOAD)
    except ImportError as error:
        connection.send(str(error))
    else:
        connection.send("")
