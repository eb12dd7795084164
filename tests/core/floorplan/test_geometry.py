"""The geometry of floor plans, compared with cameras whose mounts are known exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeheat.core.floorplan.geometry import FloorView, blend, floor_homography, floor_view, plan_grid_wh, residuals_m
from edgeheat.core.grid.frames import F32, SizeWH
from edgeheat.core.heat.base import HeatGrid
from edgeheat.defs.params import PlanViewParams, ZoneParams
from edgeheat.sources.synthetic.layouts import CameraPose
from tests.support.floor import BACK, FRONT, FRONT_MARKS, GRID_WH, SIZE_M, back, footprint, front, pairs, pictured

PLAN_WH = plan_grid_wh(SIZE_M)
CELL_M = SIZE_M[0] / PLAN_WH[0]
NORTH = CameraPose(position=(5.5, -0.1, 3.0), yaw_deg=0.0, pitch_deg=30.0, horizontal_fov_deg=80.0)
SOUTH = CameraPose(position=(5.5, 10.1, 3.0), yaw_deg=180.0, pitch_deg=30.0, horizontal_fov_deg=80.0)
"""Two cameras opposite one another: their views are mirrored at the plan's centre."""


def seen_by(view: PlanViewParams, grid_wh: SizeWH = GRID_WH) -> FloorView:
    return floor_view(view, SIZE_M, grid_wh)


def view_of(pose: CameraPose) -> PlanViewParams:
    return PlanViewParams("any", pairs(pose, ((3.0, 4.0), (8.0, 4.0), (3.2, 6.0), (7.8, 6.0))))


def cell_centres() -> F32:
    """Places on the plan in metres, shape (cells, 2), row by row."""
    x, y = (np.arange(n) + 0.5 for n in PLAN_WH)
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32) * np.float32(CELL_M)


def at(values: F32, x: float, y: float) -> float:
    return float(values[int(y / CELL_M), int(x / CELL_M)])


def full(value: float) -> F32:
    return np.full(GRID_WH[::-1], value, np.float32)


def heat(value: float, observed_s: float = 100.0, period_s: float = 100.0) -> HeatGrid:
    return HeatGrid(full(value), observed_s, period_s)


@pytest.mark.parametrize(("pose", "view"), [(FRONT, front()), (BACK, back())], ids=["front", "back"])
def test_every_place_on_the_plan_takes_its_heat_from_the_cell_that_shows_it(
    pose: CameraPose, view: PlanViewParams
) -> None:
    floor = seen_by(view)
    columns, rows = np.meshgrid(np.arange(GRID_WH[0], dtype=np.float32), np.arange(GRID_WH[1], dtype=np.float32))
    found = np.stack([floor.project(columns), floor.project(rows)], axis=-1).reshape(-1, 2)
    pixels, _ = pictured(pose, cell_centres())
    inside = floor.seen.reshape(-1) > 0
    assert inside.mean() > 0.6
    assert np.abs(found[inside] - (pixels[inside] - 0.5)).max() < 1.0


@pytest.mark.parametrize(("pose", "view"), [(FRONT, front()), (BACK, back())], ids=["front", "back"])
def test_the_cells_per_square_metre_are_those_of_the_real_camera(pose: CameraPose, view: PlanViewParams) -> None:
    floor = seen_by(view)
    for x, y in ((4.0, 4.0), (6.0, 2.0), (5.0, 5.5)):
        corners = np.array([(x - 0.2, y - 0.2), (x + 0.2, y - 0.2), (x + 0.2, y + 0.2), (x - 0.2, y + 0.2)], np.float32)
        u, v = pictured(pose, corners)[0].T
        true_per_m2 = abs(np.dot(u, np.roll(v, 1)) - np.dot(v, np.roll(u, 1))) / 2 / 0.4**2
        assert at(floor.cells_per_m2, x, y) == pytest.approx(true_per_m2, rel=0.05)


def test_a_person_who_stands_equally_long_near_and_far_has_the_same_heat_and_area() -> None:
    floor = seen_by(front())
    near, far = footprint(FRONT, 4.6, 7.0, 0.3), footprint(FRONT, 4.6, 1.2, 0.3)
    assert near.sum() > 7 * far.sum(), "many cells near the camera, few far away"
    areas = []
    for cells, y in ((near, 7.0), (far, 1.2)):
        plan_s = floor.project(cells * np.float32(60.0))
        assert at(plan_s, 4.6, y) == pytest.approx(60.0, rel=0.02)
        areas.append(float(plan_s.sum(dtype=np.float64)) * CELL_M**2 / 60.0)
    assert areas == pytest.approx([np.pi * 0.3**2] * 2, rel=0.06)


