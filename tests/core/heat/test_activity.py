"""When a zone is active, how many entries it has, and which seconds are counted for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.activity import Activity, ActivityMeter
from edgeheat.core.heat.zone_counters import Counter
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


def activity_of(shown: list[tuple[float, int]], frame_s: float = 0.2, zones: tuple[ZoneParams, ...] = ()) -> Activity:
    """The activity after (seconds, number of moving cells) as listed."""
    meter, at_s = ActivityMeter(ZoneMasks.from_params(zones, GRID_WH).named), 0.0
    for seconds, count in shown:
        for _ in range(round(seconds / frame_s)):
            at_s += frame_s
            meter.add(mask_of(cells(count), at_s, frame_s), round(frame_s * 1000))
    return meter.take_totals()


MOVES, STANDS, NOBODY, TRACE = (50, 50), (50, 0), (0, 0), (5, 0)
"""Numbers of cells, present and moving: a person who walks, one who stands, and what they leave in the background."""

STAY = 10.0
"""Seconds for which a person stands."""


def visit_of(shown: list[tuple[float, tuple[int, int]]], confirmed_s: float = 0.0) -> tuple[float, int]:
    """Active seconds and entries after what is listed; all of 50 cells then have dwell that is confirmed."""
    meter = ActivityMeter({"all": cells(800)})
    for seconds, (present, moving) in shown:
        for _ in range(round(seconds / 0.2)):
            meter.add(mask_of(cells(present), 0.0, 0.2, moving=cells(moving)), 200)
    if confirmed_s:
        dwell_ms = np.where(cells(50) > 0, np.uint32(confirmed_s * 1000), np.uint32(0)).astype(np.uint32)
        meter.add(mask_of(EMPTY, 0.0, 0.2, dwell_ms=dwell_ms), 200)
    activity = meter.take_totals()
    return activity.active_s["all"], activity.entries["all"]


@pytest.mark.parametrize(
    ("what", "shown", "confirmed_s", "active_s", "entries"),
    [
        ("pending time is not active", [(60, STANDS)], 0, 0, 0),
        ("it is once it is confirmed", [(60, STANDS), (1, NOBODY)], 60, 60, 1),
        ("as much as was confirmed", [(60, STANDS), (1, NOBODY)], 20, 20, 1),
        ("and no more than was pending", [(60, STANDS), (1, NOBODY)], 300, 60, 1),
        ("dwell of places where nobody is", [(60, NOBODY)], 60, 0, 0),
        ("a person who only stands for a moment", [(3, MOVES), (1, STANDS), (3, MOVES)], 0, 7, 1),
        ("a person who stands is no new entry", [(3, MOVES), (STAY, STANDS), (3, MOVES)], 0, 6, 1),
        ("the stay counts once it is confirmed", [(3, MOVES), (STAY, STANDS), (3, MOVES), (1, NOBODY)], 10, 16, 1),
        ("a pause does not count twice", [(3, MOVES), (1, STANDS), (3, MOVES), (1, NOBODY)], 10, 7, 1),
        ("what people leave behind is no person", [(3, MOVES), (5, TRACE), (3, MOVES), (5, TRACE)], 0, 6, 2),
        ("and not active either", [(3, MOVES), (5, TRACE), (3, MOVES), (5, TRACE)], 60, 6, 2),
        ("an object that was there before", [(5, STANDS), (3, (100, 50)), (5, STANDS), (3, (100, 50))], 0, 6, 2),
    ],
)
def test_a_zone_is_active_while_a_person_who_counts_is_in_it(
    what: str, shown: list[tuple[float, tuple[int, int]]], confirmed_s: float, active_s: float, entries: int
) -> None:
    assert visit_of(shown, confirmed_s) == (pytest.approx(active_s), entries), what


@pytest.mark.parametrize(
    ("what", "shown", "active_s", "entries"),
    [
        ("nobody present", [(10, 0)], 0.0, 0),
        ("one visit", [(2, 0), (7, 50), (5, 0)], 7.0, 1),
        ("one frame is no visit", [(2, 0), (0.2, 50), (2, 0), (0.2, 50), (5, 0)], 0.0, 0),
        ("two frames are enough", [(2, 0), (0.4, 50), (5, 0)], 0.4, 1),
        ("two single frames do not add up", [(0.2, 50), (0.2, 0), (0.2, 50), (5, 0)], 0.0, 0),
        ("three cells are too few", [(9, 3)], 0.0, 0),
        ("four are enough in a small zone", [(9, 4)], 9.0, 1),
        ("less than 2 s of absence do not end a visit", [(3, 50), (1.8, 0), (3, 50), (5, 0)], 7.8, 1),
        ("2 s of absence do", [(3, 50), (2, 0), (3, 50), (5, 0)], 6.0, 2),
        ("many short absences do not", [(1, 50), (1, 0)] * 5 + [(1, 50), (5, 0)], 11.0, 1),
        ("one frame of presence continues a visit", [(3, 50), (1.6, 0), (0.2, 50), (1.6, 0), (1, 50)], 7.4, 1),
    ],
)
def test_a_zone_is_active_during_presence_with_hysteresis(
    what: str, shown: list[tuple[float, int]], active_s: float, entries: int
) -> None:
    activity = activity_of(shown)
    assert activity.active_s["all"] == pytest.approx(active_s), what
    assert activity.entries["all"] == entries, what


@pytest.mark.parametrize("frame_s", [0.04, 0.1, 0.2, 0.5, 1.0])
def test_activity_does_not_depend_on_the_frame_rate(frame_s: float) -> None:
    activity = activity_of([(4, 0), (6, 50), (1, 0), (6, 50), (4, 0), (8, 50), (4, 0)], frame_s)
    assert activity.active_s["all"] == pytest.approx(21.0)
    assert activity.entries["all"] == 2


@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.integers(0, 20), st.integers(0, 20), st.integers(0, 9000)), max_size=100
    )
)
def test_active_time_is_observed_whatever_is_confirmed(shown: list[tuple[int, int, int, int]]) -> None:
    meter = ActivityMeter({"all": cells(800)})
    for dt_ms, present, moving, confirmed_ms in shown:
        dwell_ms = np.full(EMPTY.shape, confirmed_ms, np.uint32) if confirmed_ms > 8000 else None
        mask = mask_of(cells(max(present, moving)), 0.0, dt_ms / 1000, moving=cells(moving), dwell_ms=dwell_ms)
        meter.add(mask, dt_ms)
    activity = meter.take_totals()
    assert 0 <= activity.active_s["all"] <= activity.observed_s + 1e-9


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 20)), min_size=1, max_size=100))
def test_active_time_is_observed_and_entries_are_separated_by_absence(shown: list[tuple[int, int]]) -> None:
    meter = ActivityMeter({"all": cells(800)})
    for dt_ms, count in shown:
        meter.add(mask_of(cells(count), 0.0, dt_ms / 1000), dt_ms)
    activity = meter.take_totals()
    assert 0 <= activity.active_s["all"] <= activity.observed_s
    empty_s = sum(dt_ms for dt_ms, count in shown if count < 4) / 1000
    assert activity.entries["all"] <= 1 + empty_s / 2.0
    assert (activity.entries["all"] > 0) == (activity.active_s["all"] > 0)


def test_a_gap_neither_ends_a_visit_nor_adds_an_entry() -> None:
    meter = ActivityMeter({"all": cells(800)})
    for start_s in (0.0, 100.0, 100_000.0):
        for number in range(10):
            dt_s = 0.2 if number else 0.0
            meter.add(mask_of(cells(50), start_s + number / 5, dt_s), round(dt_s * 1000))
    activity = meter.take_totals()
    assert (activity.observed_s, activity.active_s["all"], activity.entries["all"]) == (5.4, 5.4, 1)


def test_a_visit_continues_when_the_totals_are_taken_meanwhile() -> None:
    meter = ActivityMeter({"all": cells(800)})
    taken = []
    for count in (50, 50, 50, 0, 0, 50):
        meter.add(mask_of(cells(count), 0.0, 0.3), 300)
        taken.append(meter.take_totals())
    assert [totals.active_s["all"] for totals in taken] == [0.0, 0.6, 0.3, 0.0, 0.0, 0.9]
    assert [totals.entries["all"] for totals in taken] == [0, 1, 0, 0, 0, 0]
    assert meter.take_totals() == ActivityMeter({"all": cells(800)}).take_totals()


@pytest.mark.parametrize(
    ("cells_in_zone", "needed"),
    [(1, 1), (3, 3), (4, 4), (800, 4), (2500, 5), (6000, 12), (57_600, 12)],
)
def test_a_larger_zone_needs_more_present_cells_up_to_a_limit(cells_in_zone: int, needed: int) -> None:
    inside = np.zeros((180, 320), np.uint8)
    inside.reshape(-1)[:cells_in_zone] = 255
    for present, entries in ((needed - 1, 0), (needed, 1)):
        shown = np.zeros((180, 320), np.uint8)
        shown.reshape(-1)[:present] = 255
        meter = ActivityMeter({"shelf": inside})
        meter.add(mask_of(shown, 1.0, 1.0), 1000)
        assert meter.take_totals().entries["shelf"] == entries


def test_movement_and_dwell_are_counted_separately_in_each_zone() -> None:
    zones = ZoneMasks.from_params((zone("left", 0, 0, 0.5, 1), zone("right", 0.55, 0, 1, 1)), GRID_WH)
    moving, dwell_ms = EMPTY.copy(), np.zeros(EMPTY.shape, np.uint32)
    moving[5:10, 5:10] = 255
    dwell_ms[5:10, 30:34] = 65_000
    present = np.maximum(moving, np.where(dwell_ms > 0, 255, 0).astype(np.uint8))
    meter = ActivityMeter(zones.named)
    counters = meter.add(mask_of(present, 1.0, 0.5, moving=moving, dwell_ms=dwell_ms), 500)
    activity = meter.take_totals()
    assert activity.motion_s == {"all": 0.5, "left": 0.5, "right": 0.0}
    assert activity.traffic_cell_s == {"all": 12.5, "left": 12.5, "right": 0.0}
    assert activity.dwell_cell_s == {"all": 1300.0, "left": 0.0, "right": 1300.0}
    assert activity.active_s == {"all": 0.5, "left": 0.5, "right": 0.5}
    assert activity.motion_ratio["all"] == pytest.approx(25 / 800)
    assert list(counters[:, Counter.DWELL_CELL_MS]) == [1_300_000, 0, 1_300_000]
    assert activity.observed_s == 0.5


def test_time_that_was_confirmed_late_counts_only_in_the_zones_it_lies_in() -> None:
    zones = ZoneMasks.from_params((zone("left", 0, 0, 0.5, 1), zone("right", 0.55, 0, 1, 1)), GRID_WH)
    moved_ms, dwell_ms = (np.zeros(EMPTY.shape, np.uint32) for _ in range(2))
    moved_ms[5, 5], moved_ms[5, 21], dwell_ms[9, 35] = 4_000_000_000, 7, 3_000
    meter = ActivityMeter(zones.named)
    counters = meter.add(mask_of(EMPTY, 1.0, 1.0, dwell_ms=dwell_ms, moved_ms=moved_ms), 1000)
    assert list(counters[:, Counter.TRAFFIC_CELL_MS]) == [4_000_000_007, 4_000_000_000, 0]
    assert list(counters[:, Counter.DWELL_CELL_MS]) == [3_000, 0, 3_000]


def test_time_that_was_confirmed_late_beside_a_slanted_zone_does_not_count_in_it() -> None:
    triangle = ZoneParams("corner", "zone", ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0)))
    zones = ZoneMasks.from_params((triangle,), GRID_WH)
    assert not zones.named["corner"][18, 38]
    beside_ms = np.zeros(EMPTY.shape, np.uint32)
    beside_ms[18, 38] = 3_000
    counters = ActivityMeter(zones.named).add(mask_of(EMPTY, 1.0, 1.0, dwell_ms=beside_ms, moved_ms=beside_ms), 1000)
    for counter in (Counter.TRAFFIC_CELL_MS, Counter.DWELL_CELL_MS):
        assert list(counters[:, counter]) == [3_000, 0]


def test_movement_that_was_confirmed_late_is_traffic_and_the_share_in_motion_stays_below_1() -> None:
    meter = ActivityMeter(ZoneMasks.from_params((), GRID_WH).named)
    meter.add(mask_of(EMPTY, 1.0, 1.0, moved_ms=np.full(EMPTY.shape, 9_000, np.uint32)), 1000)
    activity = meter.take_totals()
    assert activity.traffic_cell_s["all"] == 9.0 * EMPTY.size
    assert activity.motion_ratio["all"] == 1.0


def test_a_zone_without_cells_is_never_active() -> None:
    zones = ZoneMasks.from_params((zone("till", 0.2, 0.2, 0.4, 0.4), zone("no", 0, 0, 0.5, 1, kind="privacy")), GRID_WH)
    meter = ActivityMeter(zones.named)
    dwell_ms = np.full(EMPTY.shape, 9, np.uint32)
    meter.add(mask_of(cells(800), 1.0, 1.0, dwell_ms=dwell_ms), 1000)
    activity = meter.take_totals()
    assert (activity.active_s["till"], activity.entries["till"], activity.motion_ratio["till"]) == (0.0, 0, 0.0)
    assert activity.entries["all"] == 1


def test_the_share_in_motion_is_unknown_while_nothing_is_observed() -> None:
    meter = ActivityMeter({"all": cells(800)})
    meter.add(mask_of(EMPTY, 0.0, 0.0), 0)
    assert meter.take_totals().motion_ratio == {}
    meter.add(mask_of(EMPTY, 1.0, 1.0), 1000)
    assert meter.take_totals().motion_ratio == {"all": 0.0}
