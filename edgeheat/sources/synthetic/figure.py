"""Draws a walker as an articulated figure, its shadow and its reflection, occluded by the furniture in front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, U8
from edgeheat.sources.synthetic.backdrop import SceneBackdrop
from edgeheat.sources.synthetic.camera import PinholeCamera
from edgeheat.sources.synthetic.walkers import Pose

_CORNER_BITS = 4
"""Fixed-point bits of the polygon corners passed to OpenCV: sixteenths of a pixel."""

_SHADOW_OFFSET = (0.28, 0.16)
"""Metres by which a shadow is displaced in x and y for each metre of height."""

_SHADOW_OPACITY = 0.42
"""Fraction of the light that is missing in a shadow, 0..1."""


class BodyPart(IntEnum):
    """Label of a sprite's pixels, and row of `Appearance.palette_bgr`; 0 is transparent."""

    HAIR = 1
    SKIN = 2
    SHIRT = 3
    SLEEVE = 4
    TROUSERS = 5
    SHOE = 6
    BASKET = 7


_ANGLES = np.linspace(0, 2 * math.pi, 10, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1).astype(np.float32)
"""Points of the unit circle, shape (10, 2), for the outlines of joints."""

Joints = dict[str, tuple[float, float, float, float]]
"""Joints by name: metres ahead of, left of and above the point between the feet, and radius; of a person of 1.72 m."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """The visible pixels of one walker."""

    pose: Pose
    distance_m: float
    """Depth (`PinholeCamera.distance`)."""

    left: int
    """Column of the sprite's upper left corner in the picture."""

    top: int
    """Row of that corner."""

    labels: U8
    """`BodyPart` of each pixel, (height, width) of the sprite; 0 where the walker is not visible."""

    body_wh: tuple[int, int]
    """Size in pixels of the whole body, over which the clothes' pattern is stretched."""

    body_xy: tuple[int, int]
    """Upper left corner of the body relative to that of the sprite."""

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that the sprite occupies."""
        height, width = self.labels.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def render_sprite(pose: Pose, camera: PinholeCamera, backdrop: SceneBackdrop, up: float = 1.0) -> Sprite | None:
    """Render one walker; None where no part is within the picture. `up` of -1 mirrors the body at the floor."""
    joints = _joint_positions(pose)
    names = list(joints)
    body = _scaled_joints(pose, joints)
    pixels, scale = camera.project(_to_world(pose, body) * np.array((1.0, 1.0, up), np.float32))
    shape = BodyShape(names, pixels, body[:, 3] * scale, _parts_back_to_front(pose, camera))
    return render_body(pose, shape, camera.distance(pose.x, pose.y), backdrop)


@dataclass(frozen=True, slots=True)
class BodyShape:
    """A body in the picture: its joints, and the parts that span them."""

    names: Sequence[str]
    """Of the joints."""

    pixels: F32
    """Where they are, (joints, 2): x and y in pixels."""

    radius: F32
    """How large they are, (joints,), in pixels; 0 behind the camera."""

    parts: Sequence[tuple[BodyPart, Sequence[str]]]
    """From back to front, each with the names of its joints."""


def render_body(pose: Pose, shape: BodyShape, distance_m: float, backdrop: SceneBackdrop) -> Sprite | None:
    """Render a body `distance_m` away; None where no part is within the picture, or a joint is behind the camera."""
    pixels, radius = shape.pixels, shape.radius
    if not radius.all():
        return None
    low = np.floor((pixels - radius[:, None]).min(axis=0)).astype(int)
    high = np.ceil((pixels + radius[:, None]).max(axis=0)).astype(int) + 1
    height, width = backdrop.distance_m.shape
    left, top = (int(v) for v in np.maximum(low, 0))
    right, bottom = (int(v) for v in np.minimum(high, (width, height)))
    if right <= left or bottom <= top:
        return None
    rims = pixels[:, None, :] - np.array((left, top), np.float32) + _CIRCLE[None] * radius[:, None, None]
    outline = np.rint(rims * (1 << _CORNER_BITS)).astype(np.int32)
    labels = np.zeros((bottom - top, right - left), np.uint8)
    for part, members in shape.parts:
        points = outline[[shape.names.index(name) for name in members]].reshape(-1, 2)
        cv2.fillConvexPoly(labels, cv2.convexHull(points), int(part), cv2.LINE_8, _CORNER_BITS)
    labels *= backdrop.distance_m[top:bottom, left:right] > distance_m
    return Sprite(
        pose=pose,
        distance_m=distance_m,
        left=left,
        top=top,
        labels=labels,
        body_wh=(int(high[0] - low[0]), int(high[1] - low[1])),
        body_xy=(int(low[0]) - left, int(low[1]) - top),
    )


def render_reflection(pose: Pose, camera: PinholeCamera, backdrop: SceneBackdrop) -> Sprite | None:
    """Render the reflection of a walker in the floor, visible only on the floor; None if outside the picture."""
    image = render_sprite(pose, camera, backdrop, up=-1.0)
    if image is not None:
        image.labels[backdrop.floor[image.window] == 0] = 0
    return image


def body_spheres(pose: Pose, camera: PinholeCamera) -> list[F32]:
    """Return the convex parts of the body, each as spheres (n, 4): world x, y, z and radius in metres."""
    joints = _joint_positions(pose)
    body = _scaled_joints(pose, joints)
    balls = dict(zip(joints, np.concatenate([_to_world(pose, body), body[:, 3:]], axis=1), strict=True))
    return [np.stack([balls[name] for name in members]) for _, members in _parts_back_to_front(pose, camera)]


def draw_sprite(canvas: U8, sprite: Sprite) -> None:
    """Paint a sprite into a luma (height, width) or BGR (height, width, 3) picture, with soft edges, in place."""
    region = canvas[sprite.window]
    palette = sprite.pose.appearance.palette_bgr[None]
    if canvas.ndim == 2:
        palette = np.asarray(cv2.cvtColor(palette, cv2.COLOR_BGR2GRAY), np.uint8)
    plain = cv2.LUT(match_channels(sprite.labels, canvas), palette)
    cloth = cv2.addWeighted(plain, 1.0, match_channels(_clothes_pattern(sprite), canvas), 1.0, -128.0)
    seen = np.where(sprite.labels > 0, np.uint8(255), np.uint8(0))
    weight = np.bitwise_and(np.asarray(cv2.blur(seen, (3, 3)), np.uint8), seen).astype(np.float32) * np.float32(1 / 255)
    canvas[sprite.window] = cv2.blendLinear(cloth, region, weight, 1 - weight)


def draw_shadow(canvas: U8, pose: Pose, camera: PinholeCamera, backdrop: SceneBackdrop) -> None:
    """Darken the floor in a walker's soft shadow, in place."""
    body = _scaled_joints(pose, _joint_positions(pose))
    points = _to_world(pose, body)
    points[:, :2] += points[:, 2:] * np.array(_SHADOW_OFFSET, np.float32)
    points[:, 2] = 0.0
    pixels, scale = camera.project(points)
    if not scale.all():
        return
    soft = max(3, int(0.14 * float(scale.mean())) | 1)
    radius = (body[:, 3] * scale)[:, None, None]
    rims = (pixels[:, None, :] + _CIRCLE[None] * radius).reshape(-1, 2)
    left, top = (int(v) for v in np.maximum(rims.min(axis=0) - soft, 0))
    right, bottom = (int(v) for v in np.minimum(rims.max(axis=0) + soft, camera.size_wh))
    if right <= left or bottom <= top:
        return
    window = slice(top, bottom), slice(left, right)
    cover = np.zeros((bottom - top, right - left), np.uint8)
    corners = np.rint((rims - np.array((left, top))) * (1 << _CORNER_BITS)).astype(np.int32)
    cv2.fillConvexPoly(cover, cv2.convexHull(corners), 255, cv2.LINE_8, _CORNER_BITS)
    shadow = np.bitwise_and(np.asarray(cv2.blur(cover, (soft, soft)), np.uint8), backdrop.floor[window])
    light = 255 - shadow.astype(np.float32) * np.float32(_SHADOW_OPACITY)
    canvas[window] = cv2.multiply(canvas[window], match_channels(light.astype(np.uint8), canvas), scale=1 / 255)


