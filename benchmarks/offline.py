"""Measures the wall time of rendering a recording, alternately with edgeheat and with a typical script."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

from benchmarks import clip
from benchmarks.figures import Figure
from benchmarks.plan import Plan


@dataclass(frozen=True, slots=True)
class Cost:
    """Wall and processor seconds of one command, from its start to its end."""

    wall_s: float
    cpu_s: float


def cost(*arguments: str) -> Cost:
    """Run `python -m arguments...` to its end; raises RuntimeError if it fails."""
    started_s = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - started_s
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with exit code {process.returncode}: {errors.decode()}")
    return Cost(wall_s, usage.ru_utime + usage.ru_stime)


def script_cost() -> Cost:
    """Return the cost of the typical script for the 1080p clip."""
    with tempfile.TemporaryDirectory() as folder:
        return cost("benchmarks.baselines", "script", str(clip.make(clip.FULL_HD)), f"{folder}/heat.png")


def offline(plan: Plan) -> list[Figure]:
    """Measure rendering the 1080p clip to one picture."""
    file = str(clip.make(clip.FULL_HD))
    pairs: list[tuple[Cost, Cost]] = []
    for _ in range(plan.runs):
        with tempfile.TemporaryDirectory() as folder:
            ours = cost("edgeheat", "render", file, "-o", f"{folder}/heat.png")
        script = script_cost()
        pairs.append((ours, script))
        print(f"offline: edgeheat {ours}, script {script}", file=sys.stderr, flush=True)
    recording = f"{clip.LENGTH_S} s of 1080p15"
    return [
        Figure(
            "P1.offline",
            f"time of the script ÷ `edgeheat render`, {recording}",
            "",
            tuple(script.wall_s / ours.wall_s for ours, script in pairs),
            clip.LENGTH_S,
            "higher",
            target=5.0,
        ),
        Figure("P1.render", f"`edgeheat render`, {recording}", "s", tuple(p[0].wall_s for p in pairs), clip.LENGTH_S),
    ]
