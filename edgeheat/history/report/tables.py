"""The figures of a report as CSV: one table of the zones, one of the hours of the week."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import numpy as np

from edgeheat.core.render.profile import HOURS
from edgeheat.defs.hours import HoursLayer
from edgeheat.history.report.content import CameraReport, Report, ZoneReport
from edgeheat.history.report.pictures import percent_of_busiest
from edgeheat.history.report.sentences import WEEKDAY_NAMES

REPORT_ZONE_COLUMNS = [
    *("camera", "layer", "zone", "visits", "occupied_hours", "observed_hours", "presence_cell_seconds_per_hour"),
    *("change_percent", "four_weeks_change_percent", "four_weeks_relative_change_percent"),
    *("four_weeks_relative_low_percent", "four_weeks_relative_high_percent", "verdict"),
]
"""Names of the columns of the zones; docs/reports.md explains them."""

REPORT_HOUR_COLUMNS = ["camera", "layer", "weekday", "hour", "presence_cell_seconds_per_hour", "percent_of_busiest"]
"""Names of the columns of the hours of the week."""


def zones_csv(report: Report) -> str:
    """Return one line for each zone of each camera, with `all` for the whole picture; empty where not known."""
    rows = [_zone_row(report, camera, zone) for camera in report.cameras for zone in camera.zones]
    return _csv(REPORT_ZONE_COLUMNS, rows)


def hours_csv(report: Report) -> str:
    """Return one line for each hour of the week in which a camera observed anything of the period."""
    return _csv(REPORT_HOUR_COLUMNS, [row for camera in report.cameras for row in _hour_rows(report, camera)])


def _zone_row(report: Report, camera: CameraReport, zone: ZoneReport) -> list[object]:
    figures, found = zone.figures, zone.four_weeks
    low, high = found.interval if found and found.interval else (None, None)
    return [
        *(camera.params.camera, _layer(report), zone.name, figures.entries),
        *(_hours(figures.active_s), _hours(figures.observed_s)),
        round(3600 * figures.cell_s / figures.observed_s, 1) if figures.observed_s > 0 else None,
        _percent(zone.change),
        _percent(found.own_change if found else None),
        _percent(found.relative_change if found else None),
        *(_percent(low), _percent(high), found.verdict if found else None),
    ]


def _hour_rows(report: Report, camera: CameraReport) -> Iterable[list[object]]:
    percents = percent_of_busiest(camera.hours)
    for day, hour in np.ndindex(len(WEEKDAY_NAMES), HOURS):
        if np.isfinite(camera.hours[day, hour]):
            values = round(float(camera.hours[day, hour]), 1), round(float(percents[day, hour]), 1)
            yield [camera.params.camera, _layer(report), WEEKDAY_NAMES[day], hour, *values]


def _layer(report: Report) -> HoursLayer:
    return report.site.selection(report.period).shown_layer


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([columns, *rows])
    return text.getvalue()


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 3600, 3)


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else round(100 * ratio, 1)
