"""Effects of the situations: a bright window, a railing, a plant in a draught, on-screen text, sunlight, a branch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import cv2
import numpy as np

from benchmarks.fidelity.geometry import SceneGeometry, scaled, smooth_step
from benchmarks.fidelity.light_effects import SunShadows, Window
from benchmarks.fidelity.object_effects import Plant, outlines, panel
from edgeheat.core.grid.frames import F32, F64, U8, SizeWH
from edgeheat.sources.synthetic.effects import Effect, Moment, SceneObject, draw_object
from edgeheat.sources.synthetic.figure import body_spheres
from edgeheat.sources.synthetic.scene import Scene

_OUTLINE = tuple((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1) if (x, y) != (0, 0))
"""Offsets in pixels of the black outline of white on-screen text."""


class ShopWindow(Effect):
    """A brightly lit shop window with goods in it, on a wall behind the people."""

    def __init__(self, scene: Scene, corners: Sequence[tuple[float, float, float]], seed: int) -> None:
        """`corners` are upper left, upper right, lower right, lower left."""
        self._furniture_m = scene.backdrop.distance_m
        self._window = panel(scene.camera, np.array(corners, np.float32), _window_texture(seed))

    def on_shop(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_shop`."""
        if self._window is not None:
            draw_object(picture, self._window, self._furniture_m)
        return picture


class Railing(Effect):
    """A railing with thin bars between the camera and the people."""

    _TOP_M, _BOTTOM_M = 1.05, 0.12
    _BAR_STEP_M = 0.14

    def __init__(self, scene: Scene, from_x: float, to_x: float, y: float) -> None:
        def bar(x: float, half_m: float, low_m: float) -> F32:
            return np.array(
                [
                    (x - half_m, y, self._TOP_M),
                    (x + half_m, y, self._TOP_M),
                    (x + half_m, y, low_m),
                    (x - half_m, y, low_m),
                ],
                np.float32,
            )

        def rail(z: float) -> F32:
            return np.array([(from_x, y, z), (to_x, y, z), (to_x, y, z - 0.05), (from_x, y, z - 0.05)], np.float32)

        steel = (88.0, 86.0, 84.0)
        bars = [bar(float(x), 0.009, self._BOTTOM_M) for x in np.arange(from_x, to_x, self._BAR_STEP_M)]
        posts = [bar(float(x), 0.025, 0.0) for x in np.arange(from_x, to_x, 1.4)]
        shapes = [*bars, *posts, rail(self._TOP_M), rail(self._BOTTOM_M + 0.05)]
        self._railing = outlines(scene.camera, [(shape, steel) for shape in shapes], scene.camera.distance(0.0, y))

    def objects(self, t_s: float) -> Sequence[SceneObject]:
        """See `Effect.objects`."""
        return () if self._railing is None else (self._railing,)


class DraughtPlant(Plant):
    """A potted plant whose leaves swing about their rest position, little most of the time and more in gusts."""

    def _sway(self, t_s: float) -> F64:
        gust = 0.5 + 0.5 * math.sin(2 * math.pi * t_s / 23) * math.sin(2 * math.pi * t_s / 7.3 + 1)
        swing = np.sin(2 * math.pi * 0.55 * self._rate * t_s + self._phase)
        return np.asarray((0.05 + 0.13 * gust**2) * swing)


class OnScreenText(Effect):
    """What a camera writes into its picture: date and time, changing every second, and its name.

    Twice: in a large script, and as small as the text of a large picture becomes in a small stream.
    """

    def __init__(self, size_wh: SizeWH, begins: datetime, name: str) -> None:
        self._size_wh, self._begins, self._name = size_wh, begins, name

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        width, height = self._size_wh
        now = self._begins + timedelta(seconds=moment.t_s)
        _write(picture, f"{now:%Y-%m-%d %a %H:%M:%S}", (10, 26), 0.72)
        _write(picture, self._name, (12, height - 14), 0.6)
        _write(picture, f"{now:%d.%m.%Y %H:%M:%S}", (width - 142, height - 12), 0.36)
        return picture


