"""Settings of the table [hours]: when the shop is open, by weekday, with holidays and exceptions."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from edgeheat.config.settings_table import SettingsTable
from edgeheat.config.types import quoted
from edgeheat.defs.hours import DAY_MIN, ClockRange, OpeningHours, Outside
from edgeheat.local_time.period_text import DAYS_FROM_MONDAY, parse_hours, parse_weekdays

_EXAMPLE = 'write hours such as "9-20" or "9-13, 15-20", or "closed"'


def parse_day(value: object) -> tuple[ClockRange, ...]:
    """Return the times of "9-20", "9-13, 15-20" or, without any, "closed"; raises ValueError for anything else."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"is {quoted(value)}; {_EXAMPLE}")
    if value.strip().lower() == "closed":
        return ()
    return tuple(map(parse_hours, value.split(",")))


def day_text(ranges: tuple[ClockRange, ...]) -> str:
    """Return the times as `parse_day` reads them."""
    return ", ".join(f"{_time_text(each.start_min)}-{_time_text(each.end_min)}" for each in ranges) or "closed"


def _time_text(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}" if minute % 60 else f"{minute // 60}"


def _parse_date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    # Not other forms of ISO 8601: one date written in two ways would have two values.
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError(f'is {quoted(value)}; write a date such as "2026-12-25"')


def _parse_dates(value: object) -> tuple[date, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f'is {quoted(value)}; write a list of dates, such as ["2026-12-25", "2026-12-26"]')
    return tuple(map(_parse_date, value))


DayHours = Annotated[
    tuple[ClockRange, ...],
    BeforeValidator(parse_day),
    PlainSerializer(day_text),
    WithJsonSchema({"type": "string"}),
]
"""The opening hours that start on one day; written "9-20", "9-13, 15-20", "18-2" or "closed"."""

Date = Annotated[date, BeforeValidator(_parse_date)]
"""A date; written "2026-12-25", or without quotation marks as TOML's own."""

Dates = Annotated[
    tuple[date, ...],
    BeforeValidator(_parse_dates),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
"""Several dates."""


class HoursSettings(SettingsTable):
    """When the shop is open, on its local clock; without any hours it always is."""

    # For editors: a group of weekdays is a setting as well.
    model_config = ConfigDict(
        json_schema_extra={"patternProperties": {"^(mon|tue|wed|thu|fri|sat|sun)[a-z, -]*$": {"type": "string"}}}
    )

    monday: DayHours | None = None
    """Opening hours of Mondays: "9-20", "9-13, 15-20", "18-2" across midnight, or "closed"."""

    tuesday: DayHours | None = None
    """The same for Tuesdays."""

    wednesday: DayHours | None = None
    """The same for Wednesdays."""

    thursday: DayHours | None = None
    """The same for Thursdays."""

    friday: DayHours | None = None
    """The same for Fridays."""

    saturday: DayHours | None = None
    """The same for Saturdays."""

    sunday: DayHours | None = None
    """The same for Sundays."""

    holidays: Dates = ()
    """Dates on which the shop does not open, such as "2026-12-25"."""

    dates: dict[Date, DayHours] = Field(default_factory=dict)
    """Dates with other hours: "2026-12-24" = "9-14"."""

    outside: Outside = "pause"
    """Outside opening hours: `pause` reads no frames; `count` counts them, but only for the history."""

    @model_validator(mode="before")
    @classmethod
    def _expand_groups(cls, data: Any) -> Any:
        """Replace `mon-fri` by the days that it names."""
        if not isinstance(data, dict):
            return data
        expanded: dict[str, Any] = {}
        origin: dict[str, str] = {}
        for key, value in data.items():
            days = [key] if key in cls.model_fields else _weekdays_of(key)
            if days != [key]:
                _check_group(key, value)
            for day in days:
                if day in expanded:
                    raise ValueError(f"{origin[day]} and {key} both give the hours of {day}; keep one")
                expanded[day], origin[day] = value, key
        return expanded

    @model_validator(mode="after")
    def _check_days(self) -> HoursSettings:
        missing = [day for day in DAYS_FROM_MONDAY if getattr(self, day) is None]
        if missing and len(missing) < len(DAYS_FROM_MONDAY):
            raise ValueError(f'has no hours for {", ".join(missing)}; add {missing[0]} = "closed", or its hours')
        if twice := [day for day in self.holidays if day in self.dates]:
            raise ValueError(f"has {twice[0]} both in holidays and in dates; keep one")
        return self

    def opening_hours(self) -> OpeningHours | None:
        """Return the opening hours; None where the shop is always open."""
        days = tuple(getattr(self, day) for day in DAYS_FROM_MONDAY)
        if days[0] is None and not self.holidays and not self.dates:
            return None
        whole_day = (ClockRange(0, DAY_MIN),)
        weekdays = tuple(whole_day if day is None else day for day in days)
        return OpeningHours(weekdays, {**dict.fromkeys(self.holidays, ()), **self.dates}, self.outside)


def _weekdays_of(key: str) -> list[str]:
    """Return the settings that a group such as `mon-fri` stands for; the key itself if it names no weekdays."""
    try:
        return [DAYS_FROM_MONDAY[day] for day in sorted(parse_weekdays(key))]
    except ValueError:
        return [key]


def _check_group(key: str, value: object) -> None:
    """Raise ValueError for wrong hours of a group: once, and under the name that the user wrote."""
    try:
        parse_day(value)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
