"""A small grid with zones, and builders of increments, masks and heats on it, for the tests of heat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, time

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.base import ReadableHeat
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.zone_counters import Counter, zero_counters
from edgeheat.defs.params import HeatParams, Measure, ZoneParams

SHAPE = (6, 8)
WALL = 1_700_000_000.0
LEFT = ZoneParams("left", "zone", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
TOP = ZoneParams("top", "zone", ((0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5)))
ZONES = ZoneMasks.from_params((LEFT, TOP), SHAPE[::-1])
CELL = (1, 2)
"""A cell in both zones."""

ALL_KINDS = (
    HeatParams("recent", "decaying", 300.0),
    HeatParams("hour", "window", 3600.0),
    HeatParams("ever", "total"),
    HeatParams("today", "total", since=time(6)),
)

MEASURES: tuple[Measure, ...] = ("presence", "traffic", "dwell")

EVERY_HEAT = tuple(
    replace(kind, name=f"{kind.name}-{measure}", measure=measure)
    for kind in ALL_KINDS
    for measure in MEASURES
)  # fmt: skip
"""Every kind of each measure: "hour-dwell", say."""


def heats_of(params: Sequence[HeatParams] = ALL_KINDS, zones: ZoneMasks = ZONES) -> HeatSet:
    return HeatSet(params, zones, UTC)


def cell_s(heat: ReadableHeat, mono_s: float) -> float:
    """The seconds in CELL."""
    return float(heat.read(mono_s, WALL + mono_s).heat_s[CELL])


def active_s(heat: ReadableHeat, mono_s: float) -> float:
    """The active seconds of the whole picture."""
    return float(heat.read_zone_counters(mono_s, WALL + mono_s)[0, Counter.ACTIVE_MS]) / 1000


def increment(
    mono_s: float,
    traffic_ms: int = 1000,
    dwell_ms: int = 0,
    *,
    observed_ms: int = 1000,
    wall_s: float | None = None,
    zones: ZoneMasks = ZONES,
) -> Increment:
    """An increment in which all time was counted in CELL, and each zone was active throughout with one entry."""
    traffic, dwell = np.zeros(SHAPE, np.uint16), np.zeros(SHAPE, np.uint32)
    counters = zero_counters(len(zones.keys))
    traffic[CELL], dwell[CELL] = traffic_ms, dwell_ms
    for counter in (Counter.OBSERVED_MS, Counter.ACTIVE_MS, Counter.MOTION_MS):
        counters[:, counter] = observed_ms
    counters[:, Counter.TRAFFIC_CELL_MS], counters[:, Counter.DWELL_CELL_MS] = traffic_ms, dwell_ms
    counters[:, Counter.ENTRIES] = 1
    at_wall_s = WALL + mono_s if wall_s is None else wall_s
    return Increment(traffic, dwell if dwell_ms else None, observed_ms, mono_s, at_wall_s, zones.keys, counters)


def mask_of(
    cells: U8,
    mono_s: float,
    dt_s: float,
    *,
    moving: U8 | None = None,
    dwell_ms: NDArray[np.uint32] | None = None,
    moved_ms: NDArray[np.uint32] | None = None,
) -> MotionMask:
    """A mask in which all cells are in motion, unless `moving` says otherwise."""
    return MotionMask(cells, cells if moving is None else moving, dwell_ms, dt_s, mono_s, WALL + mono_s, moved_ms)


def random_masks(seed: int, count: int) -> list[MotionMask]:
    """Masks at uneven times, with gaps, in which people come, move, stay and leave; dwell is confirmed late."""
    random = np.random.default_rng(seed)
    masks, at_s = [], 100.0
    for _ in range(count):
        gap = random.random() < 0.1
        dt_s = 0.0 if gap else float(random.uniform(0.02, 1.0))
        at_s += float(random.uniform(2.0, 90.0)) if gap else dt_s
        cells = np.where(random.random(SHAPE) < random.choice([0.0, 0.3, 0.9]), 255, 0).astype(np.uint8)
        moving = np.where(random.random(SHAPE) < 0.5, cells, 0).astype(np.uint8)
        dwell = (random.integers(0, 300_000, SHAPE) * (random.random(SHAPE) < 0.2)).astype(np.uint32)
        dwell_ms = dwell if random.random() < 0.3 else None
        masks.append(mask_of(cells, at_s, dt_s, moving=moving, dwell_ms=dwell_ms))
    return masks
