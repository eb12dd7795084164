"""Figures as words for the page: instants in the shop's time zone, ages, heats, verdicts, and what was left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, tzinfo

from edgeheat.defs.events import CellRejection, FrameRejection, HealthVerdict
from edgeheat.defs.params import Measure
from edgeheat.defs.wording import duration_words, percent_words

MEASURES: Mapping[Measure, str] = {"presence": "Presence", "traffic": "Movement", "dwell": "Staying"}
TROUBLES: Mapping[HealthVerdict, str] = {
    "frozen": "Frozen",
    "dark": "Dark",
    "covered": "Covered",
    "blurred": "Blurred",
    "moved": "Moved",
}
_FRAME_REASONS: Mapping[FrameRejection, str] = {
    "light": "while the light changed",
    "settling": "while the empty scene was learnt",
    "unhealthy": "while the picture was not usable",
}
_CELL_REASONS: Mapping[CellRejection, str] = {
    "shadow": "shadows",
    "speck": "specks",
    "flicker": "flicker",
    "ghost": "traces of what has gone",
    "furniture": "things put down",
}


def local_time(wall_s: float, now_wall_s: float, timezone: tzinfo) -> str:
    """Return `14:05` for an instant of today in `timezone`, else `20 Nov 14:05`."""
    at, now = datetime.fromtimestamp(wall_s, timezone), datetime.fromtimestamp(now_wall_s, timezone)
    return at.strftime("%H:%M" if at.date() == now.date() else "%-d %b %H:%M")


def ago(wall_s: float, now_wall_s: float) -> str:
    """Return how long ago an instant was; a clock set back in between counts as no time."""
    age_s = round(now_wall_s - wall_s)
    if age_s >= 60:
        age_s -= age_s % 60  # seconds beside minutes would only flicker on the page
    return "just now" if age_s < 5 else f"{duration_words(age_s)} ago"


def heat_title(measure: Measure, kind: str, period_s: float) -> str:
    """Return what a heat counts and covers, as `Staying, last 24 h`."""
    return f"{MEASURES[measure]}, {heat_period(kind, period_s)}"


def heat_period(kind: str, period_s: float) -> str:
    """Return what a heat covers, in words; a decaying heat's period is its mean life, half-life / ln 2."""
    match kind:
        case "decaying":
            return f"fading by half every {duration_words(period_s * math.log(2))}"
        case "window":
            return f"last {duration_words(period_s)}"
        case _:
            return f"{duration_words(period_s)} in all"


def left_out_frames(frames_s: Mapping[FrameRejection, float]) -> str:
    """Return how long whole frames were left out and why, the longest first; empty where none were."""
    parts = sorted(frames_s.items(), key=lambda part: -part[1])
    return ", ".join(f"{duration_words(seconds)} {_FRAME_REASONS[reason]}" for reason, seconds in parts)


def left_out_cells(cells_ratio: Mapping[CellRejection, float]) -> str:
    """Return what was left out of what changed in the picture, the largest share first; empty where nothing was."""
    parts = sorted(cells_ratio.items(), key=lambda part: -part[1])
    return ", ".join(f"{_CELL_REASONS[reason]} {percent_words(share)}" for reason, share in parts)
