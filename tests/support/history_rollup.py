"""Rolls up everything in a history that is complete, as the daemon's child process will."""

from __future__ import annotations

from edgeheat.defs.history import Level
from edgeheat.store.history.rows import RollupState
from edgeheat.store.history.store import Carry, HistoryStore
from tests.support.history import add_up, bucket_of


def roll_up(store: HistoryStore, now_s: int, size: int = 100) -> int:
    """Roll up every bucket that is over; return how many tiles were stored."""
    stored = 0
    for level in (Level.FIVE_MINUTES, Level.HOUR, Level.DAY):
        outer = Level(level + 1)
        waiting = {(key.camera, key.epoch, *bucket_of(outer, key.start_s)) for key in store.pending(level, now_s)}
        for camera, epoch, start_s, end_s in sorted(waiting):
            if end_s <= now_s:
                stored += roll_up_one(store, camera, outer, (start_s, end_s), epoch=epoch, size=size)
    return stored


def roll_up_one(
    store: HistoryStore, camera: str, level: Level, bucket: tuple[int, int], *, epoch: int = 1, size: int = 100
) -> bool:
    """Add the parts of one bucket that are new to the stored rollup, or sum all if one has changed; store the sum."""
    below = Level(level - 1)
    carry = store.carry(camera, level, epoch)
    states = {key.start_s: key.rollup_state for key in store.keys(camera, below, *bucket, epoch)}
    rollup = list(store.read(camera, level, [(bucket[0], bucket[0] + 1)], epoch=epoch))
    parts = list(store.read(camera, below, [bucket], epoch=epoch))
    if RollupState.CHANGED in states.values():
        rollup = []
    else:
        parts = [part for part in parts if states[part.start_s] is RollupState.NOT_IN_PARENT]
    left_over = Carry(carry.version, carry.traffic[:size] or bytes(size), carry.dwell[:size] or bytes(size))
    tile = add_up([*rollup, *parts], level, size)
    return store.add_rollup(tile, [part.start_s for part in parts], left_over if level is Level.HOUR else None)
