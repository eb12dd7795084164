"""Effects of the camera in the fidelity scenes: noise, exposure, infra-red, a bump, insects and rain."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import cv2
import numpy as np

from benchmarks.fidelity.geometry import SceneGeometry, smooth_step
from edgeheat.core.grid.frames import F32, U8, SizeWH
from edgeheat.sources.synthetic.effects import Effect, Moment
from edgeheat.sources.synthetic.scene import Scene

_MARGIN_PX = 64
"""By this much a noise field is larger than the picture; each frame uses it at a new offset."""


class Grain(Effect):
    """Sensor noise, partly in colour and slightly coarser than a pixel, as after a camera's own noise filter."""

    def __init__(
        self, size_wh: SizeWH, seed: int, level: float | Callable[[float], float], colour: float = 0.5
    ) -> None:
        """`level`: standard deviation in grey levels, or a function that returns it for a scene time in seconds."""
        self._size_wh, self._seed, self._level, self._colour = size_wh, seed, level, colour
        self._field = lru_cache(8)(self._make_field)

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        level = self._level(moment.t_s) if callable(self._level) else self._level
        width, height = self._size_wh
        rng = np.random.default_rng([self._seed, 43, moment.frame])
        y, x = (int(v) for v in rng.integers(0, _MARGIN_PX, 2))
        field = self._field(round(level * 2))[y : y + height, x : x + width]
        field = field[:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
        return np.asarray(cv2.add(picture, np.ascontiguousarray(field), dtype=cv2.CV_8U), np.uint8)

    def _make_field(self, half_levels: int) -> np.ndarray:
        width, height = self._size_wh
        rng = np.random.default_rng([self._seed, 47])
        shape = (height + _MARGIN_PX, width + _MARGIN_PX)
        grey, colour = rng.normal(0, 1, shape), rng.normal(0, 1, (*shape, 3))
        both = (grey[..., None] + self._colour * colour) / math.sqrt(1 + self._colour**2)
        soft = cv2.GaussianBlur(both, (0, 0), 0.55)
        return np.asarray(np.rint(soft / soft.std() * half_levels / 2), np.int16)


def exposed(picture: U8, gain: float) -> U8:
    """Return the picture with `gain` times the light, computed through a gamma of 2.2; highlights are clipped."""
    steps = np.arange(256) / 255
    table = np.clip(255 * np.minimum(1.0, gain * steps**2.2) ** (1 / 2.2), 0, 255)
    return np.asarray(cv2.LUT(picture, np.rint(table).astype(np.uint8)), np.uint8)


class Dim(Effect):
    """Constantly less light than usual."""

    def __init__(self, gain: float) -> None:
        self._gain = gain

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        return exposed(picture, self._gain)


class AutoExposure(Effect):
    """The gain falls when people cover much of the picture, and rises when they leave, both with a lag."""

    _STEP_S = 0.2

    def __init__(self, small: Scene, length_s: float, lowest: float) -> None:
        """`small`: the same scene at a small size, used as the light meter. `lowest`: the minimum gain."""
        width, height = small.params.size_wh
        weight = np.ones((height, width), np.float32)
        weight[height // 4 : -height // 6, width // 5 : -width // 5] = 2.5  # centre-weighted, as in most cameras
        times = np.arange(0.0, length_s + 1, self._STEP_S)
        covers = np.empty(len(times))
        for index, t_s in enumerate(times):
            masks = small.masks(float(t_s))
            covers[index] = np.average((masks.moving | masks.standing) > 0, weights=weight)
        wanted = 1 - (1 - lowest) * smooth_step(np.asarray((covers - 0.02) / 0.14, np.float32))
        keep = math.exp(-self._STEP_S / 0.45)
        self.gains = wanted.astype(np.float64)
        for _ in range(2):  # two lags in series give a smooth start and end
            for index in range(1, len(self.gains)):
                self.gains[index] = keep * self.gains[index - 1] + (1 - keep) * self.gains[index]

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        gain = float(np.interp(moment.t_s / self._STEP_S, np.arange(len(self.gains)), self.gains))
        return exposed(picture, 1.12 * gain)


class InfraRed:
    """The scene in the light of the camera's infra-red lamp: grey, other contrasts, bright near and dark far away."""

    def __init__(self, geometry: SceneGeometry) -> None:
        self._geometry = geometry
        width, height = geometry.view.size_wh
        x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
        y = np.linspace(-0.8, 0.8, height, dtype=np.float32)[:, None]
        self._cone = np.exp(-((((x - 0.05) ** 2 + (y + 0.05) ** 2) / 0.85) ** 1.3)).astype(np.float32)
        self._far_m = np.linalg.norm(geometry.points - geometry.view.position, axis=-1).astype(np.float32)

    def of(self, picture: U8, moment: Moment) -> U8:
        """Return the picture in infra-red light."""
        # Dyes and packages of different colours look similar in infra-red, and dark cloth is often bright.
        mix = np.array([[0.05, -0.30, 0.75]], np.float32)
        grey = np.asarray(cv2.transform(picture.astype(np.float32), mix), np.float32) + 68
        far_m = self._far_m.copy()
        for one in moment.sprites:
            far_m[one.window][one.labels > 0] = math.hypot(one.distance_m, 2.0)
        lamp = self._cone * 1.5 / (0.35 + (far_m / 6.5) ** 1.6)
        lit = 14 + 0.8 * grey * np.minimum(lamp, 2.2)
        knee = np.where(lit > 185, 185 + (lit - 185) * 0.35, lit)
        one_channel = np.clip(knee, 0, 255).astype(np.uint8)
        return np.asarray(cv2.merge([one_channel] * 3), np.uint8)


class Night(Effect):
    """Night for the whole scene."""

    def __init__(self, geometry: SceneGeometry) -> None:
        self._infra_red = InfraRed(geometry)

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        return self._infra_red.of(picture, moment)


class NightSwitch(Effect):
    """Colour by day; then the lamps go out and the camera switches to infra-red until morning."""

    def __init__(self, geometry: SceneGeometry, night: tuple[float, float]) -> None:
        self._infra_red, (self._dusk_s, self._dawn_s) = InfraRed(geometry), night

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`. Dark for 0.7 s before the switch; after each switch it is over-exposed at first."""
        t_s = moment.t_s
        since_dusk, since_dawn = t_s - self._dusk_s, t_s - self._dawn_s
        if since_dusk < -0.7 or since_dawn >= 1.4:
            return picture
        if since_dusk < 0:
            return exposed(picture, 0.012)
        if since_dawn < 0:
            return exposed(self._infra_red.of(picture, moment), 1 + 5 * math.exp(-since_dusk / 0.28))
        if since_dawn < 0.25:  # the shop's lamps are on while the camera is still in infra-red mode
            return exposed(self._infra_red.of(picture, moment), 6.0)
        return exposed(picture, 1 + 4 * math.exp(-(since_dawn - 0.25) / 0.25))

    def noise(self, t_s: float) -> float:
        """Standard deviation of the noise at a scene time, for `Grain`."""
        return 6.5 if self._dusk_s - 0.7 <= t_s < self._dawn_s + 0.25 else 2.0


class Bump(Effect):
    """The camera is bumped: it shakes and then shows a shifted view. The scene is drawn larger than the picture."""

    def __init__(self, scene_wh: SizeWH, picture_wh: SizeWH, at_s: float, shift: tuple[float, float], turn_deg: float):
        """`shift`: fraction of the picture's width and height, to the right and down."""
        self._scene_wh, self._wh, self._at_s, self._shift, self._turn_deg = scene_wh, picture_wh, at_s, shift, turn_deg

    def _matrix(self, t_s: float) -> F32:
        since_s = t_s - self._at_s
        part, shake = (0.0, 0.0) if since_s < 0 else (float(smooth_step(np.array(since_s / 0.25))), 0.0)
        if 0 <= since_s < 0.45:
            shake = math.exp(-since_s / 0.12) * math.sin(2 * math.pi * 9 * since_s)
        width, height = self._wh
        matrix = cv2.getRotationMatrix2D((self._scene_wh[0] / 2, self._scene_wh[1] / 2), -part * self._turn_deg, 1.0)
        matrix[0, 2] += (width - self._scene_wh[0]) / 2 + part * self._shift[0] * width + 5 * shake
        matrix[1, 2] += (height - self._scene_wh[1]) / 2 + part * self._shift[1] * height - 7 * shake
        return np.asarray(matrix, np.float32)

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        return np.asarray(cv2.warpAffine(picture, self._matrix(moment.t_s), self._wh, flags=cv2.INTER_CUBIC), np.uint8)

    def on_mask(self, mask: U8, t_s: float) -> U8:
        """See `Effect.on_mask`."""
        return np.asarray(cv2.warpAffine(mask, self._matrix(t_s), self._wh, flags=cv2.INTER_NEAREST), np.uint8)


class Insects(Effect):
    """Moths attracted by the camera's lamp: bright, blurred, fast, for a second or two each."""

    _SHUTTER_S = 0.03

    def __init__(self, size_wh: SizeWH, seed: int, spells: Sequence[tuple[float, float]], every_s: float) -> None:
        self._size = np.array(size_wh, np.float64)
        rng = np.random.default_rng([seed, 53])
        self._flights = []
        for begin, end in spells:
            t_s = begin
            while t_s < end:
                self._flights.append((t_s, float(rng.uniform(0.3, 2.8)), int(rng.integers(1 << 30))))
                t_s += float(rng.exponential(every_s))

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        glow = np.zeros(picture.shape[:2], np.float32)
        now = [flight for flight in self._flights if 0 <= moment.t_s - flight[0] < flight[1]]
        for begin, _, seed in now:
            self._draw(glow, moment.t_s - begin, seed)
        if not now:
            return picture
        return np.asarray(np.clip(picture + glow[..., None], 0, 255), np.uint8)

    def _draw(self, glow: F32, since_s: float, seed: int) -> None:
        rng = np.random.default_rng(seed)
        radius, bright = float(rng.uniform(4, 26)), float(rng.uniform(60, 190))
        start = rng.uniform(0.05, 0.95, 2) * self._size
        speed = rng.normal(0, 130, 2)
        loops = [(rng.uniform(15, 90, 2), rng.uniform(0.6, 3.5, 2), rng.uniform(0, 6.3, 2)) for _ in range(3)]
        track = []
        for t_s in np.linspace(since_s, since_s + self._SHUTTER_S, 7):
            place = start + speed * t_s
            for reach, rate, phase in loops:
                place = place + reach * np.sin(2 * math.pi * rate * t_s + phase)
            track.append(place)
        path = np.array(track)
        spread = 1 + float(np.hypot(*np.diff(path, axis=0).T).sum()) / (
            2 * radius
        )  # the same light spread over more pixels
        flutter = 0.65 + 0.35 * math.sin(2 * math.pi * 11 * since_s + seed % 7)
        one = np.zeros_like(glow)
        cv2.polylines(one, [np.rint(path * 16).astype(np.int32)], False, 1.0, int(2 * radius), cv2.LINE_8, 4)
        cv2.add(glow, cv2.GaussianBlur(one, (0, 0), radius / 3) * (bright * flutter / spread**0.6), glow)


class Rain(Effect):
    """Drops close to the lens, lit by the camera's lamp: bright slanting streaks, different in each frame."""

    def __init__(self, seed: int, spells: Sequence[tuple[float, float, float]]) -> None:
        """`spells`: begin and end in scene seconds, and mean number of streaks per frame."""
        self._seed, self._spells = seed, spells

    def on_picture(self, picture: U8, moment: Moment) -> U8:
        """See `Effect.on_picture`."""
        count = max((n for begin, end, n in self._spells if begin <= moment.t_s < end), default=0.0)
        if count <= 0:
            return picture
        rng = np.random.default_rng([self._seed, 59, moment.frame])
        height, width = picture.shape[:2]
        glow = np.zeros((height, width), np.float32)
        for _ in range(int(rng.poisson(count))):
            length, slant = rng.uniform(18, 130), rng.normal(0.14, 0.05)
            x, y, thick = rng.uniform(0, width), rng.uniform(-60, height), int(rng.choice([1, 1, 2, 3]))
            one = (int(x * 16), int(y * 16)), (int((x + slant * length) * 16), int((y + length) * 16))
            cv2.line(glow, *one, float(rng.uniform(25, 110)) / thick**0.5, thick, cv2.LINE_AA, 4)
        soft = cv2.GaussianBlur(glow, (0, 0), 0.9)
        return np.asarray(np.clip(picture + soft[..., None], 0, 255), np.uint8)
