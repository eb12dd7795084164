"""Runs the daemon as a process, with a configuration and a storage folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from tests.support.mosquitto import free_port
from tests.support.wait import DEADLINE_S


class Daemon:
    """`edgeheat run` as a process, with a configuration file of its own.

    A camera without frames for `stall_timeout` is restarted: with the default, none is on a heavily loaded machine.
    """

    def __init__(self, folder: Path, config: str, stall_timeout: str = f"{DEADLINE_S:g}s") -> None:
        self.port = free_port()
        self.storage = folder / "storage"
        self.log = folder / "edgeheat.log"
        self.config = folder / "config.toml"
        self.config.write_text(
            f'[site]\nname = "test"\ntimezone = "Europe/Oslo"\n[storage]\npath = "{self.storage}"\nfree_floor = "1MB"\n'
            f'pictures_every = "10s"\n'
            f'[schedule]\nevery = "10s"\n[web]\nport = {self.port}\n'
            f'[supervision]\nstall_timeout = "{stall_timeout}"\n{config}'
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        """Start the process, with these environment variables added to those of the tests."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edgeheat", "run", "--config", str(self.config)],
                stdout=log,
                stderr=log,
                env=os.environ | environment,
            )

    def get(self, path: str) -> str:
        """Return a page's text; raises OSError if it is not served."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=DEADLINE_S) as answer:
            return str(answer.read().decode())

    def metric(self, name: str) -> float | None:
        """Return the value of one series, named as in /metrics; None if it is missing or the page is not served."""
        try:
            found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics"), re.MULTILINE)
        except OSError:
            return None
        return float(found[1]) if found else None

    def processes(self) -> set[int]:
        """Return the ids of the daemon's process and of all its descendants."""
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

    def children(self) -> set[int]:
        """Return the ids of all processes that the daemon's process has started, directly or not."""
        assert self._process is not None
        return self.processes() - {self._process.pid}

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        assert self._process is not None
        self._process.send_signal(signum)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code of a daemon that exits by itself."""
        assert self._process is not None
        code = self._process.wait(DEADLINE_S)
        self._process = None
        return code

    def kill(self) -> None:
        """Kill the daemon if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
