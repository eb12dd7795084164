"""Measures the tiles of history: their size, and the processor time of decoding and adding up a year of them.

python -m benchmarks.history [--quick]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.busy_day import counted_minutes, shifted
from benchmarks.clip import SEED
from benchmarks.figures import Figure, table
from edgeheat.core.heat.packing import pack_array, unpack_array
from edgeheat.core.heat.tile import TileSum, encode_units, split_units
from edgeheat.defs.history import Level

if TYPE_CHECKING:
    from benchmarks.busy_day import Minute

_TILES = 365
"""Tiles that are added up: about a year of days, or half a month of hours."""

_DIFFERENT_TILES = 24
"""Tiles that are made and then repeated, because making an hour takes longer than adding it a hundred times."""


def codec(runs: int) -> list[Figure]:
    """Measure the tiles of both layers, made of minutes that the engine counted, each moved by a few cells."""
    rng = np.random.default_rng(SEED)
    minutes = counted_minutes("history")
    five_minutes = [_summed_ms(minutes, 5, rng) for _ in range(_DIFFERENT_TILES)]
    hours = [_summed_ms(minutes, 60, rng) for _ in range(_DIFFERENT_TILES)]
    figures = []
    for layer, words in enumerate(("traffic", "dwell")):
        for level, grids in ((Level.FIVE_MINUTES, five_minutes), (Level.HOUR, hours)):
            sizes = [len(encode_units(split_units(grid[layer], level.unit_ms)[0])) for grid in grids]
            name = f"size of a tile: {words}, {level.name.lower().replace('_', ' ')}"
            figures.append(Figure(f"H1.{words}.{level.name.lower()}", name, "kB", (fmean(sizes) / 1000,), 0.0))
    return figures + _decoding([traffic_ms for traffic_ms, _ in hours], runs)


def _summed_ms(minutes: list[Minute], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the milliseconds of `count` minutes, shape (2, grid height, grid width): traffic, dwell."""
    total_ms = np.zeros((2, *minutes[0][0].shape), np.int64)
    for _ in range(count):
        for layer, minute_ms in enumerate(shifted(minutes[rng.integers(len(minutes))], rng)):
            total_ms[layer] += minute_ms
    return total_ms


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
    return [
        Figure("H2", f"{what}, as tiles", "ms", _cpu_ms(add_encoded, runs), 0.0),
        Figure("H2.zlib", f"{what}, as exact milliseconds and zlib", "ms", _cpu_ms(add_packed, runs), 0.0),
    ]


def _cpu_ms(function: Callable[[], None], runs: int) -> tuple[float, ...]:
    used_ms = []
    for _ in range(runs):
        before_s = time.process_time()
        function()
        used_ms.append(1000.0 * (time.process_time() - before_s))
    return tuple(used_ms)


def main() -> None:
    """Print all figures as a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description="Measure the tiles of history.")
    parser.add_argument("--quick", action="store_true", help="one run")
    print(table(codec(1 if parser.parse_args().quick else 3)))


if __name__ == "__main__":
    main()
