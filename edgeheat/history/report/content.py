"""Reads from the history everything that a report shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo

import numpy as np

from edgeheat.core.grid.frames import F64, U8
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.comparison import Comparison
from edgeheat.core.heat.median_filter import median_filter
from edgeheat.defs.events import ALL
from edgeheat.defs.hours import ClockRange, OpeningHours
from edgeheat.defs.params import PipelineParams
from edgeheat.errors import HistoryError
from edgeheat.history.backdrop import read_backdrop
from edgeheat.history.compare import PeriodComparison, compare_periods
from edgeheat.history.profile import read_profile
from edgeheat.history.query import PeriodHeat, read_selection, stored_period
from edgeheat.history.report.period import ReportPeriod
from edgeheat.history.report.plans import PlanReport, ReportPlan, read_plan
from edgeheat.history.selection import Selection
from edgeheat.history.zones import ZoneFigures, zone_figures
from edgeheat.local_time.instants import local_day
from edgeheat.local_time.period import WHOLE_DAY
from edgeheat.store.history.store import HistoryStore

_USUAL_WEEK_DAYS = 28
"""The hours of the week in a daily report are those of this many days until then: one day has only one weekday."""


@dataclass(frozen=True, slots=True)
class ReportSite:
    """The shop that reports are about."""

    name: str
    timezone: tzinfo
    cameras: tuple[PipelineParams, ...]

    hours: ClockRange = WHOLE_DAY
    """The times of day that count."""

    plans: tuple[ReportPlan, ...] = ()

    opening: OpeningHours | None = None
    """Only time within them counts; None for a shop that never closes."""

    def selection(self, period: ReportPeriod) -> Selection:
        """Return the time that a report of this period is about; without any intervals if the shop was closed."""
        return Selection(period.period(self.timezone), self.timezone, self.hours, opening=self.opening)

    def is_closed(self, period: ReportPeriod) -> bool:
        """Return whether a period has no time that counts."""
        return not len(self.selection(period).intervals())

    def named(self, words: str) -> str:
        """Return the words for a period with the layer that is shown of it: "18 April 2026, open hours"."""
        return f"{words}, open hours" if self.opening else words


@dataclass(frozen=True, slots=True)
class ZoneReport:
    """What one zone counted."""

    figures: ZoneFigures
    """Of presence."""

    standing_s: float
    """Seconds of standing per cell, on average over the zone."""

    weight: float
    """The factor by which it counts where zones are ranked."""

    change: float | None
    """Change of its presence per observed hour against the period before, a ratio minus 1; None where not known."""

    four_weeks: Comparison | None
    """The last four weeks against the four weeks before; None where there is nothing to compare with."""

    @property
    def name(self) -> str:
        """The zone's name; `all` for the whole picture."""
        return self.figures.name


