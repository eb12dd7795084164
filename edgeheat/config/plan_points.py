"""Checks the point pairs of a plan's view: four or more, that look down on one floor and are spread over an area."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from edgeheat.config.types import quoted
from edgeheat.defs.params import Point, PointPair

LEAST_POINTS, MOST_POINTS = 4, 24
_EXAMPLE = "each is [x and y in the picture, x and y on the plan in metres], such as [0.12, 0.85, 1.5, 8.2]"

_MOST = 1e6
"""Beyond any floor; TOML's whole numbers may have more digits than Python's fractions can hold."""

_LEAST_HEIGHT = 0.03
"""Three points are on one line where their triangle is lower than this share of the spread of all points: a hand that
marks them is not sharper, and an error of theirs would grow thirtyfold at the other end of the floor."""


def _points(value: object) -> tuple[PointPair, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"is {quoted(value)}; give a list of points: {_EXAMPLE}")
    if len(value) < LEAST_POINTS:
        raise ValueError(f"needs at least {LEAST_POINTS} points, has {len(value)}; {_EXAMPLE}")
    if len(value) > MOST_POINTS:
        raise ValueError(f"has {len(value)} points; at most {MOST_POINTS} are taken, leave some out")
    pairs = tuple(_pair(number, each) for number, each in enumerate(value, start=1))
    _check_places(pairs)
    _check_spread(pairs)
    _check_one_floor(pairs)
    return pairs


def _pair(number: int, value: Any) -> PointPair:
    if not (isinstance(value, list | tuple) and len(value) == 4 and all(map(is_number, value))):
        raise ValueError(f"point {number} is {quoted(value)}; {_EXAMPLE}")
    u, v, x, y = map(float, value)
    if not (0 <= u <= 1 and 0 <= v <= 1):
        raise ValueError(
            f"point {number} lies outside the picture, at {u:g}, {v:g}; "
            "the first two go from 0 to 1 of the picture's width and height, from its top left"
        )
    if min(x, y) < 0:
        raise ValueError(
            f"point {number} lies outside the plan, at {x:g}, {y:g}; the last two are metres from the plan's top left"
        )
    return u, v, x, y


def is_number(value: Any) -> bool:
    """Tell whether a value of the file is a usable number; true and false are none, nor are inf, nan and giants."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST


def _check_places(pairs: tuple[PointPair, ...]) -> None:
    """Raise ValueError where two points share their place in the picture or on the plan."""
    for (i, first), (j, second) in combinations(enumerate(pairs, start=1), 2):
        for where, part in (("in the picture", slice(0, 2)), ("on the plan", slice(2, 4))):
            if first[part] == second[part]:
                raise ValueError(f"points {i} and {j} are the same place {where}; each mark on the floor has its own")


def _check_spread(pairs: tuple[PointPair, ...]) -> None:
    """Raise ValueError where no four of the points have each three of them off one line."""
    if any(min(_heights(four)) >= _LEAST_HEIGHT for four in combinations(_scaled(pairs), 4)):
        return
    if len(pairs) > 4:
        raise ValueError(
            "lie too much in line: of any four of them three lie on one line or nearly; "
            "add points to both sides of it, near and far"
        )
    for three in combinations(range(4), 3):
        for where, part in (("in the picture", 0), ("on the plan", 1)):
            if _height([_scaled(pairs)[i][part] for i in three]) < _LEAST_HEIGHT:
                a, b, c = (i + 1 for i in three)
                raise ValueError(
                    f"points {a}, {b} and {c} lie on one line {where}, or nearly; move one well off it, near and far, "
                    "left and right"
                )


def _check_one_floor(pairs: tuple[PointPair, ...]) -> None:
    """Raise ValueError where the points cannot be one floor seen from above, all of them below the horizon.

    Going round any three of them then turns the same way in the picture and on the plan.
    """
    turns = {
        math.copysign(1.0, _area(places) * _area(plan))
        for three in combinations(_scaled(pairs), 3)
        if min(_height(places := [p for p, _ in three]), _height(plan := [q for _, q in three])) >= _LEAST_HEIGHT
    }
    if turns == {-1.0}:
        raise ValueError("show the floor mirrored: on the plan x goes to the right and y down from its top left corner")
    if len(turns) > 1:
        raise ValueError(
            "do not look down on one floor: going round them turns left in the picture and right on the plan; "
            "two of them are exchanged, or one is mistyped"
        )


def _scaled(pairs: tuple[PointPair, ...]) -> list[tuple[Point, Point]]:
    """Return each pair's place in the picture and on the plan, in units of the spread of all points there."""
    spreads = [
        math.hypot(*(max(pair[i] for pair in pairs) - min(pair[i] for pair in pairs) for i in part))
        for part in ((0, 1), (2, 3))
    ]
    return [((u / spreads[0], v / spreads[0]), (x / spreads[1], y / spreads[1])) for u, v, x, y in pairs]


def _heights(points: tuple[tuple[Point, Point], ...]) -> Iterator[float]:
    for three in combinations(points, 3):
        yield _height([place for place, _ in three])
        yield _height([place for _, place in three])


def _height(corners: list[Point]) -> float:
    """Return the height of a triangle over its longest side."""
    return abs(2 * _area(corners)) / max(math.dist(*side) for side in combinations(corners, 2))


def _area(corners: list[Point]) -> float:
    """Return the area of a triangle, with the sign of the turn."""
    (ax, ay), (bx, by), (cx, cy) = corners
    return ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / 2


PointPairs = Annotated[
    tuple[PointPair, ...],
    BeforeValidator(_points),
    WithJsonSchema(
        {
            "type": "array",
            "minItems": LEAST_POINTS,
            "maxItems": MOST_POINTS,
            "items": {"type": "array", "minItems": 4, "maxItems": 4, "items": {"type": "number", "minimum": 0}},
        }
    ),
]
