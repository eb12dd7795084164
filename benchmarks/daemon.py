"""Runs the daemon as a user does, on any number of cameras, and reads its processes and metrics."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import children, cpu_s, pss_mb, tree

_ONLINE_TIMEOUT_S = 60.0
"""Longest time until all cameras are online, unless a caller gives another."""

_STOP_TIMEOUT_S = 20.0
"""Longest time until the daemon has shut down; after it the process is killed."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon with all its cameras online."""

    pid: int
    """The parent process."""

    metrics_url: str

    def processes(self) -> list[int]:
        """Return all its processes: parent, fork server, resource tracker, workers."""
        return tree(self.pid)

    def helpers(self) -> list[int]:
        """Return the fork server and the resource tracker: direct children of the parent, unlike the workers."""
        return children(self.pid)

    def cpu_s(self) -> dict[int, float]:
        """Return the processor seconds of each of its processes."""
        return {pid: cpu_s(pid) for pid in self.processes()}

    def pss_mb(self) -> dict[int, float]:
        """Return the proportional memory of each of its processes."""
        return {pid: pss_mb(pid) for pid in self.processes()}

    def metric(self, name: str) -> float:
        """Return the sum of one metric over all its labels."""
        with urllib.request.urlopen(self.metrics_url, timeout=10) as answer:
            text = answer.read().decode()
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)", text, re.MULTILINE))


@contextmanager
def running(
    urls: list[str], settings: str = "", checkpoint: Path | None = None, online_timeout_s: float = _ONLINE_TIMEOUT_S
) -> Iterator[Daemon]:
    """Run the daemon on some cameras, with default settings except `settings` (TOML); stop it at the end.

    Each camera continues from `checkpoint`, if given. Raises RuntimeError if a camera does not come online in time.
    """
    with tempfile.TemporaryDirectory(prefix="edgeheat-bench-") as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        config = Path(folder, "config.toml")
        cameras = "".join(f'[[camera]]\nname = "c{n}"\nsource = {json.dumps(url)}\n' for n, url in enumerate(urls))
        tables = f'[storage]\npath = "{folder}/storage"\n[web]\nport = {port}\n[log]\nlevel = "warning"\n'
        config.write_text(tables + settings + cameras)
        if checkpoint is not None:
            state = Path(folder, "storage", "state")
            state.mkdir(parents=True)
            for number in range(len(urls)):
                shutil.copy(checkpoint, state / f"c{number}.ckpt")
        free.close()
        process = subprocess.Popen([sys.executable, "-m", "edgeheat", "run", "--config", str(config)])
        try:
            daemon = Daemon(process.pid, f"http://127.0.0.1:{port}/metrics")
            _wait_online(daemon, process, len(urls), online_timeout_s)
            yield daemon
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_online(daemon: Daemon, process: subprocess.Popen[bytes], cameras: int, timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise RuntimeError(f"the daemon ended with exit code {process.returncode}")
        try:
            if daemon.metric("edgeheat_camera_up") == cameras:
                return
        except (urllib.error.URLError, ConnectionError):
            pass  # the page is not up yet
        time.sleep(0.5)
    raise RuntimeError(f"not all of {cameras} cameras came online within {timeout_s:g} s")
