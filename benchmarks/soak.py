"""Starts seven cameras on two busy cores, and watches whether they come online and stay online.

python -m benchmarks.soak [--cameras 7] [--busy 6] [--seconds 120] [--bootstrap 10s] [--fps 5]
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time

from benchmarks import clip, daemon
from tests.support.rtsp import RtspServer

_CORES = 2
"""Number of cores that all processes share."""

_BUSY_ONLINE_TIMEOUT_S = 600.0
"""How long the cameras may take to come online: a camera that fails again and again is what is looked for."""

_LINE_EVERY_S = 10.0
"""Interval of the printed lines."""

_BUSY_LOOP = "while True: pass"
"""What the processes that keep the cores busy do."""


def main() -> int:
    """Return 0 if no camera went offline, else 1."""
    arguments = _arguments()
    # Exit through SystemExit, so that the daemon, the server and the busy processes are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    file = clip.make(clip.SMALL)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_CORES])  # child processes inherit it
    motion = f'[defaults.motion]\nbootstrap = "{arguments.bootstrap}"\nanalysis_fps = {arguments.fps}\n'
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY_LOOP]) for _ in range(arguments.busy)]
    try:
        with RtspServer({"/clip": file}) as server:
            urls = [server.url("/clip")] * arguments.cameras
            with daemon.running(urls, motion, online_timeout_s=_BUSY_ONLINE_TIMEOUT_S) as edgeheat:
                went_offline = _watch(edgeheat, arguments.seconds)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    print(f"cameras went offline {went_offline:.0f} times")
    return 1 if went_offline else 0


def _watch(edgeheat: daemon.Daemon, seconds: float) -> float:
    """Return how often a camera went offline until the time is over, counted from the daemon's start."""
    ends_s = time.monotonic() + seconds
    went_offline = 0.0
    while time.monotonic() < ends_s:
        time.sleep(min(_LINE_EVERY_S, seconds))
        went_offline = edgeheat.metric("edgeheat_stream_reconnects_total")
        up, observed_s = edgeheat.metric("edgeheat_camera_up"), edgeheat.metric("edgeheat_observed_seconds_total")
        print(f"{up:.0f} online, went offline {went_offline:.0f} times, {observed_s:.0f} s observed", flush=True)
    return went_offline


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--cameras", type=int, default=7)
    parser.add_argument("--busy", type=int, default=6, help="processes that keep the two cores busy")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long to watch once all are online")
    parser.add_argument("--bootstrap", default="10s")
    parser.add_argument("--fps", type=float, default=5.0, help="analysis_fps")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