@dataclass(frozen=True, slots=True)
class CameraReport:
    """What one camera counted in the period; the heats are without what is under the present masks."""

    params: PipelineParams
    traffic: PeriodHeat
    dwell: PeriodHeat
    zones: tuple[ZoneReport, ...]
    """`all` first."""

    busiest_standing_xy: tuple[float, float] | None
    """Where most people stood, 0..1 of the picture from its top left; None where nobody stood."""

    standing_zones: tuple[str, ...]
    """The named zones that contain this place."""

    comparison: PeriodComparison | None
    """With the period before; None where there is nothing to compare with."""

    not_compared: str
    """Why `comparison` is None, in one sentence."""

    hours: F64
    """Motion-seconds per observed hour of each hour of the period's weekdays, shape (7, 24); NaN if not observed."""

    usual_hours: F64
    """The same, of the usual week for a daily report."""

    backdrop: U8 | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the report of one period shows."""

    site: ReportSite
    period: ReportPeriod
    cameras: tuple[CameraReport, ...]
    """Those that observed something, in the order of the configuration."""

    plans: tuple[PlanReport, ...]

    silent: tuple[str, ...]
    """Cameras that observed nothing."""


def read_report(store: HistoryStore, site: ReportSite, period: ReportPeriod) -> Report:
    """Return the report of a period.

    Raises HistoryError where no camera has observed anything in it or the shop was closed, StoreError where the file
    cannot be read.
    """
    if site.is_closed(period):
        raise HistoryError(f"the shop was closed in all of {period.words}, so there is nothing to report")
    cameras: list[CameraReport] = []
    silent: list[str] = []
    with store.reading():
        for params in site.cameras:
            try:
                cameras.append(_read_camera(store, site, params, period))
            except _NothingObserved:
                silent.append(params.camera)
        if not cameras:
            raise HistoryError(f"of {period.words} nothing was observed; {_stored_words(store, site)}")
        plans = tuple(read_plan(store, plan, site.selection(period)) for plan in site.plans)
    return Report(site, period, tuple(cameras), plans, tuple(silent))


class _NothingObserved(HistoryError):
    """A camera has nothing of the period."""


def _read_camera(store: HistoryStore, site: ReportSite, params: PipelineParams, period: ReportPeriod) -> CameraReport:
    camera, selection = params.camera, site.selection(period)
    try:
        traffic = read_selection(store, camera, selection, "traffic")
        dwell = read_selection(store, camera, selection, "dwell", traffic.epoch)
    except HistoryError as error:
        raise _NothingObserved(str(error)) from error
    masks = ZoneMasks.from_params(params.zones, traffic.grid.heat_s.shape[::-1])
    comparison, not_compared = _compare_before(store, site, params, period)
    place = _busiest_place(_masked(dwell.grid, masks))

    def hours(of: ReportPeriod) -> F64:
        zone = masks.keys[0], masks.named[ALL]
        return read_profile(store, camera, site.selection(of), measure="presence", epoch=traffic.epoch, zone=zone)

    return CameraReport(
        params=params,
        traffic=replace(traffic, grid=_masked(traffic.grid, masks)),
        dwell=replace(dwell, grid=_masked(dwell.grid, masks)),
        zones=_zones(traffic, dwell, masks, comparison, _compare_weeks(store, site, params, period)),
        busiest_standing_xy=place,
        standing_zones=tuple(name for name, cells in masks.named.items() if name != ALL and _contains(cells, place)),
        comparison=comparison
        and replace(
            comparison,
            a=replace(comparison.a, grid=_masked(comparison.a.grid, masks)),
            b=replace(comparison.b, grid=_masked(comparison.b.grid, masks)),
        ),
        not_compared=not_compared,
        hours=hours(period),
        usual_hours=hours(_usual_week(period)),
        backdrop=read_backdrop(store, params, traffic.epoch),
    )


def _usual_week(period: ReportPeriod) -> ReportPeriod:
    if period.kind != "day":
        return period
    return ReportPeriod(period.following - _USUAL_WEEK_DAYS * (period.following - period.first), period.following)


def _masked(grid: HeatGrid, masks: ZoneMasks) -> HeatGrid:
    return replace(grid, heat_s=np.where(masks.counted > 0, grid.heat_s, np.float32(0)))


def _compare_before(
    store: HistoryStore, site: ReportSite, params: PipelineParams, period: ReportPeriod
) -> tuple[PeriodComparison | None, str]:
    """Return the comparison with the period before, or None and the reason."""
    if site.is_closed(period.before()):
        return None, f"The shop was closed {period.on_before}, so there is no comparison."
    before = site.selection(period.before())
    try:
        return _compare(store, params, before, site.selection(period)), ""
    except HistoryError:
        pass
    try:
        read_selection(store, params.camera, before, "presence")
    except HistoryError:
        return None, f"Nothing was counted {period.on_before}, so there is no comparison."
    on_before = period.on_before[0].upper() + period.on_before[1:]
    return None, (
        f"{on_before} the camera showed another scene, because it was moved or its settings were changed; so there is "
        "no comparison."
    )


def _compare_weeks(
    store: HistoryStore, site: ReportSite, params: PipelineParams, period: ReportPeriod
) -> PeriodComparison | None:
    weeks = period.weeks()
    if weeks is None:
        return None
    try:
        return _compare(store, params, *(site.selection(each) for each in weeks))
    except HistoryError:
        return None


def _compare(store: HistoryStore, params: PipelineParams, a: Selection, b: Selection) -> PeriodComparison:
    return compare_periods(store, params.camera, a, b, measure="presence", zones=params.zones)


def _zones(
    traffic: PeriodHeat,
    dwell: PeriodHeat,
    masks: ZoneMasks,
    before: PeriodComparison | None,
    four_weeks: PeriodComparison | None,
) -> tuple[ZoneReport, ...]:
    presence = replace(
        traffic,
        measure="presence",
        grid=replace(traffic.grid, heat_s=traffic.grid.heat_s + dwell.grid.heat_s),
    )
    standing = zone_figures(dwell, masks)
    return tuple(
        ZoneReport(
            figures,
            standing_s=standing[name].cell_s / max(1, figures.cells),
            weight=masks.weights[name],
            change=_change(before, name),
            four_weeks=four_weeks.changes[name] if four_weeks else None,
        )
        for name, figures in zone_figures(presence, masks).items()
    )


def _change(before: PeriodComparison | None, name: str) -> float | None:
    """Return the change over all of both periods; `Comparison.own_change` is that of their whole weeks."""
    if before is None:
        return None
    figures = before.zones_a[name], before.zones_b[name]
    rates = [each.cell_s / each.observed_s if each.observed_s > 0 else 0.0 for each in figures]
    return rates[1] / rates[0] - 1 if rates[0] > 0 else None


def _busiest_place(grid: HeatGrid) -> tuple[float, float] | None:
    """Return the place of the highest heat, without single outliers, 0..1 of the picture; None without heat."""
    heat_s = median_filter(grid.heat_s)
    if heat_s.max() <= 0:
        return None
    y, x = np.unravel_index(int(heat_s.argmax()), heat_s.shape)
    height, width = heat_s.shape
    return (int(x) + 0.5) / width, (int(y) + 0.5) / height


def _contains(cells: U8, place: tuple[float, float] | None) -> bool:
    height, width = cells.shape
    return place is not None and bool(cells[int(place[1] * height), int(place[0] * width)] > 0)


def _stored_words(store: HistoryStore, site: ReportSite) -> str:
    spans = [span for params in site.cameras if (span := stored_period(store, params.camera))]
    if not spans:
        return "these cameras have no history yet"
    first = local_day(min(start_s for start_s, _ in spans), site.timezone)
    last = local_day(max(end_s for _, end_s in spans) - 1, site.timezone)
    return f"stored is {first} to {last}"
