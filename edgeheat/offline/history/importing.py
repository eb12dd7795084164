"""Runs `edgeheat history import`: adds the tiles of another history file, or of a recording, to the history."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from edgeheat.config.types import NAME_PATTERN, NAME_RULE
from edgeheat.errors import HistoryError, StoreDamaged, StoreError
from edgeheat.history.merge import MergedCamera, merge
from edgeheat.history.selection import Selection
from edgeheat.local_time.buckets import bucket_of
from edgeheat.local_time.period import Period
from edgeheat.offline.history.question import Site
from edgeheat.store.history.check import check_store
from edgeheat.store.history.store import HistoryStore

_WRONG_BUCKET = "S3: "
"""How violations by hours and days of another time zone begin."""

_WRONG_STRUCTURE = "S1: "
"""How violations by files that are damaged, or of another program, begin."""


@dataclass(frozen=True, slots=True)
class ImportJob:
    """What to import of which file."""

    source: Path
    """A history file."""

    cameras: tuple[str, ...] = ()
    """Names of cameras, or `NAME=AS` for another name here; empty for all that the file has."""

    same_view: bool = False
    """Whether each camera showed last what it shows here now."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What was imported, in words."""

    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    """What was not imported, and why."""


def import_file(site: Site, job: ImportJob, on_progress: Callable[[int, int], None]) -> ImportResult:
    """Add the tiles of a history file to the site's. The file is not changed.

    Raises HistoryError or StoreError, and imports nothing, where the file cannot be used or overlaps what is stored.
    """
    _check_source(site, job.source)
    with ExitStack() as files:
        source = files.enter_context(HistoryStore(job.source, read_only=True))
        names = _names(job, source.cameras())
        store = files.enter_context(open_for_import(site))
        merged = merge(
            store,
            source,
            names,
            timezone=site.config.timezone,
            now_s=site.now_s,
            same_view=job.same_view,
            on_progress=on_progress,
        )
    if not merged:
        raise HistoryError(f"{job.source} has no tiles of {' and '.join(names) or 'any camera'}: nothing was imported")
    return described(site, merged)


def open_for_import(site: Site) -> HistoryStore:
    """Open the site's history for writing; a new file must belong to the user that runs edgeheat. Raises StoreError."""
    folder = site.history.parent
    if not site.history.exists() and folder.is_dir() and folder.stat().st_uid != os.geteuid():
        raise StoreError(f"history {site.history} cannot be created: run this as the user that runs edgeheat")
    return HistoryStore(site.history)


def described(site: Site, merged: Sequence[MergedCamera]) -> ImportResult:
    """Return what was imported in words."""
    sentences, notes = [], []
    for each in merged:
        period = Selection(Period(each.start_s, each.end_s), site.config.timezone).words()
        scenes = " and ".join(str(scene) for scene in each.scenes)
        label = f"{each.camera}, {period}, scene{'s' * (len(each.scenes) > 1)} {scenes}"
        sentences.append(f"{label}: {_tiles(each.added)} imported")
        if each.known:
            notes.append(f"{each.camera}: {_tiles(each.known)} had been stored before")
    return ImportResult(tuple(sentences), tuple(notes))


def _tiles(count: int) -> str:
    return "1 tile" if count == 1 else f"{count} tiles"


def _check_source(site: Site, source: Path) -> None:
    """Raise HistoryError or StoreError unless the file is a sound history of the same time zone."""
    if not source.is_file():
        raise HistoryError(f"{source}: there is no such file; give the history.sqlite3 of another edgeheat")
    if site.history.exists() and source.samefile(site.history):
        raise HistoryError(f"{source} is the history itself: give another file")
    timezone = site.config.timezone
    try:
        violations = check_store(source, lambda level, unix_s: bucket_of(level, unix_s, timezone))
    except StoreDamaged as error:
        violations = [str(error)]
    except StoreError as error:
        raise StoreError(f"{source} cannot be imported: {error}") from error
    if violations and violations[0].startswith(_WRONG_BUCKET):
        raise HistoryError(
            f"{source} cannot be imported: its hours and days are not those of {timezone}; import it into an edgeheat "
            "whose site.timezone is that of the other device"
        )
    if violations:
        raise StoreError(f"{source} cannot be imported: {violations[0].removeprefix(_WRONG_STRUCTURE)}")


def _names(job: ImportJob, stored: Sequence[str]) -> dict[str, str]:
    """Return the names of the cameras here by those in the file."""
    names: dict[str, str] = {}
    for text in job.cameras or stored:
        name, _, camera = text.partition("=")
        names[name] = camera or name
        if name not in stored:
            raise HistoryError(f"{job.source} has no camera {name}; it has {', '.join(stored) or 'none'}")
        if not re.fullmatch(NAME_PATTERN, names[name]):
            raise HistoryError(f'"{names[name]}" cannot be the name of a camera: {NAME_RULE}')
    if len(set(names.values())) < len(names):
        raise HistoryError("two cameras would have the same name here: choose different ones")
    return names
