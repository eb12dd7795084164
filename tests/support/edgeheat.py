"""The daemon as a process, with a configuration and a storage of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.support.mosquitto import free_port


class Daemon:
    """`edgeheat run` as a process, with a configuration file of its own."""

    def __init__(self, folder: Path, config: str) -> None:
        self.port = free_port()
        self.storage = folder / "storage"
        self.log = folder / "edgeheat.log"
        self.config = folder / "config.toml"
        self.config.write_text(
            f'[site]\nname = "test"\ntimezone = "Europe/Oslo"\n[storage]\npath = "{self.storage}"\nfree_floor = "1MB"\n'
            f'[schedule]\nevery = "10s"\n[web]\nport = {self.port}\n[supervision]\nstall_timeout = "4s"\n{config}'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edgeheat", "run", "--config", str(self.config)], stdout=log, stderr=log
            )

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float | None:
        """The value of one series, written as in /metrics; None where it is not there or nobody answers."""
        try:
            found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics"), re.MULTILINE)
        except OSError:
            return None
        return float(found[1]) if found else None

    def processes(self) -> set[int]:
        """Process ids of the daemon and of all that it started."""
        assert self._process is not None
        found = {self._process.pid}
        parents = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found

    def stop(self, signum: signal.Signals = signal.SIGTERM, timeout_s: float = 10) -> int:
        """Send a signal and return the exit code."""
        assert self._process is not None
        self._process.send_signal(signum)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float) -> int:
        """Return the exit code of a daemon that ends by itself."""
        assert self._process is not None
        code = self._process.wait(timeout_s)
        self._process = None
        return code

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
