"""The synthetic shop's floor as a plan: cameras of known mounts, and the exact places of marks in their pictures."""

from __future__ import annotations

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, SizeWH
from edgeheat.defs.params import PlanViewParams, PointPair, ZoneParams
from edgeheat.sources.synthetic.camera import PinholeCamera
from edgeheat.sources.synthetic.layouts import SHOP, CameraPose

SIZE_M = (11.0, 10.0)
GRID_WH: SizeWH = (320, 180)
FRONT = SHOP.camera_pose
BACK = CameraPose(position=(10.6, 9.0, 3.1), yaw_deg=228.0, pitch_deg=27.0, horizontal_fov_deg=84.0)
"""In the corner opposite to FRONT, looking back at it."""

FRONT_MARKS = ((2.0, 6.5), (8.0, 6.5), (5.0, 5.6), (7.6, 1.4), (2.9, 1.4))
BACK_MARKS = ((7.8, 1.6), (7.8, 6.0), (4.9, 1.6), (4.9, 5.8), (2.2, 1.8))


def pictured(pose: CameraPose, places: F32, size_wh: SizeWH = GRID_WH) -> tuple[F32, F32]:
    """Pixels (n, 2) and pixels per metre (n,) of places (n, 2) of the plan, whose y goes towards FRONT's wall."""
    floor = np.column_stack([places[:, 0], SIZE_M[1] - places[:, 1], np.zeros(len(places))])
    return PinholeCamera(pose, size_wh).project(floor.astype(np.float32))


def pairs(pose: CameraPose, marks: tuple[tuple[float, float], ...]) -> tuple[PointPair, ...]:
    """Marks on the plan with their exact places in the picture."""
    pixels, _ = pictured(pose, np.array(marks, np.float32))
    return tuple(
        (float(u) / GRID_WH[0], float(v) / GRID_WH[1], x, y) for (u, v), (x, y) in zip(pixels, marks, strict=True)
    )


def front(*zones: ZoneParams) -> PlanViewParams:
    return PlanViewParams("front", pairs(FRONT, FRONT_MARKS), zones)


def back(*zones: ZoneParams) -> PlanViewParams:
    return PlanViewParams("back", pairs(BACK, BACK_MARKS), zones)


def footprint(pose: CameraPose, x: float, y: float, radius_m: float) -> F32:
    """How much of each cell of the camera's grid shows a disc on the floor, 0..1."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    ring = np.column_stack([x + radius_m * np.cos(angles), y + radius_m * np.sin(angles)]).astype(np.float32)
    finer_wh = 8 * GRID_WH[0], 8 * GRID_WH[1]
    pixels, _ = pictured(pose, ring, finer_wh)
    finer = np.zeros(finer_wh[::-1], np.float32)
    cv2.fillPoly(finer, [np.rint((pixels - 0.5) * 256).astype(np.int32)], 1.0, cv2.LINE_8, 8)
    return np.asarray(cv2.resize(finer, GRID_WH, interpolation=cv2.INTER_AREA), np.float32)
