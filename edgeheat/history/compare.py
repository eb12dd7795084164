"""Compares two periods of one camera: their heats, and each zone's change with the test of its whole weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.comparison import Comparison, Counted, Week, compare
from edgeheat.core.heat.period import length_s
from edgeheat.defs.events import ALL
from edgeheat.defs.params import Measure, ZoneParams
from edgeheat.errors import HistoryError
from edgeheat.history.query import PeriodHeat, read_heat
from edgeheat.history.selection import Selection
from edgeheat.history.zones import ZoneFigures, zone_figures
from edgeheat.store.history.store import HistoryStore


@dataclass(frozen=True, slots=True)
class PeriodComparison:
    """Two periods of one camera and epoch; A is the earlier or the usual one, B the one in question."""

    a: PeriodHeat
    b: PeriodHeat
    zones_a: dict[str, ZoneFigures]
    zones_b: dict[str, ZoneFigures]
    changes: dict[str, Comparison]
    """By zone, `all` first."""


def compare_periods(
    store: HistoryStore, camera: str, a: Selection, b: Selection, *, measure: Measure, zones: Sequence[ZoneParams]
) -> PeriodComparison:
    """Return the heats of two periods of the same epoch, and how the present zones changed.

    Raises HistoryError where one of the periods has nothing, or the camera showed another scene in each of them.
    """
    with store.reading():
        heat_b = read_heat(store, camera, b.intervals(), measure)
        try:
            heat_a = read_heat(store, camera, a.intervals(), measure, heat_b.epoch)
        except HistoryError as error:
            other = read_heat(store, camera, a.intervals(), measure)
            raise HistoryError(
                f"{camera}: it showed another scene in {a.words()} (epoch {other.epoch}) than in {b.words()} (epoch "
                f"{heat_b.epoch}), because it was moved or its settings were changed; the two cannot be compared"
            ) from error
        masks = ZoneMasks.from_params(zones, heat_b.grid.heat_s.shape[::-1])
        weeks_a, weeks_b = (
            _weeks(store, camera, each, measure=measure, epoch=heat_b.epoch, masks=masks) for each in (a, b)
        )
    return PeriodComparison(
        a=heat_a,
        b=heat_b,
        zones_a=zone_figures(heat_a, masks),
        zones_b=zone_figures(heat_b, masks),
        changes={name: compare(weeks_a[name], weeks_b[name]) for name in masks.named},
    )


def _weeks(
    store: HistoryStore, camera: str, selection: Selection, *, measure: Measure, epoch: int, masks: ZoneMasks
) -> dict[str, list[Week]]:
    """Return the whole weeks of a selection for each zone; one without a tile was observed for 0 s."""
    weeks: dict[str, list[Week]] = {name: [] for name in masks.named}
    for week in selection.weeks():
        intervals = week.intervals()
        period_ms = 1000 * length_s(intervals)
        try:
            figures = zone_figures(read_heat(store, camera, intervals, measure, epoch), masks)
        except HistoryError:
            figures = {}
        for name in masks.named:
            zone, everything = _counted(figures.get(name)), _counted(figures.get(ALL))
            rest = None if name == ALL else Counted(max(0, everything.cell_ms - zone.cell_ms), everything.observed_ms)
            weeks[name].append(Week(zone, rest, period_ms))
    return weeks


def _counted(figures: ZoneFigures | None) -> Counted:
    if figures is None:
        return Counted(0, 0)
    return Counted(round(1000.0 * figures.cell_s), round(1000.0 * figures.observed_s))
