"""Simulates the people of a synthetic shop: appearance, position and pose at any instant, determined by the seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from edgeheat.core.grid.frames import F32, F64, U8
from edgeheat.sources.synthetic.layouts import Layout
from edgeheat.sources.synthetic.routes import Routes

TICK_S = 0.1
"""Time step of stored tracks; instants in between are interpolated linearly."""

_SMOOTH_TICKS = 9
"""Length of the moving average that rounds corners and lets people start and stop gradually."""

_STRIDE_M = 1.35
"""Length of a left and a right step together."""

_CLOTHES_BGR = (
    (40, 40, 45), (60, 45, 35), (110, 70, 40), (150, 100, 60), (45, 45, 160), (70, 60, 200), (60, 120, 60),
    (50, 90, 120), (225, 225, 225), (190, 200, 215), (60, 170, 220), (140, 80, 150), (90, 90, 95), (170, 150, 60),
    (35, 60, 90),
)  # fmt: skip
"""Colours of clothes."""

_SKIN_BGR = ((150, 180, 225), (130, 160, 205), (95, 130, 180), (70, 95, 140), (45, 65, 100))
"""Colours of skin."""

_HAIR_BGR = ((25, 25, 30), (35, 45, 65), (50, 80, 115), (110, 160, 195), (150, 150, 155), (30, 30, 70))
"""Colours of hair."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """The appearance of one walker."""

    height_m: float
    girth: float
    """Width of the body, relative to a slim adult."""

    coat: bool
    basket: bool
    palette_bgr: U8
    """Colours, shape (256, 3), indexed by `figure.BodyPart`."""

    texture: U8
    """Brightness pattern of the clothes, (96, 48), 128 for no change."""


@dataclass(frozen=True, slots=True)
class Pose:
    """One walker at one instant."""

    appearance: Appearance
    x: float
    y: float
    """Position on the floor plan, metres."""

    facing: tuple[float, float]
    """Unit vector on the floor plan."""

    stride: float
    """Angle in radians of the swing of the legs."""

    gait: float
    """Amplitude of the swing, from 0 (standing) to 1 (walking)."""

    reach: float
    """From 0 (arm down) to 1 (hand at the goods)."""

    standing: bool
    """Whether the walker stands, possibly fidgeting, and does not walk."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One person's visit: poses as arrays with one element per TICK_S since `start_s`."""

    appearance: Appearance
    start_s: float
    x: F64
    y: F64
    face_x: F64
    face_y: F64
    stride: F64
    gait: F64
    reach: F64
    standing: F64

    def pose(self, t_s: float) -> Pose | None:
        """Return the pose `t_s` seconds after the scene's start; None before the visit and after it."""
        tick = (t_s - self.start_s) / TICK_S
        first = int(tick) if tick >= 0 else -1
        if first < 0 or first + 1 >= len(self.x):
            return None
        fraction = tick - first

        def read(values: F64) -> float:
            return float(values[first] * (1 - fraction) + values[first + 1] * fraction)

        face_x, face_y = read(self.face_x), read(self.face_y)
        length = max((face_x * face_x + face_y * face_y) ** 0.5, 1e-6)
        return Pose(
            appearance=self.appearance,
            x=read(self.x),
            y=read(self.y),
            facing=(face_x / length, face_y / length),
            stride=read(self.stride),
            gait=read(self.gait),
            reach=read(self.reach),
            standing=read(self.standing) > 0.5,
        )


