"""The daily restart of a total, also on the days on which the clocks change."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from edgeheat.core.heat.daily import starts_around_s

OSLO = ZoneInfo("Europe/Oslo")


@pytest.mark.parametrize(
    ("since", "now", "last", "following"),
    [
        pytest.param("06:00", "2026-11-21 12:00", "2026-11-21 06:00", "2026-11-22 06:00", id="later that day"),
        pytest.param("06:00", "2026-11-21 05:59", "2026-11-20 06:00", "2026-11-21 06:00", id="earlier that day"),
        pytest.param("06:00", "2026-11-21 06:00", "2026-11-21 06:00", "2026-11-22 06:00", id="exactly then"),
        pytest.param("00:00", "2026-03-29 12:00", "2026-03-29 00:00", "2026-03-30 00:00", id="a day of 23 hours"),
        pytest.param("00:00", "2026-10-25 12:00", "2026-10-25 00:00", "2026-10-26 00:00", id="a day of 25 hours"),
    ],
)
def test_the_last_and_the_next_restart(since: str, now: str, last: str, following: str) -> None:
    def unix_s(text: str) -> float:
        return datetime.fromisoformat(text).replace(tzinfo=OSLO).timestamp()

    found = starts_around_s(time.fromisoformat(since), unix_s(now), OSLO)
    assert found == (unix_s(last), unix_s(following))
