"""When a total that begins anew each day does so, by the shop's clock."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo


def starts_around_s(since: time, wall_s: float, timezone: tzinfo) -> tuple[float, float]:
    """Return the last instant, up to `wall_s`, at which the clock of `timezone` showed `since`, and the first after it.

    All in Unix time.
    """
    day = datetime.fromtimestamp(wall_s, timezone).date()
    yesterday_s, today_s, tomorrow_s = (
        datetime.combine(day + timedelta(days=days), since, timezone).timestamp() for days in (-1, 0, 1)
    )
    return (today_s, tomorrow_s) if today_s <= wall_s else (yesterday_s, today_s)
