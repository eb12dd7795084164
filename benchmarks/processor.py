"""Measures the daemon's processor time: against plain decoding, against a typical script, and with more cameras."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks import clip, daemon
from benchmarks.figures import Figure
from benchmarks.offline import script_cost
from benchmarks.plan import CAMERAS, Plan
from benchmarks.processes import cpu_s
from tests.support.rtsp import RtspServer

_MIN_FRAMES_RATIO = 0.97
"""Share of the frames that must arrive; with fewer, the measured cost would be too low."""


def processor(plan: Plan) -> list[Figure]:
    """Measure one 1080p camera: all of edgeheat and a plain decoder in the same seconds; then the script."""
    file = clip.make(clip.FULL_HD)
    shares: list[tuple[float, float, float]] = []
    for _ in range(plan.runs):
        with (
            RtspServer({"/clip": file}) as server,
            _decoder(server.url("/clip")) as decoder,
            daemon.running([server.url("/clip")]) as edgeheat,
        ):
            time.sleep(plan.warm_up_s)
            before_s = cpu_s(decoder)
            ours_s = _used_s(edgeheat, 1, plan.window_s)
            floor_s = cpu_s(decoder) - before_s
        script_s = script_cost().cpu_s
        shares.append((ours_s / plan.window_s, floor_s / plan.window_s, script_s / clip.LENGTH_S))
        _print_shares("of one core: edgeheat {:.1%}, decoding {:.1%}, script {:.1%}", shares[-1])
    window_s, camera = plan.window_s, "one 1080p15 camera"
    floors = tuple(ours / floor for ours, floor, _ in shares)
    scripts = tuple(script / ours for ours, _, script in shares)
    ours_percent, floor_percent = (tuple(100 * share[n] for share in shares) for n in (0, 1))
    return [
        Figure("P1", f"CPU of edgeheat ÷ decoding the same stream once, {camera}", "", floors, window_s, target=1.25),
        Figure("P1.script", f"CPU of the script ÷ edgeheat, {camera}", "", scripts, window_s, "higher", target=5.0),
        Figure("P1.share", f"share of one core: edgeheat, {camera}", "%", ours_percent, window_s),
        Figure("P1.floor", f"share of one core: decoding alone, {camera}", "%", floor_percent, window_s),
    ]


def scaling(plan: Plan) -> list[Figure]:
    """Measure one small camera and eight of them, alternately."""
    file = clip.make(clip.SMALL)
    growth: list[float] = []
    one_s: list[float] = []
    for _ in range(plan.runs):
        used_s = []
        for cameras in (1, CAMERAS):
            with RtspServer({"/clip": file}) as server, daemon.running([server.url("/clip")] * cameras) as edgeheat:
                time.sleep(plan.warm_up_s)
                used_s.append(_used_s(edgeheat, cameras, plan.window_s))
        growth.append(used_s[1] / (CAMERAS * used_s[0]))
        one_s.append(used_s[0])
        _print_shares("of one core: one camera {:.1%}, eight {:.1%}", [used / plan.window_s for used in used_s])
    window_s = plan.window_s
    description = f"CPU of {CAMERAS} cameras ÷ {CAMERAS} times the CPU of one, 360p15"
    one_percent = tuple(100 * used / window_s for used in one_s)
    return [
        Figure("P1.growth", description, "", tuple(growth), window_s, target=1.1),
        Figure("P1.small", "share of one core: edgeheat, one 360p15 camera", "%", one_percent, window_s),
    ]


def _used_s(edgeheat: daemon.Daemon, cameras: int, window_s: float) -> float:
    """Return the processor seconds of all of edgeheat's processes in a window.

    Raises RuntimeError if frames are missing or a process was replaced.
    """
    frames = edgeheat.metric("edgeheat_frames_total")
    before_s = edgeheat.cpu_s()
    time.sleep(window_s)
    after_s = edgeheat.cpu_s()
    frames = edgeheat.metric("edgeheat_frames_total") - frames
    expected = cameras * window_s * clip.FPS
    if before_s.keys() != after_s.keys() or frames < _MIN_FRAMES_RATIO * expected:
        raise RuntimeError(f"invalid window: {frames:.0f} of {expected:.0f} frames arrived, or a process was replaced")
    return sum(after_s.values()) - sum(before_s.values())


@contextmanager
def _decoder(url: str) -> Iterator[int]:
    """Decode the stream in a separate process; yields the process id. Raises RuntimeError if frames are missing."""
    command = [sys.executable, "-m", "benchmarks.baselines", "decode", url]
    started_s = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.pid
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    expected = (time.monotonic() - started_s - 3.0) * clip.FPS
    if int(output) < _MIN_FRAMES_RATIO * expected:
        raise RuntimeError(f"invalid comparison: the decoder received {output.strip()} of {expected:.0f} frames")


def _print_shares(template: str, shares: Sequence[float]) -> None:
    print(template.format(*shares), file=sys.stderr, flush=True)
