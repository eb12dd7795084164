"""Moving objects of the fidelity scenes that are not people: screens, a hanging sign, a plant, a pallet, a stand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, F64, U8
from edgeheat.sources.synthetic.camera import PinholeCamera
from edgeheat.sources.synthetic.effects import Effect, Moment, SceneObject
from edgeheat.sources.synthetic.layouts import XY
from edgeheat.sources.synthetic.scene import Scene

_SHIFT = 4
"""Fractional bits of polygon corners for cv2: sixteenths of a pixel."""


class Screen(Effect):
    """A television or an advertising screen: shots of one to six seconds with pans and moving shapes."""

    def __init__(self, scene: Scene, corners: Sequence[tuple[float, float, float]], seed: int, length_s: float) -> None:
        """`corners` are upper left, upper right, lower right, lower left."""
        self._view, self._corners, self._seed = scene.camera, np.array(corners, np.float32), seed
        rng = np.random.default_rng([seed, 61])
        self._cuts_s = np.cumsum(rng.uniform(0.8, 6.0, int(length_s) + 2))

    def objects(self, t_s: float) -> Sequence[SceneObject]:
        """See `Effect.objects`."""
        thing = panel(self._view, self._corners, self._content(t_s))
        return () if thing is None else (thing,)

    def _content(self, t_s: float) -> U8:
        shot = int(np.searchsorted(self._cuts_s, t_s, side="right"))
        rng = np.random.default_rng([self._seed, 67, shot])
        width, height = 128, 72
        coarse = rng.uniform(0, 255, (5, 9, 3)) * rng.uniform(0.3, 1.0) + rng.uniform(0, 60)
        wide = cv2.resize(np.clip(coarse, 0, 255).astype(np.uint8), (width * 2, height), interpolation=cv2.INTER_CUBIC)
        pan = int((t_s * rng.uniform(-30, 30)) % width)
        picture = np.ascontiguousarray(wide[:, pan : pan + width])
        for _ in range(int(rng.integers(2, 6))):
            place, speed, reach = rng.uniform(0, 1, 2), rng.uniform(0.2, 1.6), rng.uniform(0.05, 0.4, 2)
            phase = 2 * math.pi * speed * t_s
            at = (place + reach * np.array((math.sin(phase), math.cos(phase * 0.7)))) * (width, height)
            colour = tuple(float(v) for v in rng.uniform(0, 255, 3))
            cv2.circle(picture, tuple(int(v) for v in at), int(rng.integers(5, 22)), colour, -1, cv2.LINE_AA)
        if rng.random() < 0.4:
            colour = tuple(float(v) for v in rng.uniform(150, 255, 3))
            cv2.putText(picture, "NEW -30%", (int(4 + t_s * 9 % 30), 60), cv2.FONT_HERSHEY_DUPLEX, 0.7, colour, 2)
        return np.asarray(picture, np.uint8)


class HangingSign(Effect):
    """A board that hangs from the ceiling and swings in the draught, at times very little."""

    def __init__(self, scene: Scene, middle: XY, top_m: float, size_m: tuple[float, float]) -> None:
        self._view, self._middle, self._top_m, self._size_m = scene.camera, middle, top_m, size_m
        board = np.full((96, 288, 3), (40, 40, 200), np.uint8)
        cv2.rectangle(board, (4, 4), (283, 91), (235, 245, 250), 5)
        cv2.putText(board, "SALE -50%", (22, 66), cv2.FONT_HERSHEY_DUPLEX, 1.5, (235, 245, 250), 4, cv2.LINE_AA)
        self._board = board

    def objects(self, t_s: float) -> Sequence[SceneObject]:
        """See `Effect.objects`."""
        draught = 0.35 + 0.65 * math.sin(2 * math.pi * t_s / 47) ** 2
        lean = 0.22 * draught * math.sin(2 * math.pi * t_s / 1.9)
        turn = 0.35 * draught * math.sin(2 * math.pi * t_s / 5.3 + 1)
        (x, y), (wide, high) = self._middle, self._size_m
        along = np.array((math.cos(turn), math.sin(turn), 0.0))
        down = np.array((-math.sin(turn) * math.sin(lean), math.cos(turn) * math.sin(lean), -math.cos(lean)))
        top = np.array((x, y, self._top_m))
        corners = [top - along * wide / 2, top + along * wide / 2]
        corners += [corners[1] + down * high, corners[0] + down * high]
        thing = panel(self._view, np.array(corners, np.float32), self._board)
        return () if thing is None else (thing,)


class Plant(Effect):
    """A potted plant with long leaves in the wind of an oscillating fan."""

    _STEM_M = (0.45, 1.15)

    def __init__(self, scene: Scene, place: XY, seed: int, leaves: int = 46) -> None:
        self._view, self._place = scene.camera, place
        rng = np.random.default_rng([seed, 71])
        self._stem_m = rng.uniform(*self._STEM_M, leaves)
        self._round = rng.uniform(0, 2 * math.pi, leaves)
        self._up = rng.uniform(-0.1, 1.25, leaves)
        self._long_m = rng.uniform(0.35, 0.7, leaves)
        self._rate, self._phase = rng.uniform(0.8, 2.3, leaves), rng.uniform(0, 2 * math.pi, leaves)
        self._green = np.stack([rng.uniform(25, 60, leaves), rng.uniform(85, 175, leaves), rng.uniform(30, 95, leaves)])

    def objects(self, t_s: float) -> Sequence[SceneObject]:
        """See `Effect.objects`."""
        sway = self._sway(t_s)
        x, y = self._place
        stem = np.stack([np.full_like(self._stem_m, x), np.full_like(self._stem_m, y), self._stem_m], axis=1)
        about, up = self._round + sway, self._up - 0.5 * sway
        ahead = np.stack([np.cos(about) * np.cos(up), np.sin(about) * np.cos(up), np.sin(up)], axis=1)
        tip = stem + ahead * self._long_m[:, None] - np.array((0, 0, 0.16))
        middle = stem + 0.5 * ahead * self._long_m[:, None]
        shapes: list[tuple[F32, tuple[float, float, float]]] = [(self._pot(), (70.0, 95.0, 150.0))]
        nearest_last = np.argsort(-(ahead @ np.array((*self._view.heading[:2], 0.0))))
        side = np.array((self._view.heading[1], -self._view.heading[0], 0.0)) * 0.045
        for leaf in nearest_last:
            outline = np.stack([stem[leaf], middle[leaf] + side, tip[leaf], middle[leaf] - side])
            blue, green, red = (float(v) for v in self._green[:, leaf])
            shapes.append((outline.astype(np.float32), (blue, green, red)))
        thing = outlines(self._view, shapes, self._view.distance(x, y))
        return () if thing is None else (thing,)

    def _sway(self, t_s: float) -> F64:
        """Return the angle in radians by which each leaf is bent."""
        wind = 0.25 + 0.75 * max(0.0, math.sin(2 * math.pi * t_s / 11)) ** 2
        return np.asarray(wind * (0.16 * np.sin(2 * math.pi * self._rate * t_s + self._phase) + 0.14))

    def _pot(self) -> F32:
        x, y = self._place
        aside = np.array((self._view.heading[1], -self._view.heading[0], 0.0))
        foot, rim = np.array((x, y, 0.0)), np.array((x, y, 0.45))
        return np.array([foot - 0.16 * aside, rim - 0.22 * aside, rim + 0.22 * aside, foot + 0.16 * aside], np.float32)


class Block(Effect):
    """A pallet with goods or a display stand at the position that `where` returns for an instant."""

    def __init__(
        self,
        scene: Scene,
        size_m: tuple[float, float, float],
        where: Callable[[float], tuple[float, float, float] | None],
        seed: int,
    ) -> None:
        """`where`: scene time → x, y of the centre in metres and rotation in radians; None: not in the scene."""
        self._view, self._floor, self._size_m, self._where = scene.camera, scene.backdrop.floor, size_m, where
        rng = np.random.default_rng([seed, 73])
        self._faces = [_boxes(rng, shade) for shade in (1.0, 0.86, 0.78, 0.92)]
        self._top = _boxes(rng, 1.08)

    def on_shop(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_shop`: a contact shadow on the floor around it."""
        place = self._where(moment.t_s)
        if place is None:
            return picture
        pixels, scale = self._view.project(self._corners(place, 1.25)[:4])
        if not scale.all():
            return picture
        shadow = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillConvexPoly(shadow, cv2.convexHull(np.rint(pixels).astype(np.int32)), 255)
        soft = np.asarray(cv2.GaussianBlur(shadow, (0, 0), 4), np.float32) * (self._floor > 0)
        rows, columns = np.nonzero(soft > 0)
        picture[rows, columns] = picture[rows, columns] * (1 - 0.35 * soft[rows, columns, None] / 255)
        return picture

    def objects(self, t_s: float) -> Sequence[SceneObject]:
        """See `Effect.objects`."""
        place = self._where(t_s)
        if place is None:
            return ()
        corners = self._corners(place, 1.0)
        sides = [corners[[4 + n, 4 + (n + 1) % 4, (n + 1) % 4, n]] for n in range(4)]
        faces = [*zip(sides, self._faces, strict=True), (corners[[7, 6, 5, 4]], self._top)]
        eye, middle = self._view.position, corners.mean(axis=0)
        seen = [
            panel(self._view, face, texture)
            for face, texture in faces
            if (face.mean(axis=0) - middle) @ (eye - face.mean(axis=0)) > 0
        ]
        distance_m = self._view.distance(place[0], place[1])
        return [SceneObject(distance_m, one.left, one.top, one.bgr, one.cover) for one in seen if one is not None]

    def _corners(self, place: tuple[float, float, float], larger: float) -> F32:
        x, y, turn = place
        wide, deep, high = self._size_m
        ground = np.array([(-wide, -deep), (wide, -deep), (wide, deep), (-wide, deep)]) / 2 * larger
        level = ground @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]]) + (x, y)
        return np.array([(*at, z) for z in (0.0, high) for at in level], np.float32)


