"""Runs `edgeheat history export`: what each zone counted in each hour, as a CSV file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from edgeheat.errors import HistoryError
from edgeheat.history.hourly_rows import HOURLY_COLUMNS, HourlyRow, hourly_rows
from edgeheat.history.selection import Selection
from edgeheat.local_time.period import Period
from edgeheat.offline.history.files import write_table
from edgeheat.offline.history.question import Site, When
from edgeheat.offline.outputs import StagedOutputs, check_target
from edgeheat.store.history.store import HistoryStore


@dataclass(frozen=True, slots=True)
class ExportJob:
    """Which hours to export, and the file to write."""

    output: Path
    """CSV."""

    cameras: tuple[str, ...] = ()
    """Empty for all that have a history."""

    when: When = field(default_factory=When)
    """Everything that is stored if it has no start."""

    overwrite: bool = False
    """Whether to replace an existing file; if not, a number is added to the new name."""


def export(site: Site, job: ExportJob) -> tuple[Path, int]:
    """Write the file; returns its name and the number of rows.

    Raises HistoryError where there is nothing to export, StoreError where the history cannot be read, EdgeheatError
    where the file cannot be written; then, and on Ctrl-C, no new file remains.
    """
    check_target(job.output, (".csv",), str(site.history))
    count = 0

    def fill(file: BinaryIO) -> None:
        nonlocal count
        text = io.TextIOWrapper(file, "utf-8", newline="")
        count = write_table(text, HOURLY_COLUMNS, _rows(site, job, store))
        text.flush()
        text.detach()

    with HistoryStore(site.history, read_only=True) as store, store.reading(), StagedOutputs() as outputs:
        outputs.stage(job.output, fill)
        if not count:
            raise HistoryError(f"{site.history} has no hours of this time")
        return outputs.commit(overwrite=job.overwrite)[0], count


def _rows(site: Site, job: ExportJob, store: HistoryStore) -> Iterator[HourlyRow]:
    for camera in job.cameras or store.cameras():
        site.camera_params(camera, store)
        selection = _selection(site, job, camera, store)
        if selection is not None:
            yield from hourly_rows(store, camera, selection.intervals(), site.config.timezone)


def _selection(site: Site, job: ExportJob, camera: str, store: HistoryStore) -> Selection | None:
    """Return the time to export of a camera, None if it has no history."""
    if job.when.from_text is not None or job.when.to_text is not None:
        with site.known_period(camera, [camera], store):
            return site.selection(job.when)
    found = store.first_and_last(camera)
    return None if found is None else Selection(Period(*found), site.config.timezone)
