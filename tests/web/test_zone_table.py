"""Which heat the zone table shows, and in which order."""

from __future__ import annotations

from dataclasses import replace

from edgeheat.defs.events import HeatImage
from edgeheat.web.latest_state import Picture
from edgeheat.web.zone_table import zone_table

from .events import NOON, heat_image


def pictures(*heats: HeatImage) -> list[Picture]:
    return [Picture(heat, NOON, '"etag"') for heat in heats]


def test_there_is_no_table_without_zones() -> None:
    assert zone_table([]) is None
    assert zone_table(pictures(replace(heat_image("day"), zones=()))) is None


def test_it_shows_the_longest_window_and_prefers_presence() -> None:
    heats = (heat_image(name, coverage=coverage) for name, coverage in (("dwell", 0.1), ("day", 0.2), ("hour", 0.3)))
    table = zone_table(pictures(*heats, replace(heat_image("recent"), period_s=1e9)))
    assert table is not None
    assert (table.period, table.coverage) == ("last 24 h", "20 %")


def test_zones_are_sorted_by_rank_with_the_whole_picture_last() -> None:
    table = zone_table(pictures(heat_image("day")))
    assert table is not None
    assert [(row.rank, row.name) for row in table.rows] == [("1", "till"), ("2", "entrance mat"), ("", "whole picture")]
