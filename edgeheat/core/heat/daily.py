"""Computes when a total that restarts daily at a local time last restarted and restarts next."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo


def starts_around_s(since: time, wall_s: float, timezone: tzinfo) -> tuple[float, float]:
    """Return the last instant up to `wall_s` at which local time was `since`, and the next such instant.

    All in Unix time; days of 23 and 25 hours, when the clocks change, are taken into account.
    """
    day = datetime.fromtimestamp(wall_s, timezone).date()
    yesterday_s, today_s, tomorrow_s = (
        datetime.combine(day + timedelta(days=days), since, timezone).timestamp() for days in (-1, 0, 1)
    )
    return (today_s, tomorrow_s) if today_s <= wall_s else (yesterday_s, today_s)
