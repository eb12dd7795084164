"""Measures the tiles of history: their size, and the processor time of decoding and adding up a year of them."""

from __future__ import annotations

from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure
from benchmarks.history_store import grids_ms
from benchmarks.processes import own_cpu_ms
from edgeheat.core.heat.packing import pack_array, unpack_array
from edgeheat.core.heat.tile import TileSum, encode_units, split_units
from edgeheat.defs.history import Level

_TILES = 365
"""Tiles that are added up: about a year of days, or half a month of hours."""


def tiles(runs: int) -> list[Figure]:
    """Measure the tiles of both layers, made of minutes that the engine counted, each moved by a few cells."""
    grids_of = {level: grids_ms(level) for level in (Level.FIVE_MINUTES, Level.HOUR)}
    figures = []
    for layer, words in enumerate(("traffic", "dwell")):
        for level, grids in grids_of.items():
            sizes = [len(encode_units(split_units(grid[layer], level.unit_ms)[0])) for grid in grids]
            name = f"size of a tile: {words}, {level.name.lower().replace('_', ' ')}"
            figures.append(Figure(f"H1.{words}.{level.name.lower()}", name, "kB", (fmean(sizes) / 1000,), 0.0))
    return figures + _decoding([traffic_ms for traffic_ms, _ in grids_of[Level.HOUR]], runs)


def _decoding(hours_ms: list[NDArray[np.int64]], runs: int) -> list[Figure]:
    """Measure how long it takes to add up hours of one layer, compared with exact milliseconds packed by zlib."""
    height, width = hours_ms[0].shape
    encoded = [encode_units(split_units(hour_ms, Level.HOUR.unit_ms)[0]) for hour_ms in hours_ms]
    packed = [pack_array(hour_ms.astype(np.uint32)) for hour_ms in hours_ms]

    def add_encoded() -> None:
        total = TileSum((height, width))
        for number in range(_TILES):
            total.add(encoded[number % len(encoded)])
        total.result_units()

    def add_packed() -> None:
        total_ms = np.zeros((height, width), np.uint64)
        for number in range(_TILES):
            total_ms += unpack_array(packed[number % len(packed)], (height, width), np.uint32)

    what = f"CPU of adding up {_TILES} hours of one layer"
    tiles_ms, packed_ms = (tuple(own_cpu_ms(add) for _ in range(runs)) for add in (add_encoded, add_packed))
    return [
        Figure("H2", f"{what}, as tiles", "ms", tiles_ms, 0.0),
        Figure("H2.zlib", f"{what}, as exact milliseconds and zlib", "ms", packed_ms, 0.0),
    ]
