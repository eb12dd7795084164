"""The table [reports] of config.toml: which reports are made on schedule."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edgeheat.config.settings_table import SettingsTable
from edgeheat.defs.params import ReportKind, ReportsParams


class ReportsSettings(SettingsTable):
    """Which reports are made, each when its time is over."""

    daily: bool = True
    """Make a report of each day."""

    weekly: bool = True
    """Make a report of each week, from Monday to Sunday."""

    monthly: bool = True
    """Make a report of each calendar month."""

    keep: Annotated[int, Field(ge=1, le=1000)] = 30
    """This many reports of each kind are kept; the oldest are deleted."""

    def params(self) -> ReportsParams:
        """Return these settings as parameters."""
        wanted: dict[ReportKind, bool] = {"day": self.daily, "week": self.weekly, "month": self.monthly}
        return ReportsParams(tuple(kind for kind, on in wanted.items() if on), self.keep)
