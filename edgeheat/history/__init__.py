"""Answers questions about any period from the stored tiles, and rolls tiles up into local hours, days and months.

What is listed here is the Python API; docs/history.md has an example.
"""

from __future__ import annotations

from edgeheat.defs.hours import ClockRange, OpeningHours
from edgeheat.history.compare import PeriodComparison, compare_periods
from edgeheat.history.profile import read_profile
from edgeheat.history.query import PeriodHeat, read_heat, stored_period
from edgeheat.history.selection import Selection
from edgeheat.history.zones import ZoneFigures, zone_figures
from edgeheat.local_time.period import Period
from edgeheat.local_time.period_text import parse_hours, parse_period, parse_weekdays
from edgeheat.store.history.store import HISTORY_FILE, HistoryStore

__all__ = [
    "HISTORY_FILE",
    "ClockRange",
    "HistoryStore",
    "OpeningHours",
    "Period",
    "PeriodComparison",
    "PeriodHeat",
    "Selection",
    "ZoneFigures",
    "compare_periods",
    "parse_hours",
    "parse_period",
    "parse_weekdays",
    "read_heat",
    "read_profile",
    "stored_period",
    "zone_figures",
]
