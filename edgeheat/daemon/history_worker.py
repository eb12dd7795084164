"""The process that maintains the history: looks for damage, rolls tiles up, deletes old ones, reports and exits."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection

from edgeheat.daemon.logs import set_up_logging
from edgeheat.daemon.malloc import reuse_freed_memory
from edgeheat.daemon.messages import HistoryJob, HistoryMaintained, ReportJob
from edgeheat.errors import StoreDamaged, StoreError
from edgeheat.history.report.content import ReportSite
from edgeheat.history.report.plans import ReportPlan
from edgeheat.history.report.schedule import write_due_reports
from edgeheat.history.rollup import roll_up
from edgeheat.store.history.damage import quick_check
from edgeheat.store.history.retention import prune
from edgeheat.store.history.store import HistoryStore

_NICENESS = 10
"""Cameras come first."""


def run_history_worker(connection: Connection, job: HistoryJob) -> None:
    """Do the job, and send HistoryMaintained; ignores the signals that the parent handles. May be killed any time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    set_up_logging("warning", "history")
    os.nice(_NICENESS)
    reuse_freed_memory()
    with suppress(BrokenPipeError, ConnectionResetError):  # the parent has ended
        connection.send(maintain(job))


def maintain(job: HistoryJob) -> HistoryMaintained:
    """Do the job; what was done before a problem stays."""
    try:
        if job.check and (problems := quick_check(job.path)):
            return HistoryMaintained(damage=problems[0])
        if job.now_s is None:
            return HistoryMaintained()
        with HistoryStore(job.path) as store:
            rolled_up = roll_up(store, job.timezone, job.now_s)
            pruned = prune(store, job.now_s, keep_s=job.keep_s, max_bytes=job.max_bytes, boot_id=job.boot_id)
            deleted = sum(pruned.deleted.values()) + pruned.undated
            done = HistoryMaintained(rolled_up, deleted, pruned.too_large)
            return done if job.reports is None else replace(done, reports=_write_reports(store, job, job.reports))
    except StoreDamaged as error:
        return HistoryMaintained(damage=str(error))
    except (StoreError, ValueError) as error:
        return HistoryMaintained(problem=str(error))


def _write_reports(store: HistoryStore, job: HistoryJob, reports: ReportJob) -> tuple[str, ...]:
    """Write the reports that are due; returns their names."""
    assert job.now_s is not None
    plans = tuple(ReportPlan(plan.params, plan.image) for plan in reports.plans)
    site = ReportSite(reports.site, job.timezone, reports.cameras, plans=plans, opening=reports.opening)
    return tuple(page.stem for page in write_due_reports(store, site, reports.reports, reports.folder, job.now_s))