def panel(view: PinholeCamera, corners: F32, texture: U8) -> SceneObject | None:
    """Return a flat picture placed in the shop; None if it is not visible.

    `corners` (4, 3), metres: upper left, upper right, lower right, lower left; mirrored when seen from behind.
    """
    pixels, scale = view.project(corners)
    window = _window(view, pixels)
    if not scale.all() or window is None:
        return None
    left, top, width, height = window
    tall, wide = texture.shape[:2]
    square = np.array([(0, 0), (wide, 0), (wide, tall), (0, tall)], np.float32) - 0.5
    to = cv2.getPerspectiveTransform(square, (pixels - np.array((left, top)) - 0.5).astype(np.float32))
    smaller = float(np.ptp(pixels[:, 1])) / tall
    if smaller < 0.7:  # avoids aliasing of fine detail
        texture = np.asarray(cv2.GaussianBlur(texture, (0, 0), 0.4 / max(smaller, 0.05)), np.uint8)
    bgr = cv2.warpPerspective(texture, to, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = np.zeros((height, width), np.uint8)
    corners_px = np.rint((pixels - np.array((left, top))) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillConvexPoly(cover, corners_px, 255, cv2.LINE_AA, _SHIFT)
    points = (corners[:, :2] - view.position[:2]) @ view.heading[:2]
    return SceneObject(float(points.min()) - 0.05, left, top, np.asarray(bgr, np.uint8), cover)


def outlines(
    view: PinholeCamera, shapes: Sequence[tuple[F32, tuple[float, float, float]]], distance_m: float
) -> SceneObject | None:
    """Draw filled outlines (n, 3) in metres, the farthest first, into one thing; None if it is not visible."""
    projected = [view.project(outline) for outline, _ in shapes]
    if not all(scale.all() for _, scale in projected):
        return None
    window = _window(view, np.concatenate([pixels for pixels, _ in projected]))
    if window is None:
        return None
    left, top, width, height = window
    bgr, cover = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    for (pixels, _), (_, colour) in zip(projected, shapes, strict=True):
        points = np.rint((pixels - np.array((left, top))) * (1 << _SHIFT)).astype(np.int32)
        # Drawn slightly wider than its cover, so that its edge blends with the shop and not with black.
        cv2.polylines(bgr, [points], True, colour, 2, cv2.LINE_8, _SHIFT)
        cv2.fillPoly(bgr, [points], colour, cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(cover, [points], 255, cv2.LINE_AA, _SHIFT)
    return SceneObject(distance_m, left, top, bgr, cover)


def _window(view: PinholeCamera, pixels: F32) -> tuple[int, int, int, int] | None:
    """Left, top, width and height of the visible bounding box of some points; None if nothing is visible."""
    low = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - 1, 0)
    high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 2, view.size_wh)
    if (high <= low).any():
        return None
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def _boxes(rng: np.random.Generator, shade: float) -> U8:
    """A texture of cartons in rows, with tape and labels; BGR uint8."""
    face = np.zeros((120, 120, 3), np.float32)
    carton = np.array((95, 140, 180)) * rng.uniform(0.75, 1.1)
    for row in range(4):
        for column in range(3):
            x, y = column * 40, row * 30
            face[y : y + 30, x : x + 40] = carton * rng.uniform(0.85, 1.12)
            face[y : y + 30, x : x + 2] = face[y : y + 2, x : x + 40] = carton * 0.5
            face[y + 14 : y + 17, x + 2 : x + 40] = carton * 1.2
            if rng.random() < 0.7:
                face[y + 18 : y + 27, x + 22 : x + 36] = 225
    return np.asarray(np.clip(face * shade, 0, 255), np.uint8)
