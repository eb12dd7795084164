"""The table [history] of config.toml: whether history is kept, and for how long."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from edgeheat.config.settings_table import SettingsTable
from edgeheat.config.types import Duration, Size
from edgeheat.defs.history import Level


class HistorySettings(SettingsTable):
    """What was counted in the past: in each five minutes, hour, day and month."""

    enabled: bool = True
    """Keep history."""

    keep_five_minutes_s: Annotated[Duration, Field(ge=86400)] = Field(default=14 * 86400.0, alias="keep_five_minutes")
    """Figures for every five minutes are kept this long, those for every hour, day and month longer."""

    keep_hours_s: Annotated[Duration, Field(ge=86400)] = Field(default=400 * 86400.0, alias="keep_hours")
    """Figures for every hour are kept this long, those for every day and month indefinitely."""

    max_size_bytes: Annotated[Size, Field(ge=10**7)] = Field(default=4 * 10**9, alias="max_size")
    """Above this total the oldest five minutes are deleted, then the oldest hours and days; never months."""

    @model_validator(mode="after")
    def _check_order(self) -> HistorySettings:
        if self.keep_hours_s < self.keep_five_minutes_s:
            raise ValueError("keep_hours is shorter than keep_five_minutes")
        return self

    @property
    def keep_s(self) -> dict[Level, float]:
        """How long tiles are kept, for each level that is not kept indefinitely."""
        return {Level.FIVE_MINUTES: self.keep_five_minutes_s, Level.HOUR: self.keep_hours_s}