class Crowd:
    """The people of a shop, at most `walkers` at the same time.

    There are `walkers` slots with one visit per period each, so that any instant can be computed on its own.
    """

    def __init__(self, layout: Layout, seed: int, walkers: int, floor_luma: int) -> None:
        self._layout = layout
        self._routes = Routes(layout)
        self._seed = seed
        self._floor_luma = floor_luma
        rng = np.random.default_rng([seed, 7])
        self._period_s = rng.uniform(75.0, 125.0, walkers)
        self._phase_s = rng.uniform(0.1, 0.85, walkers) * self._period_s  # of the first visits at time 0
        self._visits: dict[int, tuple[int, Visit]] = {}

    def poses(self, t_s: float) -> list[Pose]:
        """Return the poses of all people in the shop or its doors `t_s` seconds after the scene's start."""
        poses = []
        for slot, (period_s, phase_s) in enumerate(zip(self._period_s, self._phase_s, strict=True)):
            number = int((t_s + phase_s) // period_s)
            if self._visits.get(slot, (-1,))[0] != number:
                self._visits[slot] = (number, self._plan(slot, number, number * period_s - phase_s))
            pose = self._visits[slot][1].pose(t_s)
            if pose is not None:
                poses.append(pose)
        return poses

    def _plan(self, slot: int, number: int, from_s: float) -> Visit:
        """Return one visit, from the entrance by some goods and a till to the exit, within the slot's period."""
        rng = np.random.default_rng([self._seed, 11, slot, number])
        limit_s = float(self._period_s[slot]) - 2.0
        browse = self._routes.browse_places
        chosen = rng.integers(len(browse), size=rng.integers(3, 7))
        stops = [_Stop(x, y, faced_x, faced_y, float(rng.uniform(4, 16))) for x, y, faced_x, faced_y in browse[chosen]]
        till = self._layout.tills[slot % len(self._layout.tills)]
        queue_position = slot // len(self._layout.tills) % 3  # slots share tills
        (x, y), (step_x, step_y) = till.customer, till.queue_step
        payment = _Stop(
            x + step_x * queue_position, y + step_y * queue_position, *till.faced, float(rng.uniform(6, 14))
        )
        speed = float(rng.uniform(0.75, 1.25))
        track = self._track([*stops, payment], speed, rng)
        while len(track.x) * TICK_S > limit_s and stops:
            stops.pop()
            track = self._track([*stops, payment], speed, rng)
        spare_s = max(0.0, limit_s - len(track.x) * TICK_S)
        return track.visit(
            random_appearance(rng, self._floor_luma), from_s + float(rng.uniform(0, min(spare_s, 8.0))), rng
        )

    def _track(self, stops: list[_Stop], speed: float, rng: np.random.Generator) -> Track:
        """Return the track from the entry by all stops to the exit, at a constant speed in metres per second."""
        here = np.array(self._layout.entry, np.float64)
        pieces: list[F64] = []
        for stop in [*stops, None]:
            goal = np.array((stop.x, stop.y) if stop else self._layout.exit, np.float64)
            way = self._routes.find_path(here, goal, rng)
            far = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(way, axis=0).T))])
            at = np.arange(0.0, far[-1], speed * TICK_S)
            zero = np.zeros(len(at))
            x, y = np.interp(at, far, way[:, 0]), np.interp(at, far, way[:, 1])
            pieces.append(np.stack([x, y, zero, zero, zero], axis=1))
            if stop:
                gaze = np.array((stop.faced_x - stop.x, stop.faced_y - stop.y))
                gaze /= np.hypot(*gaze)
                pieces.append(np.tile([stop.x, stop.y, *gaze, 1.0], (int(stop.dwell_s / TICK_S), 1)))
            here = goal
        return Track(*np.concatenate(pieces).T)


@dataclass(frozen=True, slots=True)
class _Stop:
    x: float
    y: float
    faced_x: float
    faced_y: float
    """The point that the person faces, metres."""

    dwell_s: float


@dataclass(frozen=True, slots=True)
class Track:
    """Position, gaze and whether the person stands, one element per TICK_S, not yet smoothed."""

    x: F64
    y: F64
    gaze_x: F64
    gaze_y: F64
    standing: F64

    def visit(
        self, appearance: Appearance, start_s: float, rng: np.random.Generator, fidget_interval_s: float | None = None
    ) -> Visit:
        """Return the track as a visit with smoothed motion, fidgeting, and bodies turned in their direction.

        Standing people sway and reach all the time; with `fidget_interval_s` they shift their weight, turn or reach
        once in that time on average, and hardly move in between.
        """
        ticks: F64 = np.arange(len(self.x), dtype=np.float64) * TICK_S
        still = _smooth(self.standing)
        calm: F64 = np.clip(2 * still - 1, 0.0, 1.0)  # 1 well after the stop and well before the next step
        wander = _sway if fidget_interval_s is None else partial(_shifts, every_s=fidget_interval_s)
        x = _smooth(self.x) + 0.03 * calm * wander(ticks, rng)
        y = _smooth(self.y) + 0.03 * calm * wander(ticks, rng)
        ahead_x, ahead_y = np.gradient(x), np.gradient(y)
        length = np.hypot(ahead_x, ahead_y)
        turn = 0.5 * wander(ticks, rng)
        gaze_x = self.gaze_x * np.cos(turn) - self.gaze_y * np.sin(turn)
        gaze_y = self.gaze_x * np.sin(turn) + self.gaze_y * np.cos(turn)
        going = 1 - self.standing
        unit = np.maximum(length, 1e-6)
        return Visit(
            appearance=appearance,
            start_s=start_s,
            x=x,
            y=y,
            face_x=_smooth(gaze_x + going * ahead_x / unit),
            face_y=_smooth(gaze_y + going * ahead_y / unit),
            stride=2 * np.pi / _STRIDE_M * np.cumsum(length * (1 - calm)),
            gait=1 - still,
            reach=calm
            * (
                np.maximum(0.0, _sway(ticks, rng))
                if fidget_interval_s is None
                else _reaches(ticks, rng, fidget_interval_s)
            ),
            standing=self.standing,
        )


