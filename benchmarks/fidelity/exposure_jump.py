"""Measures, on a real recording with an exposure jump, how much heat the jump causes without people."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from benchmarks.fidelity.count import count_edgeheat, count_rivals
from benchmarks.fidelity.results import JumpResult, JumpShares
from edgeheat.core.grid.frames import F64, Frame

RECORDING = "one-by-one-person-detection.mp4"
"""File name in the folder EDGEHEAT_CLIPS."""

JUMP_S = (24, 29)
"""Seconds of the recording in which the exposure changes."""

AROUND_S = ((14, 24), (29, 39))
"""Seconds before and after it, whose mean heat per second is the normal level."""

BRIGHTER_S = (24, 44)
"""Seconds in which the whole picture is brighter than before; the only person, in black, stands at the table."""

EMPTY_LEFT_RATIO = 0.4
"""Fraction of the picture's width, from the left, in which nobody is visible in BRIGHTER_S."""

SECONDS = (14, 24, 29, 39, 44)
"""All boundaries of these intervals, rising."""


def recording() -> Path | None:
    """Return the recording; None if EDGEHEAT_CLIPS is unset or has no file of this name."""
    folder = os.environ.get("EDGEHEAT_CLIPS")
    path = Path(folder or "", RECORDING)
    return path if folder and path.exists() else None


def measure(video: Path, cache: Path | None) -> JumpResult:
    """Count the recording with all methods; `cache`: file of the rivals' heats, None to omit the rivals.

    edgeheat counts the recording again for each of SECONDS, cut off there: its heat in the middle of one run would miss
    the dwell that is confirmed later.
    """
    length_s = 0.0

    def note(frame: Frame) -> None:
        nonlocal length_s
        length_s = frame.mono_s

    heat = count_edgeheat(video, on_frame=note)
    until = {second: count_edgeheat(video, until_s=second) for second in SECONDS}
    rivals = count_rivals(video, cache, SECONDS) if cache is not None else []
    return JumpResult(length_s, shares(heat, until), {rival.name: shares(rival.heat, rival.until) for rival in rivals})


def shares(heat: F64, until: Mapping[int, F64]) -> JumpShares:
    """Return the shares of one method; `heat`: of the whole recording, `until`: after each of SECONDS."""
    total = float(heat.sum())
    if total <= 0:
        return JumpShares(0.0, 0.0)

    def between(start_s: int, end_s: int, width_ratio: float = 1.0) -> float:
        grown = until[end_s] - until[start_s]
        return float(grown[:, : round(width_ratio * grown.shape[1])].sum())

    around = sum(between(*span) for span in AROUND_S) / sum(end - start for start, end in AROUND_S)
    beyond = between(*JUMP_S) - around * (JUMP_S[1] - JUMP_S[0])
    return JumpShares(max(0.0, beyond / total), max(0.0, between(*BRIGHTER_S, EMPTY_LEFT_RATIO) / total))
