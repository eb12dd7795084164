"""Reads what a person asks history for: which camera or plan, and which time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from edgeheat.config import Config
from edgeheat.defs.hours import HoursLayer
from edgeheat.defs.params import PipelineParams
from edgeheat.errors import HistoryError
from edgeheat.history.query import stored_period
from edgeheat.history.selection import Selection
from edgeheat.local_time.buckets import bucket_of
from edgeheat.local_time.instants import local_day, local_text
from edgeheat.local_time.period import ALL_WEEKDAYS, WHOLE_DAY
from edgeheat.local_time.period_text import parse_hours, parse_period, parse_weekdays
from edgeheat.store.history.check import check_store
from edgeheat.store.history.store import HISTORY_FILE, HistoryStore

_PROFILE_DAYS = 28
"""Days of a profile for which no period was asked: four of each weekday."""


@dataclass(frozen=True, slots=True)
class When:
    """A period with times of day and weekdays, as a person types them; None for what was not given."""

    from_text: str | None = None
    to_text: str | None = None
    hours: str | None = None
    weekdays: str | None = None

    layer: HoursLayer = "open"
    """Without opening hours in the configuration it is always all."""


@dataclass(frozen=True, slots=True)
class Site:
    """The configuration, the history file and the time of one shop."""

    config: Config
    history: Path
    now_s: float
    """Unix time."""

    @classmethod
    def of(cls, config: Config, storage: Path | None, now_s: float) -> Site:
        """Return the site of a configuration; `storage` is the storage folder if it is not the configured one."""
        return cls(config, (storage or config.storage_path) / "state" / HISTORY_FILE, now_s)

    def check(self) -> list[str]:
        """Return every violation of the invariants of the history file. Raises StoreError if it cannot be read."""
        return check_store(self.history, lambda level, unix_s: bucket_of(level, unix_s, self.config.timezone))

    def selection(self, when: When) -> Selection:
        """Return the time that was asked for: yesterday, unless a period was given. Raises ValueError."""
        if when.from_text is None and when.to_text is not None:
            raise ValueError("--to needs --from, where the period starts")
        period = parse_period(when.from_text or "yesterday", when.to_text, self.now_s, self.config.timezone)
        selection = Selection(
            period,
            self.config.timezone,
            WHOLE_DAY if when.hours is None else parse_hours(when.hours),
            ALL_WEEKDAYS if when.weekdays is None else parse_weekdays(when.weekdays),
            self.config.hours.opening_hours(),
            when.layer,
        )
        _check_layer(selection)
        if not len(replace(selection, layer="all").intervals()):
            raise ValueError(f"{selection.words()} is empty: the period has none of these hours and weekdays")
        if not len(selection.intervals()):
            state = "closed" if selection.layer == "open" else "open"
            raise ValueError(f"{selection.words()} is empty: the shop is {state} then; --all-hours shows both")
        return selection

    def earlier(self, against: str, when: When, selection: Selection) -> Selection:
        """Return the time to compare a selection with: `previous`, or a period of the same hours and weekdays.

        Raises ValueError.
        """
        if against.strip().lower() == "previous":
            return selection.previous()
        return self.selection(replace(when, from_text=against, to_text=None))

    def last_weeks(self) -> str:
        """Return the period of a profile for which none was given: the last four weeks up to yesterday."""
        first = local_day(int(self.now_s), self.config.timezone) - timedelta(days=_PROFILE_DAYS)
        return f"{first}..yesterday"

    def camera_params(self, camera: str, store: HistoryStore) -> PipelineParams:
        """Return the present settings of a camera; of one that is only in history any more, the defaults.

        Raises HistoryError, which lists the known cameras and plans, for an unknown one.
        """
        configured = {each.name: each for each in self.config.camera}
        if camera in configured:
            return configured[camera].pipeline_params(self.config.timezone)
        stored = store.cameras()
        if camera in stored:
            return self.config.defaults.params(camera, self.config.timezone)
        known = [*configured, *(name for name in stored if name not in configured)]
        known += [plan.name for plan in self.config.plan]
        raise HistoryError(f"{camera} is neither a camera nor a plan; there are {', '.join(known) or 'none'}")

    @contextmanager
    def known_period(self, name: str, cameras: Sequence[str], store: HistoryStore) -> Iterator[None]:
        """Add to the errors of a period what there is of these cameras; `name` is the camera or plan.

        Turns ValueError, with which periods are rejected, into HistoryError.
        """
        try:
            yield
        except (ValueError, HistoryError) as error:
            found = [found for camera in cameras if (found := stored_period(store, camera)) is not None]
            stored = f"nothing of {name} is stored yet"
            if found:
                first, last = min(first for first, _ in found), max(last for _, last in found)
                texts = [local_text(at_s, self.config.timezone) for at_s in (first, last)]
                stored = f"the history of {name} reaches from {texts[0]} to {texts[1]}"
            raise HistoryError(f"{error}; {stored}") from error


def _check_layer(selection: Selection) -> None:
    """Raise ValueError for closed time of a shop that never closes."""
    if selection.opening is None and selection.layer == "closed":
        raise ValueError("the configuration has no opening hours, so no time is outside: set [hours]")
