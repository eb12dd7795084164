"""Finds when a shop is open: its opening hours on the local clock as Unix times, exact where clocks change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from edgeheat.defs.history import FIVE_MINUTES_S
from edgeheat.defs.hours import DAY_MIN, OpeningHours
from edgeheat.local_time.instants import offset_segments
from edgeheat.local_time.period import Period

_DAY = timedelta(days=1)
_DAY_S = 86400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LOOK_AHEAD_DAYS = (2, 16, 800)
"""How far `next_change_s` looks ahead, further only if it finds nothing; a shop may close for a season."""


def is_open(hours: OpeningHours | None, unix_s: float, timezone: tzinfo) -> bool:
    """Return whether the shop is open at an instant; without `hours` it always is.

    It is open if the local clock, read at the last multiple of 5 minutes, shows one of the times. So what the clock
    repeats is open twice, and what it skips is not open.
    """
    if hours is None:
        return True
    local = datetime.fromtimestamp(unix_s // FIVE_MINUTES_S * FIVE_MINUTES_S, timezone)
    day, minute = local.date(), local.hour * 60 + local.minute
    return any(
        each.start_min <= minute and (minute < each.end_min or each.end_min < each.start_min)
        for each in hours.starting_on(day)
    ) or any(minute < each.end_min < each.start_min for each in hours.starting_on(day - _DAY))


def open_intervals(hours: OpeningHours | None, period: Period, timezone: tzinfo) -> list[tuple[int, int]]:
    """Return the parts of the period in which the shop is open: start and end in Unix seconds, half-open.

    They are in order, do not touch one another, and start and end at multiples of 5 minutes. `is_open` holds in them
    and nowhere else.
    """
    if hours is None:
        return [(period.start_s, period.end_s)]
    merged: list[tuple[int, int]] = []
    for start_s, end_s in sorted(_open_spans(hours, period, timezone)):
        if merged and start_s <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end_s)
        else:
            merged.append((start_s, end_s))
    return merged


def next_change_s(hours: OpeningHours | None, unix_s: float, timezone: tzinfo) -> int | None:
    """Return when the shop opens or closes next, later than `unix_s`; None if it does neither within two years."""
    start_s = int(unix_s // FIVE_MINUTES_S) * FIVE_MINUTES_S
    for days in _LOOK_AHEAD_DAYS:
        period = Period(start_s, start_s + days * _DAY_S)
        changes_s = [at_s for interval in open_intervals(hours, period, timezone) for at_s in interval]
        if found := [at_s for at_s in changes_s if start_s < at_s < period.end_s]:
            return found[0]
    return None


def _open_spans(hours: OpeningHours, period: Period, timezone: tzinfo) -> Iterator[tuple[int, int]]:
    """Yield the opening times of each day within the period; they may touch and overlap."""
    for start_s, end_s, offset_s in offset_segments(period.start_s, period.end_s, timezone):
        # A day earlier: its hours across midnight may end in this segment.
        for day in range((start_s + offset_s) // _DAY_S - 1, (end_s + offset_s) // _DAY_S + 1):
            midnight_s = day * _DAY_S - offset_s
            for each in hours.starting_on((_EPOCH + day * _DAY).date()):
                end_min = each.end_min + (DAY_MIN if each.end_min < each.start_min else 0)
                opens_s, closes_s = max(midnight_s + each.start_min * 60, start_s), midnight_s + end_min * 60
                if opens_s < (closes_s := min(closes_s, end_s)):
                    yield opens_s, closes_s