def match_channels(field: U8, canvas: U8) -> U8:
    """Return a (height, width) array with as many channels as the canvas, for OpenCV arithmetic."""
    return field if canvas.ndim == 2 else np.asarray(cv2.merge([field] * 3), np.uint8)


def _clothes_pattern(sprite: Sprite) -> U8:
    """Return the clothes' pattern, stretched over the whole body and cropped to the sprite."""
    height, width = sprite.labels.shape
    (body_w, body_h), (x, y) = sprite.body_wh, sprite.body_xy
    whole = cv2.resize(sprite.pose.appearance.texture, (max(body_w, width - x), max(body_h, height - y)))
    return np.asarray(whole[-y : height - y, -x : width - x], np.uint8)


def _scaled_joints(pose: Pose, joints: Joints) -> F32:
    return np.array(list(joints.values()), np.float32) * np.float32(pose.appearance.height_m / 1.72)


def _to_world(pose: Pose, body: F32) -> F32:
    """Transform joints (n, 4) from body to world coordinates (n, 3)."""
    face_x, face_y = pose.facing
    turn = np.array([[face_x, face_y, 0], [-face_y, face_x, 0], [0, 0, 1]], np.float32)
    return np.asarray(body[:, :3] @ turn + np.array([pose.x, pose.y, 0], np.float32), np.float32)


