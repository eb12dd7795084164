"""Compares two periods of one camera: their heats, and each zone's change with the test of its whole weeks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, F64
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.comparison import Comparison, Counted, Week, compare, rest_levels
from edgeheat.core.heat.period import length_s
from edgeheat.defs.events import ALL
from edgeheat.defs.params import Measure, ZoneParams
from edgeheat.errors import HistoryError
from edgeheat.history.query import PeriodHeat, read_heat, read_selection
from edgeheat.history.selection import Selection
from edgeheat.history.zones import ZoneFigures, zone_figures
from edgeheat.store.history.store import HistoryStore

_REST_PLACE_CELLS = 8
"""Width of the places of the picture by whose median the level of the rest is known: about that of a person."""

_LEVEL_MS = 1e9
"""Milliseconds per second that stand for a level of 1, so that rounding to whole numbers does not matter."""


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
        heat_b = read_selection(store, camera, b, measure)
        try:
            heat_a = read_heat(store, camera, a.intervals(), measure, heat_b.epoch, uncounted=a.uncounted())
        except HistoryError as error:
            other = read_selection(store, camera, a, measure)
            raise HistoryError(
                f"{camera}: it showed another scene in {a.words()} (epoch {other.epoch}) than in {b.words()} (epoch "
                f"{heat_b.epoch}), because it was moved or its settings were changed; the two cannot be compared"
            ) from error
        masks = ZoneMasks.from_params(zones, heat_b.grid.heat_s.shape[::-1])
        weeks = [
            [_week(store, camera, week, measure=measure, epoch=heat_b.epoch, masks=masks) for week in each.weeks()]
            for each in (a, b)
        ]
    return PeriodComparison(
        a=heat_a,
        b=heat_b,
        zones_a=zone_figures(heat_a, masks),
        zones_b=zone_figures(heat_b, masks),
        changes={name: _compared(weeks, name, masks) for name in masks.named},
    )


@dataclass(frozen=True, slots=True)
class _WeekHeat:
    """What was counted in one whole week."""

    period_ms: int
    observed_s: float
    rates: F64
    """Motion-seconds per second in each place of the picture, see `_REST_PLACE_CELLS`."""

    figures: dict[str, ZoneFigures]
    """Of the zones by name; empty where nothing was observed."""


def _week(
    store: HistoryStore, camera: str, week: Selection, *, measure: Measure, epoch: int, masks: ZoneMasks
) -> _WeekHeat:
    intervals = week.intervals()
    period_ms = 1000 * length_s(intervals)
    try:
        heat = read_heat(store, camera, intervals, measure, epoch, uncounted=week.uncounted())
    except HistoryError:
        return _WeekHeat(period_ms, 0.0, np.zeros(0), {})
    grid = heat.grid
    return _WeekHeat(period_ms, grid.observed_s, _at_places(grid.heat_s) / grid.observed_s, zone_figures(heat, masks))


def _compared(weeks: Sequence[Sequence[_WeekHeat]], name: str, masks: ZoneMasks) -> Comparison:
    """Compare the weeks of a zone with the level of the places outside it."""
    outside = _at_places((masks.named[name] > 0).astype(np.float32)) == 0.0
    observed = [week for period in weeks for week in period if week.figures]
    levels = iter(rest_levels(np.stack([week.rates[outside] for week in observed])) if observed else ())
    return compare(*([_as_week(week, name, levels) for week in period] for period in weeks))


def _as_week(week: _WeekHeat, name: str, levels: Iterator[float]) -> Week:
    """Return a week for the comparison; `levels` has the next level of the rest for each week that was observed."""
    if not week.figures:
        return Week(Counted(0, 0), None if name == ALL else Counted(0, 0), week.period_ms)
    figures, observed_ms = week.figures[name], round(1000.0 * week.observed_s)
    rest = Counted(round(_LEVEL_MS * next(levels) * week.observed_s), observed_ms)
    zone = Counted(round(1000.0 * figures.cell_s), round(1000.0 * figures.observed_s))
    return Week(zone, None if name == ALL else rest, week.period_ms)


def _at_places(cells: F32) -> F64:
    """Return the mean of the cells of each place, float64, shape (places,)."""
    height, width = cells.shape
    size_wh = max(1, round(width / _REST_PLACE_CELLS)), max(1, round(height / _REST_PLACE_CELLS))
    return np.asarray(cv2.resize(cells, size_wh, interpolation=cv2.INTER_AREA), np.float64).ravel()
