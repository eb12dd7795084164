"""Geometry of floor plans: the homography from picture to floor, each camera's view of it, and blending of heats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, F64, U8, SizeWH
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.base import HeatGrid
from edgeheat.defs.params import PlanViewParams, PointPair

_PLAN_CELLS = 320
"""Cells along the longer side of a plan."""

_SUPERSAMPLING = 3
"""Samples along each side of a plan's cell, which covers several cells of the camera's grid near the camera."""

_MIN_CELLS_PER_M2 = 4.0
"""Floor with fewer of the camera's cells per square metre counts as not seen: a person is smaller than a cell there."""

_FEATHER_M = 0.5
"""Distance from the edge of a camera's view over which its weight falls to 0, so that no seam is visible."""

_OUTSIDE = -10.0
"""Coordinate outside the grid, for which cv2.remap returns 0."""


def plan_grid_wh(size_m: tuple[float, float]) -> SizeWH:
    """Return the (width, height) of the grid of a plan, `_PLAN_CELLS` along its longer side; cells are square."""
    longer_m = max(size_m)
    return max(1, round(size_m[0] / longer_m * _PLAN_CELLS)), max(1, round(size_m[1] / longer_m * _PLAN_CELLS))


def floor_homography(points: Sequence[PointPair]) -> F64:
    """Return the homography H, shape (3, 3), from the picture to the floor: H (u, v, 1) = s (x, y, 1).

    points: (u, v, x, y), at least four, with the picture's u, v in 0..1 and the floor's x, y in metres. Least squares
    in metres over all points; s > 0 below the horizon, and H is scaled so that the mean s of the points is 1.
    Raises ValueError where the points do not determine a homography, or lie on both sides of its horizon.
    Reference: Hartley and Zisserman 2004, Multiple View Geometry, chapter 4 (direct linear transformation).
    """
    pairs = np.asarray(points, np.float64)
    fitted, _ = cv2.findHomography(pairs[:, :2], pairs[:, 2:], 0)
    if fitted is None or not np.isfinite(fitted).all():
        raise ValueError("the points do not determine a view of the floor")
    homography = np.asarray(fitted, np.float64)
    scales = np.column_stack([pairs[:, :2], np.ones(len(pairs))]) @ homography[2]
    if scales.min() * scales.max() <= 0 or abs(np.linalg.det(homography)) < np.finfo(np.float64).tiny:
        raise ValueError("the points lie on both sides of a horizon")
    return np.asarray(homography / scales.mean(), np.float64)


def residuals_m(points: Sequence[PointPair]) -> list[float]:
    """Return for each point the distance in metres between its measured and its projected place on the plan.

    Four points always fit exactly: the residuals are then 0. Raises ValueError as `floor_homography` does.
    Reference: Hartley and Zisserman 2004, section 4.2 (transfer error).
    """
    homography = floor_homography(points)
    pairs = np.asarray(points, np.float64)
    mapped = np.column_stack([pairs[:, :2], np.ones(len(pairs))]) @ homography.T
    return [float(residual) for residual in np.hypot(*(mapped[:, :2] / mapped[:, 2:] - pairs[:, 2:]).T)]


@dataclass(frozen=True, slots=True)
class FloorView:
    """Which part of a plan one camera sees, and how well; made once for a plan and a grid, used for every heat."""

    counted: F32
    """1 for the camera's counted cells, else 0; shape of the camera's grid."""

    at_x: F32
    """Column in the camera's grid at which each sample of the plan is seen, in cells from the centre of the first one;
    shape of the plan's grid times `_SUPERSAMPLING`. `_OUTSIDE` where it is not seen."""

    at_y: F32
    """The row, likewise."""

    counted_ratio: F32
    """Fraction of each cell of the plan that is seen and counted, 0..1; shape of the plan's grid."""

    cells_per_m2: F32
    """Cells of the camera's grid per square metre of floor; shape of the plan's grid, 0 where not seen."""

    feather: F32
    """Weight 0..1 that falls to 0 over the last `_FEATHER_M` before the edge of what is seen; same shape."""

    @property
    def seen(self) -> U8:
        """The cells of the plan that are seen, uint8, 255 or 0, owned by the caller."""
        return np.asarray(np.where(self.cells_per_m2 > 0, 255, 0), np.uint8)

    def project(self, heat_s: F32) -> F32:
        """Return a heat of the camera's grid on the plan's grid, in seconds, owned by the caller; 0 where not seen.

        A place on the floor gets the seconds of the cell that shows it, however many cells show a square metre, so that
        sums over the plan measure floor area rather than pixels. Cells that are not counted are ignored.
        """
        sampled_s = _downsample(_sample(heat_s * self.counted, self.at_x, self.at_y), self.counted_ratio.shape)
        return np.where(self.cells_per_m2 > 0, sampled_s / np.maximum(self.counted_ratio, 1e-6), 0).astype(np.float32)


