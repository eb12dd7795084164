"""The figures of zones in a period: exact from the day a zone was drawn, before that summed from the cells."""

from __future__ import annotations

from dataclasses import dataclass

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.defs.history import ZoneTile
from edgeheat.defs.params import Measure
from edgeheat.history.query import PeriodHeat

_SAME_TIME_RATIO = 0.99
"""A zone that was observed for this share of the time of its camera had been drawn when the period began."""


@dataclass(frozen=True, slots=True)
class ZoneFigures:
    """What one zone counted in a period."""

    name: str

    is_exact: bool
    """Whether the zone counted all this time; else it was drawn later, and only the time in its cells is known."""

    cells: int
    """Number of grid cells in the zone."""

    observed_s: float

    cell_s: float
    """Motion-seconds of the measure, summed over the cells."""

    active_s: float | None
    """Seconds with a person in it; None where only the cells are known."""

    entries: int | None
    """Number of times that a person came; None where only the cells are known."""


def zone_figures(heat: PeriodHeat, zones: ZoneMasks) -> dict[str, ZoneFigures]:
    """Return the figures of the present zones by name, `all` first; `zones` must be of the grid of the heat."""
    counted = {zone.key: zone for zone in heat.zones}
    figures = {}
    for (name, cells), key in zip(zones.named.items(), zones.keys, strict=True):
        zone = counted.get(key)
        if zone is not None and zone.observed_ms >= _SAME_TIME_RATIO * 1000.0 * heat.grid.observed_s:
            figures[name] = _exact(zone, heat.measure, int((cells > 0).sum()))
        else:
            inside = cells > 0
            cell_s = float(heat.grid.heat_s[inside].sum(dtype=float))
            figures[name] = ZoneFigures(name, False, int(inside.sum()), heat.grid.observed_s, cell_s, None, None)
    return figures


def _exact(zone: ZoneTile, measure: Measure, cells: int) -> ZoneFigures:
    cell_ms = {
        "traffic": zone.traffic_cell_ms,
        "dwell": zone.dwell_cell_ms,
        "presence": zone.traffic_cell_ms + zone.dwell_cell_ms,
    }[measure]
    return ZoneFigures(
        name=zone.name,
        is_exact=True,
        cells=cells,
        observed_s=zone.observed_ms / 1000.0,
        cell_s=cell_ms / 1000.0,
        active_s=zone.active_ms / 1000.0,
        entries=zone.entries,
    )
