"""Effects of light in the fidelity scenes: lamps, daylight, hard shadows, a reflecting floor, headlights and sun."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from benchmarks.fidelity.geometry import SceneGeometry, scaled, smooth_step, unobstructed
from edgeheat.core.grid.frames import F32, U8
from edgeheat.sources.synthetic.effects import Effect, Moment
from edgeheat.sources.synthetic.figure import body_spheres, draw_sprite, render_reflection

_ROUND = np.stack([np.cos(np.arange(10) * math.pi / 5), np.sin(np.arange(10) * math.pi / 5)], axis=1)
"""Corners of a regular decagon on the unit circle, shape (10, 2)."""


class Lamps(Effect):
    """The ceiling's fluorescent tubes are switched off and on; one separate lamp stays on."""

    def __init__(
        self, geometry: SceneGeometry, own_lamp: tuple[float, float, float], dark: Sequence[tuple[float, float]]
    ) -> None:
        self._dark = dark
        away_m = np.linalg.norm(geometry.points - np.array(own_lamp, np.float32), axis=-1)
        own = np.exp(-((away_m / 2.4) ** 2))
        warm = np.array((0.75, 0.95, 1.1), np.float32)
        self._off = np.asarray(0.33 + 0.6 * own[..., None] * warm, np.float32)
        rng = np.random.default_rng(31)
        rows = np.clip(
            (geometry.points[..., 1] / 2.5).astype(np.int32), 0, 3
        )  # rows of tubes, each with its own starter
        self._rows = [np.asarray(rows == row, np.float32) for row in range(4)]
        self._starts_s = rng.uniform(0.1, 1.6, (len(dark), 4))

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        lit = [self._lit(row, moment) for row in range(4)]
        gain = self._exposure(moment.t_s)
        if min(lit) == 1.0:
            return picture if gain < 1.01 else scaled(picture, np.full(picture.shape, gain, np.float32))
        tubes = sum((share * row for share, row in zip(lit, self._rows, strict=True)), np.zeros_like(self._rows[0]))
        soft = cv2.GaussianBlur(tubes, (0, 0), 12)[..., None]
        return scaled(picture, np.asarray((self._off + soft * (1 - self._off)) * gain, np.float32))

    def lit(self, t_s: float) -> bool:
        """Whether the tubes are switched on at a scene time."""
        return not any(off_s <= t_s < on_s for off_s, on_s in self._dark)

    def _lit(self, row: int, moment: Moment) -> float:
        for spell, (off_s, on_s) in enumerate(self._dark):
            if off_s <= moment.t_s < on_s:
                return 0.0
            since_s = moment.t_s - on_s
            if 0 <= since_s < self._starts_s[spell, row]:
                return float(np.random.default_rng([37, spell, row, int(since_s / 0.09)]).choice([0.0, 0.5, 0.9]))
            if 0 <= since_s < 20:  # tubes become slightly brighter while they warm up
                return 0.93 + 0.07 * since_s / 20
        return 1.0

    def _exposure(self, t_s: float) -> float:
        """Gain of the camera: it compensates part of the darkness within two seconds, and returns as slowly."""
        gain = 1.0
        for off_s, on_s in self._dark:
            if t_s > off_s:
                risen = 1 - math.exp(-(min(t_s, on_s) - off_s) / 0.9)
                fallen = math.exp(-max(0.0, t_s - on_s) / 0.7)
                gain += 0.35 * risen * fallen
        return gain


class Daylight(Effect):
    """Light through a shop front on one side that drifts over minutes, with clouds."""

    def __init__(self, geometry: SceneGeometry, seed: int, length_s: float) -> None:
        x = geometry.points[..., 0]
        self._near_window = np.asarray(smooth_step(1 - x / 9.0) * 0.75 + 0.25, np.float32)
        self._length_s = length_s
        rng = np.random.default_rng([seed, 41])
        begins = np.cumsum(rng.uniform(22, 50, int(length_s / 22)))
        self._clouds = [
            (float(begin), float(rng.uniform(10, 28)), float(rng.uniform(2.0, 5.0)), float(rng.uniform(0.12, 0.32)))
            for begin in begins
        ]

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        turn = 2 * math.pi * moment.t_s / self._length_s
        drift = 0.95 + 0.35 * math.sin(1.3 * turn - 0.4) + 0.04 * math.sin(5.1 * turn)
        inside = 0.97 + 0.3 * (drift - 0.95)
        level = inside + self._near_window * (drift - inside)
        for begin, lasts, edge, depth in self._clouds:
            # The edge of a cloud's shadow moves from the window inwards.
            since = moment.t_s - begin - 1.5 * (1 - self._near_window)
            cover = smooth_step(since / edge) * smooth_step((lasts - since) / edge)
            level = level * (1 - depth * cover * (0.4 + 0.6 * self._near_window))
        cool = np.array((1.0 + 0.05 * (1 - drift), 1.0, 1.0 - 0.05 * (1 - drift)), np.float32)
        return scaled(picture, np.asarray(level[..., None] * cool, np.float32))