class MovingSun(SunShadows):
    """Sunlight through windows, whose edge moves slowly over floor, furniture and people, and clouds before the sun."""

    def __init__(
        self,
        geometry: SceneGeometry,
        windows: Sequence[Window],
        toward: Callable[[float], tuple[float, float, float]],
        strength: Callable[[float], float],
        soft_m: float,
    ) -> None:
        """`toward`: scene time → direction to the sun; `strength`: → light it adds, 0 behind a cloud."""
        super().__init__(geometry, toward(0.0), 1.0)
        self._windows, self._toward, self._strength, self._soft_m = windows, toward, strength, soft_m
        self._points = geometry.points

    def on_shop(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_shop`: sunlight on the empty shop, with the shadows of people and furniture in it."""
        strength = self._strength(moment.t_s)
        if strength <= 0:
            return picture
        free = self._free(moment)
        lit = strength * self._reached(self._points, moment.t_s) * free
        return scaled(picture, np.asarray(1 + lit[..., None] * np.array((0.82, 0.97, 1.08), np.float32), np.float32))

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`: sunlight on the people."""
        strength = self._strength(moment.t_s)
        if strength <= 0 or not moment.sprites:
            return picture
        points = self._geometry.points_with_people(moment)
        for one in moment.sprites:
            window = one.window
            lit = strength * self._reached(points[window], moment.t_s) * (one.labels > 0)
            picture[window] = scaled(np.ascontiguousarray(picture[window]), np.asarray(1 + lit, np.float32))
        return picture

    def _free(self, moment: Moment) -> F32:
        lit = self._lit.copy()
        for one in moment.sprites:
            self._darken(lit, body_spheres(one.pose, self._geometry.view))
        return lit

    def _reached(self, points: F32, t_s: float) -> F32:
        sun = np.array(self._toward(t_s), np.float32) * 60
        return np.asarray(sum(window.passes(points, sun, self._soft_m) for window in self._windows), np.float32)


class Branch(Effect):
    """A twig with leaves and a spider's web close to the lens, out of focus, that sways in a corner."""

    _BLUR_PX = 3.0
    _OPAQUE = 0.6
    """Where it hides people."""

    def __init__(self, size_wh: SizeWH, seed: int, reach_ratio: float) -> None:
        """It hangs into the picture from the upper right corner; `reach_ratio`: length ÷ width of the picture."""
        self._size_wh = width, height = size_wh
        self._corner = (width * 1.02, -0.03 * height)
        rng = np.random.default_rng([seed, 83])
        self._phases = rng.uniform(0, 2 * math.pi, 4)
        colour, cover = np.full((height, width, 3), (60, 75, 70), np.uint8), np.zeros((height, width), np.float32)
        for angle in (2.35, 2.7, 2.05):
            self._twig(
                colour, cover, angle + float(rng.normal(0, 0.05)), reach_ratio * float(rng.uniform(0.75, 1.0)), rng
            )
        self._web(colour, cover, reach_ratio, rng)
        self._colour = np.asarray(cv2.GaussianBlur(colour, (0, 0), self._BLUR_PX * 0.6), np.uint8)
        self._cover = np.asarray(cv2.GaussianBlur(cover, (0, 0), self._BLUR_PX), np.float32)

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        matrix = self._matrix(moment.t_s)
        colour = cv2.warpAffine(self._colour, matrix, self._size_wh, borderMode=cv2.BORDER_REPLICATE)
        cover = self._moved(moment.t_s)
        return np.asarray(cv2.blendLinear(colour, picture, cover, 1 - cover), np.uint8)

    def on_mask(self, mask: U8, t_s: float) -> U8:
        """See `Effect.on_mask`."""
        mask[self._moved(t_s) > self._OPAQUE] = 0
        return mask

    def _moved(self, t_s: float) -> F32:
        cover = cv2.warpAffine(self._cover, self._matrix(t_s), self._size_wh)
        return np.asarray(np.clip(cover, 0, 1), np.float32)

    def _matrix(self, t_s: float) -> F64:
        a, b, c, d = self._phases
        gust = 0.6 + 0.4 * math.sin(2 * math.pi * t_s / 17 + a)
        turn_deg = gust * (2.6 * math.sin(2 * math.pi * t_s / 2.6 + b) + 1.2 * math.sin(2 * math.pi * t_s / 1.1 + c))
        matrix = cv2.getRotationMatrix2D(self._corner, turn_deg, 1.0)
        matrix[0, 2] += 7 * gust * math.sin(2 * math.pi * t_s / 3.7 + d)
        matrix[1, 2] += 8 * gust * math.sin(2 * math.pi * t_s / 2.1 + a)
        return np.asarray(matrix, np.float64)

    def _twig(self, colour: U8, cover: F32, angle: float, reach_ratio: float, rng: np.random.Generator) -> None:
        width = self._size_wh[0]
        far = np.linspace(0, reach_ratio * width, 30)
        bent = angle + 0.25 * (far / far[-1]) ** 2
        places = np.stack([self._corner[0] + far * np.cos(bent), self._corner[1] + far * np.sin(bent)], axis=1)
        points = [np.rint(places).astype(np.int32)]
        cv2.polylines(cover, points, False, 1.0, 7)
        cv2.polylines(colour, points, False, (48, 60, 74), 9)
        for place in places[4::2]:
            at = place + rng.normal(0, 9, 2)
            size = (int(rng.uniform(13, 30)), int(rng.uniform(6, 12)))
            green = tuple(float(v) for v in np.array((40, 95, 62)) * rng.choice([0.35, 0.5, 1.7]))
            ellipse = (tuple(int(v) for v in at), size, float(rng.uniform(0, 180)), 0, 360)
            cv2.ellipse(cover, *ellipse, 1.0, -1)
            cv2.ellipse(colour, *ellipse, green, -1)

    def _web(self, colour: U8, cover: F32, reach_ratio: float, rng: np.random.Generator) -> None:
        """Threads from the corner, and threads across them, faint and bright."""
        strands = np.zeros_like(cover)
        corner = np.array(self._corner)
        angles = np.sort(rng.uniform(1.65, 3.05, 9))
        ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        for way in ways:
            ends = np.rint(np.stack([corner, corner + way * reach_ratio * self._size_wh[0]])).astype(np.int32)
            cv2.polylines(strands, [ends], False, 0.8, 2, cv2.LINE_AA)
        for far in np.linspace(0.25, 0.95, 7) * reach_ratio * self._size_wh[0]:
            ring = np.rint(corner + ways * far * rng.uniform(0.96, 1.04, (9, 1))).astype(np.int32)
            cv2.polylines(strands, [ring], False, 0.7, 2, cv2.LINE_AA)
        only = (strands > 0) & (cover == 0)
        colour[only] = (232, 232, 232)
        cover[only] = strands[only]


def sun_strength(steps: Sequence[tuple[float, float]]) -> Callable[[float], float]:
    """Return a function of the scene time from times in seconds and strengths, with smooth changes in between."""
    times, strengths = np.array(steps).T

    def strength(t_s: float) -> float:
        after = int(np.clip(np.searchsorted(times, t_s), 1, len(times) - 1))
        share = (t_s - times[after - 1]) / (times[after] - times[after - 1])
        part = float(smooth_step(np.array(share)))
        return float(strengths[after - 1] + part * (strengths[after] - strengths[after - 1]))

    return strength


def _write(picture: U8, text: str, at: tuple[int, int], size: float) -> None:
    def put(offset: tuple[int, int], level: int) -> None:
        place = (at[0] + offset[0], at[1] + offset[1])
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (level, level, level), 1, cv2.LINE_AA)

    for offset in _OUTLINE:
        put(offset, 0)
    put((0, 0), 255)


def _window_texture(seed: int) -> U8:
    """A bright display behind glass: lamps above, goods below, bars between the panes; BGR uint8."""
    rng = np.random.default_rng([seed, 79])
    height, width = 150, 720
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    light = 246 - 26 * rows + 5 * np.sin(np.arange(width, dtype=np.float32) / 28)[None, :]
    picture = light[..., None] * np.array([0.93, 0.99, 1.0], np.float32)
    for _ in range(46):
        x, wide, high = int(rng.uniform(0, width)), int(rng.uniform(8, 26)), int(rng.uniform(14, 60))
        picture[height - 12 - high : height - 12, x : x + wide] *= rng.uniform(0.45, 0.95, 3).astype(np.float32)
    picture[height - 12 :] *= np.float32(0.8)
    for x in range(0, width, 120):
        picture[:, x : x + 4] = 105
    return np.asarray(np.clip(picture, 0, 255), np.uint8)
