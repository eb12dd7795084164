"""Texts of the status page: times in the shop's time zone, ages, heats, history, health verdicts, rejections."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, tzinfo

from edgeheat.defs.events import CellRejection, FrameRejection, HealthVerdict
from edgeheat.defs.history import HistoryStatus
from edgeheat.defs.hours import OpeningHours
from edgeheat.defs.params import Measure
from edgeheat.defs.wording import duration_words, percent_words
from edgeheat.local_time.opening import is_open, next_change_s

_DAY_S = 86400

MEASURE_LABELS: Mapping[Measure, str] = {"presence": "Presence", "traffic": "Movement", "dwell": "Staying"}
"""The page's word for what a heat counts."""

HEALTH_PROBLEMS: Mapping[HealthVerdict, str] = {
    "frozen": "Frozen",
    "dark": "Dark",
    "covered": "Covered",
    "blurred": "Blurred",
    "moved": "Moved",
}
"""Every health verdict but `ok`."""

_FRAME_REASONS: Mapping[FrameRejection, str] = {
    "light": "while the light changed",
    "settling": "while the background was being learned",
    "unhealthy": "while the picture was unusable",
}
"""Follows a duration: "36 s while the light changed"."""

_CELL_REASONS: Mapping[CellRejection, str] = {
    "shadow": "shadows",
    "speck": "specks",
    "flicker": "flicker",
    "ghost": "traces of removed objects",
    "furniture": "static objects",
}
"""Precedes a percentage: "shadows 15 %"."""


def local_time_text(wall_s: float, now_wall_s: float, timezone: tzinfo) -> str:
    """Return an instant (Unix time) in `timezone`: `14:05` if it is on the day of `now_wall_s`, else `20 Nov 14:05`."""
    at, now = datetime.fromtimestamp(wall_s, timezone), datetime.fromtimestamp(now_wall_s, timezone)
    return at.strftime("%H:%M" if at.date() == now.date() else "%-d %b %H:%M")


def closed_text(hours: OpeningHours | None, now_wall_s: float, timezone: tzinfo) -> str:
    """Return `Closed until 09:00`, or `Closed until Mon 30 Nov 09:00` if it opens in a day or later; empty if open."""
    if is_open(hours, now_wall_s, timezone):
        return ""
    opens_s = next_change_s(hours, now_wall_s, timezone)
    if opens_s is None:
        return "Closed"
    in_a_day = opens_s - now_wall_s < _DAY_S
    return (
        f"Closed until {datetime.fromtimestamp(opens_s, timezone).strftime('%H:%M' if in_a_day else '%a %-d %b %H:%M')}"
    )


def age_text(wall_s: float, now_wall_s: float) -> str:
    """Return the age of an instant: `just now`, `12 s ago`, `1 h 20 min ago`; one in the future is `just now`."""
    age_s = round(now_wall_s - wall_s)
    if age_s >= 60:
        age_s -= age_s % 60  # changing seconds beside minutes would only distract
    return "just now" if age_s < 5 else f"{duration_words(age_s)} ago"


def history_text(history: HistoryStatus | None, now_wall_s: float, timezone: tzinfo) -> str:
    """Return until when history is stored, and its size; empty where there is none."""
    if history is None:
        return ""
    if not history.is_dated:
        return "History waits until this machine's clock is set"
    if not history.last_stored_wall_s:
        return "History from the first five minutes on"
    until = local_time_text(history.last_stored_wall_s, now_wall_s, timezone)
    return f"History stored at {until}, {max(1, round(history.size_bytes / 1e6))} MB"


def heat_title(measure: Measure, kind: str, period_s: float) -> str:
    """Return what a heat counts and the period it covers: `Staying, last 24 h`."""
    return f"{MEASURE_LABELS[measure]}, {period_text(kind, period_s)}"


def period_text(kind: str, period_s: float) -> str:
    """Return the period of a heat: `last 24 h`; `period_s` of a decaying heat is its mean life, half-life / ln 2."""
    match kind:
        case "decaying":
            return f"fading by half every {duration_words(period_s * math.log(2))}"
        case "window":
            return f"last {duration_words(period_s)}"
        case _:
            return f"{duration_words(period_s)} in total"


def rejected_frames_text(frames_s: Mapping[FrameRejection, float]) -> str:
    """Return how long whole frames were rejected and why, the longest first; empty if none were."""
    by_size = sorted(frames_s.items(), key=lambda item: -item[1])
    return ", ".join(f"{duration_words(seconds)} {_FRAME_REASONS[reason]}" for reason, seconds in by_size)


def rejected_cells_text(cells_ratio: Mapping[CellRejection, float]) -> str:
    """Return which fractions (0..1) of all changes were rejected and why, the largest first; empty if none were."""
    by_size = sorted(cells_ratio.items(), key=lambda item: -item[1])
    return ", ".join(f"{_CELL_REASONS[reason]} {percent_words(ratio)}" for reason, ratio in by_size)
