"""The exposure jump of a real recording: how much heat comes from the jump and not from people."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from benchmarks.fidelity.count import count_edgeheat, count_rivals
from benchmarks.fidelity.measures import F64
from benchmarks.fidelity.results import Jump, JumpShares
from edgeheat.core.grid.frames import Frame

RECORDING = "one-by-one-person-detection.mp4"
JUMP_S = (24, 29)
AROUND_S = ((14, 24), (29, 39))

EMPTY_S = (24, 44)
"""A man in black stands at the table all the while, and the whole picture is brighter than before."""

EMPTY_LEFT_RATIO = 0.4
"""So much of the picture's left side shows nobody in that time."""

SECONDS = (14, 24, 29, 39, 44)
"""All of these, in order."""


def recording() -> Path | None:
    """Return the recording; None where EDGEHEAT_CLIPS is unset or has none of this name."""
    folder = os.environ.get("EDGEHEAT_CLIPS")
    path = Path(folder or "", RECORDING)
    return path if folder and path.exists() else None


def measure(video: Path, kept: Path | None) -> Jump:
    """Count the recording in all ways; `kept`: where the rivals' heats are kept, None to leave the rivals out.

    What edgeheat counted by some second is what it gives for a recording that ends there, because staying is
    counted some time after it happens.
    """
    length_s = 0.0

    def note(frame: Frame) -> None:
        nonlocal length_s
        length_s = frame.mono_s

    heat = count_edgeheat(video, on_frame=note)
    until = {second: count_edgeheat(video, until_s=second) for second in SECONDS}
    found = count_rivals(video, kept, SECONDS) if kept is not None else []
    return Jump(length_s, shares(heat, until), {each.name: shares(each.heat, each.until) for each in found})


def shares(heat: F64, until: Mapping[int, F64]) -> JumpShares:
    """Return the figures of one way: its heat of the whole recording, and as it stood after each of SECONDS."""
    total = float(heat.sum())
    if total <= 0:
        return JumpShares(0.0, 0.0)

    def between(start_s: int, end_s: int, width_ratio: float = 1.0) -> float:
        grown = until[end_s] - until[start_s]
        return float(grown[:, : round(width_ratio * grown.shape[1])].sum())

    around = sum(between(*span) for span in AROUND_S) / sum(end - start for start, end in AROUND_S)
    beyond = between(*JUMP_S) - around * (JUMP_S[1] - JUMP_S[0])
    return JumpShares(max(0.0, beyond / total), max(0.0, between(*EMPTY_S, EMPTY_LEFT_RATIO) / total))
