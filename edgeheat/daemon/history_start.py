"""Reads from the history file, before the first camera is started, what cameras must know of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from edgeheat.errors import StoreError
from edgeheat.store.history.store import HistoryStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HistoryStart:
    """What is stored already."""

    highest_epochs: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """By camera: a camera whose checkpoint is lost must not continue an epoch of which tiles are stored."""

    clock_is_right: bool = False
    """Whether the clock has become right in this boot, before edgeheat was restarted."""


def read_history_start(path: Path, boot_id: str) -> HistoryStart:
    """Read the file; one that does not exist or cannot be read is empty: its writer reports what is wrong with it."""
    try:
        with HistoryStore(path, read_only=True) as store, store.reading():
            return HistoryStart(store.highest_epochs(), store.redated_shift_s(boot_id) is not None)
    except StoreError as error:
        _log.debug("%s", error)
        return HistoryStart()
