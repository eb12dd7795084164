"""People of the fidelity scenes who do what a script says: who stands where, from when to when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeheat.sources.synthetic.backdrop import FLOOR_LUMA
from edgeheat.sources.synthetic.layouts import XY, Layout
from edgeheat.sources.synthetic.routes import F64, Routes
from edgeheat.sources.synthetic.scene import People
from edgeheat.sources.synthetic.walkers import TICK_S, Pose, Track, Visit, dress

_STEP_ASIDE_M = 1.3  # shorter ways are straight: one place on in a queue


@dataclass(frozen=True, slots=True)
class Halt:
    """A place to stand, and the point faced there."""

    x: float
    y: float
    face_x: float
    face_y: float
    for_s: float = 0.0
    until_s: float | None = None
    """Scene time; instead of `for_s`. Who comes later goes on at once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One person: from the entry by all halts to the exit."""

    halts: tuple[Halt, ...]
    at_s: float
    """Scene time at which he comes in by the entry; before 0: he is there when the scene starts."""

    at_first_halt: bool = False
    """`at_s` is instead when he reaches his first halt."""

    speed: float = 1.0
    """Metres a second."""

    calm_s: float | None = 8.0
    """See `Track.visit`."""


class Script:
    """People who follow plans, without leaps and round the furniture."""

    def __init__(self, layout: Layout, seed: int, plans: list[Plan]) -> None:
        self._layout, self._routes = layout, Routes(layout)
        rngs = [np.random.default_rng([seed, 19, number]) for number in range(len(plans))]
        self._visits = [self._visit(plan, rng) for plan, rng in zip(plans, rngs, strict=True)]

    def poses(self, t_s: float) -> list[Pose]:
        """See `People.poses`."""
        found = (visit.pose(t_s) for visit in self._visits)
        return [pose for pose in found if pose is not None]

    def _visit(self, plan: Plan, rng: np.random.Generator) -> Visit:
        start_s = plan.at_s
        if plan.at_first_halt:
            first = plan.halts[0]
            way = self._way(np.array(self._layout.entry), np.array((first.x, first.y)), np.random.default_rng(0))
            start_s -= float(_lengths(way)[-1]) / plan.speed
        here = np.array(self._layout.entry, np.float64)
        pieces: list[F64] = []
        ticks = 0
        for halt in [*plan.halts, None]:
            goal = np.array((halt.x, halt.y) if halt else self._layout.exit, np.float64)
            chance = np.random.default_rng(0) if plan.at_first_halt and not pieces else rng
            pieces.append(self._walk(self._way(here, goal, chance), plan.speed))
            ticks += len(pieces[-1])
            if halt:
                stays_s = halt.for_s if halt.until_s is None else halt.until_s - (start_s + ticks * TICK_S)
                pieces.append(_stand(halt, stays_s))
                ticks += len(pieces[-1])
            here = goal
        return Track(*np.concatenate(pieces).T).visit(dress(rng, FLOOR_LUMA), start_s, rng, plan.calm_s)

    def _way(self, start: F64, end: F64, rng: np.random.Generator) -> F64:
        if np.hypot(*(end - start)) < _STEP_ASIDE_M:
            return np.stack([start, end])
        return self._routes.way(start, end, rng)

    @staticmethod
    def _walk(way: F64, speed: float) -> F64:
        far = _lengths(way)
        at = np.arange(0.0, far[-1], speed * TICK_S)
        zero = np.zeros(len(at))
        return np.stack([np.interp(at, far, way[:, 0]), np.interp(at, far, way[:, 1]), zero, zero, zero], axis=1)


class Together:
    """Several groups of people at once."""

    def __init__(self, *groups: People) -> None:
        self._groups = groups

    def poses(self, t_s: float) -> list[Pose]:
        """See `People.poses`."""
        return [pose for group in self._groups for pose in group.poses(t_s)]


def shoppers(layout: Layout, seed: int, count: int, from_s: float, to_s: float) -> list[Plan]:
    """Return plans of chance visitors who come in between two times, look at some goods and leave by a till."""
    rng = np.random.default_rng([seed, 23])
    browse = Routes(layout).browse
    plans = []
    for at_s in np.sort(rng.uniform(from_s, to_s, count)):
        chosen = browse[rng.integers(len(browse), size=rng.integers(2, 5))]
        halts = []
        for place in chosen:
            x, y, face_x, face_y = (float(v) for v in place)
            halts.append(Halt(x, y, face_x, face_y, for_s=float(rng.uniform(4, 18))))
        (x, y), facing, _ = layout.tills[int(rng.integers(len(layout.tills)))]
        halts.append(Halt(x, y, *facing, for_s=float(rng.uniform(5, 12))))
        plans.append(Plan(tuple(halts), float(at_s), speed=float(rng.uniform(0.75, 1.25))))
    return plans


def queue(places: list[XY], facing: XY, seed: int, present: int, until_s: float) -> list[Plan]:
    """Return plans of a queue that is served at the first of its places, where one faces `facing`.

    At time 0 as many people as `present` stand in it; it is filled up again until the end.
    """
    rng = np.random.default_rng([seed, 29])
    served_s = np.cumsum(rng.uniform(14, 34, int(until_s / 14) + present + 4)) - 6.0
    joins_s = list(np.cumsum(rng.uniform(13, 31, len(served_s) - present)) - 4.0)
    plans = []
    for number, done_s in enumerate(served_s):
        joined_s = -1.0 if number < present else float(joins_s[number - present])
        if joined_s > until_s:
            break
        ahead = sum(1 for other in range(number) if served_s[other] > joined_s)
        if ahead >= len(places):
            continue
        halts = []
        for place in range(ahead, -1, -1):
            leaves_s = float(done_s if place == 0 else served_s[number - place] + rng.uniform(0.4, 2.2))
            x, y = (coordinate + rng.uniform(-0.04, 0.04) for coordinate in places[place])
            face_x, face_y = facing if place == 0 else places[place - 1]
            halts.append(Halt(x, y, face_x, face_y, until_s=leaves_s))
        plans.append(Plan(tuple(halts), joined_s, True, float(rng.uniform(0.7, 1.1)), float(rng.uniform(4, 12))))
    return plans


def _stand(halt: Halt, for_s: float) -> F64:
    look = np.array((halt.face_x - halt.x, halt.face_y - halt.y))
    look /= np.hypot(*look)
    return np.tile([halt.x, halt.y, *look, 1.0], (max(0, int(for_s / TICK_S)), 1))


def _lengths(way: F64) -> F64:
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(way, axis=0).T))])
