"""Defines the scenes in which the people themselves are difficult: shop, people and effects of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from benchmarks.fidelity import camera_effects, situation_effects
from benchmarks.fidelity.encode import Rate
from benchmarks.fidelity.geometry import SceneGeometry
from benchmarks.fidelity.light_effects import Window
from benchmarks.fidelity.passers import Present, Sitter, dark, sitter, textured, through, visit
from benchmarks.fidelity.people import CombinedPeople, ScriptedPeople, Stop, shoppers
from benchmarks.fidelity.scene_setups import PICTURE_WH, SceneSetup
from benchmarks.fidelity.seated import SceneWithSeats
from edgeheat.sources.synthetic.backdrop import FLOOR_LUMA
from edgeheat.sources.synthetic.effects import Effect
from edgeheat.sources.synthetic.layouts import CHECKOUT, SHOP, XY, Box, CameraPose, Layout
from edgeheat.sources.synthetic.scene import People, SceneParams
from edgeheat.sources.synthetic.walkers import Crowd, Visit, random_appearance

_WINDOW_LUMA = 225.0
"""Brightness of the lit shop window behind the upper bodies of scene 18."""

_NOISE = 2.5
"""Standard deviation of the noise of all scenes, grey levels."""

_SEAT_M = 0.5
"""Width and depth of a seat."""

NARROW_STREET = Layout(
    boxes=(
        Box("fridge", (-7.0, -0.6), (6.2, 6.8), (0.0, 2.3)),
        Box("wall", (-7.0, 8.0), (6.8, 7.0), (0.0, 4.0)),
        Box("wall", (-0.6, 0.2), (6.2, 6.8), (0.0, 4.0)),
        Box("shelf", (0.2, 4.4), (6.3, 6.8), (0.0, 1.5)),
        Box("wall", (4.4, 8.0), (6.2, 6.8), (0.0, 4.0)),
        Box("produce", (0.9, 2.6), (5.0, 5.8), (0.0, 0.7)),
        Box("crate", (-3.4, -2.5), (5.2, 5.8), (0.0, 0.6)),
    ),
    camera_pose=CameraPose((0.0, 0.0, 1.75), yaw_deg=0.0, pitch_deg=14.0, horizontal_fov_deg=76.0),
    entry=(-8.0, 3.0),
    exit=(8.0, 3.0),
    tills=(),
    room=(-9.0, -0.5, 9.0, 6.8),
    mats=(),
    sign="CORNER SHOP",
)
"""Two shops seen from across a narrow street, by a camera at the height of a face."""

PROMENADE = Layout(
    boxes=(Box("wall", (-14.0, 14.0), (13.5, 13.8), (0.0, 5.0)),),
    camera_pose=CameraPose((0.0, 0.0, 2.9), yaw_deg=0.0, pitch_deg=7.0, horizontal_fov_deg=66.0),
    entry=(-12.0, 12.0),
    exit=(12.0, 12.0),
    tills=(),
    room=(-14.0, -0.5, 14.0, 13.5),
    mats=(),
    sign="GALLERY",
)
"""A shop front that is seen from afar; its window is an effect."""

_BACK_SEATS: tuple[XY, ...] = tuple((2.3 + 0.75 * number, 5.15) for number in range(5))
"""Where the feet of people are on the seats at the back wall, which face the camera."""

_SIDE_SEATS: tuple[XY, ...] = tuple((1.35, 2.9 + 0.75 * number) for number in range(3))
"""Where they are on the seats at the left wall."""


def _seat(feet: XY, faces: XY) -> tuple[Box, Box]:
    """Return the seat and its back."""
    x, y = feet[0] - 0.43 * faces[0], feet[1] - 0.43 * faces[1]
    half = _SEAT_M / 2
    seat = Box("till", (x - half, x + half), (y - half, y + half), (0.0, 0.42))
    at_x, at_y = x - (half + 0.04) * faces[0], y - (half + 0.04) * faces[1]
    wide_x, wide_y = (0.04, half) if faces[0] else (half, 0.04)
    return seat, Box("frame", (at_x - wide_x, at_x + wide_x), (at_y - wide_y, at_y + wide_y), (0.0, 0.85))


WAITING_ROOM = Layout(
    boxes=(
        Box("wall", (-0.2, 0.0), (-0.5, 6.4), (0.0, 3.2)),
        Box("wall", (-0.2, 9.0), (6.2, 6.4), (0.0, 3.2)),
        Box("wall", (8.2, 8.4), (-0.5, 2.6), (0.0, 3.2)),
        Box("wall", (8.2, 8.4), (4.4, 6.4), (0.0, 3.2)),
        Box("counter", (6.6, 7.9), (5.3, 5.8), (0.0, 1.0)),
        *(box for feet in _BACK_SEATS for box in _seat(feet, (0.0, -1.0))),
        *(box for feet in _SIDE_SEATS for box in _seat(feet, (1.0, 0.0))),
    ),
    camera_pose=CameraPose((4.3, 0.0, 2.7), yaw_deg=-4.0, pitch_deg=20.0, horizontal_fov_deg=80.0),
    entry=(9.6, 3.5),
    exit=(9.6, 3.5),
    tills=(),
    room=(0.0, -0.4, 8.2, 6.2),
    mats=(),
    sign="PHARMACY",
)
"""A waiting room with eight seats; the door is on the right."""

_DOOR: XY = (9.8, 3.4)
"""Outside the door of the waiting room."""


def _setup(
    layout: Layout,
    people: People,
    effects: Callable[[SceneWithSeats], Sequence[Effect]] = lambda _: (),
    *,
    seed: int,
    length_s: float,
    rate: Rate,
) -> SceneSetup:
    """Build a scene with mild noise; `effects` receives it without effects, to compute positions from its geometry."""
    params = SceneParams(seed=seed, size_wh=PICTURE_WH, shadows=True, noise=0.0)
    scene = SceneWithSeats(params, people, layout)
    scene.effects = [*effects(scene), camera_effects.Grain(PICTURE_WH, seed, _NOISE)]
    return SceneSetup(scene, rate, np.arange(0.0, length_s, 1 / rate.fps))


def near_crowd(length_s: float, seed: int) -> SceneSetup:
    """17: a crowd passes one to two metres from the lens; between, one or two come suddenly into a quiet picture."""
    rng = np.random.default_rng([seed, 91])
    crowded = [(-4.0, 52.0), (84.0, 128.0), (158.0, length_s + 4)]
    quiet = [(-4.0, length_s, 9.0)]
    visits = []
    for begin, end in crowded:
        t_s = begin
        while t_s < end:
            visits.append(_passer(rng, t_s, float(rng.uniform(0.95, 2.0)), float(rng.uniform(0.7, 1.2))))
            t_s += float(rng.uniform(0.3, 1.4))
    for begin, end, every_s in quiet:
        for t_s in np.arange(begin, end, every_s):
            visits.append(_passer(rng, float(t_s), float(rng.uniform(3.0, 4.6)), float(rng.uniform(0.9, 1.4))))
    for t_s in (68.0, 77.0, 140.0, 149.0):
        for y, later_s, from_left in ((0.70, 0.0, True), (0.86, 0.0, False), (1.1, 0.05, True)):
            visits.append(_passer(rng, t_s + later_s, y, 2.1, from_left=from_left))
    return _setup(NARROW_STREET, Present(visits), seed=seed, length_s=length_s, rate=Rate(15, 2_000_000))


def _passer(rng: np.random.Generator, at_s: float, y: float, speed: float, *, from_left: bool | None = None) -> Visit:
    """Return a person who crosses the picture of the narrow street; some stop in front of the camera."""
    side = (1.0 if rng.random() < 0.5 else -1.0) if from_left is None else (-1.0 if from_left else 1.0)
    edge = 1.0 + 0.95 * y
    stops = [through(side * edge, y)]
    if from_left is None and rng.random() < 0.15:
        x = float(rng.uniform(-0.4, 0.4)) * y
        stops.append(Stop(x, y, x, y + 1, for_s=float(rng.uniform(2, 7))))
    stops.append(through(-side * edge, y + float(rng.uniform(0.0, 0.2))))
    return visit(stops, rng, textured(rng), at_s=at_s, speed=speed, calm_s=4.0)


def bright_window(length_s: float, seed: int) -> SceneSetup:
    """18: small dark people in front of a bright shop window, behind a railing."""
    rng = np.random.default_rng([seed, 93])
    visits, t_s = [], -8.0
    while t_s < length_s:
        side, y = (1.0 if rng.random() < 0.5 else -1.0), float(rng.uniform(11.4, 12.9))
        stops = [through(side * 10.5, y)]
        for x in sorted(rng.uniform(-6, 6, int(rng.integers(0, 3))), reverse=side > 0):
            stops.append(Stop(float(x), y, float(x), y + 1, for_s=float(rng.uniform(4, 20))))
        stops.append(through(-side * 10.5, y))
        who = dark(rng, _WINDOW_LUMA, FLOOR_LUMA)
        visits.append(visit(stops, rng, who, at_s=t_s, speed=float(rng.uniform(0.8, 1.4))))
        t_s += float(rng.uniform(3, 12))

    def effects(scene: SceneWithSeats) -> list[Effect]:
        front = [(-7.5, 13.45, 3.3), (7.5, 13.45, 3.3), (7.5, 13.45, 0.3), (-7.5, 13.45, 0.3)]
        return [situation_effects.ShopWindow(scene, front, seed), situation_effects.Railing(scene, -9.0, 9.0, 10.6)]

    return _setup(PROMENADE, Present(visits), effects, seed=seed, length_s=length_s, rate=Rate(15, 1_000_000))


def attendants(length_s: float, seed: int) -> SceneSetup:
    """19: two attendants are behind their tills from the first frame to the last, while customers come and go."""
    rng = np.random.default_rng([seed, 95])
    visits = []
    for (x, y), stays_s, calm_s in (((1.33, 3.7), (9.0, 30.0), 4.0), ((3.5, 3.75), (35.0, 70.0), 10.0)):
        stops, ends_s = [through(x, y)], 0.0
        while ends_s < length_s + 70:
            for_s = float(rng.uniform(*stays_s))
            at_y = y + float(rng.choice([0.0, 0.0, 0.45, -0.35]))
            faced = (x + 1.0, at_y + float(rng.uniform(-0.8, 0.8)))
            stops.append(Stop(x, at_y, *faced, for_s=for_s))
            ends_s += for_s
        who = random_appearance(rng, FLOOR_LUMA)
        visits.append(visit(stops, rng, who, at_s=-30.0, speed=0.5, calm_s=calm_s))
    people = CombinedPeople(Present(visits), Crowd(CHECKOUT, seed, 3, FLOOR_LUMA))
    return _setup(CHECKOUT, people, seed=seed, length_s=length_s, rate=Rate(12, 1_000_000))


def seats(length_s: float, seed: int) -> SceneSetup:
    """20: people come, sit for one to four minutes and leave."""
    rng = np.random.default_rng([seed, 97])
    sitting: list[Sitter] = []
    for feet, faces in [*((one, (0.0, -1.0)) for one in _BACK_SEATS), *((one, (1.0, 0.0)) for one in _SIDE_SEATS)]:
        t_s = float(rng.uniform(-60, 60))
        while t_s < length_s - 40:
            for_s = float(rng.uniform(60, 240))
            sitting.append(_waiting(feet, faces, (t_s, t_s + for_s), rng))
            t_s += for_s + float(rng.uniform(35, 90))
    return _setup(WAITING_ROOM, Present(sitting), seed=seed, length_s=length_s, rate=Rate(12, 1_000_000))


def _waiting(feet: XY, faces: XY, sits_s: tuple[float, float], rng: np.random.Generator) -> Sitter:
    """Return a person who comes through the door of the waiting room, and sits there."""
    before = (feet[0] + 0.7 * faces[0], feet[1] + 0.7 * faces[1])
    way = (_DOOR, (7.0, 3.4 + float(rng.uniform(-0.4, 0.3))), before)
    return sitter(way, rng, seat=feet, faces=faces, sits_s=sits_s, calm_s=float(rng.uniform(5, 14)))


def draught(length_s: float, seed: int) -> SceneSetup:
    """21: a plant in a draught beside people who sit."""
    rng = np.random.default_rng([seed, 99])
    near = CameraPose((4.2, 0.6, 2.3), yaw_deg=3.0, pitch_deg=17.0, horizontal_fov_deg=64.0)
    kept = tuple(box for box in WAITING_ROOM.boxes if box.kind != "counter")
    layout = replace(WAITING_ROOM, boxes=kept, camera_pose=near)
    sitting = [
        _waiting(_BACK_SEATS[4], (0.0, -1.0), (16.0, 16.0 + float(rng.uniform(120, 150))), rng),
        _waiting(_BACK_SEATS[2], (0.0, -1.0), (62.0, 62.0 + float(rng.uniform(40, 60))), rng),
        _waiting(_BACK_SEATS[1], (0.0, -1.0), (150.0, length_s + 30), rng),
    ]
    passing = [
        visit(
            [through(*_DOOR), through(1.0, 3.2 + float(rng.uniform(0, 0.8)))],
            rng,
            random_appearance(rng, FLOOR_LUMA),
            at_s=float(at_s),
            speed=float(rng.uniform(0.8, 1.2)),
        )
        for at_s in np.cumsum(rng.uniform(15, 40, 5))
    ]
    plant_at = (_BACK_SEATS[4][0] + 1.05, 5.2)
    return _setup(
        layout,
        Present([*sitting, *passing]),
        lambda scene: [situation_effects.DraughtPlant(scene, plant_at, seed)],
        seed=seed,
        length_s=length_s,
        rate=Rate(15, 1_000_000),
    )


def on_screen_text(length_s: float, seed: int) -> SceneSetup:
    """22: the camera writes date, time and name into the picture; people are there half of the time."""
    itineraries = shoppers(SHOP, seed, 3, -25.0, 15.0) + shoppers(SHOP, seed + 10, 3, 125.0, 150.0)
    people = ScriptedPeople(SHOP, seed, itineraries)
    setup = _setup(SHOP, people, seed=seed, length_s=length_s, rate=Rate(15, 1_000_000))
    clock = situation_effects.OnScreenText(PICTURE_WH, datetime(2026, 3, 14, 9, 58, 40, tzinfo=UTC), "CAM 03 ENTRANCE")
    setup.scene.effects = [*setup.scene.effects, clock]  # after the noise: it is not of the sensor
    return setup


def sunlight(length_s: float, seed: int) -> SceneSetup:
    """23: the edge of the sunlight moves slowly over the floor, and comes and goes with clouds."""
    rng = np.random.default_rng([seed, 101])
    windows = [Window(-0.4, (1.2, 4.4), (0.3, 2.5), panes=1), Window(-0.4, (6.2, 7.6), (0.6, 2.2), panes=2)]
    steps, t_s, bright = [(-1.0, 1.0)], float(rng.uniform(18, 30)), True
    while t_s < length_s:
        steps += [
            (t_s, steps[-1][1]),
            (t_s + float(rng.uniform(2, 7)), 0.0 if bright else float(rng.uniform(0.7, 1.0))),
        ]
        bright, t_s = not bright, steps[-1][0] + float(rng.uniform(6, 40))
    steps.append((max(length_s, steps[-1][0]) + 60, steps[-1][1]))

    def toward(at_s: float) -> tuple[float, float, float]:
        angle = math.radians(8.0 + 9.0 * at_s / length_s)
        return (math.sin(angle), -math.cos(angle), 0.42 + 0.03 * at_s / length_s)

    def effects(scene: SceneWithSeats) -> list[Effect]:
        sun = situation_effects.MovingSun(
            SceneGeometry(scene), windows, toward, situation_effects.sun_strength(steps), soft_m=0.16
        )
        return [sun, camera_effects.Dim(0.62)]

    people = Crowd(CHECKOUT, seed, 4, FLOOR_LUMA)
    return _setup(CHECKOUT, people, effects, seed=seed, length_s=length_s, rate=Rate(15, 1_500_000))


def branch(length_s: float, seed: int) -> SceneSetup:
    """24: a twig and a spider's web sway close to the lens; people walk elsewhere, and sometimes behind them."""
    return _setup(
        SHOP,
        Crowd(SHOP, seed, 4, FLOOR_LUMA),
        lambda _: [situation_effects.Branch(PICTURE_WH, seed, 0.42)],
        seed=seed,
        length_s=length_s,
        rate=Rate(15, 1_500_000),
    )
