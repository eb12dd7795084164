"""Runs the RTSP server of the tests on a free port, which stays the same when it is stopped and started again."""

from __future__ import annotations

import select
import signal
import subprocess
from pathlib import Path
from types import TracebackType

from tests.support.mosquitto import free_port
from tests.support.wait import DEADLINE_S

_SCRIPT = Path(__file__).with_name("rtsp_server.py")


class RtspServer:
    """A real RTSP camera on 127.0.0.1; as a context manager it is running inside the block.

    `mounts` maps a path such as `/shop` to a recording, which is repeated. `audio` instead of a path gives a mount
    with sound only, and a path in `with_sound` gets a sound track in addition to the picture. With `only`, it offers
    that transport and answers 461 to others.
    """

    def __init__(
        self,
        mounts: dict[str, Path | str],
        *,
        user: str | None = None,
        with_sound: tuple[str, ...] = (),
        only: str | None = None,
    ):
        self._mounts = [f"{mount}={what}{'+audio' if mount in with_sound else ''}" for mount, what in mounts.items()]
        self._user = user
        self._only = only
        self._process: subprocess.Popen[str] | None = None
        self.port = free_port()
        """Stays the same over restarts."""

    def url(self, mount: str, user: str | None = None) -> str:
        """The address of a mount, with `user` ("name:password") in it where given."""
        return f"rtsp://{user + '@' if user else ''}127.0.0.1:{self.port}{mount}"

    def start(self) -> None:
        """Start, and return when it listens."""
        command = ["/usr/bin/python3", str(_SCRIPT), str(self.port), *self._mounts]
        if self._user:
            command += ["--user", self._user]
        if self._only:
            command += ["--only", self._only]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], DEADLINE_S)[0]:
            self.kill()
            raise AssertionError(f"the RTSP server does not start within {DEADLINE_S:g} s")
        line = self._process.stdout.readline()
        if line != "READY\n":
            self.kill()
            raise AssertionError(f"the RTSP server does not start: {line!r}")

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a pulled plug does."""
        self._end(signal.SIGKILL)

    def suspend(self) -> None:
        """Let it hang: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `suspend`."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "the RTSP server is not running"
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def __enter__(self) -> RtspServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