class SunShadows(Effect):
    """A low sun or a strong spotlight: furniture and walkers cast hard shadows on the floor and on furniture."""

    def __init__(self, geometry: SceneGeometry, toward: tuple[float, float, float], shade: float) -> None:
        """`toward`: direction to the light; `shade`: fraction of the brightness that remains in a shadow."""
        light = -np.array(toward, np.float64) / math.hypot(*toward)
        aside = np.cross(light, (0.0, 0.0, 1.0))
        aside /= np.linalg.norm(aside)
        self._axes = np.stack([aside, np.cross(light, aside), light]).astype(np.float32)
        self._geometry, self._shade = geometry, shade
        self._places = np.asarray(geometry.points @ self._axes.T, np.float32)
        solid = tuple(box for box in geometry.layout.boxes if box.kind not in ("wall", "frame"))
        free = unobstructed(geometry.points - 0.01 * self._axes[2], (-8 * self._axes[2]).astype(np.float32), solid)
        self._lit = np.asarray(cv2.GaussianBlur(free, (0, 0), 0.7), np.float32)

    def on_shop(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_shop`."""
        lit = self._lit.copy()
        for one in moment.sprites:
            self._darken(lit, body_spheres(one.pose, self._geometry.view))
        return scaled(picture, np.asarray(self._shade + (1 - self._shade) * lit, np.float32))

    def _darken(self, lit: F32, body: list[F32]) -> None:
        """Darken the pixels behind a body as seen from the light; changes `lit` in place."""
        pixels_per_m = 40
        seen = [(balls[:, :3] @ self._axes.T, balls[:, 3]) for balls in body]
        at = np.concatenate([places for places, _ in seen])
        low, high = at[:, :2].min(axis=0) - 0.3, at[:, :2].max(axis=0) + 0.3
        size = np.ceil((high - low) * pixels_per_m).astype(int)
        outline = np.zeros((size[1], size[0]), np.uint8)
        for places, radius in seen:
            rims = (places[:, None, :2] + _ROUND[None] * radius[:, None, None] - low) * pixels_per_m
            cv2.fillConvexPoly(outline, cv2.convexHull(rims.reshape(-1, 2).astype(np.int32)), 255)
        outline = np.asarray(cv2.GaussianBlur(outline, (0, 0), 1.0), np.uint8)
        u, v, along = (self._places[..., i] for i in range(3))
        reached = (u > low[0]) & (u < high[0]) & (v > low[1]) & (v < high[1]) & (along > at[:, 2].mean())
        rows, columns = np.nonzero(reached)
        if len(rows) == 0:
            return
        map_x, map_y = (
            ((field[rows, columns] - edge) * pixels_per_m).astype(np.float32)[None]
            for field, edge in ((u, low[0]), (v, low[1]))
        )
        dark = np.concatenate(
            [
                cv2.remap(outline, map_x[:, n : n + 30_000], map_y[:, n : n + 30_000], cv2.INTER_LINEAR)[0]
                for n in range(0, len(rows), 30_000)
            ]
        )
        lit[rows, columns] *= 1 - dark.astype(np.float32) / 255


class GlossyFloor(Effect):
    """A polished floor reflects walkers faintly, and less with height above the floor."""

    def __init__(self, geometry: SceneGeometry, strength: float) -> None:
        self._geometry, self._strength = geometry, strength

    def on_shop(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_shop`."""
        images = [render_reflection(one.pose, self._geometry.view, self._geometry.backdrop) for one in moment.sprites]
        shown = [image for image in images if image is not None]
        if not shown:
            return picture
        mirror = picture.copy()
        for image in shown:
            draw_sprite(mirror, image)
        mirror = np.asarray(cv2.GaussianBlur(mirror, (0, 0), 1.2), np.uint8)
        weight = np.zeros(picture.shape[:2], np.float32)
        for image in shown:
            weight[image.window][image.labels > 0] = self._strength
        weight = np.asarray(cv2.GaussianBlur(weight, (0, 0), 0.8), np.float32) * (self._geometry.backdrop.floor > 0)
        return np.asarray(cv2.blendLinear(mirror, picture, weight, 1 - weight), np.uint8)


@dataclass(frozen=True, slots=True)
class Window:
    """Window panes in the plane y = `y`, with bars between them; metres."""

    y: float
    x: tuple[float, float]
    z: tuple[float, float]
    panes: int

    def passes(self, points: F32, light: F32, soft_m: float) -> F32:
        """Return the share of the light from the point `light` that reaches each of the points (..., 3), 0..1."""
        part = (self.y - points[..., 1]) / (light[1] - points[..., 1])
        x = points[..., 0] + part * (light[0] - points[..., 0])
        z = points[..., 2] + part * (light[2] - points[..., 2])
        pane = (self.x[1] - self.x[0]) / self.panes
        from_bar = pane / 2 - np.abs((x - self.x[0]) % pane - pane / 2) - 0.05
        inside = np.minimum(np.minimum(x - self.x[0], self.x[1] - x), np.minimum(z - self.z[0], self.z[1] - z))
        return smooth_step(np.asarray(np.minimum(inside, from_bar) / soft_m + 0.5, np.float32))


@dataclass(frozen=True, slots=True)
class Car:
    """Headlights that pass outside, from `begin` to `end` (x, y, z in metres)."""

    from_s: float
    lasts_s: float
    begin: tuple[float, float, float]
    end: tuple[float, float, float]
    strength: float


class Beams(Effect):
    """Headlights through the windows sweep over floor, goods and people; a patch of sunlight moves slowly."""

    def __init__(
        self,
        geometry: SceneGeometry,
        windows: Sequence[Window],
        cars: Sequence[Car],
        sun: Sequence[tuple[float, float]],
    ) -> None:
        """`sun`: scene times in seconds and strengths, interpolated linearly."""
        self._geometry, self._windows, self._cars, self._sun = geometry, windows, cars, np.array(sun)
        self._solid = tuple(box for box in geometry.layout.boxes if box.kind not in ("wall", "frame"))
        self._patch = lru_cache(2)(self._sun_patch)

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        sun = float(np.interp(moment.t_s, self._sun[:, 0], self._sun[:, 1]))
        cars = [car for car in self._cars if 0 <= moment.t_s - car.from_s < car.lasts_s]
        if sun <= 0 and not cars:
            return picture
        light = np.zeros(picture.shape[:2], np.float32)
        if sun > 0:
            light += sun * self._patch(int(moment.t_s * 2))
        if cars:
            points = self._geometry.points_with_people(moment)
            for car in cars:
                light += self._headlights(points, car, (moment.t_s - car.from_s) / car.lasts_s)
        glare = np.asarray(cv2.blur(light, (61, 61)), np.float32) * 10
        lit = scaled(picture, np.asarray(1 + light, np.float32)).astype(np.float32)
        return np.asarray(np.clip(lit + (glare + 14 * np.minimum(light, 1.5))[..., None], 0, 255), np.uint8)

    def _passes(self, points: F32, light: F32, soft_m: float) -> F32:
        return np.asarray(sum(window.passes(points, light, soft_m) for window in self._windows), np.float32)

    def _headlights(self, points: F32, car: Car, part: float) -> F32:
        begin, end = np.array(car.begin, np.float32), np.array(car.end, np.float32)
        middle = begin + (end - begin) * np.float32(part)
        total = np.zeros(points.shape[:2], np.float32)
        for aside in (-0.7, 0.7):
            lamp = np.asarray(middle + np.array((aside, 0, 0), np.float32))
            far_m = np.linalg.norm(points - lamp, axis=-1)
            seen = self._passes(points, lamp, 0.12)
            coarse = np.ascontiguousarray(points[2::4, 2::4])
            free = cv2.resize(unobstructed(coarse, lamp - coarse, self._solid), points.shape[1::-1])
            total += seen * free * (10.0 / far_m) ** 2
        rises = smooth_step(np.array(min(part, 1 - part) * 5))
        return np.asarray(0.5 * car.strength * rises * total, np.float32)

    def _sun_patch(self, half_seconds: int) -> F32:
        """Sunlight on the empty shop, float32 0..1; it moves a few millimetres every half second."""
        hour = half_seconds / 2 / 300
        sun = np.array((4.0 + 34.0 * (hour - 0.5) * 0.35, -60.0, 42.0 + 3 * hour), np.float32)
        points = self._geometry.points
        lit = self._passes(points, sun, 0.05)
        near = cv2.dilate(lit, np.ones((3, 3), np.uint8)) > 0
        lit[near] *= unobstructed(points[near], sun - points[near], self._solid)
        return np.asarray(cv2.GaussianBlur(lit, (0, 0), 0.8), np.float32)
