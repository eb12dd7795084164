"""Re-dates the tiles that were counted before the machine's clock was synchronised, once its error is known."""

from __future__ import annotations

from dataclasses import dataclass

from edgeheat.defs.history import FIVE_MINUTES_S
from edgeheat.store.history.store import HistoryStore


@dataclass(frozen=True, slots=True)
class RedateResult:
    """What became of the tiles of one boot."""

    moved: int
    discarded: int
    """Tiles at whose new date one of the same camera and epoch was stored: no instant is counted twice."""

    shift_s: int
    """By how much the tiles of this boot were moved, and will be if they arrive later."""


def redate(store: HistoryStore, boot_id: str, offset_s: float, synced_from_s: float) -> RedateResult:
    """Move the boot's tiles to their true time, in one transaction; the second call for a boot moves nothing more.

    `offset_s` is the true time minus that of the wrong clock, `synced_from_s` the true time at which the clock was
    corrected. Call it when every camera's last tile of the wrong clock was added, and before tiles are rolled up.

    The tile that was open at the correction, and all before it, must end by the start of the bucket in which counting
    goes on; so tiles are dated up to ten minutes early, never late. With an offset of 0 the clock was right all the
    time, and the open tile is that of the bucket: nothing is moved.
    """
    with store.writing() as connection:
        shift_s = store.redated_shift_s(boot_id)
        if shift_s is None:
            shift_s = _shift_s(offset_s, synced_from_s)
        # A tile whose new key is taken stays behind.
        moved = connection.execute(
            "UPDATE OR IGNORE tile SET start_s = start_s + ?, end_s = end_s + ?, boot_id = '' WHERE boot_id = ?",
            (shift_s, shift_s, boot_id),
        ).rowcount
        discarded = connection.execute("DELETE FROM tile WHERE boot_id = ?", (boot_id,)).rowcount
        connection.execute("INSERT INTO redated_boot VALUES (?, ?) ON CONFLICT DO NOTHING", (boot_id, shift_s))
    return RedateResult(moved, discarded, shift_s)


def _shift_s(offset_s: float, synced_from_s: float) -> int:
    if offset_s == 0.0:
        return 0
    return _bucket(synced_from_s) - FIVE_MINUTES_S - _bucket(synced_from_s - offset_s)


def _bucket(unix_s: float) -> int:
    """Return the start of the five minutes that contain the instant."""
    return int(unix_s // FIVE_MINUTES_S) * FIVE_MINUTES_S
