"""Opening hours as people write them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from edgeheat.config import Config, load_config
from edgeheat.config.hours import day_text, parse_day
from edgeheat.defs.hours import ClockRange, OpeningHours

CAMERA = '[[camera]]\nname = "a"\nsource = "rtsp://cam/1"\n'
WEEKDAY = (ClockRange(9 * 60, 20 * 60),)
SATURDAY = (ClockRange(9 * 60, 13 * 60), ClockRange(15 * 60, 18 * 60 + 30))
SHOP = """
[hours]
mon-fri = "9-20"
sat = "9-13, 15-18:30"
sunday = "closed"
holidays = [2026-12-25, "2026-12-26"]
outside = "count"

[hours.dates]
2026-12-24 = "9-14"
"""


def load(tmp_path: Path, hours: str) -> Config:
    file = tmp_path / "config.toml"
    file.write_text(CAMERA + hours)
    return load_config(file, {"STATE_DIRECTORY": "/var/lib/edgeheat"}, run_secrets=tmp_path)


def test_hours_of_weekdays_groups_holidays_and_dates(tmp_path: Path) -> None:
    assert load(tmp_path, SHOP).hours.opening_hours() == OpeningHours(
        (*[WEEKDAY] * 5, SATURDAY, ()),
        {date(2026, 12, 24): (ClockRange(9 * 60, 14 * 60),), date(2026, 12, 25): (), date(2026, 12, 26): ()},
        "count",
    )


def test_what_is_shown_is_read_again(tmp_path: Path) -> None:
    config = load(tmp_path, SHOP)
    (tmp_path / "shown.toml").write_text(config.show())
    assert load_config(tmp_path / "shown.toml", {}, run_secrets=tmp_path).hours == config.hours


@pytest.mark.parametrize("hours", ["", "[hours]\n", '[hours]\noutside = "count"\n'])
def test_a_shop_without_hours_is_always_open(tmp_path: Path, hours: str) -> None:
    assert load(tmp_path, hours).hours.opening_hours() is None


def test_a_shop_with_holidays_only_is_open_on_all_other_days(tmp_path: Path) -> None:
    hours = load(tmp_path, '[hours]\nholidays = ["2026-12-25"]\n').hours.opening_hours()
    assert hours == OpeningHours(((ClockRange(),),) * 7, {date(2026, 12, 25): ()})


@pytest.mark.parametrize(
    ("text", "written"), [("Closed", "closed"), (" 18 - 2 ", "18-2"), ("9:30-13,15-24", "9:30-13, 15-24")]
)
def test_hours_of_a_day(text: str, written: str) -> None:
    assert day_text(parse_day(text)) == written
