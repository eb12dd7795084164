"""A camera's worker that only sends what a test tells it to: states that a real one reaches only on a slow machine."""

from __future__ import annotations

import json
from contextlib import suppress
from multiprocessing.connection import Connection

from edgeheat.daemon.messages import Heartbeat, ProgressReport, WorkerSpec
from edgeheat.defs.events import Progress

BEAT_S = 0.05


def script(*, waiting_s: float = 0.0, busy_s: float = 0.0, beats: bool = True, is_last: bool = False) -> str:
    """Return the URL of a camera whose worker comes online and sends such heartbeats; it never obeys Stop."""
    return json.dumps({"waiting_s": waiting_s, "busy_s": busy_s, "beats": beats, "is_last": is_last})


def follow_script(connection: Connection, spec: WorkerSpec) -> None:
    """Take the place of `watch_camera`."""
    plan = json.loads(spec.url)
    online = Progress(spec.camera, 0.0, 1.0, frames_decoded=1, frames_analysed=1, frames_skipped=0, observed_s=0.0)
    with suppress(BrokenPipeError, EOFError, ConnectionResetError):
        connection.send(ProgressReport(online, (), 1.0, uncounted_s=7.0, is_last=plan["is_last"]))
        while True:
            if plan["beats"]:
                connection.send(Heartbeat(plan["waiting_s"], plan["busy_s"]))
            if connection.poll(BEAT_S):
                connection.recv()
