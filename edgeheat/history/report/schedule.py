"""Writes the reports of the days, weeks and months that are over, and deletes the oldest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from edgeheat.defs.history import ROLLUP_GRACE_S, Level
from edgeheat.defs.params import ReportKind, ReportsParams
from edgeheat.errors import HistoryError
from edgeheat.history.report.content import ReportSite
from edgeheat.history.report.files import delete_oldest, page_path, write_report
from edgeheat.history.report.period import ReportPeriod
from edgeheat.local_time.instants import local_day
from edgeheat.store.history.store import HistoryStore

_MIN_OBSERVED_MS = 3_600_000
"""A period of which no camera observed at least an hour gets no report: it would say nothing."""


def write_due_reports(
    store: HistoryStore, site: ReportSite, reports: ReportsParams, folder: Path, now_s: float
) -> list[Path]:
    """Write the reports that are due and not in `folder` yet, and return their pages, oldest first.

    Due are the newest `reports.keep` days, weeks and months that are over and of which enough is stored, unless the
    shop was closed. Older pages are deleted. `now_s` is Unix time; the clock must be right. May be called, and killed,
    at any time: it does what is missing. Raises StoreError where the history cannot be read or a file not be written;
    what was written stays.
    """
    written = []
    for kind in reports.kinds:
        due = [period for period in _newest(kind, reports.keep, site, now_s) if _has_enough(store, site, period)]
        for period in reversed(due):
            if not page_path(folder, period).exists():
                with suppress(HistoryError):  # the shop was closed, or observed only at times of day that do not count
                    written.append(write_report(store, site, period, folder, now_s))
        if folder.is_dir():
            delete_oldest(folder, kind, reports.keep)
    return written


def _newest(kind: ReportKind, count: int, site: ReportSite, now_s: float) -> Iterator[ReportPeriod]:
    """Yield the newest periods that are over, newest first."""
    # When its last day has been rolled up.
    day = local_day(int(now_s) - ROLLUP_GRACE_S, site.timezone)
    for _ in range(count):
        period = ReportPeriod.last(kind, day)
        yield period
        day = period.first


def _has_enough(store: HistoryStore, site: ReportSite, period: ReportPeriod) -> bool:
    start_s, end_s = (span := period.period(site.timezone)).start_s, span.end_s
    return any(
        sum(key.observed_ms for key in store.keys(params.camera, Level.DAY, start_s, end_s)) >= _MIN_OBSERVED_MS
        for params in site.cameras
    )
