"""Divides all time into the buckets of the tiles: 5 minutes of UTC, and local hours, days and months."""

from __future__ import annotations

from datetime import date, tzinfo

from edgeheat.defs.history import FIVE_MINUTES_S, Level
from edgeheat.local_time.instants import day_start_s, local_day, utc_offset_s

_HOUR_S = 3600


def bucket_of(level: Level, unix_s: int, timezone: tzinfo) -> tuple[int, int]:
    """Return start and end of the bucket that contains `unix_s`, in Unix time; the end belongs to the next bucket.

    Buckets follow one another without gaps, start at multiples of 5 minutes, and each lies in exactly one bucket of
    the next level. An hour has one local date and hour and one offset from UTC: where clocks are set back, the repeated
    hour is a bucket of its own, and no hour is longer than 60 minutes.
    """
    tile_s = unix_s // FIVE_MINUTES_S * FIVE_MINUTES_S
    if level is Level.FIVE_MINUTES:
        return tile_s, tile_s + FIVE_MINUTES_S
    if level is Level.HOUR:
        return _hour(tile_s, timezone)
    day = local_day(tile_s, timezone)
    if level is Level.DAY:
        following = date.fromordinal(day.toordinal() + 1)
        return day_start_s(day, timezone), day_start_s(following, timezone)
    first = day.replace(day=1)
    next_first = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return day_start_s(first, timezone), day_start_s(next_first, timezone)


def _hour(tile_s: int, timezone: tzinfo) -> tuple[int, int]:
    """Extend the tile to both sides while the local hour and the offset stay the same: at most twelve steps."""
    hour = _local_hour(tile_s, timezone)
    start_s, end_s = tile_s, tile_s + FIVE_MINUTES_S
    while _local_hour(start_s - FIVE_MINUTES_S, timezone) == hour:
        start_s -= FIVE_MINUTES_S
    while _local_hour(end_s, timezone) == hour:
        end_s += FIVE_MINUTES_S
    return start_s, end_s


def _local_hour(unix_s: int, timezone: tzinfo) -> tuple[int, int]:
    """Return the number of the local hour and the offset from UTC in seconds."""
    offset_s = utc_offset_s(unix_s, timezone)
    return (unix_s + offset_s) // _HOUR_S, offset_s
