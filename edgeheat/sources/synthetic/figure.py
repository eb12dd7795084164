"""Draws a walker of the synthetic shop: a jointed body, projected by the camera, cut by the furniture before it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, U8
from edgeheat.sources.synthetic.backdrop import Backdrop, View
from edgeheat.sources.synthetic.walkers import Pose

_SHIFT = 4  # cv2 takes polygon corners in sixteenths of a pixel
_LIGHT_SHIFT = (0.28, 0.16)  # metres that a shadow falls aside for each metre of height
_SHADOW_DEPTH = 0.42  # share of the light that a shadow takes


class Part(IntEnum):
    """Labels of a sprite's pixels, and rows of `Look.palette_bgr`; 0 is nothing."""

    HAIR = 1
    SKIN = 2
    SHIRT = 3
    SLEEVE = 4
    TROUSERS = 5
    SHOE = 6
    BASKET = 7


_ANGLES = np.linspace(0, 2 * math.pi, 10, endpoint=False)
_ROUND = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1).astype(np.float32)
Joints = dict[str, tuple[float, float, float, float]]
"""By name: metres ahead, to the left and up of the point between the feet, and radius; of somebody 1.72 m tall."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """The visible pixels of one walker."""

    pose: Pose
    distance_m: float
    """Level distance from the camera (`View.distance`)."""

    left: int
    top: int
    labels: U8
    """`Part` by pixel, (height, width) of the sprite; 0 where the walker is not seen."""

    body_wh: tuple[int, int]
    body_xy: tuple[int, int]
    """Size and corner, in pixels of the sprite, of the whole body: what the clothes' pattern is stretched over."""

    @property
    def window(self) -> tuple[slice, slice]:
        """Where the sprite lies in the picture."""
        height, width = self.labels.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def sprite(pose: Pose, view: View, backdrop: Backdrop, up: float = 1.0) -> Sprite | None:
    """Draw one walker; None where nothing of him is in the picture. `up` -1 puts the head below the floor."""
    joints = _joints(pose)
    names = list(joints)
    body = _sized(pose, joints)
    pixels, scale = view.project(_place(pose, body) * np.array((1.0, 1.0, up), np.float32))
    if not scale.all():
        return None
    radius = body[:, 3] * scale
    low = np.floor((pixels - radius[:, None]).min(axis=0)).astype(int)
    high = np.ceil((pixels + radius[:, None]).max(axis=0)).astype(int) + 1
    left, top = (int(v) for v in np.maximum(low, 0))
    right, bottom = (int(v) for v in np.minimum(high, view.size_wh))
    if right <= left or bottom <= top:
        return None
    rims = pixels[:, None, :] - np.array((left, top), np.float32) + _ROUND[None] * radius[:, None, None]
    outline = np.rint(rims * (1 << _SHIFT)).astype(np.int32)
    labels = np.zeros((bottom - top, right - left), np.uint8)
    for part, members in _parts(pose, view):
        points = outline[[names.index(name) for name in members]].reshape(-1, 2)
        cv2.fillConvexPoly(labels, cv2.convexHull(points), int(part), cv2.LINE_8, _SHIFT)
    distance_m = view.distance(pose.x, pose.y)
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


def mirrored(pose: Pose, view: View, backdrop: Backdrop) -> Sprite | None:
    """Draw one walker as a glossy floor shows him, upside down and on the floor alone; None where nothing is seen."""
    image = sprite(pose, view, backdrop, up=-1.0)
    if image is not None:
        image.labels[backdrop.floor[image.window] == 0] = 0
    return image


def limbs(pose: Pose, view: View) -> list[F32]:
    """Return the convex pieces of the body as balls (n, 4): metres x, y, z of the shop, and radius."""
    joints = _joints(pose)
    body = _sized(pose, joints)
    balls = dict(zip(joints, np.concatenate([_place(pose, body), body[:, 3:]], axis=1), strict=True))
    return [np.stack([balls[name] for name in members]) for _, members in _parts(pose, view)]


def blend(canvas: U8, one: Sprite) -> None:
    """Paint a sprite into a luma (height, width) or BGR (height, width, 3) picture, with soft edges, in place."""
    region = canvas[one.window]
    palette = one.pose.look.palette_bgr[None]
    if canvas.ndim == 2:
        palette = np.asarray(cv2.cvtColor(palette, cv2.COLOR_BGR2GRAY), np.uint8)
    plain = cv2.LUT(spread(one.labels, canvas), palette)
    cloth = cv2.addWeighted(plain, 1.0, spread(_stretched(one), canvas), 1.0, -128.0)
    seen = np.where(one.labels > 0, np.uint8(255), np.uint8(0))
    weight = np.bitwise_and(np.asarray(cv2.blur(seen, (3, 3)), np.uint8), seen).astype(np.float32) * np.float32(1 / 255)
    canvas[one.window] = cv2.blendLinear(cloth, region, weight, 1 - weight)


