"""Formats durations, percentages and heat periods as text, for captions on pictures and for the status page."""

from __future__ import annotations

import math

from edgeheat.defs.params import HeatParams, Measure


def duration_words(seconds: float) -> str:
    """Return a duration in its two largest units: "45 s", "1 min 20 s", "30 min", "1 h", "7 d".

    Below one second two significant digits are given ("0.25 s"); exactly one day is "24 h", as in "last 24 h".
    """
    remaining_s = round(seconds)
    if remaining_s < 1:
        return f"{seconds:.2g} s"
    words = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, remaining_s = divmod(remaining_s, size)
        if count:
            words.append(f"{count} {unit}")
        elif words:
            break
    return "24 h" if words == ["1 d"] else " ".join(words[:2])


def period_words(heat: HeatParams) -> str:
    """Return the period of a heat: "last 1 h", "dwell, half-life 30 min", "traffic, since 08:00"."""
    if heat.kind == "decaying":
        period = f"half-life {duration_words(heat.length_s)}"
    elif heat.kind == "window":
        period = f"last {duration_words(heat.length_s)}"
    else:
        period = f"since {heat.since:%H:%M}" if heat.since else "since the start"
    return with_measure(heat.measure, period)


def with_measure(measure: Measure, period: str) -> str:
    """Return `period`, preceded by the measure unless that is presence: "traffic, last 1 h"."""
    return period if measure == "presence" else f"{measure}, {period}"


def percent_words(ratio: float) -> str:
    """Return a ratio, 0..1, as a percentage rounded down: "98 %".

    A ratio below 1 is never "100 %", and one above 0 never "0 %" but "under 1 %".
    """
    if 0 < ratio < 0.01:
        return "under 1 %"
    return f"{math.floor(ratio * 100 + 1e-9)} %"
