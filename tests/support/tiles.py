"""Tiles with known content, as a camera's worker would close them, for tests of the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.zones import zone_key
from edgeheat.core.heat.tile import encode_units, split_units
from edgeheat.defs.events import ALL
from edgeheat.defs.history import FIVE_MINUTES_S, Level, Tile, ZoneTile

Ms = NDArray[np.int64]

ALL_KEY = zone_key(ALL, ())


def at(text: str, timezone: tzinfo) -> int:
    """Return the Unix time of a local time, such as "2026-03-02 10:00"."""
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone).timestamp())


def no_motion(start_s: int, shape_hw: tuple[int, int]) -> Ms:
    return np.zeros(shape_hw, np.int64)


@dataclass
class CountingCamera:
    """A camera that counts given times: `traffic_ms` and `dwell_ms` per cell, by the start of the tile."""

    name: str = "door"
    shape_hw: tuple[int, int] = (9, 16)
    traffic_ms: Callable[[int, tuple[int, int]], Ms] = no_motion
    dwell_ms: Callable[[int, tuple[int, int]], Ms] = no_motion
    zones: dict[tuple[str, int], NDArray[np.bool_]] = field(default_factory=dict)
    """Cells of each zone besides `all`, by name and key."""
    epoch: int = 1
    observed_ms: int = 300_000

    def __post_init__(self) -> None:
        self.total_traffic_ms = np.zeros(self.shape_hw, np.int64)
        self._carries = [np.zeros(self.shape_hw, np.int64) for _ in range(2)]

    def tiles(self, start_s: int, end_s: int) -> Iterator[Tile]:
        """Yield the tiles of a time; the carry continues with the next call."""
        everywhere = {(ALL, ALL_KEY): np.ones(self.shape_hw, np.bool_)}
        for at_s in range(start_s, end_s, FIVE_MINUTES_S):
            counted = [count(at_s, self.shape_hw) for count in (self.traffic_ms, self.dwell_ms)]
            self.total_traffic_ms += counted[0]
            layers = []
            for index, ms in enumerate(counted):
                units, self._carries[index] = split_units(ms + self._carries[index], Level.FIVE_MINUTES.unit_ms)
                layers.append(encode_units(units))
            zones = tuple(
                ZoneTile(
                    *place,
                    observed_ms=self.observed_ms,
                    traffic_cell_ms=int(counted[0][cells].sum()),
                    dwell_cell_ms=int(counted[1][cells].sum()),
                    entries=1,
                )
                for place, cells in {**everywhere, **self.zones}.items()
            )
            yield Tile(
                *(self.name, Level.FIVE_MINUTES, at_s, at_s + FIVE_MINUTES_S, self.epoch, self.shape_hw[::-1]),
                observed_ms=self.observed_ms,
                traffic=layers[0],
                dwell=layers[1],
                rejected_ms={"light": 10},
                zones=zones,
            )


def random_ms(seed: int, density: float = 0.3) -> Callable[[int, tuple[int, int]], Ms]:
    """Return a count of random milliseconds in some of the cells, the same for the same seed and tile."""

    def count(start_s: int, shape_hw: tuple[int, int]) -> Ms:
        rng = np.random.default_rng((seed, start_s))
        return (rng.random(shape_hw) < density) * rng.integers(0, 30_000, shape_hw)

    return count
