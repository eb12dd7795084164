"""Defines fidelity scenes 1 to 16: shop, people, effects and camera settings of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.fidelity import camera_effects, light_effects, object_effects
from benchmarks.fidelity.encode import Rate
from benchmarks.fidelity.geometry import SceneGeometry
from benchmarks.fidelity.people import CombinedPeople, Itinerary, ScriptedPeople, Stop, queue, shoppers
from edgeheat.core.grid.frames import SizeWH
from edgeheat.sources.synthetic.backdrop import FLOOR_LUMA
from edgeheat.sources.synthetic.effects import Effect
from edgeheat.sources.synthetic.layouts import CHECKOUT, SHOP, XY, Box, CameraPose, Layout
from edgeheat.sources.synthetic.scene import People, Scene, SceneParams
from edgeheat.sources.synthetic.walkers import Crowd

PICTURE_WH: SizeWH = (640, 360)
"""Typical size of the second, smaller stream of a camera."""

LOW_SHOP = replace(
    SHOP, camera_pose=CameraPose((4.9, -0.1, 2.35), yaw_deg=-3.0, pitch_deg=19.0, horizontal_fov_deg=82.0)
)
"""A low camera: people close to it fill a large part of the picture."""

CORNER_SHOP = replace(
    SHOP, camera_pose=CameraPose((10.6, 0.1, 3.1), yaw_deg=-38.0, pitch_deg=27.0, horizontal_fov_deg=84.0)
)
"""The shop, seen from a corner."""

SIDE_CHECKOUT = replace(
    CHECKOUT, camera_pose=CameraPose((0.5, 0.2, 3.5), yaw_deg=36.0, pitch_deg=31.0, horizontal_fov_deg=86.0)
)
"""The checkouts, seen from the side."""


@dataclass(frozen=True, slots=True)
class SceneSetup:
    """A scene that is ready to be drawn and encoded."""

    scene: Scene
    rate: Rate
    times_s: NDArray[np.float64]
    """Times of its frames, in scene seconds, rising from 0."""


@dataclass(frozen=True, slots=True)
class _Settings:
    """The parameters that every scene has: seed, length and camera settings."""

    seed: int
    length_s: float
    rate: Rate
    size_wh: SizeWH = PICTURE_WH
    shadows: bool = True
    """Soft shadows, as of ceiling lamps."""


def _setup(
    settings: _Settings, layout: Layout, people: People, effects: Callable[[Scene], Sequence[Effect]]
) -> SceneSetup:
    """Build a scene; `effects` receives it without effects, to compute positions from its geometry."""
    scene = Scene(
        SceneParams(seed=settings.seed, size_wh=settings.size_wh, shadows=settings.shadows, noise=0.0), people, layout
    )
    scene.effects = effects(scene)
    return SceneSetup(scene, settings.rate, np.arange(0.0, settings.length_s, 1 / settings.rate.fps))


def _crowd(layout: Layout, seed: int, walkers: int) -> Crowd:
    return Crowd(layout, seed, walkers, FLOOR_LUMA)


def plain_aisle(length_s: float, seed: int) -> SceneSetup:
    """1: a few walkers, soft light, mild noise."""
    people = _crowd(SHOP, seed, 4)
    return _setup(
        _Settings(seed, length_s, Rate(15, 1_500_000)),
        SHOP,
        people,
        lambda _: [camera_effects.Grain(PICTURE_WH, seed, 2.5)],
    )


def strong_noise(length_s: float, seed: int) -> SceneSetup:
    """2: a cheap sensor in poor light, with a bit rate too low for its noise."""
    layout = SIDE_CHECKOUT
    return _setup(
        _Settings(seed, length_s, Rate(12, 400_000, key_every_s=4.0)),
        layout,
        _crowd(layout, seed, 4),
        lambda _: [camera_effects.Dim(0.35), camera_effects.Grain(PICTURE_WH, seed, 10.0)],
    )


def lamps(length_s: float, seed: int) -> SceneSetup:
    """3: the lamps go off and on again, several times."""
    dark = [(52.0, 88.0), (118.0, 121.5), (150.0, 205.0), (232.0, 254.0)]

    def effects(scene: Scene) -> list[Effect]:
        switched = light_effects.Lamps(SceneGeometry(scene), (2.0, 6.0, 2.6), dark)
        return [switched, camera_effects.Grain(PICTURE_WH, seed, lambda t: 2.5 if switched.lit(t) else 4.0)]

    return _setup(_Settings(seed, length_s, Rate(15, 1_000_000)), SHOP, _crowd(SHOP, seed, 5), effects)


def daylight(length_s: float, seed: int) -> SceneSetup:
    """4: slowly drifting daylight, and clouds."""
    return _setup(
        _Settings(seed, length_s, Rate(15, 1_000_000)),
        CORNER_SHOP,
        _crowd(CORNER_SHOP, seed, 4),
        lambda scene: [
            light_effects.Daylight(SceneGeometry(scene), seed, length_s),
            camera_effects.Grain(PICTURE_WH, seed, 2.5),
        ],
    )


def night_switch(length_s: float, seed: int) -> SceneSetup:
    """5: from colour to infra-red and back."""

    def effects(scene: Scene) -> list[Effect]:
        switch = camera_effects.NightSwitch(SceneGeometry(scene), (85.0, 205.0))
        return [switch, camera_effects.Grain(PICTURE_WH, seed, switch.noise, colour=0.0)]

    return _setup(_Settings(seed, length_s, Rate(15, 1_000_000)), SHOP, _crowd(SHOP, seed, 4), effects)


def exposure(length_s: float, seed: int) -> SceneSetup:
    """6: people come close to the camera and its exposure reacts."""
    near = [Itinerary(
        (Stop(x, 1.0 + 0.5 * (number % 2), x + 0.6, 4.0, for_s=5.0 + 3 * (number % 3)),),
        20.0 + 23 * number,
        at_first_stop=True,
        speed=0.9 + 0.1 * (number % 4),
    ) for number, x in enumerate((4.4, 5.6, 3.9, 5.1, 4.7, 6.0, 4.2, 5.4, 4.9))]  # fmt: skip
    people = CombinedPeople(_crowd(LOW_SHOP, seed, 4), ScriptedPeople(LOW_SHOP, seed, near))
    meter = Scene(SceneParams(seed=seed, size_wh=(160, 90), walkers=0), people, LOW_SHOP)
    follow = camera_effects.AutoExposure(meter, length_s, lowest=0.42)
    return _setup(
        _Settings(seed, length_s, Rate(15, 1_500_000)),
        LOW_SHOP,
        people,
        lambda _: [follow, camera_effects.Grain(PICTURE_WH, seed, 2.5)],
    )


def screens(length_s: float, seed: int) -> SceneSetup:
    """7: two screens, a swinging sign and a plant in front of a fan, with people in front of and behind them."""
    advert = Box("frame", (7.42, 8.08), (3.6, 3.7), (0.0, 1.95))
    painted = replace(SHOP, boxes=(*SHOP.boxes, advert))
    pot = Box("crate", (4.3, 4.7), (3.6, 4.0), (0.0, 0.5))  # people walk around it; the plant itself is an effect
    people = _crowd(replace(painted, boxes=(*painted.boxes, pot)), seed, 5)

    def effects(scene: Scene) -> list[Effect]:
        wall = [(0.03, 5.5, 2.3), (0.03, 7.3, 2.3), (0.03, 7.3, 1.35), (0.03, 5.5, 1.35)]
        stand = [(7.47, 3.59, 1.9), (8.03, 3.59, 1.9), (8.03, 3.59, 0.7), (7.47, 3.59, 0.7)]
        return [
            object_effects.Screen(scene, wall, seed, length_s),
            object_effects.Screen(scene, stand, seed + 1, length_s),
            object_effects.HangingSign(scene, (5.0, 6.3), 2.95, (1.7, 0.55)),
            object_effects.Plant(scene, (4.5, 3.8), seed),
            camera_effects.Grain(PICTURE_WH, seed, 2.5),
        ]

    return _setup(_Settings(seed, length_s, Rate(15, 1_500_000)), painted, people, effects)


def shadows(length_s: float, seed: int) -> SceneSetup:
    """8: hard shadows that extend up the furniture, and a reflecting floor."""

    def effects(scene: Scene) -> list[Effect]:
        geometry = SceneGeometry(scene)
        return [
            light_effects.GlossyFloor(geometry, 0.22),
            light_effects.SunShadows(geometry, (-0.75, -0.55, 0.62), 0.5),
            camera_effects.Grain(PICTURE_WH, seed, 2.5),
        ]

    return _setup(_Settings(seed, length_s, Rate(15, 1_500_000)), SHOP, _crowd(SHOP, seed, 5), effects)


def standing(length_s: float, seed: int) -> SceneSetup:
    """9: four people stand at shelves for three minutes and more, others walk behind them."""
    places = [
        (Stop(6.3, 4.15, 6.3, 4.7, for_s=186), 24.0, 7.0),
        (Stop(7.95, 5.3, 8.5, 5.3, for_s=200), 48.0, 12.0),
        (Stop(2.45, 3.2, 3.0, 3.2, for_s=181), 70.0, 9.0),
        (Stop(5.2, 8.75, 5.2, 9.3, for_s=190), 95.0, 15.0),
    ]
    still = [Itinerary((stop,), at_s, at_first_stop=True, calm_s=calm_s) for stop, at_s, calm_s in places]
    people = CombinedPeople(ScriptedPeople(SHOP, seed, still), _crowd(SHOP, seed + 10, 3))
    return _setup(
        _Settings(seed, length_s, Rate(12, 1_000_000)),
        SHOP,
        people,
        lambda _: [camera_effects.Grain(PICTURE_WH, seed, 2.5)],
    )


def first_frame(length_s: float, seed: int) -> SceneSetup:
    """10: people are present from the first frame, some almost motionless, and then leave."""
    there = [
        (Stop(2.85, 3.9, 2.0, 3.6, until_s=34), 40.0),
        (Stop(5.05, 3.95, 4.2, 3.6, until_s=58), 60.0),
        (Stop(5.1, 4.8, 5.05, 3.9, until_s=47), 9.0),
        (Stop(7.15, 3.7, 6.4, 3.6, until_s=22), 7.0),
        (Stop(2.3, 5.95, 2.3, 6.6, until_s=29), 11.0),
        (Stop(6.0, 7.75, 6.0, 8.35, until_s=41), 30.0),
        (Stop(8.0, 5.45, 8.0, 5.0, until_s=16), 8.0),
    ]
    itineraries = [
        Itinerary((stop,), -25.0 - number, True, calm_s=calm_s) for number, (stop, calm_s) in enumerate(there)
    ]
    itineraries += shoppers(CHECKOUT, seed, 2, -14.0, -6.0) + shoppers(CHECKOUT, seed + 10, 9, 75.0, length_s - 25)
    people = ScriptedPeople(CHECKOUT, seed, itineraries)
    return _setup(
        _Settings(seed, length_s, Rate(15, 1_000_000)),
        CHECKOUT,
        people,
        lambda _: [camera_effects.Grain(PICTURE_WH, seed, 2.5)],
    )


def pallet(length_s: float, seed: int) -> SceneSetup:
    """11: a pallet is pushed in and stays; a display stand is removed."""
    goods, stand = (7.8, 3.0), (4.75, 3.7)
    porter = ScriptedPeople(
        SHOP, seed, [Itinerary((Stop(7.8, 4.05, *goods, for_s=9.0),), 42.0, at_first_stop=True, speed=0.8)]
    )
    helper = ScriptedPeople(
        SHOP, seed + 10, [Itinerary((Stop(4.0, 4.0, *stand, for_s=6.0),), 86.0, at_first_stop=True, speed=0.8)]
    )
    in_the_way = (_block(goods, 0.9, 1.2), _block(stand, 0.6, 1.2))
    others = _crowd(replace(SHOP, boxes=(*SHOP.boxes, *in_the_way)), seed + 20, 3)

    def effects(scene: Scene) -> list[Effect]:
        pushed = _PushedObject(porter, 42.0, goods, taken_away=False)
        taken = _PushedObject(helper, 86.0 + 6.0, stand, taken_away=True)
        return [
            object_effects.Block(scene, (0.8, 1.1, 1.15), pushed.where, seed),
            object_effects.Block(scene, (0.6, 0.6, 1.45), taken.where, seed + 10),
            camera_effects.Grain(PICTURE_WH, seed, 2.5),
        ]

    people = CombinedPeople(others, porter, helper)
    return _setup(_Settings(seed, length_s, Rate(12, 1_000_000)), SHOP, people, effects)


def bump(length_s: float, seed: int) -> SceneSetup:
    """12: the camera is bumped and keeps its new direction."""
    larger = (736, 414)  # so that the new view of the camera is drawn too
    pose = CHECKOUT.camera_pose
    wider = 2 * math.degrees(math.atan(math.tan(math.radians(pose.horizontal_fov_deg) / 2) * larger[0] / PICTURE_WH[0]))
    layout = replace(CHECKOUT, camera_pose=replace(pose, horizontal_fov_deg=wider))
    return _setup(
        _Settings(seed, length_s, Rate(15, 1_000_000), larger),
        layout,
        _crowd(layout, seed, 4),
        lambda _: [
            camera_effects.Bump(larger, PICTURE_WH, 92.0, (0.031, -0.027), 0.9),
            camera_effects.Grain(PICTURE_WH, seed, 2.5),
        ],
    )


def dense_queue(length_s: float, seed: int) -> SceneSetup:
    """13: queues at three tills, and other people who come and go."""
    first: list[XY] = [(2.85, 3.9), (2.87, 4.5), (2.85, 5.1), (2.9, 5.7), (3.45, 6.0), (3.9, 6.4), (3.9, 7.0)]
    second: list[XY] = [(5.05, 3.9), (5.05, 4.5), (5.1, 5.1), (5.1, 5.7), (5.7, 5.95), (6.3, 5.95)]
    third: list[XY] = [(7.15, 3.7), (7.15, 4.35), (7.15, 5.0), (7.15, 5.6), (7.15, 6.25)]
    itineraries = queue(first, (2.0, 3.6), seed, 6, length_s) + queue(second, (4.2, 3.6), seed + 10, 5, length_s)
    itineraries += queue(third, (6.4, 3.6), seed + 20, 4, length_s)
    people = CombinedPeople(ScriptedPeople(CHECKOUT, seed, itineraries), _crowd(CHECKOUT, seed + 30, 2))
    return _setup(
        _Settings(seed, length_s, Rate(15, 1_500_000)),
        CHECKOUT,
        people,
        lambda _: [camera_effects.Grain(PICTURE_WH, seed, 2.5)],
    )


def irregular(length_s: float, seed: int) -> SceneSetup:
    """14: a camera on a bad radio link: 1 to 15 frames a second, and gaps of up to 1.8 s."""
    rng = np.random.default_rng(seed)
    times = [0.0]
    while times[-1] < length_s:
        fps, ends_s = rng.choice([1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 15.0, 15.0]), times[-1] + rng.uniform(3, 16)
        while times[-1] < ends_s:
            times.append(times[-1] + min(1.8, rng.uniform(0.75, 1.25) / fps))
        if rng.random() < 0.6:
            times.append(times[-1] + rng.uniform(0.6, 1.8))
    layout = SIDE_CHECKOUT
    plain = _setup(
        _Settings(seed, length_s, Rate(8, 700_000)),
        layout,
        _crowd(layout, seed, 4),
        lambda _: [camera_effects.Grain(PICTURE_WH, seed, 3.0)],
    )
    return replace(plain, times_s=np.array([t for t in times if t < length_s]))


def beams(length_s: float, seed: int) -> SceneSetup:
    """15: headlights sweep through the shop front, and the sun shines in for a time."""
    windows = [light_effects.Window(-0.4, x, (0.4, 2.4), panes=2) for x in ((0.6, 2.6), (4.0, 6.0), (7.6, 10.2))]
    rng = np.random.default_rng(seed)
    cars = []
    for from_s in np.cumsum(rng.uniform(5, 17, 40)):
        side, y, z = rng.choice([-1, 1]), float(rng.uniform(-9, -5)), float(rng.uniform(1.3, 2.9))
        begin, end = (5 - side * rng.uniform(9, 16), y, z), (5 + side * rng.uniform(9, 16), y + rng.uniform(-2, 2), z)
        cars.append(
            light_effects.Car(float(from_s), float(rng.uniform(1.2, 4.0)), begin, end, float(rng.uniform(0.35, 1.0)))
        )
    sun = [(0, 0), (40, 0), (46, 0.5), (75, 0.55), (79, 0.1), (92, 0.1), (95, 0.5), (140, 0.55), (150, 0), (170, 0)]

    def effects(scene: Scene) -> list[Effect]:
        return [
            camera_effects.Dim(0.6),
            light_effects.Beams(SceneGeometry(scene), windows, cars, sun),
            camera_effects.Grain(PICTURE_WH, seed, 2.5),
        ]

    return _setup(_Settings(seed, length_s, Rate(15, 1_500_000)), SHOP, _crowd(SHOP, seed, 4), effects)


def night_insects(length_s: float, seed: int) -> SceneSetup:
    """16: infra-red at night with moths and rain in front of the camera, and a few people."""
    itineraries = shoppers(SHOP, seed, 8, -8.0, length_s - 50)

    def effects(scene: Scene) -> list[Effect]:
        return [
            camera_effects.Night(SceneGeometry(scene)),
            camera_effects.Insects(PICTURE_WH, seed, [(8.0, 95.0), (140.0, length_s)], every_s=1.0),
            camera_effects.Rain(seed, [(60.0, 120.0, 4.0), (120.0, 185.0, 11.0), (185.0, 215.0, 5.0)]),
            camera_effects.Grain(PICTURE_WH, seed, 6.5, colour=0.0),
        ]

    return _setup(
        _Settings(seed, length_s, Rate(15, 1_000_000), shadows=False),
        SHOP,
        ScriptedPeople(SHOP, seed, itineraries),
        effects,
    )


class _PushedObject:
    """Position of an object that a person pushes to its place, or away from it."""

    _AHEAD_M = 1.05

    def __init__(self, porter: ScriptedPeople, at_s: float, place: XY, *, taken_away: bool) -> None:
        """At `at_s`, in scene seconds, the porter arrives with the object, or leaves with it."""
        self._porter, self._at_s, self._place, self._taken_away = porter, at_s, place, taken_away

    def where(self, t_s: float) -> tuple[float, float, float] | None:
        """See the parameter `where` of `object_effects.Block`."""
        since_s = t_s - self._at_s
        if (since_s < 0) == self._taken_away:
            return (*self._place, 0.0)
        poses = self._porter.poses(t_s)
        if not poses:
            return None
        pose = poses[0]
        x, y = pose.x + self._AHEAD_M * pose.facing[0], pose.y + self._AHEAD_M * pose.facing[1]
        turn = math.atan2(pose.facing[1], pose.facing[0])
        there = min(1.0, abs(since_s) / 2.4)  # blends between the place and the porter over 2.4 s
        here_x, here_y = self._place
        return here_x + there * (x - here_x), here_y + there * (y - here_y), there * turn


def _block(place: XY, width_m: float, height_m: float) -> Box:
    x, y = place
    return Box("crate", (x - width_m / 2, x + width_m / 2), (y - width_m / 2, y + width_m / 2), (0.0, height_m))
