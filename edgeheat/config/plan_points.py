"""Checks the point pairs of [[plan.view]]: enough of them, spread over an area, and a possible view of a floor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from edgeheat.config.types import quoted
from edgeheat.defs.params import Point, PointPair

MIN_POINTS = 4
"""A homography has eight unknowns, and each point pair gives two equations."""

MAX_POINTS = 24
"""Few enough to check all combinations of four."""

_POINT_FORMAT = "each is [x and y in the picture, x and y on the plan in metres], such as [0.12, 0.85, 1.5, 8.2]"

_MAX_NUMBER = 1e6
"""Largest number that is accepted, more than any floor has in metres: TOML's integers may be too large for a float."""

_MIN_HEIGHT_RATIO = 0.03
"""Height of a triangle, relative to the spread of all points, below which its corners count as on one line.

Points are not marked more exactly by hand, and their error would be thirty times as large at the far end of the floor.
"""


def _parse_points(value: object) -> tuple[PointPair, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError(f"is {quoted(value)}; write a list of points: {_POINT_FORMAT}")
    if len(value) < MIN_POINTS:
        raise ValueError(f"needs at least {MIN_POINTS} points, has {len(value)}; {_POINT_FORMAT}")
    if len(value) > MAX_POINTS:
        raise ValueError(f"has {len(value)} points; at most {MAX_POINTS} are accepted, remove some")
    pairs = tuple(_parse_pair(number, point) for number, point in enumerate(value, start=1))
    _check_distinct(pairs)
    _check_spread(pairs)
    _check_one_floor(pairs)
    return pairs


def _parse_pair(number: int, value: Any) -> PointPair:
    if not (isinstance(value, list | tuple) and len(value) == 4 and all(map(is_number, value))):
        raise ValueError(f"point {number} is {quoted(value)}; {_POINT_FORMAT}")
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
    """Return whether a value of the file is a number, without true, false, inf, nan and numbers above a million."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MAX_NUMBER


def _check_distinct(pairs: tuple[PointPair, ...]) -> None:
    """Raise ValueError if two points are at the same place in the picture or on the plan."""
    for (i, first), (j, second) in combinations(enumerate(pairs, start=1), 2):
        for where, part in (("in the picture", slice(0, 2)), ("on the plan", slice(2, 4))):
            if first[part] == second[part]:
                raise ValueError(f"points {i} and {j} are at the same place {where}; every mark needs its own")


def _check_spread(pairs: tuple[PointPair, ...]) -> None:
    """Raise ValueError unless there are four points of which no three lie on one line."""
    if any(min(_triangle_heights(four)) >= _MIN_HEIGHT_RATIO for four in combinations(_scaled(pairs), 4)):
        return
    if len(pairs) > 4:
        raise ValueError(
            "are not spread out: of any four of them, three lie nearly on one line; "
            "add points on both sides of it, near and far"
        )
    for three in combinations(range(4), 3):
        for where, part in (("in the picture", 0), ("on the plan", 1)):
            if _triangle_height([_scaled(pairs)[i][part] for i in three]) < _MIN_HEIGHT_RATIO:
                a, b, c = (i + 1 for i in three)
                raise ValueError(
                    f"points {a}, {b} and {c} lie nearly on one line {where}; spread them near and far, left and right"
                )


def _check_one_floor(pairs: tuple[PointPair, ...]) -> None:
    """Raise ValueError if no camera above a plane floor can see the points like this, all of them below the horizon.

    In a possible view, any three points have the same orientation (clockwise or not) in the picture and on the plan.
    Reference: Hartley and Zisserman 2004, Multiple View Geometry, chapter 21 (orientation-preserving homographies).
    """
    turns = {
        math.copysign(1.0, _signed_area(places) * _signed_area(plan))
        for three in combinations(_scaled(pairs), 3)
        if min(_triangle_height(places := [p for p, _ in three]), _triangle_height(plan := [q for _, q in three]))
        >= _MIN_HEIGHT_RATIO
    }
    if turns == {-1.0}:
        raise ValueError("show the floor mirrored: on the plan, x goes right and y goes down from its top left corner")
    if len(turns) > 1:
        raise ValueError(
            "are not a possible view of a floor: some go clockwise in the picture and anticlockwise on the plan; "
            "two points are exchanged, or one is mistyped"
        )


def _scaled(pairs: tuple[PointPair, ...]) -> list[tuple[Point, Point]]:
    """Return each pair's place in the picture and on the plan, in units of the diagonal of all points there."""
    spreads = [
        math.hypot(*(max(pair[i] for pair in pairs) - min(pair[i] for pair in pairs) for i in part))
        for part in ((0, 1), (2, 3))
    ]
    return [((u / spreads[0], v / spreads[0]), (x / spreads[1], y / spreads[1])) for u, v, x, y in pairs]


def _triangle_heights(points: tuple[tuple[Point, Point], ...]) -> Iterator[float]:
    for three in combinations(points, 3):
        yield _triangle_height([place for place, _ in three])
        yield _triangle_height([place for _, place in three])


def _triangle_height(corners: list[Point]) -> float:
    """Return the height of a triangle over its longest side."""
    return abs(2 * _signed_area(corners)) / max(math.dist(*side) for side in combinations(corners, 2))


def _signed_area(corners: list[Point]) -> float:
    """Return the area of a triangle, signed by its orientation."""
    (ax, ay), (bx, by), (cx, cy) = corners
    return ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / 2


PointPairs = Annotated[
    tuple[PointPair, ...],
    BeforeValidator(_parse_points),
    WithJsonSchema(
        {
            "type": "array",
            "minItems": MIN_POINTS,
            "maxItems": MAX_POINTS,
            "items": {"type": "array", "minItems": 4, "maxItems": 4, "items": {"type": "number", "minimum": 0}},
        }
    ),
]
