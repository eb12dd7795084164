"""Defines the synthetic shops as 3D layouts: boxes of furniture and walls, doors, tills, and the camera's pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BoxKind = Literal["wall", "frame", "shelf", "fridge", "produce", "crate", "counter", "till"]
"""What a box is; it determines how its surfaces look, and whether walkers stop in front of it."""

XY = tuple[float, float]
"""Position on the floor in metres."""


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box; ranges in metres: x to the right, y away from the camera's wall, z up from the floor."""

    kind: BoxKind
    x: tuple[float, float]
    y: tuple[float, float]
    z: tuple[float, float]


@dataclass(frozen=True, slots=True)
class CameraPose:
    """Position and orientation of the camera."""

    position: tuple[float, float, float]
    """x, y, z in metres."""

    yaw_deg: float
    """0 looks along y; positive turns to the right."""

    pitch_deg: float
    """Downwards from the horizontal."""

    horizontal_fov_deg: float
    """Horizontal field of view of a 16:9 picture."""


@dataclass(frozen=True, slots=True)
class Till:
    """Where people pay."""

    customer: XY
    """Position of the customer who pays."""

    faced: XY
    """The point that the customer faces."""

    queue_step: XY
    """Metres from each queue position to the next, in x and y."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One shop; lengths in metres."""

    boxes: tuple[Box, ...]
    camera_pose: CameraPose
    entry: XY
    """Position outside the entrance, where walkers appear."""

    exit: XY
    """Position outside the exit, where they disappear."""

    tills: tuple[Till, ...]

    room: tuple[float, float, float, float]
    """x0, y0, x1, y1 of the area within the walls."""

    mats: tuple[tuple[float, float, float, float], ...]
    """Door mats on the floor, x0, y0, x1, y1."""

    sign: str
    """Text on the walls."""


SHOP = Layout(
    boxes=(
        Box("wall", (-0.2, 0.0), (-0.5, 10.2), (0.0, 3.2)),
        Box("wall", (11.0, 11.2), (-0.5, 10.2), (0.0, 3.2)),
        Box("wall", (0.0, 0.9), (10.0, 10.2), (0.0, 3.2)),
        Box("wall", (2.7, 11.0), (10.0, 10.2), (0.0, 3.2)),
        Box("wall", (0.9, 2.7), (10.0, 10.2), (2.2, 3.2)),
        Box("frame", (0.84, 0.92), (9.94, 10.1), (0.0, 2.24)),
        Box("frame", (2.68, 2.76), (9.94, 10.1), (0.0, 2.24)),
        Box("frame", (0.84, 2.76), (9.94, 10.1), (2.16, 2.24)),
        Box("fridge", (3.4, 10.2), (9.3, 10.0), (0.0, 2.1)),
        Box("shelf", (10.45, 11.0), (3.0, 8.6), (0.0, 2.0)),
        Box("shelf", (3.3, 4.1), (4.7, 8.0), (0.0, 1.35)),
        Box("shelf", (5.9, 6.7), (4.7, 8.0), (0.0, 1.35)),
        Box("shelf", (8.5, 9.3), (4.2, 8.0), (0.0, 1.35)),
        Box("produce", (5.4, 7.1), (2.5, 3.4), (0.0, 0.8)),
        Box("crate", (3.0, 3.6), (2.9, 3.5), (0.0, 0.55)),
        Box("counter", (0.5, 1.2), (5.2, 7.4), (0.0, 0.9)),
        Box("till", (0.6, 1.0), (5.5, 5.9), (0.9, 1.3)),
    ),
    camera_pose=CameraPose(position=(4.9, -0.1, 3.3), yaw_deg=-1.0, pitch_deg=30.0, horizontal_fov_deg=86.0),
    entry=(1.6, 11.6),
    exit=(2.0, 11.6),
    tills=(Till((1.75, 6.0), (0.8, 6.0), (0.05, -0.85)),),
    room=(0.0, -0.4, 11.0, 10.0),
    mats=((0.9, 8.7, 2.7, 9.9),),
    sign="FRESH MARKET",
)
"""A whole small shop: shelves, a fridge, one till, and a door that is both entrance and exit."""

CHECKOUT = Layout(
    boxes=(
        Box("wall", (-0.2, 0.0), (-0.5, 1.9), (0.0, 3.6)),
        Box("wall", (-0.2, 0.0), (3.6, 9.2), (0.0, 3.6)),
        Box("wall", (-0.2, 0.0), (1.9, 3.6), (2.2, 3.6)),
        Box("wall", (9.0, 9.2), (-0.5, 6.2), (0.0, 3.6)),
        Box("wall", (9.0, 9.2), (7.8, 9.2), (0.0, 3.6)),
        Box("wall", (9.0, 9.2), (6.2, 7.8), (2.2, 3.6)),
        Box("wall", (-0.2, 9.2), (9.0, 9.2), (0.0, 3.6)),
        Box("frame", (-0.1, 0.06), (3.58, 3.66), (0.0, 2.24)),
        Box("frame", (-0.1, 0.06), (1.84, 1.92), (0.0, 2.24)),
        Box("frame", (-0.1, 0.06), (1.84, 3.66), (2.16, 2.24)),
        Box("frame", (8.94, 9.1), (6.14, 6.22), (0.0, 2.24)),
        Box("frame", (8.94, 9.1), (7.78, 7.86), (0.0, 2.24)),
        Box("frame", (8.94, 9.1), (6.14, 7.86), (2.16, 2.24)),
        Box("fridge", (0.3, 8.7), (8.35, 9.0), (0.0, 2.0)),
        Box("counter", (1.7, 2.3), (3.0, 5.0), (0.0, 0.9)),
        Box("till", (1.75, 2.1), (3.2, 3.6), (0.9, 1.25)),
        Box("counter", (3.9, 4.5), (3.0, 5.0), (0.0, 0.9)),
        Box("till", (3.95, 4.3), (3.2, 3.6), (0.9, 1.25)),
        Box("counter", (6.1, 6.7), (3.0, 5.0), (0.0, 0.9)),
        Box("till", (6.15, 6.5), (3.2, 3.6), (0.9, 1.25)),
        Box("shelf", (1.3, 3.3), (6.6, 7.2), (0.0, 1.2)),
        Box("shelf", (4.5, 6.7), (6.6, 7.2), (0.0, 1.2)),
        Box("produce", (7.6, 8.5), (3.4, 5.0), (0.0, 0.8)),
    ),
    camera_pose=CameraPose(position=(4.4, 0.0, 4.0), yaw_deg=0.0, pitch_deg=37.0, horizontal_fov_deg=84.0),
    entry=(10.2, 7.0),
    exit=(-1.2, 2.7),
    tills=(
        Till((2.85, 3.9), (2.0, 3.6), (0.05, 0.85)),
        Till((5.05, 3.9), (4.2, 3.6), (0.05, 0.85)),
        Till((7.15, 3.7), (6.4, 3.6), (-0.03, 0.85)),
    ),
    room=(0.0, -0.4, 9.0, 9.0),
    mats=((0.05, 1.9, 1.2, 3.6), (7.9, 6.2, 8.95, 7.8)),
    sign="THANK YOU",
)
"""The checkout area of a shop: three tills, with separate doors as entrance and exit."""

LAYOUTS = {"shop": SHOP, "checkout": CHECKOUT}
"""The layouts by their name in a `synthetic:` URL."""
