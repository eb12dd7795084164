"""Explains to users why time of a recording was not observed, and what to set."""

from __future__ import annotations

import math
from collections.abc import Mapping

from edgeheat.core.pipeline_report import PipelineReport
from edgeheat.defs.events import FrameRejection
from edgeheat.defs.params import MotionParams
from edgeheat.defs.wording import duration_words

LONGEST_GAP_S = 60.0
"""Greatest value of the setting `max_gap`."""

_GAP_MARGIN = 1.5
"""A suggested `max_gap` is longer than the usual distance of frames by this factor."""

_UNCOUNTED_BECAUSE: Mapping[FrameRejection, str] = {
    "light": "the light changed",
    "settling": "the scene was learned again after the light had changed",
    "unhealthy": "the picture was unusable",
}
"""Why whole frames were not counted, as text for users."""


def suggested_gap_s(interval_s: float) -> float | None:
    """Return a `max_gap` for frames that are `interval_s` apart; None where they are too far apart for any."""
    gap_s = float(math.ceil(_GAP_MARGIN * interval_s))
    return gap_s if gap_s <= LONGEST_GAP_S else None


class UnobservedTime:
    """Collects why the frames of one recording were not counted."""

    def __init__(self, params: MotionParams) -> None:
        """`params`: with which the recording is analysed."""
        self._max_gap_s = params.max_gap_s
        self._previous_s: float | None = None
        self._analysed = 0
        self._gaps_s: list[float] = []
        self._rejected_s: dict[FrameRejection, float] = {}
        self._health_reasons: dict[str, None] = {}

    def add_frame(self, mono_s: float, report: PipelineReport) -> None:
        """Add the frame of an instant and the pipeline's report on it."""
        self.add_rejected(report)
        if report.frames_skipped:
            return
        self._analysed += 1
        if self._previous_s is not None and mono_s - self._previous_s > self._max_gap_s:
            self._gaps_s.append(mono_s - self._previous_s)
        self._previous_s = mono_s

    def add_rejected(self, report: PipelineReport) -> None:
        """Add what a report says of earlier frames, as after the last one."""
        for rejection, seconds in report.rejected.frames_s.items():
            self._rejected_s[rejection] = self._rejected_s.get(rejection, 0.0) + seconds
            if rejection == "unhealthy" and report.health is not None and report.health.reason:
                self._health_reasons.setdefault(report.health.reason.rstrip("."))

    def distance_reason(self) -> str | None:
        """Return that there are too few frames or that they are too far apart, with the remedy; None if neither."""
        if self._analysed < 2:
            return "only one picture could be used, and heat needs several of the same place"
        if not self._gaps_s:
            return None
        if len(self._gaps_s) <= (self._analysed - 1) / 2:
            longest = duration_words(max(self._gaps_s))
            if len(self._gaps_s) == 1:
                return f"no frames came during a gap of {longest}"
            return f"{len(self._gaps_s)} gaps of {duration_words(sum(self._gaps_s))} together, the longest of {longest}"
        gap_s = sorted(self._gaps_s)[len(self._gaps_s) // 2]
        reason = f"frames are {duration_words(gap_s)} apart, more than max_gap = {self._max_gap_s:g} s"
        wanted_s = suggested_gap_s(gap_s)
        if wanted_s is None:
            return f"{reason}, and too far to see anybody move: if this is wrong, set their real rate with --fps"
        return (
            f'{reason}: set max_gap = "{wanted_s:g}s" under [defaults.motion] in a file and give it with --config, '
            "or set their real rate with --fps"
        )

    def reasons(self) -> list[str]:
        """Return all reasons, the one that took most time first."""
        reasons = []
        if distance := self.distance_reason():
            reasons.append((sum(self._gaps_s), distance))
        for rejection, seconds in self._rejected_s.items():
            why = "; ".join(self._health_reasons) if rejection == "unhealthy" else ""
            text = f"for {duration_words(seconds)} {_UNCOUNTED_BECAUSE[rejection]}"
            reasons.append((seconds, f"{text} ({why})" if why else text))
        return [text for _, text in sorted(reasons, key=lambda reason: -reason[0])]
