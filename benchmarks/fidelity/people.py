"""People of the fidelity scenes who follow an itinerary: where each one stands, and when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeheat.core.grid.frames import F64
from edgeheat.sources.synthetic.backdrop import FLOOR_LUMA
from edgeheat.sources.synthetic.layouts import XY, Layout
from edgeheat.sources.synthetic.routes import Routes
from edgeheat.sources.synthetic.scene import People
from edgeheat.sources.synthetic.walkers import TICK_S, Pose, Track, Visit, random_appearance

_STEP_ASIDE_M = 1.3
"""Shorter routes are straight lines: to the next place in a queue."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A place to stand, and the point faced there; coordinates in metres."""

    x: float
    y: float
    face_x: float
    face_y: float
    for_s: float = 0.0
    until_s: float | None = None
    """Scene time in seconds, instead of `for_s`; a person who arrives later walks on at once."""


@dataclass(frozen=True, slots=True)
class Itinerary:
    """The route of one person: from the entry through all stops to the exit."""

    stops: tuple[Stop, ...]
    at_s: float
    """Scene time of entering, in seconds; below 0: the person is present when the scene starts."""

    at_first_stop: bool = False
    """Whether `at_s` is the time of reaching the first stop instead."""

    speed: float = 1.0
    """Metres a second."""

    calm_s: float | None = 8.0
    """See `Track.visit`."""


class ScriptedPeople:
    """People who follow itineraries: continuous motion, routes around the furniture."""

    def __init__(self, layout: Layout, seed: int, itineraries: list[Itinerary]) -> None:
        self._layout, self._routes = layout, Routes(layout)
        rngs = [np.random.default_rng([seed, 19, number]) for number in range(len(itineraries))]
        self._visits = [self._visit(itinerary, rng) for itinerary, rng in zip(itineraries, rngs, strict=True)]

    def poses(self, t_s: float) -> list[Pose]:
        """See `People.poses`."""
        found = (visit.pose(t_s) for visit in self._visits)
        return [pose for pose in found if pose is not None]

    def _visit(self, itinerary: Itinerary, rng: np.random.Generator) -> Visit:
        start_s = itinerary.at_s
        if itinerary.at_first_stop:
            first = itinerary.stops[0]
            way = self._way(np.array(self._layout.entry), np.array((first.x, first.y)), np.random.default_rng(0))
            start_s -= float(_lengths(way)[-1]) / itinerary.speed
        here = np.array(self._layout.entry, np.float64)
        pieces: list[F64] = []
        ticks = 0
        for stop in [*itinerary.stops, None]:
            goal = np.array((stop.x, stop.y) if stop else self._layout.exit, np.float64)
            chance = np.random.default_rng(0) if itinerary.at_first_stop and not pieces else rng
            pieces.append(self._walk(self._way(here, goal, chance), itinerary.speed))
            ticks += len(pieces[-1])
            if stop:
                stays_s = stop.for_s if stop.until_s is None else stop.until_s - (start_s + ticks * TICK_S)
                pieces.append(_stand(stop, stays_s))
                ticks += len(pieces[-1])
            here = goal
        return Track(*np.concatenate(pieces).T).visit(
            random_appearance(rng, FLOOR_LUMA), start_s, rng, itinerary.calm_s
        )

    def _way(self, start: F64, end: F64, rng: np.random.Generator) -> F64:
        if np.hypot(*(end - start)) < _STEP_ASIDE_M:
            return np.stack([start, end])
        return self._routes.find_path(start, end, rng)

    @staticmethod
    def _walk(way: F64, speed: float) -> F64:
        far = _lengths(way)
        at = np.arange(0.0, far[-1], speed * TICK_S)
        zero = np.zeros(len(at))
        return np.stack([np.interp(at, far, way[:, 0]), np.interp(at, far, way[:, 1]), zero, zero, zero], axis=1)


class CombinedPeople:
    """Several groups of people in one scene."""

    def __init__(self, *groups: People) -> None:
        self._groups = groups

    def poses(self, t_s: float) -> list[Pose]:
        """See `People.poses`."""
        return [pose for group in self._groups for pose in group.poses(t_s)]


def shoppers(layout: Layout, seed: int, count: int, from_s: float, to_s: float) -> list[Itinerary]:
    """Return itineraries of random visitors who enter between two times, visit shelves and leave through a till."""
    rng = np.random.default_rng([seed, 23])
    browse = Routes(layout).browse_places
    itineraries = []
    for at_s in np.sort(rng.uniform(from_s, to_s, count)):
        chosen = browse[rng.integers(len(browse), size=rng.integers(2, 5))]
        stops = []
        for place in chosen:
            x, y, face_x, face_y = (float(v) for v in place)
            stops.append(Stop(x, y, face_x, face_y, for_s=float(rng.uniform(4, 18))))
        till = layout.tills[int(rng.integers(len(layout.tills)))]
        stops.append(Stop(*till.customer, *till.faced, for_s=float(rng.uniform(5, 12))))
        itineraries.append(Itinerary(tuple(stops), float(at_s), speed=float(rng.uniform(0.75, 1.25))))
    return itineraries


def queue(places: list[XY], facing: XY, seed: int, present: int, until_s: float) -> list[Itinerary]:
    """Return itineraries of a queue that is served at the first of its `places`, facing the point `facing`.

    `present` people stand in it at time 0; new people join until `until_s`.
    """
    rng = np.random.default_rng([seed, 29])
    served_s = np.cumsum(rng.uniform(14, 34, int(until_s / 14) + present + 4)) - 6.0
    joins_s = list(np.cumsum(rng.uniform(13, 31, len(served_s) - present)) - 4.0)
    itineraries = []
    for number, done_s in enumerate(served_s):
        joined_s = -1.0 if number < present else float(joins_s[number - present])
        if joined_s > until_s:
            break
        ahead = sum(1 for other in range(number) if served_s[other] > joined_s)
        if ahead >= len(places):
            continue
        stops = []
        for place in range(ahead, -1, -1):
            leaves_s = float(done_s if place == 0 else served_s[number - place] + rng.uniform(0.4, 2.2))
            x, y = (coordinate + rng.uniform(-0.04, 0.04) for coordinate in places[place])
            face_x, face_y = facing if place == 0 else places[place - 1]
            stops.append(Stop(x, y, face_x, face_y, until_s=leaves_s))
        itineraries.append(
            Itinerary(tuple(stops), joined_s, True, float(rng.uniform(0.7, 1.1)), float(rng.uniform(4, 12)))
        )
    return itineraries


def _stand(stop: Stop, for_s: float) -> F64:
    look = np.array((stop.face_x - stop.x, stop.face_y - stop.y))
    look /= np.hypot(*look)
    return np.tile([stop.x, stop.y, *look, 1.0], (max(0, int(for_s / TICK_S)), 1))


def _lengths(way: F64) -> F64:
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(way, axis=0).T))])
