"""Total heat counts without end, and restarts at a local time of day also when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from edgeheat.core.heat.heat_set import make_heat
from edgeheat.core.heat.total import TotalHeat
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.defs.params import HeatParams
from tests.core.counting import CELL, SHAPE, ZONES, active_s, cell_s, increment

ZONE_COUNT = len(ZONES.keys)
TODAY = HeatParams("today", "total", since=time(6))


def test_a_total_restarts_at_the_local_time_of_day_also_when_the_clocks_change() -> None:
    heat = make_heat(TODAY, SHAPE, ZONE_COUNT, ZoneInfo("Europe/Oslo"))
    # Summer time ends on 25 October 2026: 06:00 is 04:00 UTC the day before and 05:00 UTC on the day.
    start = datetime(2026, 10, 24, 10, tzinfo=UTC).timestamp()

    def at(hours: float) -> tuple[float, float]:
        return hours * 3600, start + hours * 3600

    for hour in range(19):
        mono_s, wall_s = at(hour)
        heat.add(increment(mono_s, wall_s=wall_s))
    assert heat.read(*at(18.99)).heat_s[CELL] == pytest.approx(19.0)
    assert heat.read_zone_counters(*at(18.99))[0, Counter.ENTRIES] == 19
    assert heat.read(*at(19.01)).heat_s[CELL] == 0.0
    assert not heat.read_zone_counters(*at(19.01)).any()


def test_a_total_counts_without_saturating() -> None:
    heat = TotalHeat(SHAPE, ZONE_COUNT, "presence", None)
    for second in range(100_000):
        heat.add(increment(float(second), 65_535, observed_ms=65_535))
    assert cell_s(heat, 100_000.0) == pytest.approx(65.535 * 100_000, rel=1e-6)
    assert active_s(heat, 100_000.0) == pytest.approx(65.535 * 100_000)


def test_a_wall_clock_that_ran_years_ahead_for_a_while_does_not_delay_the_next_restart() -> None:
    heat = make_heat(TODAY, SHAPE, ZONE_COUNT, UTC)
    midnight_s = 1_700_006_400.0
    heat.add(increment(1.0, wall_s=midnight_s + 5 * 365 * 86400))
    heat.add(increment(2.0, wall_s=midnight_s + 1))
    heat.add(increment(3.0, wall_s=midnight_s + 5.9 * 3600))
    assert heat.read(4.0, midnight_s + 5.99 * 3600).heat_s[CELL] == pytest.approx(3.0)
    assert heat.read(5.0, midnight_s + 6.01 * 3600).heat_s[CELL] == 0.0


def test_the_hours_before_the_first_frame_of_the_day_lower_the_coverage() -> None:
    heat = make_heat(TODAY, SHAPE, ZONE_COUNT, ZoneInfo("Europe/Oslo"))
    # Summer time begins on 29 March 2026, at 02:00: 09:00 is 07:00 UTC, and 06:00 was three hours before.
    nine_s = datetime(2026, 3, 29, 7, tzinfo=UTC).timestamp()
    heat.add(increment(100.0, wall_s=nine_s))
    grid = heat.read(100.0 + 3600, nine_s + 3600)
    assert grid.period_s == pytest.approx(4 * 3600, abs=1.0)
    assert grid.coverage == pytest.approx(1 / (4 * 3600), rel=0.01)
