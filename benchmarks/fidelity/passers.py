"""People of the situations who walk straight ways between stops: passers-by, attendants, and visitors who sit down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Protocol

import cv2
import numpy as np

from benchmarks.fidelity.people import Stop
from benchmarks.fidelity.seated import SeatedPose
from edgeheat.core.grid.frames import F64, U8
from edgeheat.sources.synthetic.backdrop import FLOOR_LUMA
from edgeheat.sources.synthetic.layouts import XY
from edgeheat.sources.synthetic.walkers import TICK_S, Appearance, Pose, Track, Visit, random_appearance

_SITTING_DOWN_S = 1.2
"""Time in which a person sits down or gets up."""


class Presence(Protocol):
    """One person's time in the scene."""

    def pose(self, t_s: float) -> Pose | None:
        """Return the pose at a scene time in seconds; None while the person is not there."""
        ...


class Present:
    """A group of people, given by each one's time in the scene."""

    def __init__(self, people: Sequence[Presence]) -> None:
        self.members = people

    def poses(self, t_s: float) -> list[Pose]:
        """See `People.poses`."""
        found = (one.pose(t_s) for one in self.members)
        return [pose for pose in found if pose is not None]


@dataclass(frozen=True, slots=True)
class Sitter:
    """A visit during which the person sits."""

    visit: Visit
    sits_s: tuple[float, float]
    """Scene times of sitting down and of getting up."""

    faces: XY
    """Unit vector on the floor plan, in which the seat faces."""

    at: XY
    """Where the feet are while the person sits, metres."""

    def pose(self, t_s: float) -> Pose | None:
        """See `Presence.pose`."""
        pose = self.visit.pose(t_s)
        if pose is None:
            return None
        begin_s, end_s = self.sits_s
        seated = min((t_s - begin_s) / _SITTING_DOWN_S, (end_s - t_s) / _SITTING_DOWN_S, 1.0)
        if seated <= 0:
            return pose
        smooth = seated * seated * (3 - 2 * seated)
        values = {field.name: getattr(pose, field.name) for field in fields(Pose)}
        return SeatedPose(**values, seated=smooth, seat_faces=self.faces, feet=self.at)


def visit(
    stops: Sequence[Stop],
    rng: np.random.Generator,
    appearance: Appearance,
    *,
    at_s: float,
    speed: float,
    calm_s: float = 8.0,
) -> Visit:
    """Return a visit on straight lines from the first of the stops, at `at_s`, to the last, at `speed` m/s.

    calm_s: see `Track.visit`.
    """
    pieces = []
    for here, there in pairwise(stops):
        pieces.append(_walk((here.x, here.y), (there.x, there.y), speed))
        pieces.append(_stand(there))
    return Track(*np.concatenate(pieces).T).visit(appearance, at_s, rng, calm_s)


def through(x: float, y: float) -> Stop:
    """Return a point on the way at which nobody stops."""
    return Stop(x, y, x, y + 1.0)


def sitter(
    way: Sequence[XY],
    rng: np.random.Generator,
    *,
    seat: XY,
    faces: XY,
    sits_s: tuple[float, float],
    calm_s: float,
) -> Sitter:
    """Return a person who comes by `way`, sits on the seat, and leaves by the same way.

    way: positions from outside the picture. seat: where the feet are. sits_s: scene times.
    """
    (x, y), (face_x, face_y) = seat, faces
    begin_s, end_s = sits_s
    speed = float(rng.uniform(0.8, 1.15))
    there = [through(*point) for point in way]
    stop = Stop(x, y, x + face_x, y + face_y, for_s=end_s - begin_s + 0.6)
    length_m = sum(float(np.hypot(b.x - a.x, b.y - a.y)) for a, b in pairwise([*there, stop]))
    come_s = begin_s - 0.3 - length_m / speed
    appearance = random_appearance(rng, FLOOR_LUMA)
    whole = visit([*there, stop, *there[::-1]], rng, appearance, at_s=come_s, speed=speed, calm_s=calm_s)
    return Sitter(whole, sits_s, faces, seat)


def textured(rng: np.random.Generator) -> Appearance:
    """Return a random appearance whose clothes have a fine pattern, as seen from near."""
    rows, columns = np.mgrid[0:480, 0:240].astype(np.float32)
    folds = cv2.GaussianBlur(rng.normal(0, 1, (480, 240)).astype(np.float32), (0, 0), 14)
    weave = cv2.GaussianBlur(rng.normal(0, 1, (480, 240)).astype(np.float32), (0, 0), 1.2)
    pattern = 16 * folds / folds.std() + 5 * weave / weave.std() + 12 * (1 - columns / 120)
    kind, scale = rng.random(), rng.uniform(0.12, 0.35)
    if kind < 0.3:
        pattern += 24 * np.sign(np.sin(rows * scale))
    elif kind < 0.5:
        pattern += 18 * (np.sign(np.sin(rows * scale)) + np.sign(np.sin(columns * scale)))
    elif kind < 0.75:
        blobs = cv2.GaussianBlur(rng.normal(0, 1, (480, 240)).astype(np.float32), (0, 0), 5)
        pattern += 30 * (blobs > blobs.std())
    texture = np.asarray(np.clip(128 + pattern, 0, 255), np.uint8)
    return replace(random_appearance(rng, FLOOR_LUMA), texture=texture)


def dark(rng: np.random.Generator, upper_luma: float, lower_luma: float) -> Appearance:
    """Return a person without colour whose clothes have 0.3 to 0.6 of the brightness behind upper and lower body."""
    plain = random_appearance(rng, FLOOR_LUMA)
    shares = rng.uniform(0.3, 0.6, 2)
    shirt, trousers = shares[0] * upper_luma, shares[1] * lower_luma
    palette = np.zeros((256, 3), np.uint8)
    greys = np.array([0.3 * upper_luma, 0.5 * upper_luma, shirt, 0.95 * shirt, trousers, 0.35 * lower_luma, shirt])
    palette[1:8] = np.clip(greys[:, None] * np.array([1.02, 1.0, 0.98]), 0, 255).astype(np.uint8)
    soft: U8 = np.asarray(128 + (plain.texture.astype(np.int16) - 128) // 2, np.uint8)
    return replace(plain, palette_bgr=palette, texture=soft, basket=False)


def _walk(start: XY, end: XY, speed: float) -> F64:
    """Return rows of x, y and zeros, one per tick, as `Track` has them."""
    length_m = float(np.hypot(end[0] - start[0], end[1] - start[1]))
    share = np.arange(0.0, length_m, speed * TICK_S)[:, None] / max(length_m, 1e-6)
    places = np.array(start) + share * (np.array(end) - np.array(start))
    return np.hstack([places, np.zeros((len(places), 3))])


def _stand(stop: Stop) -> F64:
    look = np.array((stop.face_x - stop.x, stop.face_y - stop.y))
    look /= np.hypot(*look)
    return np.tile([stop.x, stop.y, *look, 1.0], (int(stop.for_s / TICK_S), 1))
