"""The daemon as a process whose fork server hangs or dies: it can be stopped, names the cause, and ends in order."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeheat.cli.base import UNAVAILABLE
from tests.support.edgeheat import Daemon
from tests.support.mosquitto import Mosquitto, Subscriber
from tests.support.wait import wait_for

CAMERA = '[[camera]]\nname = "aisle"\nsource = "synthetic:shop?size=160x90"\n'

HANGING_START = """
import sys, time
from pathlib import Path
if "multiprocessing.forkserver" in str(sys.orig_argv):
    while not Path(__file__).with_name("go-on").exists():
        time.sleep(0.1)
"""

DYING_START = """
import os, signal, sys
if "multiprocessing.forkserver" in str(sys.orig_argv):
    os.kill(os.getpid(), signal.SIGKILL)
"""

HANGING_SECOND_WORKER = """
import os, sys
from pathlib import Path
if "multiprocessing.forkserver" in str(sys.orig_argv):
    fork, calls = os.fork, []
    def fork_or_hang():
        calls.append(1)
        if len(calls) == 3:  # after the library check and the first worker
            Path(__file__).with_name("hangs").write_text(str(os.getpid()))
            while True:
                import signal
                signal.pause()
        return fork()
    os.fork = fork_or_hang
"""


class Interpreter:
    """A folder for PYTHONPATH that changes how the fork server runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def run_first(self, code: str) -> dict[str, str]:
        """Return the environment in which every interpreter runs `code` first."""
        (self.folder / "sitecustomize.py").write_text(code)
        return {"PYTHONPATH": os.pathsep.join([str(self.folder), os.environ.get("PYTHONPATH", "")])}

    def go_on(self) -> None:
        """Let fork servers that run HANGING_START load the libraries."""
        (self.folder / "go-on").touch()


@pytest.fixture
def interpreter(tmp_path: Path) -> Iterator[Interpreter]:
    made = Interpreter(tmp_path / "interpreter")
    yield made
    made.go_on()
    if (hanging := made.folder / "hangs").exists():
        os.kill(int(hanging.read_text()), signal.SIGKILL)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path, CAMERA)
    yield made
    made.kill()


def not_ready(daemon: Daemon) -> bool:
    """Whether the page is served and says that the daemon is not ready."""
    try:
        daemon.get("/readyz")
    except urllib.error.HTTPError as error:
        return error.code == 503
    except OSError:
        pass
    return False


def log_texts(daemon: Daemon) -> list[str]:
    return [line.partition(" INFO    ")[2] or line for line in daemon.log.read_text().splitlines()]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_interrupted_while_the_libraries_load_ends_with_0_and_leaves_no_process(
    daemon: Daemon, interpreter: Interpreter, signum: signal.Signals
) -> None:
    daemon.start(**interpreter.run_first(HANGING_START))
    wait_for(lambda: not_ready(daemon), "the page, which does not wait for the libraries")
    assert "aisle" in daemon.get("/")
    processes = daemon.processes()
    for pid in processes if signum == signal.SIGINT else ():  # a terminal sends Ctrl-C to every process
        os.kill(pid, signum)
    assert (daemon.wait() if signum == signal.SIGINT else daemon.stop(signum)) == 0
    assert log_texts(daemon) == [f"stopping: {signum.name}"]
    interpreter.go_on()
    wait_for(lambda: not any(runs(pid) for pid in processes), "the fork server to end by itself")
    assert len(log_texts(daemon)) == 1, "and to end silently"


def test_a_port_in_use_is_reported_before_the_libraries_are_loaded(daemon: Daemon, interpreter: Interpreter) -> None:
    with socket.create_server(("127.0.0.1", daemon.port)):
        daemon.start(**interpreter.run_first(HANGING_START))
        assert daemon.wait() == UNAVAILABLE
    assert log_texts(daemon) == [f"web: 127.0.0.1:{daemon.port} is in use; set [web] port"]


def test_a_fork_server_that_dies_ends_the_start_with_its_own_remedy(daemon: Daemon, interpreter: Interpreter) -> None:
    daemon.start(**interpreter.run_first(DYING_START))
    assert daemon.wait() == UNAVAILABLE
    (line,) = log_texts(daemon)
    assert "the process that loads them ended without an answer" in line
    assert "Memory may have run out" in line and "dmesg" in line
    assert "einstall" not in line and "apt install" not in line


@pytest.mark.real("mosquitto")
def test_a_blocked_supervisor_does_not_keep_the_daemon_from_ending_in_order(
    tmp_path: Path, interpreter: Interpreter
) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    second = CAMERA.replace("aisle", "till")
    daemon = Daemon(tmp_path, f"[mqtt]\nenabled = true\nport = {broker.port}\n{CAMERA}{second}")
    try:
        daemon.start(**interpreter.run_first(HANGING_SECOND_WORKER))
        wait_for((interpreter.folder / "hangs").exists, "the supervisor to wait for the fork server")
        wait_for(lambda: daemon.metric("edgeheat_mqtt_connected") == 1, "the broker to be connected")
        assert json.loads(daemon.get("/readyz"))["ready"] is True
        hanging = int((interpreter.folder / "hangs").read_text())
        workers = {pid for pid in daemon.processes() if "forkserver" in Path(f"/proc/{pid}/cmdline").read_text()}
        workers.remove(hanging)
        assert workers
        with Subscriber(broker.port, "edgeheat/test/#") as watcher:
            watcher.wait_for_message("edgeheat/test/status", b"online")
            assert daemon.stop() == 0
            watcher.wait_for_message("edgeheat/test/status", b"offline")
        log = daemon.log.read_text()
        assert "the cameras did not stop within 8 s" in log and "Traceback" not in log
        wait_for(lambda: not any(runs(pid) for pid in workers), "the workers to end without a parent")
    finally:
        daemon.kill()
        broker.kill()


def runs(pid: int) -> bool:
    """Whether a process exists and has not ended; one whose parent hangs is never collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