def floor_view(view: PlanViewParams, size_m: tuple[float, float], camera_grid_wh: SizeWH) -> FloorView:
    """Return what a camera whose grid has the given (width, height) sees of a plan of `size_m`.

    size_m: the plan's (width, depth) in metres. Floor is not seen where it lies outside the picture or behind the
    camera, is excluded by an include, ignore or privacy zone, or is too far away (see `_MIN_CELLS_PER_M2`).
    Raises ValueError as `floor_homography` does.
    Reference: Hartley and Zisserman 2004, section 2.3 (projective transformations).
    """
    to_picture: F64 = np.asarray(np.linalg.inv(floor_homography(view.points)), np.float64)
    plan_wh = plan_grid_wh(size_m)
    u, v, _ = _project_to_picture(to_picture, size_m, (plan_wh[0] * _SUPERSAMPLING, plan_wh[1] * _SUPERSAMPLING))
    inside = (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    at_x = np.where(inside, u * camera_grid_wh[0] - 0.5, _OUTSIDE).astype(np.float32)
    at_y = np.where(inside, v * camera_grid_wh[1] - 0.5, _OUTSIDE).astype(np.float32)
    counted = (ZoneMasks.from_params(view.zones, camera_grid_wh).counted > 0).astype(np.float32)
    counted_ratio = _downsample(_sample(counted, at_x, at_y), (plan_wh[1], plan_wh[0]))
    # The determinant of a homography's Jacobian is det(H) / s^3, with s as in `floor_homography`.
    _, _, scale = _project_to_picture(to_picture, size_m, plan_wh)
    picture_area_per_m2 = np.abs(np.linalg.det(to_picture)) / np.maximum(scale, 1e-9) ** 3
    cells_per_m2 = picture_area_per_m2 * (camera_grid_wh[0] * camera_grid_wh[1])
    seen = (counted_ratio >= 0.5) & (scale > 0) & (cells_per_m2 >= _MIN_CELLS_PER_M2)
    cell_m = max(size_m) / _PLAN_CELLS
    to_edge_m = cv2.distanceTransform(seen.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) * cell_m
    return FloorView(
        counted=counted,
        at_x=at_x,
        at_y=at_y,
        counted_ratio=counted_ratio,
        cells_per_m2=np.where(seen, cells_per_m2, 0).astype(np.float32),
        feather=np.minimum(1, to_edge_m / _FEATHER_M).astype(np.float32),
    )


def _project_to_picture(to_picture: F64, size_m: tuple[float, float], grid_wh: SizeWH) -> tuple[F64, F64, F64]:
    """Return u and v in the picture for the centre of each cell of a plan, -1 behind the camera, and the scale s."""
    x = ((np.arange(grid_wh[0]) + 0.5) * (size_m[0] / grid_wh[0]))[None, :]
    y = ((np.arange(grid_wh[1]) + 0.5) * (size_m[1] / grid_wh[1]))[:, None]
    u, v, scale = (row[0] * x + row[1] * y + row[2] for row in to_picture)
    positive_scale = np.where(scale > 0, scale, np.inf)
    return np.where(scale > 0, u / positive_scale, -1), np.where(scale > 0, v / positive_scale, -1), scale


def _sample(cells: F32, at_x: F32, at_y: F32) -> F32:
    return np.asarray(cv2.remap(cells, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.float32)


def _downsample(samples: F32, shape_hw: tuple[int, ...]) -> F32:
    return np.asarray(cv2.resize(samples, shape_hw[::-1], interpolation=cv2.INTER_AREA), np.float32)


@dataclass(frozen=True, slots=True)
class PlanHeat:
    """One heat of a floor plan, blended from its cameras."""

    grid: HeatGrid
    """On the plan's grid; 0 where no camera observed. `observed_s` is the mean over all cells that a camera sees."""

    seen: U8
    """Cells that at least one camera sees, uint8, 255 or 0; shape of the plan's grid."""

    observed_s: F32
    """Seconds of the period in which each cell was observed, same shape; 0 also where its cameras were offline."""


def blend(views: Sequence[tuple[FloorView, HeatGrid | None]]) -> PlanHeat:
    """Return the heats of several cameras, at least one, as one heat; None for a camera that has observed nothing.

    Where cameras overlap, each is weighted by the square of (cells per square metre times seconds observed), so that
    the better view dominates, and another one replaces it for the time it was offline. Towards the edge of its view a
    camera's weight falls to 0. Heat and observed seconds are blended with the same weights, so that their quotient is a
    fraction of time. docs/design/plan.md has the formulas.
    Reference: Szeliski 2006, Image Alignment and Stitching: A Tutorial, section 6.2 (feathering).
    """
    shape = views[0][0].counted_ratio.shape
    heat_s, observed_s, weight, reach = (np.zeros(shape) for _ in range(4))
    for view, grid in views:
        if grid is None or grid.observed_s <= 0:
            continue
        own_weight = (view.cells_per_m2.astype(np.float64) * grid.observed_s) ** 2
        own_ratio = own_weight / np.maximum(weight + own_weight, 1e-30)
        others = reach * (1 - view.feather * own_ratio)
        own = view.feather * (1 - reach * (1 - own_ratio))
        own /= np.maximum(others + own, 1e-30)
        heat_s += own * (view.project(grid.heat_s) - heat_s)
        observed_s += own * (grid.observed_s - observed_s)
        weight += view.feather * own_weight
        reach += view.feather * (1 - reach)
    seen = np.maximum.reduce([view.seen for view, _ in views])
    mean_observed_s = float(observed_s[seen > 0].mean()) if seen.any() else 0.0
    longest = max((grid for _, grid in views if grid is not None), key=lambda grid: grid.period_s, default=None)
    period_s, open_ratio = (longest.period_s, longest.open_ratio) if longest is not None else (0.0, 1.0)
    heat = HeatGrid(heat_s.astype(np.float32), mean_observed_s, period_s, open_ratio)
    return PlanHeat(heat, seen, observed_s.astype(np.float32))