def shade(canvas: U8, pose: Pose, view: View, backdrop: Backdrop) -> None:
    """Darken the floor where a walker's soft shadow falls, in place."""
    body = _sized(pose, _joints(pose))
    points = _place(pose, body)
    points[:, :2] += points[:, 2:] * np.array(_LIGHT_SHIFT, np.float32)
    points[:, 2] = 0.0
    pixels, scale = view.project(points)
    if not scale.all():
        return
    soft = max(3, int(0.14 * float(scale.mean())) | 1)
    radius = (body[:, 3] * scale)[:, None, None]
    rims = (pixels[:, None, :] + _ROUND[None] * radius).reshape(-1, 2)
    left, top = (int(v) for v in np.maximum(rims.min(axis=0) - soft, 0))
    right, bottom = (int(v) for v in np.minimum(rims.max(axis=0) + soft, view.size_wh))
    if right <= left or bottom <= top:
        return
    window = slice(top, bottom), slice(left, right)
    cover = np.zeros((bottom - top, right - left), np.uint8)
    corners = np.rint((rims - np.array((left, top))) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(cover, cv2.convexHull(corners), 255, cv2.LINE_8, _SHIFT)
    shadow = np.bitwise_and(np.asarray(cv2.blur(cover, (soft, soft)), np.uint8), backdrop.floor[window])
    light = 255 - shadow.astype(np.float32) * np.float32(_SHADOW_DEPTH)
    canvas[window] = cv2.multiply(canvas[window], spread(light.astype(np.uint8), canvas), scale=1 / 255)


def spread(field: U8, canvas: U8) -> U8:
    """Return a (height, width) field with as many channels as the canvas, to be reckoned with it."""
    return field if canvas.ndim == 2 else np.asarray(cv2.merge([field] * 3), np.uint8)


def _stretched(one: Sprite) -> U8:
    """The pattern of the clothes over the whole body, cut to the sprite."""
    height, width = one.labels.shape
    (body_w, body_h), (x, y) = one.body_wh, one.body_xy
    whole = cv2.resize(one.pose.look.texture, (max(body_w, width - x), max(body_h, height - y)))
    return np.asarray(whole[-y : height - y, -x : width - x], np.uint8)


def _sized(pose: Pose, joints: Joints) -> F32:
    return np.array(list(joints.values()), np.float32) * np.float32(pose.look.height_m / 1.72)


def _place(pose: Pose, body: F32) -> F32:
    """Turn joints (n, 4) of the body into points (n, 3) of the shop."""
    face_x, face_y = pose.facing
    turn = np.array([[face_x, face_y, 0], [-face_y, face_x, 0], [0, 0, 1]], np.float32)
    return np.asarray(body[:, :3] @ turn + np.array([pose.x, pose.y, 0], np.float32), np.float32)


def _joints(pose: Pose) -> Joints:
    """Legs and arms swing against one another; a reaching right hand goes up and ahead."""
    girth, gait, reach = pose.look.girth, pose.gait, pose.reach
    swing = math.sin(pose.stride) * gait
    lift = math.cos(pose.stride) * gait
    hem = 0.62 if pose.look.coat else 0.88
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
    if pose.look.basket:
        ahead, left, up, _ = joints["hand_l"]
        for name, along, aside in (("a", -0.15, 0.0), ("b", 0.15, 0.0), ("c", -0.15, 0.12), ("d", 0.15, 0.12)):
            joints[f"basket_{name}"] = (ahead + along, left + aside, up - 0.2, 0.065)
    return joints


def _parts(pose: Pose, view: View) -> list[tuple[Part, tuple[str, ...]]]:
    """Parts of the body in painting order, the far side before the near one."""
    face_x, face_y = pose.facing
    # Where the left side is nearer to the camera, the right one is painted first.
    left_is_near = -face_y * view.level[0] + face_x * view.level[1] < 0
    far, near = ("r", "l") if left_is_near else ("l", "r")
    seen_from_ahead = face_x * view.level[0] + face_y * view.level[1] < 0.35
    arms = {side: [(Part.SLEEVE, (f"shoulder_{side}", f"elbow_{side}")),
                   (Part.SLEEVE, (f"elbow_{side}", f"hand_{side}")),
                   (Part.SKIN, (f"hand_{side}",))] for side in ("l", "r")}  # fmt: skip
    if pose.look.basket:
        arms["l"].append((Part.BASKET, ("basket_a", "basket_b", "basket_c", "basket_d")))
    legs = [
        (part, (f"{a}_{side}", f"{b}_{side}"))
        for side in (far, near)
        for part, a, b in ((Part.SHOE, "heel", "toe"), (Part.TROUSERS, "knee", "heel"), (Part.TROUSERS, "hip", "knee"))
    ]
    trunk = [(Part.SHIRT, ("shoulder_l", "shoulder_r", "hem_l", "hem_r")), (Part.SKIN, ("neck",))]
    head = [(Part.HAIR, ("head",)), (Part.SKIN, ("face",))]
    return [*legs, *arms[far], *trunk, *arms[near], *(head if seen_from_ahead else head[::-1])]
