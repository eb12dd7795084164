"""Figures as words for the page: instants in the shop's time zone, ages, durations, shares."""

from __future__ import annotations

import math
from datetime import datetime, tzinfo

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400


def local_time(wall_s: float, now_wall_s: float, zone: tzinfo) -> str:
    """Return `14:05` for an instant of today in `zone`, else `20 Nov 14:05`."""
    at, now = datetime.fromtimestamp(wall_s, zone), datetime.fromtimestamp(now_wall_s, zone)
    return at.strftime("%H:%M" if at.date() == now.date() else "%-d %b %H:%M")


def duration(seconds: float) -> str:
    """Return a duration in one or two units, cut to the finer: `45 s`, `30 min`, `1 h 20 min`, `24 h`, `2 d 5 h`."""
    whole_s = max(0, round(seconds))
    if whole_s < _MINUTE_S:
        return f"{whole_s} s"
    if whole_s < _HOUR_S:
        return f"{whole_s // _MINUTE_S} min"  # seconds beside minutes would only flicker on the page
    if whole_s < 2 * _DAY_S:
        return _two_units(whole_s, _HOUR_S, "h", _MINUTE_S, "min")
    return _two_units(whole_s, _DAY_S, "d", _HOUR_S, "h")


def _two_units(whole_s: int, coarse_s: int, coarse: str, fine_s: int, fine: str) -> str:
    rest = whole_s % coarse_s // fine_s
    return f"{whole_s // coarse_s} {coarse}" + (f" {rest} {fine}" if rest else "")


def ago(wall_s: float, now_wall_s: float) -> str:
    """Return how long ago an instant was; a clock set back in between counts as no time."""
    age_s = now_wall_s - wall_s
    return "just now" if age_s < 5 else f"{duration(age_s)} ago"


def percent(share: float) -> str:
    """Return a share of 0..1 as `98 %`; never `100 %` for less, never `0 %` for more."""
    if 0 < share < 0.01:
        return "under 1 %"
    return f"{math.floor(share * 100 + 1e-9)} %"


def heat_period(kind: str, period_s: float) -> str:
    """Return what a heat covers, in words; a decaying heat's period is its mean life, half-life / ln 2."""
    match kind:
        case "decaying":
            return f"fading by half every {duration(period_s * math.log(2))}"
        case "window":
            return f"the last {duration(period_s)}"
        case _:
            return f"{duration(period_s)} in all"
