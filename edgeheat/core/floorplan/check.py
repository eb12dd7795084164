"""Draws cameras' pictures and the measured points onto a floor plan, for an installer to check the calibration."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from edgeheat.core.floorplan.geometry import floor_homography, floor_view
from edgeheat.core.floorplan.picture import hatch, plan_image, plan_picture_wh
from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.core.grid.masks import resized
from edgeheat.core.grid.sampling import grid_size_wh
from edgeheat.core.grid.zones import blackout_mask
from edgeheat.defs.params import PlanParams, PlanViewParams

_PLAN_OPACITY = 0.35
"""Opacity of the plan's own picture over the cameras' pictures, 0..1."""

_MARK_COLOURS_BGR = ((60, 60, 255), (255, 160, 0), (0, 200, 0), (255, 0, 255), (0, 165, 255), (200, 200, 0))
"""Colours of the cameras' marks, used in turn."""


def draw_calibration_check(params: PlanParams, pictures: Mapping[str, U8], image: U8 | None) -> U8:
    """Return the plan with its cameras' pictures projected onto it: BGR, shape (height, width, 3), owned by the caller.

    pictures: by camera, BGR of any size; privacy zones are blacked out here. image: as for `draw_plan`.
    Each measured point is a numbered circle, from which a line leads to where the homography puts the camera's point.
    """
    size_wh = plan_picture_wh(params, image)
    background = plan_image(params, image, size_wh)
    plan = resized(background, size_wh)
    blended, weights = np.zeros(plan.shape, np.float32), np.zeros(plan.shape[:2], np.float32)
    for view in params.views:
        if view.camera not in pictures:
            continue
        picture = pictures[view.camera]
        grid_wh = grid_size_wh((picture.shape[1], picture.shape[0]), view.grid_width)
        floor = floor_view(view, params.size_m, grid_wh)
        weight = cv2.resize(floor.feather * floor.cells_per_m2**2, size_wh, interpolation=cv2.INTER_LINEAR)
        blended += _project(view, picture, params.size_m, size_wh) * weight[..., np.newaxis]
        weights += weight
    known = weights > 0
    blended[known] /= weights[known][..., np.newaxis]
    overlaid = cv2.addWeighted(blended.astype(np.uint8), 1 - _PLAN_OPACITY, plan, _PLAN_OPACITY, 0)
    result = np.where(known[..., np.newaxis], overlaid, plan).astype(np.uint8)
    hatch(result, known)
    for number, view in enumerate(params.views):
        _draw_marks(result, view, params.size_m, _MARK_COLOURS_BGR[number % len(_MARK_COLOURS_BGR)], number)
    return result


def _project(view: PlanViewParams, picture: U8, size_m: tuple[float, float], size_wh: SizeWH) -> U8:
    """Return a camera's picture projected onto the plan; pixels behind the camera are meaningless."""
    blackout = blackout_mask(view.zones, (picture.shape[1], picture.shape[0]))
    if blackout is not None:
        picture = picture.copy()
        picture[blackout > 0] = 0
    to_pixels = np.diag([size_wh[0] / size_m[0], size_wh[1] / size_m[1], 1.0])
    from_pixels = np.diag([1 / picture.shape[1], 1 / picture.shape[0], 1.0])
    projected = cv2.warpPerspective(picture, to_pixels @ floor_homography(view.points) @ from_pixels, size_wh)
    return np.asarray(projected, np.uint8)


def _draw_marks(
    picture: U8, view: PlanViewParams, size_m: tuple[float, float], colour_bgr: tuple[int, int, int], line: int
) -> None:
    per_m = np.array([picture.shape[1] / size_m[0], picture.shape[0] / size_m[1]])
    pairs = np.asarray(view.points)
    mapped = np.column_stack([pairs[:, :2], np.ones(len(pairs))]) @ floor_homography(view.points).T
    scale = max(0.6, picture.shape[1] / 1200)
    for number, (measured, projected) in enumerate(
        zip(pairs[:, 2:] * per_m, mapped[:, :2] / mapped[:, 2:] * per_m, strict=True), start=1
    ):
        at, to = (tuple(round(float(coordinate)) for coordinate in point) for point in (measured, projected))
        cv2.circle(picture, at, round(9 * scale), colour_bgr, max(2, round(2 * scale)), cv2.LINE_AA)
        cv2.line(picture, at, to, colour_bgr, max(2, round(2 * scale)), cv2.LINE_AA)
        _draw_text(picture, str(number), (at[0] + round(12 * scale), at[1] - round(8 * scale)), colour_bgr, scale)
    _draw_text(picture, view.camera, (round(12 * scale), round((28 + 30 * line) * scale)), colour_bgr, scale)


def _draw_text(picture: U8, text: str, at: tuple[int, int], colour_bgr: tuple[int, int, int], scale: float) -> None:
    for ink, thickness in (((0, 0, 0), 5), (colour_bgr, 2)):
        cv2.putText(
            picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.8 * scale, ink, round(thickness * scale), cv2.LINE_AA
        )
