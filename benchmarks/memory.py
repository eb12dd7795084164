"""Measures the daemon's memory: proportional set size of the parent, and of each additional 1080p camera."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import busy_day, clip, daemon
from benchmarks.figures import Figure
from benchmarks.plan import CAMERAS, Plan
from benchmarks.processes import having_loaded
from tests.support.rtsp import RtspServer

_SETTINGS = '[schedule]\nevery = "10s"\n'
"""Pictures are drawn repeatedly during the measurement, because a worker needs most memory then."""

_WINDOW_S = 30.0
"""Longest time for which memory is read: pictures are drawn three times in it."""

_READING_INTERVAL_S = 2.0
"""Pause between two readings."""

_LIBRARY = "cv2.abi3.so"
"""If another process has loaded it too, part of it is attributed to that process and the figures are too low."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Proportional set sizes in MB at one instant."""

    parent: float
    helpers: float
    """Fork server and resource tracker."""

    workers: float

    @property
    def total(self) -> float:
        """All processes of edgeheat."""
        return self.parent + self.helpers + self.workers


def further_camera(one: Usage, several: Usage, cameras: int) -> float:
    """Return what each camera after the first adds to the total of all processes, in MB.

    The figure of a single worker would be too low: the more workers there are, the smaller is the part of the shared
    pages that is attributed to each.
    """
    return (several.total - one.total) / (cameras - 1)


def memory(plan: Plan) -> list[Figure]:
    """Measure one camera and eight of them, alternately; the instant with the highest value counts."""
    fresh = [_pair(plan, None) for _ in range(plan.runs)]
    with tempfile.TemporaryDirectory() as folder:
        busy_day.make(Path(folder), "camera")
        later = [_pair(plan, Path(folder, "camera.ckpt")) for _ in range(plan.runs)]
    ones = [one for one, _ in fresh]
    once = tuple(one.parent + one.helpers for one in ones)
    helpers, totals = tuple(one.helpers for one in ones), tuple(one.total for one in ones)
    camera = "1080p15 camera"
    parent = f"parent process, with up to {CAMERAS} cameras"
    s, day = _WINDOW_S, "after a busy day"
    return [
        Figure("P2.camera", f"each further {camera}", "MB", _further(fresh), s, target=35.0),
        Figure("P2.camera.day", f"each further {camera} {day}", "MB", _further(later), s, target=35.0),
        Figure("P2.parent", parent, "MB", _parents(fresh), s, target=90.0),
        Figure("P2.parent.day", f"{parent} {day}", "MB", _parents(later), s, target=90.0),
        Figure("P2.helpers", f"fork server and resource tracker, with one {camera}", "MB", helpers, s),
        Figure("P2.once", f"parent and these two, with one {camera}", "MB", once, s, target=90.0),
        Figure("P2.one", f"all of edgeheat, with one {camera}", "MB", totals, s),
    ]


Pair = tuple[Usage, Usage]
"""With one camera, and with eight."""


def _further(pairs: Sequence[Pair]) -> tuple[float, ...]:
    return tuple(further_camera(one, several, CAMERAS) for one, several in pairs)


def _parents(pairs: Sequence[Pair]) -> tuple[float, ...]:
    return tuple(max(one.parent, several.parent) for one, several in pairs)


def _pair(plan: Plan, checkpoint: Path | None) -> Pair:
    one, several = (_most(plan, cameras, checkpoint) for cameras in (1, CAMERAS))
    further = further_camera(one, several, CAMERAS)
    print(f"MB: one camera {one}, eight {several}, each further {further:.1f}", file=sys.stderr, flush=True)
    return one, several


def _most(plan: Plan, cameras: int, checkpoint: Path | None) -> Usage:
    with (
        RtspServer({"/clip": clip.make(clip.FULL_HD)}) as server,
        daemon.running([server.url("/clip")] * cameras, _SETTINGS, checkpoint) as edgeheat,
    ):
        time.sleep(plan.warm_up_s)
        ends_s = time.monotonic() + min(plan.window_s, _WINDOW_S)
        seen = []
        while time.monotonic() < ends_s:
            seen.append(_usage(edgeheat))
            time.sleep(_READING_INTERVAL_S)
        if others := having_loaded(_LIBRARY) - set(edgeheat.processes()):
            print(f"too low: {len(others)} other processes share {_LIBRARY} with edgeheat", file=sys.stderr)
    return max(seen, key=lambda usage: usage.total)


def _usage(edgeheat: daemon.Daemon) -> Usage:
    by_process = edgeheat.pss_mb()
    helpers = sum(by_process[pid] for pid in edgeheat.helpers())
    parent = by_process[edgeheat.pid]
    return Usage(parent, helpers, sum(by_process.values()) - parent - helpers)