def _joint_positions(pose: Pose) -> Joints:
    """Return the joints of a pose: legs and arms swing in opposition; a reaching right hand goes up and ahead."""
    girth, gait, reach = pose.appearance.girth, pose.gait, pose.reach
    swing = math.sin(pose.stride) * gait
    lift = math.cos(pose.stride) * gait
    hem = 0.62 if pose.appearance.coat else 0.88
    joints: Joints = {
        "head": (0.02, 0.0, 1.60, 0.105),
        "face": (0.055, 0.0, 1.575, 0.082),
        "neck": (0.0, 0.0, 1.46, 0.06),
        "shoulder_l": (0.0, 0.15 * girth, 1.38, 0.085 * girth),
        "shoulder_r": (0.0, -0.15 * girth, 1.38, 0.085 * girth),
        "hem_l": (0.0, 0.09 * girth, hem, 0.10 * girth),
        "hem_r": (0.0, -0.09 * girth, hem, 0.10 * girth),
    }
    for side, left, sign in (("l", 1.0, 1.0), ("r", -1.0, -1.0)):
        ahead, up = 0.30 * swing * sign, 0.09 * max(0.0, lift * sign)
        joints[f"hip_{side}"] = (0.0, 0.085 * left, 0.88, 0.095 * girth)
        joints[f"knee_{side}"] = (0.5 * ahead + 0.04 + 0.8 * up, 0.09 * left, 0.48 + 0.5 * up, 0.065 * girth)
        joints[f"heel_{side}"] = (ahead - 0.03, 0.09 * left, 0.09 + up, 0.05)
        joints[f"toe_{side}"] = (ahead + 0.14, 0.10 * left, 0.05 + 0.6 * up, 0.045)
        out = reach if side == "r" else 0.0
        back = -0.22 * swing * sign * (1 - out)
        joints[f"elbow_{side}"] = (0.4 * back + 0.22 * out - 0.02, 0.235 * girth * left, 1.10 + 0.1 * out, 0.052)
        joints[f"hand_{side}"] = (back + 0.05 + 0.42 * out, (0.24 * girth - 0.1 * out) * left, 0.84 + 0.42 * out, 0.045)
    if pose.appearance.basket:
        ahead, left, up, _ = joints["hand_l"]
        for name, along, aside in (("a", -0.15, 0.0), ("b", 0.15, 0.0), ("c", -0.15, 0.12), ("d", 0.15, 0.12)):
            joints[f"basket_{name}"] = (ahead + along, left + aside, up - 0.2, 0.065)
    return joints


def _parts_back_to_front(pose: Pose, camera: PinholeCamera) -> list[tuple[BodyPart, tuple[str, ...]]]:
    """Return the body's parts with their joints in painting order, the far side first."""
    face_x, face_y = pose.facing
    # The side farther from the camera is painted first.
    left_is_near = -face_y * camera.heading[0] + face_x * camera.heading[1] < 0
    far, near = ("r", "l") if left_is_near else ("l", "r")
    seen_from_ahead = face_x * camera.heading[0] + face_y * camera.heading[1] < 0.35
    arms = {side: [(BodyPart.SLEEVE, (f"shoulder_{side}", f"elbow_{side}")),
                   (BodyPart.SLEEVE, (f"elbow_{side}", f"hand_{side}")),
                   (BodyPart.SKIN, (f"hand_{side}",))] for side in ("l", "r")}  # fmt: skip
    if pose.appearance.basket:
        arms["l"].append((BodyPart.BASKET, ("basket_a", "basket_b", "basket_c", "basket_d")))
    legs = [
        (part, (f"{a}_{side}", f"{b}_{side}"))
        for side in (far, near)
        for part, a, b in (
            (BodyPart.SHOE, "heel", "toe"),
            (BodyPart.TROUSERS, "knee", "heel"),
            (BodyPart.TROUSERS, "hip", "knee"),
        )
    ]
    trunk = [(BodyPart.SHIRT, ("shoulder_l", "shoulder_r", "hem_l", "hem_r")), (BodyPart.SKIN, ("neck",))]
    head = [(BodyPart.HAIR, ("head",)), (BodyPart.SKIN, ("face",))]
    return [*legs, *arms[far], *trunk, *arms[near], *(head if seen_from_ahead else head[::-1])]
