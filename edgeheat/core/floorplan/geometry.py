"""The geometry of floor plans: which place of the floor a camera sees where, how well, and several cameras as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8, SizeWH
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.base import HeatGrid
from edgeheat.defs.params import PlanViewParams, PointPair

F64 = NDArray[np.float64]

_CELLS = 320
"""Cells along the longer side of a plan."""

_FINER = 3
"""Places looked up along each side of a plan's cell; near the camera it covers several cells of the grid."""

_FEWEST_CELLS_PER_M2 = 4.0
"""Where a camera has fewer cells for a square metre, somebody who stands there is less than one cell: not seen."""

_FEATHER_M = 0.5
"""Over this distance from the edge of what it sees a camera gives way to another one, so that no seam shows."""

_OUTSIDE = -10.0
"""A place beyond the border for cv2.remap."""


def plan_grid_wh(size_m: tuple[float, float]) -> SizeWH:
    """Return the (width, height) of the grid of a plan, `_CELLS` along its longer side; cells are square."""
    longer_m = max(size_m)
    return max(1, round(size_m[0] / longer_m * _CELLS)), max(1, round(size_m[1] / longer_m * _CELLS))


def floor_homography(points: Sequence[PointPair]) -> F64:
    """Return H, shape (3, 3): H (u, v, 1) = s (x, y, 1) for a place u, v of the picture, 0..1, and x, y in metres.

    Least squares in metres over all points. s > 0 below the horizon, and H is scaled so that the mean s is 1.
    Raises ValueError where the points do not determine one, or lie on both sides of its horizon.
    """
    pairs = np.asarray(points, np.float64)
    found, _ = cv2.findHomography(pairs[:, :2], pairs[:, 2:], 0)
    if found is None or not np.isfinite(found).all():
        raise ValueError("the points do not determine a view of the floor")
    homography = np.asarray(found, np.float64)
    scales = np.column_stack([pairs[:, :2], np.ones(len(pairs))]) @ homography[2]
    if scales.min() * scales.max() <= 0 or abs(np.linalg.det(homography)) < np.finfo(np.float64).tiny:
        raise ValueError("the points lie on both sides of a horizon")
    return np.asarray(homography / scales.mean(), np.float64)


def misfits_m(points: Sequence[PointPair]) -> list[float]:
    """Return for each point how far its measured place on the plan is from where the homography puts it, in metres.

    With four points that is nothing, whatever was measured. Raises ValueError as `floor_homography` does.
    """
    homography = floor_homography(points)
    pairs = np.asarray(points, np.float64)
    mapped = np.column_stack([pairs[:, :2], np.ones(len(pairs))]) @ homography.T
    return [float(each) for each in np.hypot(*(mapped[:, :2] / mapped[:, 2:] - pairs[:, 2:]).T)]


@dataclass(frozen=True, slots=True)
class FloorView:
    """What one camera sees of a plan. Made once for a plan and a grid, then used for every heat."""

    counted: F32
    """1 for the camera's cells that count, else 0, shape of the camera's grid."""

    at_x: F32
    """Where in the camera's grid each place of the plan is seen, in cells from the first one's centre; the plan's grid
    `_FINER` times finer. `_OUTSIDE` where it is not."""

    at_y: F32
    share: F32
    """How much of each cell of the plan is seen and counted, 0..1, shape of the plan's grid."""

    cells_per_m2: F32
    """Cells of the camera's grid for a square metre of the floor there, shape of the plan's grid; 0 where not seen."""

    feather: F32
    """1, and falling towards 0 over the last `_FEATHER_M` before the edge of what is seen, same shape."""

    @property
    def seen(self) -> U8:
        """The cells of the plan that are seen, 255 or 0."""
        return np.asarray(np.where(self.cells_per_m2 > 0, 255, 0), np.uint8)

    def project(self, heat_s: F32) -> F32:
        """Return a heat of the camera's grid on the plan's grid, in seconds as it was; 0 where the plan is not seen.

        The seconds of a place of the floor are those of the cell that shows it, however many cells show a square
        metre: sums over the plan then count floor, and not pixels. Cells that do not count take no part.
        """
        seen_s = _mean_of_finer(_look_up(heat_s * self.counted, self.at_x, self.at_y), self.share.shape)
        return np.where(self.cells_per_m2 > 0, seen_s / np.maximum(self.share, 1e-6), 0).astype(np.float32)


