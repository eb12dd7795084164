"""Histories for the tests of reports: a simulated shop whose table is moved after four weeks, and small ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from benchmarks.site import CAMERA, TIMEZONE, make_site
from edgeheat.defs.params import PipelineParams
from edgeheat.history.report.content import ReportSite
from edgeheat.history.rollup import roll_up
from edgeheat.local_time.period_text import parse_hours
from edgeheat.store.history.store import HistoryStore
from tests.support.tiles import CountingCamera, Ms, at

OSLO = ZoneInfo("Europe/Oslo")


@dataclass
class Shop:
    """The history of the shop, and what its reports are about."""

    store: HistoryStore
    site: ReportSite


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = make_site(tmp_path_factory.mktemp("shop") / "history.sqlite3", grid_wh=(96, 54), visits=60)
    params = PipelineParams(CAMERA, TIMEZONE, zones=made.zones)
    with HistoryStore(made.path, read_only=True) as store:
        yield Shop(store, ReportSite("shop", TIMEZONE, (params,), parse_hours("9-20")))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[HistoryStore]:
    """A history without anything."""
    with HistoryStore(tmp_path / "history.sqlite3") as made:
        yield made


def everywhere(start_s: int, shape_hw: tuple[int, int]) -> Ms:
    """A second in each cell."""
    return np.full(shape_hw, 1000, np.int64)


def count(
    store: HistoryStore,
    *cameras: CountingCamera,
    first: str = "2026-11-30",
    last: str = "2026-12-01",
    timezone: ZoneInfo = OSLO,
) -> int:
    """Let cameras count from one midnight to another, roll up, and return when the last one is."""
    start_s, end_s = (at(f"{day} 00:00", timezone) for day in (first, last))
    for camera in cameras:
        store.add(camera.tiles(start_s, end_s))
    roll_up(store, timezone, end_s + 3600)
    return end_s
