"""A shop with a stored history of known content, for tests of the questions to it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from edgeheat.core.grid.zones import ZoneMasks, zone_key
from edgeheat.defs.params import ZoneParams
from edgeheat.history.rollup import roll_up
from edgeheat.store.history.store import HISTORY_FILE, HistoryStore
from tests.support.floor import FRONT, FRONT_MARKS, pairs
from tests.support.tiles import CountingCamera, Ms, at

OSLO = ZoneInfo("Europe/Oslo")
FIRST, LAST = "2024-03-04", "2024-05-12"
"""Ten whole weeks, of which the fourth has a Sunday of 23 hours; the camera was moved before the last."""

NOW_S = at("2024-05-13 09:00", OSLO)
CHANGED_S = at("2024-04-08 00:00", OSLO)
"""From here on, after five weeks, the left half of the picture is twice as busy."""

MOVED_S = at("2024-05-06 00:00", OSLO)
LEFT = ZoneParams("left", "zone", ((0.0, 0.0), (0.45, 0.0), (0.45, 1.0), (0.0, 1.0)))
SHAPE_HW = (36, 64)

CONFIG = f"""
[site]
timezone = "Europe/Oslo"
[storage]
path = "storage"
[[camera]]
name = "door"
source = "synthetic:shop"
[[camera.zone]]
name = "left"
polygon = {[list(corner) for corner in LEFT.polygon]}
[[camera]]
name = "stock"
source = "synthetic:shop"
[[plan]]
name = "floor"
size = [11, 10]
[[plan.view]]
camera = "door"
points = {[list(point) for point in pairs(FRONT, FRONT_MARKS)]}
[[plan.view]]
camera = "stock"
points = {[list(point) for point in pairs(FRONT, FRONT_MARKS)]}
"""


def busy(start_s: int, shape_hw: tuple[int, int]) -> Ms:
    """People between 10 and 12, most on Saturdays; days vary, also between left and right."""
    local = datetime.fromtimestamp(start_s, OSLO)
    if not 10 <= local.hour < 12:
        return np.zeros(shape_hw, np.int64)
    day = np.random.default_rng(local.toordinal())
    ms = np.full(shape_hw, 10_000.0 * (3 if local.weekday() == 5 else 1)) * np.exp(0.1 * day.normal())
    ms *= np.exp(0.02 * day.normal(size=2)).repeat(shape_hw[1] // 2)
    if start_s >= CHANGED_S:
        ms[:, : shape_hw[1] // 2] *= 2
    return ms.astype(np.int64)


def store_history(folder: Path) -> Path:
    """Store the history of the camera `door` from 9 to 13 o'clock of each day, without 1 May; returns the file."""
    path = folder / "state" / HISTORY_FILE
    place = LEFT.name, zone_key(LEFT.name, LEFT.polygon)
    cells = ZoneMasks.from_params([LEFT], SHAPE_HW[::-1]).named["left"] > 0
    with HistoryStore(path) as store:
        for epoch, start_s, end_s in ((1, at(f"{FIRST} 00:00", OSLO), MOVED_S), (2, MOVED_S, NOW_S)):
            camera = CountingCamera("door", SHAPE_HW, busy, zones={place: cells}, epoch=epoch)
            store.add(tile for tile in camera.tiles(start_s, end_s) if _is_open(tile.start_s))
        roll_up(store, OSLO, NOW_S)
    return path


def _is_open(start_s: int) -> bool:
    local = datetime.fromtimestamp(start_s, OSLO)
    return 9 <= local.hour < 13 and (local.month, local.day) != (5, 1)
