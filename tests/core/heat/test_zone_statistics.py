"""What a heat amounts to in each zone, and which zone ranks first."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.core.heat.zone_statistics import zone_statistics
from edgeheat.defs.events import ZoneHeat
from edgeheat.defs.params import ZoneKind, ZoneParams

GRID_WH = (40, 20)


def drawn_zone(name: str, *edges: float, kind: ZoneKind = "zone", weight: float = 1.0) -> ZoneParams:
    left, top, right, bottom = edges
    return ZoneParams(name, kind, ((left, top), (right, top), (right, bottom), (left, bottom)), weight)


def counters_of(zones: ZoneMasks, **values: float) -> np.ndarray:
    counters = np.zeros((len(zones.keys), len(Counter)))
    for name, value in values.items():
        counters[:, Counter[name.upper()]] = value
    return counters


def statistics_of(zones: ZoneMasks, heat_s: np.ndarray, **values: float) -> dict[str, ZoneHeat]:
    grid = HeatGrid(heat_s.astype(np.float32), 60.0, 60.0)
    return {zone.zone: zone for zone in zone_statistics(zones, grid, counters_of(zones, **values), lambda _: grid)}


@pytest.mark.parametrize(
    ("what", "weights", "ranks"),
    [
        ("the hotter zone ranks first, although it is smaller", (1, 1, 1), {"warm": 2, "hot": 1, "cold": 3}),
        ("a weight changes the order", (5, 1, 1), {"warm": 1, "hot": 2, "cold": 3}),
        ("equal zones rank in the order of the configuration", (2, 1, 1), {"warm": 1, "hot": 2, "cold": 3}),
        ("with weights of 0 the order is that of the configuration", (0, 0, 0), {"warm": 1, "hot": 2, "cold": 3}),
    ],
)
def test_zones_rank_by_weight_times_mean_heat(what: str, weights: tuple[float, ...], ranks: dict[str, int]) -> None:
    edges = ((0, 0, 0.5, 1), (0.525, 0, 0.6, 0.5), (0.7, 0, 1, 1))
    drawn = [drawn_zone(name, *edge, weight=weight) for name, edge, weight in zip(ranks, edges, weights, strict=True)]
    heat_s = np.zeros((20, 40))
    heat_s[:, :21], heat_s[:, 21:25] = 2.0, 4.0
    zones = statistics_of(ZoneMasks.from_params(drawn, GRID_WH), heat_s)
    assert {name: zone.rank for name, zone in zones.items()} == {"all": None, **ranks}, what
    assert [zone.weight for zone in zones.values()] == [1.0, *weights]


def test_the_statistics_of_a_zone_come_from_its_counters_and_its_cells() -> None:
    heat_s = np.zeros((20, 40))
    heat_s[4, 8], heat_s[10, 30] = 3.0, 5.0
    zones = ZoneMasks.from_params((drawn_zone("left", 0, 0, 0.5, 1),), GRID_WH)
    left = statistics_of(
        zones, heat_s, observed_ms=8000, active_ms=2000, traffic_cell_ms=1500, dwell_cell_ms=250, entries=2.5
    )["left"]
    assert (left.cells, left.cell_seconds, left.peak_s, left.peak_xy) == (420, 3.0, 3.0, (8.5 / 40, 4.5 / 20))
    assert left.mean_s == pytest.approx(3.0 / 420)
    assert (left.active_s, left.active_ratio, left.entries) == (2.0, 0.25, 2.5)
    assert (left.traffic_cell_s, left.dwell_cell_s) == (1.5, 0.25)


@pytest.mark.parametrize(
    ("what", "observed_ms", "active_ms", "ratio"),
    [
        ("nothing was observed", 0, 0, 0.0),
        ("confirmed only after its bucket was dropped", 100, 400, 1.0),
        ("a heat that has decayed almost completely", 1e-300, 5e-301, 0.5),
    ],
)
def test_the_active_share_is_from_0_to_1(what: str, observed_ms: float, active_ms: float, ratio: float) -> None:
    statistics = statistics_of(
        ZoneMasks.from_params((), GRID_WH), np.zeros((20, 40)), observed_ms=observed_ms, active_ms=active_ms
    )
    assert statistics["all"].active_ratio == pytest.approx(ratio), what


def test_a_zone_without_cells_has_statistics_of_0_and_ranks_last() -> None:
    drawn = (
        drawn_zone("hidden", 0.2, 0.2, 0.4, 0.4, weight=9.0),
        drawn_zone("seen", 0.6, 0, 1, 1),
        drawn_zone("no", 0, 0, 0.5, 1, kind="privacy"),
    )
    statistics = statistics_of(ZoneMasks.from_params(drawn, GRID_WH), np.ones((20, 40)))
    hidden = statistics["hidden"]
    assert (hidden.cells, hidden.cell_seconds, hidden.mean_s, hidden.peak_s, hidden.rank) == (0, 0.0, 0.0, 0.0, 2)
    assert statistics["seen"].rank == 1
