"""The process that maintains the history: when it is started, what it does, and that its end harms nothing."""

from __future__ import annotations

import os
import queue
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest

from edgeheat.daemon.history_maintenance import HistoryMaintenance
from edgeheat.daemon.history_worker import maintain
from edgeheat.daemon.managed_process import Received
from edgeheat.daemon.messages import HistoryJob, HistoryMaintained, ReportJob
from edgeheat.defs.history import ROLLUP_GRACE_S, Level
from edgeheat.defs.params import PipelineParams, ReportsParams
from edgeheat.store.history.store import HistoryStore
from tests.support.tiles import CountingCamera, at, random_ms
from tests.support.wait import DEADLINE_S, wait_for

OSLO = ZoneInfo("Europe/Oslo")
START_S = at("2026-11-02 08:00", OSLO)
HOUR_S = 3600
DAY_S = 86_400


class ShiftedClock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self.mono_s = 0.0

    def monotonic(self) -> float:
        return self.mono_s

    def wall(self) -> float:
        return START_S + 2 * HOUR_S + self.mono_s

    def sleep(self, seconds: float) -> None:
        self.mono_s += seconds


@pytest.fixture
def job(tmp_path: Path) -> HistoryJob:
    """A job on a history that has tiles of two hours, 8 to 10 o'clock."""
    path = tmp_path / "history.sqlite3"
    with HistoryStore(path) as store:
        store.add(CountingCamera(traffic_ms=random_ms(1)).tiles(START_S, START_S + 2 * HOUR_S))
    keep_s = {Level.FIVE_MINUTES: 14.0 * DAY_S, Level.HOUR: 400.0 * DAY_S}
    return HistoryJob(path, OSLO, keep_s, 10**9, "boot", check=True, now_s=None)


class Maintaining:
    """The maintenance with a clock and the queue of its owner."""

    def __init__(self, job: HistoryJob) -> None:
        self.clock = ShiftedClock()
        self.inbox: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self.maintenance = HistoryMaintenance(job, clock=self.clock, random=Random(1), on_received=self.inbox.put)

    def start(self, *, clock_is_right: bool = True) -> bool:
        assert self.maintenance.update(clock_is_right=clock_is_right) is None
        return self.maintenance.pid is not None

    def answer(self) -> HistoryMaintained:
        while True:
            if (answer := self.maintenance.on_received(self.inbox.get(timeout=DEADLINE_S))) is not None:
                return answer


@pytest.fixture
def maintaining(job: HistoryJob) -> Iterator[Maintaining]:
    started = Maintaining(job)
    yield started
    started.maintenance.end()


def count(path: Path, level: Level) -> int:
    with HistoryStore(path, read_only=True) as store:
        return len(store.keys("door", level, 0, 2**40))


def test_hours_are_rolled_up_at_the_start_and_each_once_it_is_complete(
    maintaining: Maintaining, job: HistoryJob
) -> None:
    assert maintaining.start()
    assert maintaining.answer() == HistoryMaintained(rolled_up=1)
    assert not maintaining.start(), "9 to 10 o'clock is not complete before 10:15"
    maintaining.clock.sleep(ROLLUP_GRACE_S - 1)
    assert not maintaining.start()
    maintaining.clock.sleep(1)
    assert maintaining.start()
    assert maintaining.answer() == HistoryMaintained(rolled_up=1)
    assert not maintaining.start()
    assert count(job.path, Level.HOUR) == 2


def test_old_tiles_are_deleted_and_what_they_add_up_to_stays(job: HistoryJob) -> None:
    later_s = float(START_S + 20 * DAY_S)
    assert maintain(replace(job, now_s=later_s)) == HistoryMaintained(rolled_up=2 + 1, deleted=24)
    assert [count(job.path, level) for level in Level] == [0, 2, 1, 0]


def test_with_a_wrong_clock_only_damage_is_looked_for(maintaining: Maintaining, job: HistoryJob) -> None:
    """A clock that is years ahead would delete nearly everything."""
    assert maintaining.start(clock_is_right=False)
    assert maintaining.answer() == HistoryMaintained()
    assert count(job.path, Level.HOUR) == 0
    assert not maintaining.start(clock_is_right=False)
    assert maintaining.start(clock_is_right=True)
    assert maintaining.answer().rolled_up == 1


def test_damage_is_reported(job: HistoryJob) -> None:
    job.path.write_bytes(b"\xa5" * 50_000)
    assert "is damaged" in maintain(job).damage
    assert "is damaged" in maintain(replace(job, check=False, now_s=1.0)).damage


def test_a_problem_is_reported_and_the_job_repeated_later(maintaining: Maintaining, job: HistoryJob) -> None:
    maintaining.maintenance._job = replace(job, keep_s={Level.FIVE_MINUTES: 10.0, Level.HOUR: 1.0})
    assert maintaining.start()
    assert "HOUR is kept for a shorter time than FIVE_MINUTES" in maintaining.answer().problem
    assert not maintaining.start()
    maintaining.maintenance._job = job
    maintaining.clock.sleep(100.0)
    assert maintaining.start()
    assert maintaining.answer().problem == ""


def test_a_process_that_dies_is_started_again_after_a_delay(maintaining: Maintaining, job: HistoryJob) -> None:
    with closing(sqlite3.connect(job.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # the process has to wait
        assert maintaining.start()
        os.kill(wait_for(lambda: maintaining.maintenance.pid, "a process") or 0, signal.SIGKILL)
        answer = maintaining.answer()
        assert "died (signal SIGKILL); it is started again later" in answer.problem
    assert not maintaining.start()
    maintaining.clock.sleep(100.0)
    assert maintaining.start()
    assert maintaining.answer() == HistoryMaintained(rolled_up=1)


def test_a_process_that_hangs_is_killed(maintaining: Maintaining, job: HistoryJob) -> None:
    with closing(sqlite3.connect(job.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert maintaining.start()
        maintaining.clock.sleep(3600.0)
        problem = maintaining.maintenance.update(clock_is_right=True)
        assert "took longer than 3600 s" in (problem or "")
        assert maintaining.maintenance.pid is None


def test_reports_are_written_once_when_their_day_is_over(job: HistoryJob, tmp_path: Path) -> None:
    reports = ReportJob(
        site="shop",
        cameras=(PipelineParams("door", OSLO),),
        plans=(),
        reports=ReportsParams(("day",), keep=3),
        folder=tmp_path / "reports",
    )
    midnight_s = at("2026-11-03 00:00", OSLO)
    job = replace(job, reports=reports)
    assert maintain(replace(job, now_s=float(midnight_s))).reports == ()
    assert maintain(replace(job, now_s=midnight_s + ROLLUP_GRACE_S + 1.0)).reports == ("2026-11-02",)
    page = (tmp_path / "reports" / "2026-11-02.html").read_text()
    assert "shop" in page
    assert maintain(replace(job, now_s=midnight_s + 2.0 * HOUR_S)).reports == ()


def test_a_report_that_cannot_be_written_does_not_keep_the_history_from_being_maintained(
    job: HistoryJob, tmp_path: Path
) -> None:
    (tmp_path / "reports").write_text("a file, where the folder should be")
    reports = ReportJob("shop", (PipelineParams("door", OSLO),), (), ReportsParams(("day",)), tmp_path / "reports")
    answer = maintain(replace(job, reports=reports, now_s=at("2026-11-03 01:00", OSLO)))
    assert "2026-11-02.html cannot be written" in answer.problem
    with HistoryStore(job.path) as store:
        assert len(store.keys("door", Level.DAY, 0, 2**40)) == 1
