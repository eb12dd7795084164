"""A camera's heats are sent to the plans unchanged, and age there while the camera is offline."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from edgeheat.core.floorplan.camera_heats import CameraHeats
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.packing import pack
from edgeheat.defs.params import HeatParams

NOON_S = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
HEAT_S = np.arange(12, dtype=np.float32).reshape(3, 4)


def heats(observed_s: float = 1800.0, period_s: float = 3600.0, wall_s: float = NOON_S) -> CameraHeats:
    return CameraHeats({"hour": HeatGrid(HEAT_S, observed_s, period_s)}, 500.0, wall_s, epoch=3)


def test_packed_heats_come_back_as_they_were() -> None:
    back = CameraHeats.unpack(heats().pack())
    assert (back.mono_s, back.wall_s, back.epoch) == (500.0, NOON_S, 3)
    (name, grid), *more = back.grids.items()
    assert (name, grid.observed_s, grid.period_s, more) == ("hour", 1800.0, 3600.0, [])
    assert grid.heat_s.dtype == np.float32
    np.testing.assert_array_equal(grid.heat_s, HEAT_S)


@pytest.mark.parametrize(
    ("what", "heat", "age_s", "left"),
    [
        ("unchanged at once", HeatParams("hour", "window", 3600.0), 0.0, 1.0),
        ("a window empties over its length", HeatParams("hour", "window", 3600.0), 900.0, 0.75),
        ("a window is empty after its length", HeatParams("hour", "window", 3600.0), 4000.0, 0.0),
        ("a decaying heat halves in its half-life", HeatParams("hour", "decaying", 600.0), 600.0, 0.5),
        ("and is a quarter after two", HeatParams("hour", "decaying", 600.0), 1200.0, 0.25),
        ("a total stays", HeatParams("hour", "total"), 86400.0, 1.0),
    ],
)
def test_heats_age_while_the_camera_is_offline(what: str, heat: HeatParams, age_s: float, left: float) -> None:
    grid = heats().extrapolate(heat, 500.0 + age_s, NOON_S + age_s, UTC)
    np.testing.assert_allclose(grid.heat_s, HEAT_S * left, rtol=1e-6)
    assert grid.observed_s == pytest.approx(1800.0 * left)
    assert grid.period_s == (3600.0 + age_s if heat.kind == "total" else 3600.0)


def test_a_total_since_a_time_of_day_is_empty_once_that_has_passed() -> None:
    oslo, heat = ZoneInfo("Europe/Oslo"), HeatParams("hour", "total", since=time(14, 0))
    before = heats().extrapolate(heat, 500.0 + 3500, NOON_S + 3500, oslo)  # 13:58 in Oslo
    after = heats().extrapolate(heat, 500.0 + 3700, NOON_S + 3700, oslo)  # 14:01
    assert before.observed_s == 1800.0 and before.heat_s.any()
    assert after.observed_s == 0.0 and not after.heat_s.any()
    assert after.period_s == pytest.approx(100.0)


def test_a_clock_set_back_makes_no_heat_grow() -> None:
    grid = heats().extrapolate(HeatParams("hour", "window", 3600.0), 400.0, NOON_S - 100, UTC)
    np.testing.assert_array_equal(grid.heat_s, HEAT_S)


def test_damaged_bytes_are_rejected() -> None:
    packed = heats().pack()
    for end in range(len(packed)):
        with pytest.raises(ValueError, match="packed arrays"):
            CameraHeats.unpack(packed[:end])


META = {"mono_s": 1.0, "wall_s": NOON_S, "epoch": 1, "heats": {"hour": [1800.0, 3600.0, 1.0]}}


@pytest.mark.parametrize(
    ("what", "meta", "heat_s"),
    [
        ("no times", {"heats": {}}, HEAT_S),
        ("an unknown heat", META | {"heats": {"day": [1.0, 2.0, 1.0]}}, HEAT_S),
        ("heats that are a list", META | {"heats": []}, HEAT_S),
        ("a heat without a period", META | {"heats": {"hour": [1.0]}}, HEAT_S),
        ("an endless epoch", META | {"epoch": float("inf")}, HEAT_S),
        ("another dtype", META, HEAT_S.astype(np.float64)),
        ("another number of dimensions", META, HEAT_S.ravel()),
    ],
)
def test_packed_arrays_that_are_no_camera_heats_are_rejected(what: str, meta: dict[str, Any], heat_s: Any) -> None:
    assert CameraHeats.unpack(pack(META, {"hour": HEAT_S})).epoch == 1
    with pytest.raises(ValueError, match="camera heats"):
        CameraHeats.unpack(pack(meta, {"hour": heat_s}))
