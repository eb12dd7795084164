"""Reports on disk: complete or absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgeheat import atomic
from edgeheat.defs.params import PipelineParams
from edgeheat.errors import StoreError
from edgeheat.history.report.content import ReportSite
from edgeheat.history.report.files import write_report
from edgeheat.history.report.period import ReportPeriod
from edgeheat.local_time.instants import local_day
from edgeheat.store.history.store import HistoryStore
from tests.history.report.conftest import OSLO, count, everywhere
from tests.support.tiles import CountingCamera

SITE = ReportSite("shop", OSLO, (PipelineParams("door", OSLO),))


def camera() -> CountingCamera:
    return CountingCamera(traffic_ms=everywhere, dwell_ms=everywhere)


def names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.html"))


def test_page_and_tables_are_written_and_replaced(store: HistoryStore, tmp_path: Path) -> None:
    now_s = count(store, camera())
    period = ReportPeriod.last("day", local_day(now_s, OSLO))
    folder = tmp_path / "new" / "reports"
    for _ in range(2):
        page = write_report(store, SITE, period, folder, now_s)
        assert page == folder / "2026-11-30.html"
        assert sorted(path.name for path in folder.iterdir()) == [
            *("2026-11-30-hours.csv", "2026-11-30-zones.csv", "2026-11-30.html"),
        ]


def test_a_failed_write_leaves_no_page_and_no_unfinished_file(
    store: HistoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = count(store, camera())
    flushes = iter(range(10))
    flush = os.fsync

    def full_at_the_third(descriptor: int) -> None:
        if next(flushes) == 2:
            raise OSError(28, "No space left on device")
        flush(descriptor)

    monkeypatch.setattr(atomic.os, "fsync", full_at_the_third)
    with pytest.raises(StoreError, match=r"2026-11-30\.html cannot be written: the disk is full"):
        write_report(store, SITE, ReportPeriod.last("day", local_day(now_s, OSLO)), tmp_path / "reports", now_s)
    assert names(tmp_path / "reports") == []
    assert not list((tmp_path / "reports").glob(".*"))


def test_a_file_in_the_way_is_explained(store: HistoryStore, tmp_path: Path) -> None:
    now_s = count(store, camera())
    (tmp_path / "reports").write_text("")
    with pytest.raises(StoreError, match="is in the way"):
        write_report(store, SITE, ReportPeriod.last("day", local_day(now_s, OSLO)), tmp_path / "reports", now_s)
