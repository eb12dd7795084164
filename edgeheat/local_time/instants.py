"""Converts local times to Unix time, exact where clocks change.

Local time is read at whole multiples of 5 minutes, because no tile is shorter: a change of the clock within 5 minutes
takes effect at the end of them. Every offset from UTC in use is such a multiple as well.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from edgeheat.defs.history import FIVE_MINUTES_S

_DAY_S = 86400


def utc_offset_s(unix_s: int, timezone: tzinfo) -> int:
    """Return what is added to UTC to obtain the local time, in seconds; east of Greenwich it is positive."""
    offset = datetime.fromtimestamp(unix_s, timezone).utcoffset()
    assert offset is not None  # a datetime with a tzinfo has an offset
    return int(offset.total_seconds())


def offset_segments(start_s: int, end_s: int, timezone: tzinfo) -> list[tuple[int, int, int]]:
    """Divide the time from `start_s` to `end_s` at the changes of the clock, both multiples of 5 minutes.

    Returns start, end and offset from UTC of each segment, in seconds and in order. A change is found
    by a look at the clock once a day: two changes within 24 hours would be one, and no time zone has these.
    """
    segments: list[tuple[int, int, int]] = []
    begin_s, offset_s = start_s, utc_offset_s(start_s, timezone)
    for before_s in range(start_s, end_s, _DAY_S):
        after_s = min(before_s + _DAY_S, end_s - FIVE_MINUTES_S)
        if utc_offset_s(after_s, timezone) != offset_s:
            low, high = before_s // FIVE_MINUTES_S, after_s // FIVE_MINUTES_S
            while high - low > 1:
                middle = (low + high) // 2
                same = utc_offset_s(middle * FIVE_MINUTES_S, timezone) == offset_s
                low, high = (middle, high) if same else (low, middle)
            change_s = high * FIVE_MINUTES_S
            segments.append((begin_s, change_s, offset_s))
            begin_s, offset_s = change_s, utc_offset_s(change_s, timezone)
    return [*segments, (begin_s, end_s, offset_s)]


def instants_of(local: datetime, timezone: tzinfo) -> tuple[int, ...]:
    """Return the Unix times at which the local clock shows `local`, a datetime without time zone, in order.

    None where the clock skips it, two where it repeats it.
    """
    aware = local.replace(tzinfo=timezone)
    found = {int(aware.replace(fold=fold).timestamp()) for fold in (0, 1)}
    return tuple(sorted(s for s in found if datetime.fromtimestamp(s, timezone).replace(tzinfo=None, fold=0) == local))


def day_start_s(day: date, timezone: tzinfo) -> int:
    """Return when `day` begins, in Unix time: the first multiple of 5 minutes at which the local date has reached it.

    Where the clock skips midnight, this is the instant of the jump; where it shows midnight twice, the first. A day
    that a change of the date line skips begins, and ends, when the next one begins.
    """
    midnight = datetime.combine(day, time.min, timezone)
    earlier_s, later_s = (int(midnight.replace(fold=fold).timestamp()) for fold in (0, 1))
    if earlier_s <= later_s:
        return earlier_s
    # Midnight is skipped, and the jump lies between the two instants that the offsets after and before it give.
    low, high = later_s // FIVE_MINUTES_S, earlier_s // FIVE_MINUTES_S
    while high - low > 1:
        middle = (low + high) // 2
        reached = datetime.fromtimestamp(middle * FIVE_MINUTES_S, timezone).date() >= day
        low, high = (low, middle) if reached else (middle, high)
    return high * FIVE_MINUTES_S


def local_day(unix_s: int, timezone: tzinfo) -> date:
    """Return the day that `unix_s` belongs to.

    It is the local date, but a day that has begun never yields to the one before: where the clock is set back across
    midnight, the repeated time belongs to the new day.
    """
    day = datetime.fromtimestamp(unix_s, timezone).date()
    tomorrow = day + timedelta(days=1)
    return tomorrow if day_start_s(tomorrow, timezone) <= unix_s else day


def local_text(unix_s: int, timezone: tzinfo) -> str:
    """Return the local time as people write it: "2026-11-30 10:00"."""
    return f"{datetime.fromtimestamp(unix_s, UTC).astimezone(timezone):%Y-%m-%d %H:%M}"