def floor_view(view: PlanViewParams, size_m: tuple[float, float], camera_grid_wh: SizeWH) -> FloorView:
    """Return what a camera whose grid has the given (width, height) sees of a plan of `size_m`.

    Not seen: what lies outside its picture or behind it, what its include, ignore and privacy masks leave out, and
    what is too far for its cells. No place of the plan is looked up above the horizon, where there is no floor.
    Raises ValueError as `floor_homography` does.
    """
    to_picture: F64 = np.asarray(np.linalg.inv(floor_homography(view.points)), np.float64)
    plan_wh = plan_grid_wh(size_m)
    u, v, _ = _pictured(to_picture, size_m, (plan_wh[0] * _FINER, plan_wh[1] * _FINER))
    inside = (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    at_x = np.where(inside, u * camera_grid_wh[0] - 0.5, _OUTSIDE).astype(np.float32)
    at_y = np.where(inside, v * camera_grid_wh[1] - 0.5, _OUTSIDE).astype(np.float32)
    counted = (ZoneMasks.from_params(view.zones, camera_grid_wh).counted > 0).astype(np.float32)
    share = _mean_of_finer(_look_up(counted, at_x, at_y), (plan_wh[1], plan_wh[0]))
    # The determinant of a homography's Jacobian is det(H) / s^3, with s as in `floor_homography`.
    _, _, scale = _pictured(to_picture, size_m, plan_wh)
    pictured_per_m2 = np.abs(np.linalg.det(to_picture)) / np.maximum(scale, 1e-9) ** 3
    cells_per_m2 = pictured_per_m2 * (camera_grid_wh[0] * camera_grid_wh[1])
    seen = (share >= 0.5) & (scale > 0) & (cells_per_m2 >= _FEWEST_CELLS_PER_M2)
    cell_m = max(size_m) / _CELLS
    to_edge_m = cv2.distanceTransform(seen.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) * cell_m
    return FloorView(
        counted=counted,
        at_x=at_x,
        at_y=at_y,
        share=share,
        cells_per_m2=np.where(seen, cells_per_m2, 0).astype(np.float32),
        feather=np.minimum(1, to_edge_m / _FEATHER_M).astype(np.float32),
    )


def _pictured(to_picture: F64, size_m: tuple[float, float], grid_wh: SizeWH) -> tuple[F64, F64, F64]:
    """Return for the centre of each cell of a plan u and v of the picture, -1 behind the camera, and the scale s."""
    x = ((np.arange(grid_wh[0]) + 0.5) * (size_m[0] / grid_wh[0]))[None, :]
    y = ((np.arange(grid_wh[1]) + 0.5) * (size_m[1] / grid_wh[1]))[:, None]
    u, v, scale = (row[0] * x + row[1] * y + row[2] for row in to_picture)
    ahead = np.where(scale > 0, scale, np.inf)
    return np.where(scale > 0, u / ahead, -1), np.where(scale > 0, v / ahead, -1), scale


def _look_up(cells: F32, at_x: F32, at_y: F32) -> F32:
    return np.asarray(cv2.remap(cells, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.float32)


def _mean_of_finer(finer: F32, shape_hw: tuple[int, ...]) -> F32:
    return np.asarray(cv2.resize(finer, shape_hw[::-1], interpolation=cv2.INTER_AREA), np.float32)


@dataclass(frozen=True, slots=True)
class PlanHeat:
    """One heat of a plan."""

    grid: HeatGrid
    """On the plan's grid; 0 where nobody looked. `observed_s` is the mean over all places that a camera sees."""

    seen: U8
    """Cells that some camera sees, 255 or 0, shape of the plan's grid."""

    observed_s: F32
    """Seconds of the period in which each cell was really seen, same shape; 0 too where its cameras were away."""


def blend(views: Sequence[tuple[FloorView, HeatGrid | None]]) -> PlanHeat:
    """Return the heats of several cameras as one; None stands for a camera that has observed nothing.

    Where cameras overlap each counts by the square of the cell-seconds with which it has looked at the place (cells
    for a square metre times seconds observed): the better view nearly alone, and another one while it was away.
    Towards the edge of what it sees a camera leaves its share to the others. Heat and observed seconds are mixed
    alike, so their quotient is a true share of time. docs/design/plan.md has the formulas.
    """
    shape = views[0][0].share.shape
    heat_s, observed_s, weight, reach = (np.zeros(shape) for _ in range(4))
    for view, grid in views:
        if grid is None or grid.observed_s <= 0:
            continue
        own_weight = (view.cells_per_m2.astype(np.float64) * grid.observed_s) ** 2
        own_share = own_weight / np.maximum(weight + own_weight, 1e-30)
        others = reach * (1 - view.feather * own_share)
        own = view.feather * (1 - reach * (1 - own_share))
        own /= np.maximum(others + own, 1e-30)
        heat_s += own * (view.project(grid.heat_s) - heat_s)
        observed_s += own * (grid.observed_s - observed_s)
        weight += view.feather * own_weight
        reach += view.feather * (1 - reach)
    seen = np.maximum.reduce([view.seen for view, _ in views])
    mean_observed_s = float(observed_s[seen > 0].mean()) if seen.any() else 0.0
    period_s = max((grid.period_s for _, grid in views if grid is not None), default=0.0)
    heat = HeatGrid(heat_s.astype(np.float32), mean_observed_s, period_s)
    return PlanHeat(heat, seen, observed_s.astype(np.float32))
