"""Makes the history of a simulated shop: nine weeks of seeded visitors, a display that is moved, an outage.

The people of the synthetic shop are drawn one visit at a time; each tile is the sum of the visits that its hour,
weekday, day and week have. That takes a minute, where the engine would need the nine weeks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F64, U8, SizeWH
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.tile import encode_units, split_units
from edgeheat.core.render.encode import encode
from edgeheat.defs.history import FIVE_MINUTES_S, EpochBackdrop, Level, Tile, ZoneTile
from edgeheat.defs.params import Point, ZoneParams
from edgeheat.history.rollup import roll_up
from edgeheat.local_time.instants import day_start_s
from edgeheat.sources.synthetic.backdrop import FLOOR_LUMA
from edgeheat.sources.synthetic.camera import PinholeCamera
from edgeheat.sources.synthetic.layouts import SHOP, Box, Layout
from edgeheat.sources.synthetic.scene import Scene, SceneParams
from edgeheat.sources.synthetic.walkers import Crowd, Pose
from edgeheat.store.history.store import HistoryStore

CAMERA = "shop"
TIMEZONE = ZoneInfo("Europe/Oslo")

FIRST_DAY = date(2026, 2, 23)
"""A Monday, five weeks before the clocks change."""

WEEKS = 9
MOVED_AFTER_WEEKS = 4

OUTAGE_DAYS = range(36, 38)
"""Tuesday and Wednesday of the sixth week."""

_OPEN_HOURS = range(9, 20)

_WEEKDAY_FACTORS = np.array([0.8, 0.75, 0.8, 0.9, 1.2, 1.7, 0.0])
"""How many people come from Monday to Sunday, as a factor; on Sundays the shop is closed."""

_HOUR_FACTORS = np.array([0.5, 0.8, 1.0, 1.3, 1.0, 0.8, 0.9, 1.3, 1.7, 1.2, 0.5])
"""The same for each open hour."""

_VISITS_OF_TILE = 2.5
"""Visits that start in five minutes, on average."""

_DAY_DEVIATION = 0.18
_WEEK_DEVIATION = 0.08
"""Standard deviations of the logarithm of the number of visitors, see `benchmarks.comparison`."""

_OWN_DEVIATION = 0.12
"""Standard deviation of the logarithm of how much longer people stay in a place on a day than on others."""

_FRUIT_SHARE = 0.3
"""Share of the visits that are made for the fruit table alone."""

_GOODS = {"shelf", "fridge", "produce", "crate"}

_PICTURE_EVERY_S = 1.0
"""Time between two pictures of a visit."""

_TABLE = Box("produce", (5.4, 7.1), (2.5, 3.4), (0.0, 0.8))
_MOVED_TABLE = Box("produce", (7.2, 8.0), (5.3, 6.9), (0.0, 0.8))
"""The fruit table before and after it was moved."""

_WIDTH_M = 0.5
_BODY_M = 1.7
"""Height of the people who stand in a zone."""

_FLOORS = {
    "till": (1.2, 5.2, 2.3, 7.0),
    "fridge": (4.4, 8.3, 10.0, 9.3),
    "fruit": (4.9, 1.7, 7.6, 2.5),
    "new-fruit": (6.7, 4.6, 8.5, 7.4),
    "entrance": (0.9, 8.6, 2.7, 9.9),
}
"""Zones by name: x0, y0, x1, y1 of their floor in metres."""


@dataclass(frozen=True, slots=True)
class Site:
    """A simulated shop with its history."""

    path: Path
    zones: tuple[ZoneParams, ...]
    start_s: int
    moved_s: int
    end_s: int
    backdrops: tuple[U8, U8]
    """The shop without people, BGR, before and after the table was moved."""


def make_site(path: Path, *, grid_wh: SizeWH = (160, 90), visits: int = 100, seed: int = 1) -> Site:
    """Make the history at `path`, rolled up until the end and with a backdrop.

    visits: how many different ones there are.
    """
    layouts = SHOP, replace(SHOP, boxes=tuple(_MOVED_TABLE if box == _TABLE else box for box in SHOP.boxes))
    scenes = [Scene(SceneParams(size_wh=grid_wh, noise=0.0), layout=layout) for layout in layouts]
    zones = tuple(ZoneParams(name, "zone", _polygon(floor, scenes[0].camera)) for name, floor in _FLOORS.items())
    masks = ZoneMasks.from_params(zones, grid_wh)
    elsewhere = replace(SHOP, boxes=tuple(box for box in SHOP.boxes if box != _TABLE))
    usual = _visits(scenes[0], Crowd(elsewhere, seed, 1, FLOOR_LUMA), visits)
    libraries = [
        (usual, _visits(scene, Crowd(_only_table(scene.layout), seed, 1, FLOOR_LUMA), visits)) for scene in scenes
    ]
    start_s, moved_s, end_s = (
        day_start_s(FIRST_DAY + timedelta(weeks=weeks), TIMEZONE) for weeks in (0, MOVED_AFTER_WEEKS, WEEKS)
    )
    with HistoryStore(path) as store:
        counter = _Counter(masks)
        for day, visitors in enumerate(_visitors(seed)):
            if day not in OUTAGE_DAYS:
                library = libraries[day >= 7 * MOVED_AFTER_WEEKS]
                store.add(_tiles_of_day(FIRST_DAY + timedelta(days=day), visitors, library, counter, (seed, day)))
        roll_up(store, TIMEZONE, end_s + 3600)
        pictures = [
            Scene(SceneParams(size_wh=(1280, 720), noise=0.0), layout=layout).backdrop.bgr for layout in layouts
        ]
        store.set_backdrop(EpochBackdrop(CAMERA, 1, end_s, encode(pictures[1], "jpeg", 85)[0]))
    return Site(path, zones, start_s, moved_s, end_s, (pictures[0], pictures[1]))


def _only_table(layout: Layout) -> Layout:
    """Return a shop in which only the fruit table is of interest."""
    boxes = (
        box if box in {_TABLE, _MOVED_TABLE} or box.kind not in _GOODS else replace(box, kind="counter")
        for box in layout.boxes
    )
    return replace(layout, boxes=tuple(boxes))


def _polygon(floor: tuple[float, float, float, float], camera: PinholeCamera) -> tuple[Point, ...]:
    """Return the outline of everybody who stands on a floor, in picture coordinates."""
    x0, y0, x1, y1 = floor
    corners = [(x, y, z) for x in (x0, x1) for y in (y0, y1) for z in (0.0, _BODY_M)]
    pixels, _ = camera.project(np.array(corners, np.float32))
    outline = cv2.convexHull(np.clip(pixels / camera.size_wh, 0, 1).astype(np.float32))[:, 0]
    return tuple((float(x), float(y)) for x, y in outline)


@dataclass(frozen=True, slots=True)
class _Visit:
    """One visit: milliseconds per cell in which the person moves and stands."""

    traffic_ms: F64
    dwell_ms: F64


def _visits(scene: Scene, crowd: Crowd, count: int) -> list[_Visit]:
    """Return some different visits, whose people are drawn as upright ellipses behind the furniture."""
    shape_hw = scene.params.size_wh[1], scene.params.size_wh[0]
    found: list[_Visit] = []
    layers = np.zeros((2, *shape_hw))
    step = 0
    while len(found) <= count:
        poses = crowd.poses(step * _PICTURE_EVERY_S)
        step += 1
        for pose in poses:
            layers[int(pose.standing)] += 1000 * _PICTURE_EVERY_S * _body(scene, pose, shape_hw)
        if not poses and layers.any():
            found.append(_Visit(layers[0], layers[1]))
            layers = np.zeros((2, *shape_hw))
    return found[1:]  # the first one had begun before


def _body(scene: Scene, pose: Pose, shape_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the cells that show the person."""
    ends, scale = scene.camera.project(np.array([(pose.x, pose.y, 0.0), (pose.x, pose.y, _BODY_M)], np.float32))
    cells: U8 = np.zeros(shape_hw, np.uint8)
    if scale.min() > 0:
        (x0, y0), (x1, y1) = ends.tolist()
        axes = max(1, round(_WIDTH_M / 2 * float(scale.mean()))), max(1, round(abs(y0 - y1) / 2))
        cv2.ellipse(cells, (round((x0 + x1) / 2), round((y0 + y1) / 2)), axes, 0, 0, 360, 255, cv2.FILLED)
    return (cells > 0) & (scene.backdrop.distance_m > scene.camera.distance(pose.x, pose.y) - _WIDTH_M)


