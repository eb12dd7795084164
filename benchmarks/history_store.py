"""Makes the histories of which the benchmark asks questions: up to a year of four cameras, from the engine's tiles."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from benchmarks import clip
from benchmarks.busy_day import counted_minutes, shifted
from benchmarks.clip import SEED
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.tile import encode_units
from edgeheat.defs.history import FIVE_MINUTES_S, Level, Tile, ZoneTile
from edgeheat.defs.params import ZoneParams
from edgeheat.local_time.buckets import bucket_of
from edgeheat.store.history.rows import RollupState, insert_tile
from edgeheat.store.history.store import HistoryStore

if TYPE_CHECKING:
    from benchmarks.busy_day import Minute

TIMEZONE = ZoneInfo("Europe/Oslo")
CAMERAS = ("door", "till", "shelf", "fridge")
FIRST_DAY = date(2026, 1, 1)
AFTER_LAST_DAY = date(2027, 1, 1)

OPEN_HOURS = range(8, 20)
"""The local hours of every day in which the cameras count."""

ZONES = tuple(
    ZoneParams(name, "zone", ((x, y), (x + 0.35, y), (x + 0.35, y + 0.35), (x, y + 0.35)))
    for name, x, y in [("west", 0.0, 0.1), ("north", 0.55, 0.1), ("south", 0.05, 0.55), ("east", 0.55, 0.55)]
)

DIFFERENT_TILES = 24
"""Hours and five minutes that are made and then repeated, because making one takes longer than storing it."""

_KEPT_DAYS = 14
"""Days at the end of which the five minutes are kept, as by default."""

_VERSION = 1
"""Changes when the histories are made in another way, so that they are made again."""

Grids = NDArray[np.int64]
"""Traffic and dwell of each cell, shape (2, grid height, grid width)."""


def year() -> Path:
    """Return a year of four cameras with the default retention; made once and kept."""
    return _kept("year", CAMERAS, FIRST_DAY)


def two_months() -> Path:
    """Return the last two months of the first camera of `year`; made once and kept."""
    return _kept("two-months", CAMERAS[:1], date(2026, 11, 1))


def grids_ms(level: Level) -> list[Grids]:
    """Return hours or five minutes, summed from minutes that the engine counted, each moved by a few cells."""
    rng = np.random.default_rng(SEED)
    minutes = _minutes()
    found = []
    for _ in range(DIFFERENT_TILES):
        total_ms = np.zeros((2, *minutes[0][0].shape), np.int64)
        for _ in range(5 if level is Level.FIVE_MINUTES else 60):
            for layer, minute_ms in enumerate(shifted(minutes[rng.integers(len(minutes))], rng)):
                total_ms[layer] += minute_ms
        found.append(total_ms)
    return found


@cache
def _minutes() -> list[Minute]:
    return counted_minutes("history")


def _kept(name: str, cameras: tuple[str, ...], first_day: date) -> Path:
    folder = clip.OUT / f"history-{name}-{_VERSION}"
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        with HistoryStore(unfinished / "history.sqlite3") as store:
            _fill(store, cameras, first_day)
        unfinished.replace(folder)
    return folder / "history.sqlite3"


@dataclass(frozen=True, slots=True)
class _Content:
    """What is in a tile of any camera and time."""

    units: Grids
    traffic: bytes
    dwell: bytes
    zones: tuple[ZoneTile, ...]


class _Maker:
    """Makes tiles from a supply of hours and five minutes."""

    def __init__(self) -> None:
        hours_ms, fives_ms = grids_ms(Level.HOUR), grids_ms(Level.FIVE_MINUTES)
        height, width = hours_ms[0].shape[1:]
        self.grid_wh = width, height
        self._masks = ZoneMasks.from_params(ZONES, self.grid_wh)
        self.hours = [self.content(ms // Level.HOUR.unit_ms, Level.HOUR) for ms in hours_ms]
        self.five_minutes = [self.content(ms // Level.FIVE_MINUTES.unit_ms, Level.FIVE_MINUTES) for ms in fives_ms]

    def content(self, units: Grids, level: Level) -> _Content:
        zones = []
        for (name, mask), key in zip(self._masks.named.items(), self._masks.keys, strict=True):
            traffic_ms, dwell_ms = (int(layer[mask > 0].sum()) * level.unit_ms for layer in units)
            length_ms = 300_000 * 12**level.value
            zones.append(ZoneTile(name, key, length_ms, length_ms // 2, length_ms // 3, traffic_ms, dwell_ms, 9))
        traffic, dwell = (encode_units(layer.astype(np.uint32)) for layer in units)
        return _Content(units, traffic, dwell, tuple(zones))

    def tile(self, camera: str, level: Level, start_s: int, content: _Content, observed_s: int) -> Tile:
        return Tile(
            camera=camera,
            level=level,
            start_s=start_s,
            end_s=bucket_of(level, start_s, TIMEZONE)[1],
            epoch=1,
            grid_wh=self.grid_wh,
            observed_ms=1000 * observed_s,
            traffic=content.traffic,
            dwell=content.dwell,
            rejected_ms={"light": 1500},
            zones=content.zones,
        )


def _fill(store: HistoryStore, cameras: tuple[str, ...], first_day: date) -> None:
    """Store the tiles in the order in which those of a shop come, as if they had been rolled up and pruned.

    Days and months are the sums of their hours and days. Hours are no sums of their five minutes.
    """
    maker, rng = _Maker(), np.random.default_rng(SEED)
    months: dict[str, Grids] = {}
    for number in range((AFTER_LAST_DAY - first_day).days):
        day = first_day + timedelta(days=number)
        with store.writing() as connection:
            for tile in _day(maker, cameras, day, months, rng):
                insert_tile(connection, tile)
    with store.writing() as connection:
        connection.execute("UPDATE tile SET rollup_state = ? WHERE level != ?", (RollupState.IN_PARENT, Level.MONTH))


def _day(
    maker: _Maker, cameras: tuple[str, ...], day: date, months: dict[str, Grids], rng: np.random.Generator
) -> Iterator[Tile]:
    """Yield the tiles of a day, and of the month that ends with it; `months` is what the month has so far."""
    days = {camera: np.zeros_like(maker.hours[0].units) for camera in cameras}
    for hour in OPEN_HOURS:
        hour_s = unix_s(day, hour)
        if (AFTER_LAST_DAY - day).days <= _KEPT_DAYS:
            for start_s in range(hour_s, hour_s + 3600, FIVE_MINUTES_S):
                for camera in cameras:
                    content = maker.five_minutes[rng.integers(DIFFERENT_TILES)]
                    yield maker.tile(camera, Level.FIVE_MINUTES, start_s, content, FIVE_MINUTES_S)
        for camera in cameras:
            content = maker.hours[rng.integers(DIFFERENT_TILES)]
            days[camera] += content.units
            yield maker.tile(camera, Level.HOUR, hour_s, content, 3600)
    following = day + timedelta(days=1)
    for camera in cameras:
        content, observed_s = maker.content(days[camera], Level.DAY), 3600 * len(OPEN_HOURS)
        yield maker.tile(camera, Level.DAY, unix_s(day), content, observed_s)
        months[camera] = months.get(camera, 0) + days[camera]
        if following.day == 1:
            content = maker.content(months.pop(camera), Level.MONTH)
            yield maker.tile(camera, Level.MONTH, unix_s(day.replace(day=1)), content, day.day * observed_s)


def unix_s(day: date, hour: int = 0) -> int:
    """Return the Unix time of a local hour."""
    return int(datetime.combine(day, time(hour), TIMEZONE).timestamp())
