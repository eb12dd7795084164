"""The table of one camera's zones on the status page: chooses a heat and formats its zones, sorted by rank."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from edgeheat.defs.events import ALL, ZoneHeat
from edgeheat.defs.wording import duration_words, percent_words
from edgeheat.web import page_text
from edgeheat.web.latest_state import Picture


@dataclass(frozen=True, slots=True)
class ZoneRow:
    """The texts of one zone's row."""

    name: str
    rank: str
    """Empty for the whole picture, which has no rank."""

    cells: tuple[tuple[str, str], ...]
    """Heading and text of each column."""


@dataclass(frozen=True, slots=True)
class ZoneTable:
    """The zones of one heat by rank, the whole picture last."""

    period: str
    coverage: str
    rows: tuple[ZoneRow, ...]


def zone_table(pictures: Collection[Picture]) -> ZoneTable | None:
    """Return the table of the most informative heat; None if no picture has zones.

    That is the heat with the longest window, whose statistics are not weighted by age; among those of the same window,
    the one that measures presence.
    """
    heats = [picture.heat for picture in pictures if picture.heat.zones]
    if not heats:
        return None
    heat = max(heats, key=lambda heat: (heat.kind == "window", heat.period_s, heat.measure == "presence"))
    zones = sorted(heat.zones, key=lambda zone: (zone.zone == ALL, zone.rank or 0))
    return ZoneTable(
        period=page_text.period_text(heat.kind, heat.period_s),
        coverage=percent_words(heat.coverage),
        rows=tuple(_row(zone) for zone in zones),
    )


def _row(zone: ZoneHeat) -> ZoneRow:
    grid_cells = max(1, zone.cells)
    return ZoneRow(
        name="whole picture" if zone.zone == ALL else zone.zone,
        rank="" if zone.rank is None else str(zone.rank),
        cells=(
            ("Time active", f"{duration_words(zone.active_s)} ({percent_words(zone.active_ratio)})"),
            ("Movement", duration_words(zone.traffic_cell_s / grid_cells)),
            ("Staying", duration_words(zone.dwell_cell_s / grid_cells)),
            ("Peak", duration_words(zone.peak_s)),
            ("Entries", f"{zone.entries:.0f}"),
        ),
    )
