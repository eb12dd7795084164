"""Reads the scene over which the heat of a period is drawn."""

from __future__ import annotations

from edgeheat.core.grid.frames import U8
from edgeheat.store.history.store import HistoryStore


def read_backdrop(store: HistoryStore, camera: str, epoch: int) -> U8 | None:
    """Return a camera's scene without people in an epoch, BGR uint8 of any size; None where none is stored."""
    return None
