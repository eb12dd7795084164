"""Computes which part of a heat's period the shop was open, so that coverage refers to opening hours."""

from __future__ import annotations

import math
from datetime import tzinfo

from edgeheat.defs.history import FIVE_MINUTES_S
from edgeheat.defs.hours import OpeningHours
from edgeheat.defs.params import HeatKind
from edgeheat.local_time.opening import open_intervals
from edgeheat.local_time.period import Period

_FORGOTTEN_AFTER = 20.0
"""Mean lives after which what a decaying heat counted has faded to 2e-9."""


def open_ratio(hours: OpeningHours | None, timezone: tzinfo, kind: HeatKind, period_s: float, wall_s: float) -> float:
    """Return the share of a heat's period, 0..1, in which the shop was open; 1 for a period without length.

    The period is the `period_s` seconds before `wall_s`. That of a decaying heat is its mean life: its time is
    weighted by age, like all that it counts.
    """
    if hours is None or period_s <= 0:
        return 1.0
    reach_s = period_s * (_FORGOTTEN_AFTER if kind == "decaying" else 1.0)
    first, last = math.floor((wall_s - reach_s) / FIVE_MINUTES_S), math.ceil(wall_s / FIVE_MINUTES_S)
    intervals = open_intervals(hours, Period(first * FIVE_MINUTES_S, last * FIVE_MINUTES_S), timezone)
    ages = [(wall_s - max(start, wall_s - reach_s), wall_s - min(end, wall_s)) for start, end in intervals]
    if kind == "decaying":
        return sum(math.exp(-end_s / period_s) - math.exp(-start_s / period_s) for start_s, end_s in ages)
    return sum(start_s - end_s for start_s, end_s in ages) / period_s
