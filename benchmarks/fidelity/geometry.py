"""Three-dimensional geometry of a synthetic scene, from which lamps, sunlight and shadows are computed."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F32, U8
from edgeheat.sources.synthetic.effects import Moment
from edgeheat.sources.synthetic.layouts import Box
from edgeheat.sources.synthetic.scene import Scene


class SceneGeometry:
    """The points in the shop that the camera of a scene sees; computed once."""

    def __init__(self, scene: Scene) -> None:
        self.view, self.backdrop, self.layout = scene.camera, scene.backdrop, scene.layout
        width, height = self.view.size_wh
        self._rays = self.view.rays(range(height), 1).reshape(height, width, 3)
        self._ahead = np.asarray(self._rays[..., 0] * self.view.heading[0] + self._rays[..., 1] * self.view.heading[1])

    @cached_property
    def points(self) -> F32:
        """The point of the empty shop at each pixel, metres, float32 (height, width, 3)."""
        to_floor = -self.view.position[2] / np.minimum(self._rays[..., 2], -1e-3)
        furniture_m = self.backdrop.distance_m
        reach = np.where(np.isinf(furniture_m), np.minimum(to_floor, 40.0), furniture_m / self._ahead)
        return np.asarray(self.view.position + self._rays * reach[..., None], np.float32)

    def points_with_people(self, moment: Moment) -> F32:
        """Return the same with the walkers of a moment; owned by the caller."""
        points = self.points.copy()
        for one in moment.sprites:
            seen = one.labels > 0
            reach = one.distance_m / self._ahead[one.window][seen]
            points[one.window][seen] = self.view.position + self._rays[one.window][seen] * reach[:, None]
        return points


def scaled(picture: U8, field: F32) -> U8:
    """Return the picture multiplied by a field of shape (height, width) or (height, width, 3)."""
    if field.ndim == 2:
        field = np.asarray(cv2.merge([field] * 3), np.float32)
    return np.asarray(cv2.multiply(picture, field, dtype=cv2.CV_8U), np.uint8)


def unobstructed(points: F32, toward: F32, boxes: tuple[Box, ...]) -> F32:
    """Return 1 for each point (..., 3) with an unobstructed straight line to the light, else 0.

    `toward`: vector from each point to the light, broadcast against the points. `boxes`: the furniture.
    """
    shape = points.shape[:-1]
    start = points.reshape(-1, 3)
    way = np.broadcast_to(toward, points.shape).reshape(-1, 3)
    inverse = 1 / np.where(np.abs(way) < 1e-6, np.float32(1e-6), way)
    free = np.ones(len(start), np.float32)
    for box in boxes:
        bounds = np.array([box.x, box.y, box.z], np.float32)
        low, high = (bounds[:, 0] - start) * inverse, (bounds[:, 1] - start) * inverse
        enter = np.minimum(low, high).max(axis=1)
        leave = np.maximum(low, high).min(axis=1)
        free[(np.maximum(enter, 0.004) < np.minimum(leave, 1.0))] = 0
    return free.reshape(shape)


def smooth_step(value: NDArray[Any]) -> F32:
    """Return 0 below 0, 1 above 1, and a smooth cubic transition between."""
    part = np.clip(value, 0, 1)
    return np.asarray(part * part * (3 - 2 * part), np.float32)