def _smooth(values: F64) -> F64:
    padded = np.pad(values, _SMOOTH_TICKS // 2, mode="edge")
    return np.convolve(padded, np.full(_SMOOTH_TICKS, 1 / _SMOOTH_TICKS), mode="valid")


def _sway(ticks: F64, rng: np.random.Generator) -> F64:
    """Return a slow oscillation within -1..1: two sines with random periods."""
    fast, slow = rng.uniform(0.15, 0.35), rng.uniform(0.04, 0.1)
    first, second = rng.uniform(0, 2 * np.pi, 2)
    return np.asarray(0.5 * np.sin(2 * np.pi * fast * ticks + first) + 0.5 * np.sin(2 * np.pi * slow * ticks + second))


def _shifts(ticks: F64, rng: np.random.Generator, every_s: float) -> F64:
    """Return values within -1..1 that rest for a random time and then change, with a tenth of a sway added."""
    count = int(len(ticks) * TICK_S / every_s * 2) + 4
    begins_s = np.cumsum(rng.uniform(0.4, 1.6, count) * every_s)
    places = rng.uniform(-0.9, 0.9, count + 1)
    rests = places[np.searchsorted(begins_s, ticks)]
    return np.asarray(_smooth(rests) + 0.1 * _sway(ticks, rng))


def _reaches(ticks: F64, rng: np.random.Generator, every_s: float) -> F64:
    """Return the height of an arm, 0..1, which is raised for one to three seconds at random times."""
    count = int(len(ticks) * TICK_S / every_s * 2) + 4
    begins_s = np.cumsum(rng.uniform(0.5, 1.5, count) * every_s)
    lasts_s, heights = rng.uniform(1.0, 3.0, count), rng.uniform(0.4, 1.0, count)
    last = np.maximum(np.searchsorted(begins_s, ticks) - 1, 0)
    since_s = ticks - begins_s[last]
    up = (since_s >= 0) & (since_s < lasts_s[last])
    return _smooth(np.where(up, heights[last], 0.0))


def random_appearance(rng: np.random.Generator, floor_luma: int) -> Appearance:
    """Return a random appearance; about a third of the people wear clothes as bright as the floor."""
    shirt, trousers = (np.array(_CLOTHES_BGR[rng.integers(len(_CLOTHES_BGR))], np.float64) for _ in range(2))
    if rng.random() < 0.35:
        shirt = _as_bright_as(shirt, floor_luma + rng.uniform(-12, 12))
        trousers = _as_bright_as(trousers, floor_luma + rng.uniform(-25, 5))
    skin = np.array(_SKIN_BGR[rng.integers(len(_SKIN_BGR))])
    hair = np.array(_HAIR_BGR[rng.integers(len(_HAIR_BGR))])
    sleeves = skin if rng.random() < 0.3 else shirt * 0.86
    shoes = np.array((45, 45, 50)) if rng.random() < 0.7 else np.array((215, 215, 215))
    basket = np.array((60, 60, 190))
    palette = np.zeros((256, 3), np.uint8)
    palette[1:8] = np.clip([hair, skin, shirt, sleeves, trousers, shoes, basket], 0, 255).astype(np.uint8)
    return Appearance(
        height_m=float(rng.normal(1.71, 0.08)),
        girth=float(rng.uniform(0.86, 1.14)),
        coat=bool(rng.random() < 0.25),
        basket=bool(rng.random() < 0.45),
        palette_bgr=palette,
        texture=_texture(rng),
    )


def _as_bright_as(bgr: F64, luma: float) -> F64:
    return np.asarray(np.clip(bgr + (luma - bgr @ (0.114, 0.587, 0.299)), 0, 255))


def _texture(rng: np.random.Generator) -> U8:
    """Return folds and light from one side, with stripes or checks on some upper bodies."""
    rows, columns = np.mgrid[0:96, 0:48].astype(np.float32)
    folds: F32 = np.asarray(cv2.GaussianBlur(rng.normal(0, 60, (96, 48)).astype(np.float32), (0, 0), 3.0), np.float32)
    pattern = folds + 10 * (1 - columns / 24)
    upper = (rows > 18) & (rows < 52)
    kind = rng.random()
    if kind < 0.25:
        pattern += upper * 22 * np.sign(np.sin(rows * 1.1))
    elif kind < 0.4:
        pattern += upper * 16 * np.sign(np.sin(rows * 0.9)) * np.sign(np.sin(columns * 0.9))
    return np.asarray(np.clip(128 + pattern, 0, 255), np.uint8)