def test_the_heat_of_two_people_is_in_proportion_to_their_times_wherever_they_stand() -> None:
    floor = seen_by(front())
    both = footprint(FRONT, 4.6, 7.0, 0.3) * np.float32(30.0) + footprint(FRONT, 4.6, 1.2, 0.3) * np.float32(90.0)
    plan_s = floor.project(both)
    assert at(plan_s, 4.6, 1.2) == pytest.approx(3 * at(plan_s, 4.6, 7.0), rel=0.02)


def test_the_number_of_cells_in_the_camera_s_grid_does_not_change_the_seconds() -> None:
    coarse = floor_view(front(), SIZE_M, (160, 90)).project(np.full((90, 160), 7.0, np.float32))
    fine = floor_view(front(), SIZE_M, (640, 360)).project(np.full((360, 640), 7.0, np.float32))
    assert np.unique(coarse[coarse > 0]) == pytest.approx(7.0, rel=1e-5)
    assert np.unique(fine[fine > 0]) == pytest.approx(7.0, rel=1e-5)


def test_nothing_above_the_horizon_or_behind_the_camera_is_projected() -> None:
    level = replace(FRONT, pitch_deg=8.0)
    view = PlanViewParams("any", pairs(level, ((3.0, 2.0), (7.0, 2.0), (3.2, 5.0), (6.8, 5.0))))
    # Twice as deep as the shop: the further half of the plan is behind the camera's wall.
    floor = floor_view(view, (11.0, 20.0), GRID_WH)
    assert not floor.seen[floor.seen.shape[0] * 101 // 200 :].any()
    assert floor.seen.any()
    focal_cells = GRID_WH[0] / 2 / np.tan(np.radians(level.horizontal_fov_deg) / 2)
    horizon_row = GRID_WH[1] / 2 - focal_cells * np.tan(np.radians(level.pitch_deg))
    assert 20 < horizon_row < 70
    walls = np.zeros(GRID_WH[::-1], np.float32)
    walls[: int(horizon_row)] = 1000.0
    assert floor.project(walls).max() == 0


def test_floor_where_a_person_is_smaller_than_a_cell_is_not_seen() -> None:
    level = replace(FRONT, pitch_deg=8.0)
    view = PlanViewParams("any", pairs(level, ((3.0, 2.0), (7.0, 2.0), (3.2, 5.0), (6.8, 5.0))))
    sharp, coarse = (floor_view(view, SIZE_M, wh) for wh in ((320, 180), (32, 18)))
    assert at(sharp.cells_per_m2, 5.0, 1.0) > 4
    assert at(coarse.cells_per_m2, 5.0, 1.0) == 0
    assert at(coarse.cells_per_m2, 5.0, 5.0) > 4


MASKS = [
    ("ignore", ((0.3, 0.5), (0.6, 0.5), (0.6, 0.8), (0.3, 0.8))),
    ("privacy", ((0.3, 0.5), (0.6, 0.5), (0.6, 0.8), (0.3, 0.8))),
    ("include", ((0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.0, 1.0))),
]


@pytest.mark.parametrize(("kind", "polygon"), MASKS, ids=[kind for kind, _ in MASKS])
def test_masked_floor_counts_as_not_seen(kind: str, polygon: tuple[tuple[float, float], ...]) -> None:
    plain, masked = seen_by(front()), seen_by(front(ZoneParams("m", kind, polygon)))  # type: ignore[arg-type]
    hidden = np.array([[4.6, 5.5]], np.float32)
    u, v = pictured(FRONT, hidden)[0][0] / GRID_WH
    assert 0.3 < u < 0.6 and 0.5 < v < 0.8, "the place lies in the mask"
    assert at(plain.cells_per_m2, 4.6, 5.5) > 0
    assert at(masked.cells_per_m2, 4.6, 5.5) == 0
    assert at(masked.cells_per_m2, 2.0, 5.0) > 0


def test_heat_is_not_lower_at_the_edge_of_a_mask() -> None:
    floor = seen_by(front(ZoneParams("m", "ignore", ((0.3, 0.5), (0.6, 0.5), (0.6, 0.8), (0.3, 0.8)))))
    counted_s = full(7.0) * floor.counted
    assert np.unique(floor.project(counted_s)[floor.seen > 0]) == pytest.approx(7.0, rel=1e-5)


def test_a_named_zone_hides_nothing() -> None:
    zone = ZoneParams("till", "zone", ((0.3, 0.5), (0.6, 0.5), (0.6, 0.8)))
    assert (seen_by(front(zone)).seen == seen_by(front()).seen).all()


# Several cameras.


def test_where_cameras_overlap_the_better_view_dominates_and_half_way_both_count_alike() -> None:
    blended = blend([(seen_by(view_of(NORTH)), heat(10.0)), (seen_by(view_of(SOUTH)), heat(20.0))])
    down = [at(blended.grid.heat_s, 5.5, y) for y in (2.8, 4.0, 5.0, 6.0, 7.2)]
    assert down[0] == pytest.approx(20.0, abs=0.6), "close to the southward camera, far from the other"
    assert down[2] == pytest.approx(15.0, abs=0.2)
    assert down[4] == pytest.approx(10.0, abs=0.6)
    assert down == sorted(down, reverse=True)


def test_there_is_no_seam_between_two_views() -> None:
    floor = seen_by(front()), seen_by(back())
    blended = blend([(floor[0], heat(10.0)), (floor[1], heat(20.0))])
    # Only in the corners where two edges meet do both weights fall at once.
    sure = np.maximum(floor[0].feather, floor[1].feather) == 1
    for axis in (0, 1):
        steps = np.abs(np.diff(blended.grid.heat_s, axis=axis))
        both = sure[1:] & sure[:-1] if axis == 0 else sure[:, 1:] & sure[:, :-1]
        # Over half a metre from one to the other, some 15 cells.
        assert steps[both].max() < 1.0


def test_equal_heat_is_unchanged_where_views_overlap() -> None:
    blended = blend([(seen_by(front()), heat(7.0)), (seen_by(back()), heat(7.0))])
    assert np.unique(blended.grid.heat_s[blended.seen > 0]) == pytest.approx(7.0, rel=1e-5)
    assert (blended.grid.heat_s[blended.seen == 0] == 0).all()


def test_an_offline_camera_is_replaced_by_the_other_and_its_own_part_is_not_observed() -> None:
    floor = seen_by(front()), seen_by(back())
    for away in (None, heat(0.0, observed_s=0.0)):
        blended = blend([(floor[0], away), (floor[1], heat(20.0))])
        assert at(blended.grid.heat_s, 4.6, 5.5) == pytest.approx(20.0), "both see it, one was there"
        only_front = (floor[0].seen > 0) & (floor[1].seen == 0)
        assert only_front.any()
        assert (blended.observed_s[only_front] == 0).all()
        assert (blended.seen[only_front] == 255).all(), "its part lowers the coverage"
        assert blended.grid.observed_s == pytest.approx(100.0 * (floor[1].seen > 0).sum() / (blended.seen > 0).sum())


def test_the_share_of_time_is_right_for_a_camera_that_was_offline_half_of_the_time() -> None:
    views = [(seen_by(front()), heat(10.0, observed_s=50.0)), (seen_by(back()), heat(20.0, observed_s=100.0))]
    blended = blend(views)
    seen = blended.seen > 0
    assert (blended.grid.heat_s[seen] / blended.observed_s[seen]) == pytest.approx(0.2, rel=1e-5)
    assert blended.observed_s[seen].min() == pytest.approx(50.0)
    assert blended.observed_s[seen].max() == pytest.approx(100.0)
    assert 50.0 < blended.grid.observed_s < 100.0


def test_without_any_camera_nothing_is_observed() -> None:
    blended = blend([(seen_by(front()), None)])
    assert (blended.grid.observed_s, blended.grid.period_s, blended.grid.coverage) == (0.0, 0.0, 0.0)
    assert not blended.grid.heat_s.any() and blended.seen.any()


# The points.


def test_exact_points_fit_and_a_wrong_one_of_more_than_four_has_the_largest_misfit() -> None:
    exact = pairs(FRONT, FRONT_MARKS)
    assert max(residuals_m(exact)) < 1e-4
    u, v, x, y = exact[2]
    off_m = residuals_m((*exact[:2], (u, v, x + 0.5, y), *exact[3:]))
    assert off_m.index(max(off_m)) == 2
    assert 0.1 < max(off_m) < 0.5


def test_points_on_both_sides_of_a_horizon_are_rejected() -> None:
    a, b, c, d = pairs(FRONT, ((2.0, 6.5), (8.0, 6.5), (7.6, 1.4), (2.9, 1.4)))
    exchanged = ((*a[:2], *b[2:]), (*b[:2], *a[2:]), c, d)
    with pytest.raises(ValueError, match="both sides of a horizon"):
        floor_homography(exchanged)


def test_points_that_coincide_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"do not determine|both sides"):
        floor_homography(((0.5, 0.5, 1.0, 1.0),) * 4)


@pytest.mark.parametrize(
    ("size_m", "grid_wh"), [((11.0, 10.0), (320, 291)), ((5.0, 40.0), (40, 320)), ((500.0, 1.0), (320, 1))]
)
def test_a_plan_s_cells_are_square(size_m: tuple[float, float], grid_wh: SizeWH) -> None:
    assert plan_grid_wh(size_m) == grid_wh
