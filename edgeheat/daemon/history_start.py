"""Reads from the history file, before the first camera is started, what cameras must know of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from edgeheat.defs.history import FIVE_MINUTES_S, Level, Tile
from edgeheat.errors import StoreError
from edgeheat.store.history.store import HistoryStore

_log = logging.getLogger(__name__)


_MAX_RECENT_S = 86_400
"""Tiles are counted again in the heats of an older checkpoint for at most this long: 10 MB for each camera."""


@dataclass(frozen=True, slots=True)
class HistoryStart:
    """What is stored already."""

    highest_epochs: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """By camera: a camera whose checkpoint is lost must not continue an epoch of which tiles are stored."""

    clock_is_right: bool = False
    """Whether the clock has become right in this boot, before edgeheat was restarted."""


def read_recent_tiles(path: Path, camera: str, since_s: float) -> tuple[Tile, ...]:
    """Return the five-minute tiles of a camera that may have been counted after `since_s`, at most those of a day.

    Empty where the file cannot be read.
    """
    try:
        with HistoryStore(path, read_only=True) as store, store.reading():
            span = store.first_and_last(camera)
            if span is None:
                return ()
            # The tile that was open then, too.
            from_s = int(max(since_s - FIVE_MINUTES_S, span[1] - _MAX_RECENT_S))
            return tuple(store.read(camera, Level.FIVE_MINUTES, [(from_s, span[1])]))
    except StoreError as error:
        _log.debug("%s", error)
        return ()


def read_history_start(path: Path, boot_id: str) -> HistoryStart:
    """Read the file; one that does not exist or cannot be read is empty: its writer reports what is wrong with it."""
    try:
        with HistoryStore(path, read_only=True) as store, store.reading():
            return HistoryStart(store.highest_epochs(), store.redated_shift_s(boot_id) is not None)
    except StoreError as error:
        _log.debug("%s", error)
        return HistoryStart()
