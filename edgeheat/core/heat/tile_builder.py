"""Gathers one camera's increments into tiles of five minutes, and carries what is less than a unit to the next tile."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U32
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.base import State, add_measure
from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.saved_values import checked_copy, checked_durations_ms, checked_number
from edgeheat.core.heat.tile import encode_units, round_units, split_units
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.defs.history import FIVE_MINUTES_S, Level, Tile, ZoneTile

_MAX_STEP_BACK_S = 3600
"""A wall clock that steps back by up to this counts on in the open tile, so that no time is in two tiles."""

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


def _start_of_tile_s(wall_s: float) -> int:
    return math.floor(wall_s / FIVE_MINUTES_S) * FIVE_MINUTES_S


def _checked_start_s(value: float) -> int:
    start_s = int(checked_number(value))
    if start_s % FIVE_MINUTES_S:
        raise ValueError(f"expected a multiple of {FIVE_MINUTES_S} s, got {start_s}")
    return start_s
