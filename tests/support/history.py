"""Tiles for the tests of the history: random layers, and rollups by plain addition."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple

from edgeheat.defs.history import FIVE_MINUTES_S, Level, Tile, ZoneTile

DAY_S = 86_400
MONTH_S = 30 * DAY_S
BUCKETS_S = {Level.FIVE_MINUTES: FIVE_MINUTES_S, Level.HOUR: 3600, Level.DAY: DAY_S, Level.MONTH: MONTH_S}
"""A calendar for the store, which does not care how long its buckets are: months of 30 days, no time zone."""

START_S = 600 * MONTH_S


def bucket_of(level: Level, unix_s: int) -> tuple[int, int]:
    start_s = unix_s - unix_s % BUCKETS_S[level]
    return start_s, start_s + BUCKETS_S[level]


def make_tile(
    camera: str,
    start_s: int,
    *,
    level: Level = Level.FIVE_MINUTES,
    epoch: int = 1,
    synced: bool = True,
    size: int = 100,
) -> Tile:
    """A tile of which everything follows from its arguments."""
    draw = random.Random(f"{camera} {start_s} {epoch}")
    zones = tuple(
        ZoneTile(name, key, 300_000, *(draw.randrange(10_000) for _ in range(5)))
        for name, key in (("all", 0), ("till", 2**64 - 1), ("shelf", 2**63))
    )
    return Tile(
        camera=camera,
        level=Level.FIVE_MINUTES,
        start_s=start_s,
        end_s=start_s + FIVE_MINUTES_S,
        epoch=epoch,
        grid_wh=(320, 180),
        observed_ms=draw.randrange(250_000, 300_000),
        traffic=draw.randbytes(size),
        dwell=draw.randbytes(size),
        rejected_ms={"light": draw.randrange(1000), "unhealthy": draw.randrange(1000)},
        zones=zones,
        clock_synced=synced,
    )


def add_up(parts: Sequence[Tile], level: Level, size: int = 100) -> Tile:
    """The rollup of the parts; its layers are random bytes."""
    first = parts[0]
    start_s, end_s = bucket_of(level, first.start_s)
    rejected_ms: Counter[str] = Counter()
    zones: dict[tuple[str, int], tuple[int, ...]] = {}
    for part in parts:
        rejected_ms.update(part.rejected_ms)
        for zone in part.zones:
            name, key, *figures = astuple(zone)
            zones[name, key] = tuple(map(sum, zip(zones.get((name, key), (0,) * 6), figures, strict=True)))
    draw = random.Random(f"{first.camera} {start_s} {level} {len(parts)}")
    return Tile(
        camera=first.camera,
        level=level,
        start_s=start_s,
        end_s=end_s,
        epoch=first.epoch,
        grid_wh=first.grid_wh,
        observed_ms=sum(part.observed_ms for part in parts),
        traffic=draw.randbytes(size),
        dwell=draw.randbytes(size),
        rejected_ms=dict(rejected_ms),
        zones=tuple(ZoneTile(*key, *figures) for key, figures in zones.items()),
    )
