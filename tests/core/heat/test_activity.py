"""When somebody is in a zone, how often they came, and which zone is busiest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.activity import Activity, ActivityMeter, zone_heats
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.zone_counters import Counter
from edgeheat.defs.events import ZoneHeat
from edgeheat.defs.params import Point, ZoneKind, ZoneParams
from tests.core.counting import mask_of

GRID_WH = (40, 20)
EMPTY = np.zeros((20, 40), np.uint8)


def box(left: float, top: float, right: float, bottom: float) -> tuple[Point, ...]:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def zone(name: str, *edges: float, kind: ZoneKind = "zone", weight: float = 1.0) -> ZoneParams:
    return ZoneParams(name, kind, box(*edges), weight)


def cells(count: int) -> U8:
    """The first cells of the grid, row by row."""
    mask = EMPTY.copy()
    mask.reshape(-1)[:count] = 255
    return mask


def watched(shown: list[tuple[float, int]], frame_s: float = 0.2, zones: tuple[ZoneParams, ...] = ()) -> Activity:
    """Activity after so many seconds each with so many cells of presence; None of them move."""
    meter, at_s = ActivityMeter(ZoneMasks.from_params(zones, GRID_WH).named), 0.0
    for seconds, count in shown:
        for _ in range(round(seconds / frame_s)):
            at_s += frame_s
            meter.add(mask_of(cells(count), at_s, frame_s, moving=EMPTY), round(frame_s * 1000))
    return meter.take()


@pytest.mark.parametrize(
    ("what", "shown", "active_s", "entries"),
    [
        ("nobody is there", [(10, 0)], 0.0, 0),
        ("somebody comes, stays and goes", [(2, 0), (7, 50), (5, 0)], 7.0, 1),
        ("a flash in one frame is nobody", [(2, 0), (0.2, 50), (2, 0), (0.2, 50), (5, 0)], 0.0, 0),
        ("two frames are enough", [(2, 0), (0.4, 50), (5, 0)], 0.4, 1),
        ("two flashes are not added up", [(0.2, 50), (0.2, 0), (0.2, 50), (5, 0)], 0.0, 0),
        ("three cells are too few for somebody", [(9, 3)], 0.0, 0),
        ("four are enough in a small zone", [(9, 4)], 9.0, 1),
        ("hidden for under 2 s does not end a visit", [(3, 50), (1.8, 0), (3, 50), (5, 0)], 7.8, 1),
        ("2 s without anybody do", [(3, 50), (2, 0), (3, 50), (5, 0)], 6.0, 2),
        ("many short absences do not end it either", [(1, 50), (1, 0)] * 5 + [(1, 50), (5, 0)], 11.0, 1),
        ("a glimpse in between is enough to go on", [(3, 50), (1.6, 0), (0.2, 50), (1.6, 0), (1, 50)], 7.4, 1),
    ],
)
def test_a_zone_is_active_while_somebody_is_there_with_hysteresis(
    what: str, shown: list[tuple[float, int]], active_s: float, entries: int
) -> None:
    activity = watched(shown)
    assert activity.active_s["all"] == pytest.approx(active_s), what
    assert activity.entries["all"] == entries, what


@pytest.mark.parametrize("frame_s", [0.04, 0.1, 0.2, 0.5, 1.0])
def test_what_is_counted_does_not_depend_on_the_frame_rate(frame_s: float) -> None:
    activity = watched([(4, 0), (6, 50), (1, 0), (6, 50), (4, 0), (8, 50), (4, 0)], frame_s)
    assert activity.active_s["all"] == pytest.approx(21.0)
    assert activity.entries["all"] == 2


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 20)), min_size=1, max_size=100))
def test_never_more_active_than_observed_nor_more_entries_than_absences_allow(shown: list[tuple[int, int]]) -> None:
    meter = ActivityMeter({"all": cells(800)})
    for dt_ms, count in shown:
        meter.add(mask_of(cells(count), 0.0, dt_ms / 1000), dt_ms)
    activity = meter.take()
    assert 0 <= activity.active_s["all"] <= activity.observed_s
    empty_s = sum(dt_ms for dt_ms, count in shown if count < 4) / 1000
    assert activity.entries["all"] <= 1 + empty_s / 2.0
    assert (activity.entries["all"] > 0) == (activity.active_s["all"] > 0)


def test_a_gap_ends_no_visit_and_invents_no_entry() -> None:
    meter = ActivityMeter({"all": cells(800)})
    for start_s in (0.0, 100.0, 100_000.0):
        for number in range(10):
            dt_s = 0.2 if number else 0.0
            meter.add(mask_of(cells(50), start_s + number / 5, dt_s), round(dt_s * 1000))
    activity = meter.take()
    assert (activity.observed_s, activity.active_s["all"], activity.entries["all"]) == (5.4, 5.4, 1)


def test_a_visit_goes_on_when_the_figures_are_taken_in_between() -> None:
    meter = ActivityMeter({"all": cells(800)})
    taken = []
    for count in (50, 50, 50, 0, 0, 50):
        meter.add(mask_of(cells(count), 0.0, 0.3), 300)
        taken.append(meter.take())
    assert [each.active_s["all"] for each in taken] == [0.0, 0.6, 0.3, 0.0, 0.0, 0.9]
    assert [each.entries["all"] for each in taken] == [0, 1, 0, 0, 0, 0]
    assert meter.take() == ActivityMeter({"all": cells(800)}).take()


@pytest.mark.parametrize(
    ("cells_in_zone", "enough"),
    [(1, 1), (3, 3), (4, 4), (800, 4), (2500, 5), (6000, 12), (57_600, 12)],
)
def test_somebody_takes_more_cells_in_a_large_zone_but_never_more_than_it_has(cells_in_zone: int, enough: int) -> None:
    inside = np.zeros((180, 320), np.uint8)
    inside.reshape(-1)[:cells_in_zone] = 255
    for present, entries in ((enough - 1, 0), (enough, 1)):
        shown = np.zeros((180, 320), np.uint8)
        shown.reshape(-1)[:present] = 255
        meter = ActivityMeter({"shelf": inside})
        meter.add(mask_of(shown, 1.0, 1.0), 1000)
        assert meter.take().entries["shelf"] == entries


def test_movement_and_staying_are_told_apart_zone_by_zone() -> None:
    zones = ZoneMasks.from_params((zone("left", 0, 0, 0.5, 1), zone("right", 0.55, 0, 1, 1)), GRID_WH)
    moving, dwell_ms = EMPTY.copy(), np.zeros(EMPTY.shape, np.uint32)
    moving[5:10, 5:10] = 255
    dwell_ms[5:10, 30:34] = 65_000
    present = np.maximum(moving, np.where(dwell_ms > 0, 255, 0).astype(np.uint8))
    meter = ActivityMeter(zones.named)
    rows = meter.add(mask_of(present, 1.0, 0.5, moving=moving, dwell_ms=dwell_ms), 500)
    activity = meter.take()
    assert activity.motion_s == {"all": 0.5, "left": 0.5, "right": 0.0}
    assert activity.cell_seconds == {"all": 12.5, "left": 12.5, "right": 0.0}
    assert activity.dwell_cell_s == {"all": 1300.0, "left": 0.0, "right": 1300.0}
    assert activity.active_s == {"all": 0.5, "left": 0.5, "right": 0.5}
    assert activity.motion_ratio["all"] == pytest.approx(25 / 800)
    assert list(rows[:, Counter.DWELL_CELL_MS]) == [1_300_000, 0, 1_300_000]
    assert activity.observed_s == 0.5


def test_movement_of_before_that_became_certain_just_now_is_movement_and_no_more_than_all_of_a_zone_moves() -> None:
    meter = ActivityMeter(ZoneMasks.from_params((), GRID_WH).named)
    meter.add(mask_of(EMPTY, 1.0, 1.0, moved_ms=np.full(EMPTY.shape, 9_000, np.uint32)), 1000)
    activity = meter.take()
    assert activity.cell_seconds["all"] == 9.0 * EMPTY.size
    assert activity.motion_ratio["all"] == 1.0


def test_a_zone_without_cells_is_never_active() -> None:
    zones = ZoneMasks.from_params((zone("till", 0.2, 0.2, 0.4, 0.4), zone("no", 0, 0, 0.5, 1, kind="privacy")), GRID_WH)
    meter = ActivityMeter(zones.named)
    dwell_ms = np.full(EMPTY.shape, 9, np.uint32)
    meter.add(mask_of(cells(800), 1.0, 1.0, dwell_ms=dwell_ms), 1000)
    activity = meter.take()
    assert (activity.active_s["till"], activity.entries["till"], activity.motion_ratio["till"]) == (0.0, 0, 0.0)
    assert activity.entries["all"] == 1


def test_what_moves_is_not_known_while_nothing_is_observed() -> None:
    meter = ActivityMeter({"all": cells(800)})
    meter.add(mask_of(EMPTY, 0.0, 0.0), 0)
    assert meter.take().motion_ratio == {}
    meter.add(mask_of(EMPTY, 1.0, 1.0), 1000)
    assert meter.take().motion_ratio == {"all": 0.0}


def rows_of(zones: ZoneMasks, **figures: float) -> np.ndarray:
    rows = np.zeros((len(zones.keys), len(Counter)))
    for name, value in figures.items():
        rows[:, Counter[name.upper()]] = value
    return rows


def figures_of(zones: ZoneMasks, heat_s: np.ndarray, **figures: float) -> dict[str, ZoneHeat]:
    grid = HeatGrid(heat_s.astype(np.float32), 60.0, 60.0)
    return {each.zone: each for each in zone_heats(zones, grid, rows_of(zones, **figures))}


@pytest.mark.parametrize(
    ("what", "weights", "ranks"),
    [
        ("the hotter zone is ahead, though it is smaller", (1, 1, 1), {"warm": 2, "hot": 1, "cold": 3}),
        ("a weight can put it behind", (5, 1, 1), {"warm": 1, "hot": 2, "cold": 3}),
        ("of equals the one that stands first is ahead", (2, 1, 1), {"warm": 1, "hot": 2, "cold": 3}),
        ("weights of nothing leave the order of the configuration", (0, 0, 0), {"warm": 1, "hot": 2, "cold": 3}),
    ],
)
def test_zones_are_ranked_by_weight_times_the_mean_cell(
    what: str, weights: tuple[float, ...], ranks: dict[str, int]
) -> None:
    edges = ((0, 0, 0.5, 1), (0.525, 0, 0.6, 0.5), (0.7, 0, 1, 1))
    drawn = [zone(name, *edge, weight=weight) for name, edge, weight in zip(ranks, edges, weights, strict=True)]
    heat_s = np.zeros((20, 40))
    heat_s[:, :21], heat_s[:, 21:25] = 2.0, 4.0
    zones = figures_of(ZoneMasks.from_params(drawn, GRID_WH), heat_s)
    assert {name: each.rank for name, each in zones.items()} == {"all": None, **ranks}, what
    assert [each.weight for each in zones.values()] == [1.0, *weights]


def test_the_figures_of_a_zone_are_its_rows_and_its_cells() -> None:
    heat_s = np.zeros((20, 40))
    heat_s[4, 8], heat_s[10, 30] = 3.0, 5.0
    zones = ZoneMasks.from_params((zone("left", 0, 0, 0.5, 1),), GRID_WH)
    left = figures_of(
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
        ("certain only after its bucket had gone", 100, 400, 1.0),
        ("a heat that has decayed to next to nothing", 1e-300, 5e-301, 0.5),
    ],
)
def test_the_active_share_is_from_0_to_1(what: str, observed_ms: float, active_ms: float, ratio: float) -> None:
    figures = figures_of(
        ZoneMasks.from_params((), GRID_WH), np.zeros((20, 40)), observed_ms=observed_ms, active_ms=active_ms
    )
    assert figures["all"].active_ratio == pytest.approx(ratio), what


def test_a_zone_without_cells_has_figures_of_nothing_and_ranks_last() -> None:
    drawn = (
        zone("hidden", 0.2, 0.2, 0.4, 0.4, weight=9.0),
        zone("seen", 0.6, 0, 1, 1),
        zone("no", 0, 0, 0.5, 1, kind="privacy"),
    )
    figures = figures_of(ZoneMasks.from_params(drawn, GRID_WH), np.ones((20, 40)))
    hidden = figures["hidden"]
    assert (hidden.cells, hidden.cell_seconds, hidden.mean_s, hidden.peak_s, hidden.rank) == (0, 0.0, 0.0, 0.0, 2)
    assert figures["seen"].rank == 1
