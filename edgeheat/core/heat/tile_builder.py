"""Gathers one camera's increments into tiles of five minutes, and carries what is less than a unit to the next tile."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U32
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.base import State, add_measure
from edgeheat.core.heat.increment import MAX_TRAFFIC_MS, Increment
from edgeheat.core.heat.saved_values import checked_copy, checked_durations_ms, checked_number
from edgeheat.core.heat.tile import TileSum, encode_units, round_units, split_units
from edgeheat.core.heat.zone_counters import Counter, zero_counters
from edgeheat.defs.history import FIVE_MINUTES_S, Level, Tile, ZoneTile

_MAX_STEP_BACK_S = 3600
"""A wall clock that steps back by up to this counts on in the open tile, so that no time is in two tiles."""

_REPLAY_PARTS = 5
"""Parts of a minute in which a stored tile is counted again: its traffic fits in 16 bits per cell."""

_LATE_INCREMENT_S = 10.0
"""How much later than it ended an increment may arrive: frames wait until they are evaluated."""


class TileBuilder:
    """Makes the tiles of one camera in one epoch, on one grid.

    An increment belongs to the tile in which it ends. A tile is closed by the first increment of a later one, or by
    `close_if_due`. Where nothing was observed, counted or rejected, there is no tile. Where the wall clock steps back
    by up to an hour, the open tile continues and may then contain more than five minutes.
    """

    def __init__(self, camera: str, zones: ZoneMasks, epoch: int) -> None:
        height, width = zones.counted.shape
        self._camera = camera
        self._shape_hw = height, width
        self._present = dict(zip(zones.keys, zones.named, strict=True))
        """Names of the present zones by key, in the order of `zones`."""
        self._names = self._present
        """The same with those of an earlier configuration, for what was counted then."""
        self._epoch = epoch
        self._traffic_ms: U32 = np.zeros(self._shape_hw, np.uint32)
        """Milliseconds of the open tile, with what the tile before carried over."""
        self._dwell_ms: U32 = np.zeros(self._shape_hw, np.uint32)
        self._start_s: int | None = None
        """Start of the open tile; None before the first increment."""
        self._empty()

    def _empty(self) -> None:
        """Start a tile with nothing but the carry."""
        self._is_empty = True
        self._observed_ms = 0
        self._rejected_ms: dict[str, int] = {}
        self._counters: dict[int, NDArray[np.int64]] = {}
        """What each zone counted, by key, shape (len(Counter),)."""
        self._clock_synced = True

    def add(self, increment: Increment) -> Tile | None:
        """Add one increment; returns the tile that this closed, if any.

        Raises ValueError where it is of another grid; nothing is changed then.
        """
        if increment.traffic_ms.shape != self._shape_hw:
            raise ValueError(f"tile: expected an increment of {self._shape_hw}, got {increment.traffic_ms.shape}")
        start_s = _start_of_tile_s(increment.wall_s)
        closed = None
        if self._start_s is None or not self._start_s - _MAX_STEP_BACK_S <= start_s <= self._start_s:
            closed = self._close()
            self._start_s = start_s
        self._is_empty = False
        add_measure(self._traffic_ms, increment, "traffic")
        add_measure(self._dwell_ms, increment, "dwell")
        self._observed_ms += increment.observed_ms
        for reason, rejected_ms in increment.rejected_ms.items():
            self._rejected_ms[reason] = self._rejected_ms.get(reason, 0) + rejected_ms
        for key, counters in zip(increment.zone_keys, increment.zone_counters, strict=True):
            if key in self._names:  # else the zone is no longer configured and its name is not known
                self._counters[key] = self._counters.get(key, 0) + counters
        self._clock_synced = self._clock_synced and increment.clock_synced
        return closed

    def close_if_due(self, wall_s: float) -> Tile | None:
        """Close the open tile if it ended some seconds before `wall_s`; returns it, if any.

        Otherwise the last tile of an evening would be missing until the next morning, when the camera is on again. What
        is counted even later belongs to the next tile.
        """
        if self._start_s is None or self._is_empty or _start_of_tile_s(wall_s - _LATE_INCREMENT_S) <= self._start_s:
            return None
        closed = self._close()
        self._start_s += FIVE_MINUTES_S
        return closed

    def continue_after(self, stored: Tile, offset_s: float) -> list[Increment]:
        """Return what a stored tile counted and this builder did not, and continue after it.

        The increments are of a fifth of the tile each; `offset_s` is added to their wall times to get monotonic ones.
        The carry is lost, less than a unit per cell, because it is not known what the stored tile left over. Empty for
        a tile from before the open one, and for one of another epoch. Raises ValueError for one of another grid, or
        that is damaged.
        """
        if stored.epoch != self._epoch or (self._start_s is not None and stored.start_s < self._start_s):
            return []
        if stored.grid_wh != self._shape_hw[::-1]:
            raise ValueError(f"tile: expected a grid of {self._shape_hw[::-1]}, got {stored.grid_wh}")
        layers_ms = []
        for encoded, open_ms in ((stored.traffic, self._traffic_ms), (stored.dwell, self._dwell_ms)):
            total = TileSum(self._shape_hw)
            total.add(encoded)
            known_ms = open_ms if stored.start_s == self._start_s else 0
            layers_ms.append(np.maximum(total.result_units() * stored.level.unit_ms - known_ms, 0))
        observed_ms, counters = stored.observed_ms, {zone.key: _counters_of(zone) for zone in stored.zones}
        if stored.start_s == self._start_s:
            observed_ms = max(0, observed_ms - self._observed_ms)
            counters = {key: np.maximum(all_ms - self._counters.get(key, 0), 0) for key, all_ms in counters.items()}
        self._traffic_ms, self._dwell_ms = np.zeros_like(self._traffic_ms), np.zeros_like(self._dwell_ms)
        self._start_s = stored.end_s
        self._empty()
        return _in_parts(stored, layers_ms, observed_ms, counters, offset_s)

    def end_epoch(self) -> Tile | None:
        """Return the last tile, rounded to the nearest unit, or None; nothing may be added afterwards."""
        return self._close(is_last=True)

    def _close(self, *, is_last: bool = False) -> Tile | None:
        """Return the open tile and keep only its carry; None where nothing was observed, counted or rejected."""
        if self._start_s is None:
            return None
        unit_ms = Level.FIVE_MINUTES.unit_ms
        if is_last:
            traffic, dwell = round_units(self._traffic_ms, unit_ms), round_units(self._dwell_ms, unit_ms)
        else:
            traffic, self._traffic_ms = split_units(self._traffic_ms, unit_ms)
            dwell, self._dwell_ms = split_units(self._dwell_ms, unit_ms)
        height, width = self._shape_hw
        tile = Tile(
            camera=self._camera,
            level=Level.FIVE_MINUTES,
            start_s=self._start_s,
            end_s=self._start_s + FIVE_MINUTES_S,
            epoch=self._epoch,
            grid_wh=(width, height),
            observed_ms=self._observed_ms,
            traffic=encode_units(traffic),
            dwell=encode_units(dwell),
            rejected_ms=self._rejected_ms,
            zones=tuple(self._zone_tile(key) for key in self._names if self._has_counted(key)),
            clock_synced=self._clock_synced,
        )
        self._empty()
        return tile if tile.observed_ms or tile.traffic or tile.dwell or tile.rejected_ms or tile.zones else None

    def _has_counted(self, key: int) -> bool:
        return key in self._counters and bool(self._counters[key].any())

    def _zone_tile(self, key: int) -> ZoneTile:
        counters = self._counters[key]
        return ZoneTile(
            name=self._names[key],
            key=key,
            observed_ms=int(counters[Counter.OBSERVED_MS]),
            motion_ms=int(counters[Counter.MOTION_MS]),
            active_ms=int(counters[Counter.ACTIVE_MS]),
            traffic_cell_ms=int(counters[Counter.TRAFFIC_CELL_MS]),
            dwell_cell_ms=int(counters[Counter.DWELL_CELL_MS]),
            entries=int(counters[Counter.ENTRIES]),
        )

    def state(self) -> State:
        """Return what `restore` needs: the open tile and the carry; the grids are the builder's own."""
        keys = [key for key in self._names if key in self._present or self._has_counted(key)]
        nothing = np.zeros(len(Counter), np.int64)
        description = {
            "start_s": self._start_s,
            "observed_ms": self._observed_ms,
            "rejected_ms": self._rejected_ms,
            "clock_synced": self._clock_synced,
            "zones": [self._names[key] for key in keys],
        }
        return {
            "traffic_ms": self._traffic_ms,
            "dwell_ms": self._dwell_ms,
            "zone_keys": np.array(keys, np.uint64),
            "zone_counters": np.stack([self._counters.get(key, nothing) for key in keys]),  # `all` is always among them
            "description": np.frombuffer(json.dumps(description).encode(), np.uint8),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue a saved tile; its epoch is that of the builder, which must be empty.

        Raises ValueError where the state does not fit; the builder is unchanged then.
        """
        try:
            traffic_ms = checked_copy(state["traffic_ms"], self._shape_hw, np.uint32)
            dwell_ms = checked_copy(state["dwell_ms"], self._shape_hw, np.uint32)
            saved = json.loads(state["description"].tobytes())
            start_s = None if saved["start_s"] is None else _checked_start_s(saved["start_s"])
            observed_ms = checked_durations_ms({"observed": saved["observed_ms"]})["observed"]
            rejected_ms = checked_durations_ms(saved["rejected_ms"])
            clock_synced, names = bool(saved["clock_synced"]), [str(name) for name in saved["zones"]]
            keys = checked_copy(state["zone_keys"], (len(names),), np.uint64).tolist()
            counters = checked_copy(state["zone_counters"], (len(names), len(Counter)), np.int64)
            checked_durations_ms({"least": counters.min(initial=0), "most": counters.max(initial=0)})
        except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
            raise ValueError(f"the open tile cannot be restored: {error!r}") from error
        self._traffic_ms, self._dwell_ms, self._start_s, self._is_empty = traffic_ms, dwell_ms, start_s, False
        self._observed_ms, self._rejected_ms, self._clock_synced = observed_ms, rejected_ms, clock_synced
        self._names = dict(zip(keys, names, strict=True)) | self._present
        self._counters = dict(zip(keys, counters, strict=True))


def _counters_of(zone: ZoneTile) -> NDArray[np.int64]:
    """Return the counters of a zone, shape (len(Counter),)."""
    counters = np.zeros(len(Counter), np.int64)
    for counter in Counter:
        counters[counter] = getattr(zone, counter.name.lower())
    return counters


def _in_parts(
    tile: Tile,
    layers_ms: Sequence[NDArray[np.int64]],
    observed_ms: int,
    counters: Mapping[int, NDArray[np.int64]],
    offset_s: float,
) -> list[Increment]:
    """Return traffic, dwell and observed time in equal parts, the last one with the remainder and all zone counters."""
    increments = []
    for part in range(1, _REPLAY_PARTS + 1):
        is_last = part == _REPLAY_PARTS
        before, until = (part - 1) / _REPLAY_PARTS, part / _REPLAY_PARTS
        traffic_ms, dwell_ms = (
            (layer_ms * until).astype(np.int64) - (layer_ms * before).astype(np.int64) for layer_ms in layers_ms
        )
        excess_ms = np.maximum(traffic_ms - MAX_TRAFFIC_MS, 0)
        wall_s = tile.start_s + (tile.end_s - tile.start_s) * part / _REPLAY_PARTS
        increments.append(
            Increment(
                traffic_ms=(traffic_ms - excess_ms).astype(np.uint16),
                dwell_ms=(dwell_ms + excess_ms).astype(np.uint32),
                observed_ms=int(observed_ms * until) - int(observed_ms * before),
                mono_s=wall_s + offset_s,
                wall_s=wall_s,
                zone_keys=tuple(counters) if is_last else (),
                zone_counters=np.stack(list(counters.values())) if is_last and counters else zero_counters(0),
            )
        )
    return increments


def _start_of_tile_s(wall_s: float) -> int:
    return math.floor(wall_s / FIVE_MINUTES_S) * FIVE_MINUTES_S


def _checked_start_s(value: float) -> int:
    start_s = int(checked_number(value))
    if start_s % FIVE_MINUTES_S:
        raise ValueError(f"expected a multiple of {FIVE_MINUTES_S} s, got {start_s}")
    return start_s
