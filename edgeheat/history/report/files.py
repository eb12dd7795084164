"""Writes the files of a report, and finds and deletes those of earlier ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from edgeheat.atomic import sync_folder, write_atomic, write_remedy
from edgeheat.defs.params import ReportKind
from edgeheat.errors import StoreError
from edgeheat.history.report.content import ReportSite, read_report
from edgeheat.history.report.page import render_report
from edgeheat.history.report.period import ReportPeriod
from edgeheat.history.report.tables import hours_csv, zones_csv
from edgeheat.store.history.store import HISTORY_FILE, HistoryStore

_NAMES: Final[dict[ReportKind, str]] = {
    "day": r"\d{4}-\d{2}-\d{2}\.html",
    "week": r"\d{4}-W\d{2}\.html",
    "month": r"\d{4}-\d{2}\.html",
}
"""The names of the pages of each kind; in alphabetical order they are in that of time."""


def open_history(storage: Path) -> HistoryStore:
    """Open the history of a storage folder for reading; raises StoreError where there is none."""
    return HistoryStore(storage / "state" / HISTORY_FILE, read_only=True)


def write_report(store: HistoryStore, site: ReportSite, period: ReportPeriod, folder: Path, now_s: float) -> Path:
    """Write page and tables of a period into `folder`, and return the page; earlier ones of the period are replaced.

    The page is written last, so where it is, the tables are too. `now_s` is Unix time. Raises HistoryError where
    nothing was observed, StoreError where the history cannot be read or a file not be written.
    """
    report = read_report(store, site, period)
    page = page_path(folder, period)
    texts = [
        *zip(_tables(page), (zones_csv(report), hours_csv(report)), strict=True),
        (page, render_report(report, now_s)),
    ]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts:
            write_atomic(path, text.encode())
        sync_folder(folder)
    except OSError as error:
        raise StoreError(f"report {page} cannot be written: {write_remedy(error)}") from error
    return page


def page_path(folder: Path, period: ReportPeriod) -> Path:
    """Return the name of a report's page."""
    return folder / f"{period.name}.html"


def delete_oldest(folder: Path, kind: ReportKind, keep: int) -> None:
    """Delete all but the newest `keep` reports of a kind; raises StoreError where that fails."""
    try:
        pages = sorted(path for path in folder.glob("*.html") if re.fullmatch(_NAMES[kind], path.name))
        for page in pages[: max(0, len(pages) - keep)]:
            for path in (*_tables(page), page):  # the page last: if this is interrupted, it is found again
                path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"old reports in {folder} cannot be deleted: {write_remedy(error)}") from error


def _tables(page: Path) -> tuple[Path, Path]:
    return page.with_name(f"{page.stem}-zones.csv"), page.with_name(f"{page.stem}-hours.csv")
