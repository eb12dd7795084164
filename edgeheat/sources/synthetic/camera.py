"""A pinhole camera for synthetic scenes: projects world points to pixels, and gives the ray of each pixel."""

from __future__ import annotations

import math

import numpy as np

from edgeheat.core.grid.frames import F32, SizeWH
from edgeheat.sources.synthetic.layouts import CameraPose


class PinholeCamera:
    """A pinhole camera at one picture size.

    Reference: Hartley and Zisserman 2004, chapter 6 (pinhole camera model).
    """

    def __init__(self, pose: CameraPose, size_wh: SizeWH) -> None:
        yaw, pitch = math.radians(pose.yaw_deg), math.radians(pose.pitch_deg)
        self.size_wh = size_wh
        self.position = np.array(pose.position, np.float32)
        right = (math.cos(yaw), -math.sin(yaw), 0.0)
        ahead = (math.sin(yaw) * math.cos(pitch), math.cos(yaw) * math.cos(pitch), -math.sin(pitch))
        # Rows: right, up and ahead in world coordinates.
        self.axes = np.stack([right, np.cross(right, ahead), ahead]).astype(np.float32)
        # The viewing direction projected onto the floor, a unit vector.
        self.heading = np.array([math.sin(yaw), math.cos(yaw), 0.0], np.float32)
        # A picture that is not 16:9 is cropped at its sides; its vertical angle of view does not grow.
        self.focal_px = max(size_wh[0], size_wh[1] * 16 / 9) / 2 / math.tan(math.radians(pose.horizontal_fov_deg) / 2)

    def project(self, points: F32) -> tuple[F32, F32]:
        """Return pixel positions (n, 2) and pixels per metre (n,) of world points (n, 3), metres.

        Points behind the camera have 0 pixels per metre.
        """
        camera = (points - self.position) @ self.axes.T
        scale = np.where(camera[:, 2] > 0.3, self.focal_px / np.maximum(camera[:, 2], 0.3), 0.0)
        centre = np.array(self.size_wh, np.float32) / 2
        pixels = centre + camera[:, :2] * np.array([1.0, -1.0], np.float32) * scale[:, None]
        return pixels.astype(np.float32), scale.astype(np.float32)

    def distance(self, x: float, y: float) -> float:
        """Return the depth of a floor position in metres: its horizontal distance along `heading`."""
        return float((x - self.position[0]) * self.heading[0] + (y - self.position[1]) * self.heading[1])

    def rays(self, rows: range, samples: int) -> F32:
        """Return ray directions (len(rows) * width * samples, 3) through a `samples` times finer pixel grid."""
        width, height = self.size_wh
        u = (((np.arange(width * samples) + 0.5) / samples - width / 2) / self.focal_px).astype(np.float32)
        v = ((height / 2 - (np.array(rows) + 0.5) / samples) / self.focal_px).astype(np.float32)
        right, up, ahead = self.axes
        # Not a matrix product: BLAS would use a thread on every core for it.
        return np.asarray(u[None, :, None] * right + v[:, None, None] * up + ahead, np.float32).reshape(-1, 3)