def _visitors(seed: int) -> F64:
    """Return how many people come on each day, as a factor."""
    random = np.random.default_rng((seed, 1))
    days = 7 * WEEKS
    day = np.zeros(days)
    for index in range(days):
        day[index] = 0.3 * day[index - 1] + np.sqrt(1 - 0.3**2) * random.normal() if index else random.normal()
    week = random.normal(0, _WEEK_DEVIATION, WEEKS).repeat(7)
    factors: F64 = np.tile(_WEEKDAY_FACTORS, WEEKS) * np.exp(_DAY_DEVIATION * day + week)
    return factors


def _tiles_of_day(
    day: date, visitors: float, libraries: tuple[list[_Visit], list[_Visit]], counter: _Counter, seed: tuple[int, ...]
) -> Iterator[Tile]:
    random = np.random.default_rng(seed)
    factors = _own_factors(libraries[0][0].traffic_ms.shape, random)
    opens_s = int(datetime.combine(day, time(_OPEN_HOURS[0]), TIMEZONE).timestamp())
    for number in range(len(_OPEN_HOURS) * 12):
        mean = _VISITS_OF_TILE * visitors * _HOUR_FACTORS[number // 12]
        came = [
            library[index]
            for library, share in zip(libraries, (1 - _FRUIT_SHARE, _FRUIT_SHARE), strict=True)
            for index in random.integers(len(library), size=random.poisson(share * mean))
        ]
        yield counter.tile(opens_s + number * FIVE_MINUTES_S, came, factors)


def _own_factors(shape_hw: tuple[int, int], random: np.random.Generator) -> F64:
    """Return by what factor people stay longer in each cell on one day; neighbours have similar ones."""
    places = random.normal(0, _OWN_DEVIATION, (5, 9))
    return np.exp(np.asarray(cv2.resize(places, shape_hw[::-1], interpolation=cv2.INTER_CUBIC), np.float64))


class _Counter:
    """Makes the tiles of one camera, with the carry from each to the next."""

    def __init__(self, masks: ZoneMasks) -> None:
        self._masks = masks
        self._carries = [np.zeros(masks.counted.shape, np.int64) for _ in range(2)]

    def tile(self, start_s: int, visits: list[_Visit], factors: F64) -> Tile:
        """Return the tile of some visits on a day with these factors."""
        nothing = np.zeros(self._masks.counted.shape)
        traffic_ms = (factors * sum((visit.traffic_ms for visit in visits), nothing)).astype(np.int64)
        dwell_ms = (factors * sum((visit.dwell_ms for visit in visits), nothing)).astype(np.int64)
        layers = []
        for index, layer_ms in enumerate((traffic_ms, dwell_ms)):
            units, self._carries[index] = split_units(layer_ms + self._carries[index], Level.FIVE_MINUTES.unit_ms)
            layers.append(encode_units(units))
        zones = []
        for (name, cells), key in zip(self._masks.named.items(), self._masks.keys, strict=True):
            inside = cells > 0
            longest_ms = [(visit.traffic_ms + visit.dwell_ms)[inside].max(initial=0.0) for visit in visits]
            active_ms = int(min(sum(longest_ms), 1000 * FIVE_MINUTES_S))
            zones.append(
                ZoneTile(
                    *(name, key, 1000 * FIVE_MINUTES_S),
                    motion_ms=active_ms,
                    active_ms=active_ms,
                    traffic_cell_ms=int(traffic_ms[inside].sum()),
                    dwell_cell_ms=int(dwell_ms[inside].sum()),
                    entries=int(np.count_nonzero(longest_ms)),
                )
            )
        height, width = self._masks.counted.shape
        return Tile(
            *(CAMERA, Level.FIVE_MINUTES, start_s, start_s + FIVE_MINUTES_S, 1, (width, height)),
            observed_ms=1000 * FIVE_MINUTES_S,
            traffic=layers[0],
            dwell=layers[1],
            zones=tuple(zones),
        )
