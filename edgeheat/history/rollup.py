"""Adds the tiles of complete local hours, days and months up to one tile each."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.heat.tile import TileSum, encode_units, split_units
from edgeheat.defs.history import ROLLUP_GRACE_S, Level, Tile
from edgeheat.history.figure_sums import FigureSums
from edgeheat.local_time.buckets import bucket_of
from edgeheat.store.history.rows import RollupState
from edgeheat.store.history.store import Carry, HistoryStore, TileKey

_log = logging.getLogger(__name__)

_BATCH_BUCKETS = 8
"""Buckets of any cameras that are stored in one transaction: what they have in common is written once, and nobody waits
long."""

_Place = tuple[str, int, tuple[int, int]]
"""Camera, epoch, and start and end of a bucket."""


def roll_up(store: HistoryStore, timezone: tzinfo, now_s: float) -> int:
    """Store the tiles of all hours, days and months that are complete; returns how many were stored.

    `timezone` is the site's, `now_s` Unix time. May be interrupted and called again at any time, also by two processes
    at once. Raises StoreError where the file cannot be used; what was stored stays.
    """
    return sum(_roll_up_to(store, level, timezone, now_s) for level in (Level.HOUR, Level.DAY, Level.MONTH))


def _roll_up_to(store: HistoryStore, level: Level, timezone: tzinfo, now_s: float) -> int:
    stored = 0
    buckets = list(_complete_buckets(store, level, timezone, now_s))
    for at in range(0, len(buckets), _BATCH_BUCKETS):
        wrong = None
        with store.writing():
            try:
                for place, pending in buckets[at : at + _BATCH_BUCKETS]:
                    stored += _roll_up_bucket(store, level, place, pending)
            except ValueError as error:
                wrong = error
        if wrong is not None:  # raised only now, so that the buckets before it are stored
            raise wrong
    return stored


def _roll_up_bucket(store: HistoryStore, level: Level, place: _Place, pending: Sequence[TileKey]) -> bool:
    camera, epoch, bucket = place
    known = next(store.read(camera, level, [(bucket[0], bucket[0] + 1)], epoch=epoch), None)
    if any(key.rollup_state is RollupState.CHANGED for key in pending) and known is not None:
        # From the beginning: the known tile contains what a changed part was before.
        return _store_sum(store, level, place, None, store.keys(camera, Level(level - 1), *bucket, epoch=epoch))
    new = [key for key in pending if key.rollup_state is RollupState.NOT_IN_PARENT]
    return _store_sum(store, level, place, known, new)


def _complete_buckets(
    store: HistoryStore, level: Level, timezone: tzinfo, now_s: float
) -> Iterator[tuple[_Place, list[TileKey]]]:
    """Yield each complete bucket of the level that has parts which are not, or not as they are, in its tile.

    Tiles that arrive after the bucket was complete are added to its tile.
    """

    def place_of(key: TileKey) -> _Place:
        return key.camera, key.epoch, bucket_of(level, key.start_s, timezone)

    pending = sorted(store.pending(Level(level - 1), int(now_s)), key=place_of)
    for place, keys in groupby(pending, place_of):
        if place[2][1] + ROLLUP_GRACE_S <= now_s:
            yield place, list(keys)


def _store_sum(store: HistoryStore, level: Level, place: _Place, known: Tile | None, keys: Sequence[TileKey]) -> bool:
    """Store the sum of the known tile, if any, and of the tiles of these keys; returns False if not needed any more."""
    camera, epoch, bucket = place
    starts = [key.start_s for key in keys]
    ranges = [(start_s, start_s + 1) for start_s in starts]
    parts = list(store.read(camera, Level(level - 1), ranges, epoch=epoch))
    if not parts:
        return False  # another process has removed them
    if known is None:
        known = Tile(camera, level, *bucket, epoch, parts[-1].grid_wh, 0)
    changes_unit = level.unit_ms != Level(level - 1).unit_ms
    sums = _Sums(known, store.carry(camera, level, epoch) if changes_unit else None)
    for part in parts:
        sums.add(part)
    return store.add_rollup(*sums.result(starts))


class _Sums:
    """The sum of a tile and of further parts of it."""

    def __init__(self, known: Tile, carry: Carry | None) -> None:
        """`carry`: what the tiles of this level have left over so far; None: the parts have the same unit."""
        self._known = known
        self._carry = carry
        shape_hw = known.grid_wh[::-1]
        self._traffic, self._dwell = TileSum(shape_hw), TileSum(shape_hw)
        self._figures = FigureSums()
        self._figures.add(known)

    def add(self, part: Tile) -> None:
        """Add a part; of one whose layers are damaged only the figures, with a message in the log."""
        try:
            if part.grid_wh != self._known.grid_wh:
                raise ValueError(f"its grid is {part.grid_wh}, not {self._known.grid_wh}")
            TileSum(part.grid_wh[::-1]).add(part.traffic, part.dwell)  # both before either is added
            self._traffic.add(part.traffic)
            self._dwell.add(part.dwell)
        except ValueError as error:
            _log.warning("%s: the heat of the tile from %d is lost: %s", part.camera, part.start_s, error)
        self._figures.add(part)

    def result(self, part_starts: Sequence[int]) -> tuple[Tile, Sequence[int], Carry | None]:
        """Return the arguments of `HistoryStore.add_rollup`."""
        carry = self._carry
        traffic, traffic_carry = self._layer(self._traffic, self._known.traffic, carry.traffic if carry else b"")
        dwell, dwell_carry = self._layer(self._dwell, self._known.dwell, carry.dwell if carry else b"")
        total = replace(
            self._known,
            traffic=traffic,
            dwell=dwell,
            observed_ms=self._figures.observed_ms,
            rejected_ms=self._figures.rejected_ms,
            zones=self._figures.zones,
        )
        return total, part_starts, carry and Carry(carry.version, traffic_carry, dwell_carry)

    def _layer(self, parts: TileSum, known: bytes, carry: bytes) -> tuple[bytes, bytes]:
        """Return the encoded sum of one layer, and what it leaves over, in units of the parts."""
        part_ms = Level(self._known.level - 1).unit_ms
        parts_ms = (parts.result_units() + self._decoded(carry)) * part_ms
        units, carry_ms = split_units(parts_ms, self._known.level.unit_ms)
        # In milliseconds, the same carry takes twice the bytes; it is stored anew for every hour.
        carry_units = (carry_ms // part_ms).astype(np.uint32)
        return encode_units((self._decoded(known) + units).astype(np.uint32)), encode_units(carry_units)

    def _decoded(self, encoded: bytes) -> NDArray[np.int64]:
        total = TileSum(self._known.grid_wh[::-1])
        try:
            total.add(encoded)
        except ValueError as error:
            _log.warning("%s: what was counted before %d is lost: %s", self._known.camera, self._known.end_s, error)
        return total.result_units()
