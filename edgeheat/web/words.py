"""Figures as words for the page: instants in the shop's time zone, ages, and what a heat covers."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo

from edgeheat.core.caption import duration_words


def local_time(wall_s: float, now_wall_s: float, zone: tzinfo) -> str:
    """Return `14:05` for an instant of today in `zone`, else `20 Nov 14:05`."""
    at, now = datetime.fromtimestamp(wall_s, zone), datetime.fromtimestamp(now_wall_s, zone)
    return at.strftime("%H:%M" if at.date() == now.date() else "%-d %b %H:%M")


def ago(wall_s: float, now_wall_s: float) -> str:
    """Return how long ago an instant was; a clock set back in between counts as no time."""
    age_s = round(now_wall_s - wall_s)
    if age_s >= 60:
        age_s -= age_s % 60  # seconds beside minutes would only flicker on the page
    return "just now" if age_s < 5 else f"{duration_words(age_s)} ago"


def heat_period(kind: str, period_s: float) -> str:
    """Return what a heat covers, in words; a decaying heat's period is its mean life, half-life / ln 2."""
    match kind:
        case "decaying":
            return f"fading by half every {duration_words(period_s * math.log(2))}"
        case "window":
            return f"the last {duration_words(period_s)}"
        case _:
            return f"{duration_words(period_s)} in all"
