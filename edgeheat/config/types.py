"""Types of single settings: durations, sizes, names, times, polygons and others, parsed and checked with messages."""

from __future__ import annotations

import re
from datetime import time
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, cast
from zoneinfo import ZoneInfo, available_timezones

import tzlocal
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from edgeheat.config.colormaps import COLORMAP_NAMES
from edgeheat.defs.events import ALL
from edgeheat.defs.params import Point
from edgeheat.errors import ConfigError
from edgeheat.schedule import parse_cron

NAME_PATTERN = "[a-z0-9_-]{1,32}"
"""Names of cameras, zones, heats and plans: safe in file names, topics, URLs and metrics."""

NAME_RULE = "use 1 to 32 of a-z, 0-9, _ and -"
"""`NAME_PATTERN` in words, for messages."""

MAX_CORNERS = 200
"""Corners of a polygon: more than any outline needs, and few enough to compare each edge with all others."""

_SAME_POINT = 1e-9
"""Distance, in picture widths, below which two points are the same: decimals such as 0.1 are not exact."""

_COLLINEAR = 1e-12
"""Twice the area of a triangle, in pictures, below which its corners are on one line; again for rounding."""

_DURATION_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE_UNITS_BYTES = {
    **{"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12},
    **{"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40},
}
_MAX_AMOUNT = 1e15
"""Largest duration in seconds and size in bytes; more is mistyped, and 300 digits would become infinite."""

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")


def one_line(text: str) -> str:
    """Return `text` with line breaks and other control characters escaped as in TOML and Python: `\\n`."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def suggestion(word: str, known: list[str]) -> str:
    """Return `; did you mean "…"?` with the known word most similar to `word`, or an empty text if none is similar."""
    close = get_close_matches(word, known, n=1, cutoff=0.6) or [k for k in known if k.lower() == word.lower()]
    return f'; did you mean "{close[0]}"?' if close else ""


def quoted(value: object) -> str:
    """Return `value` as a user would write it, at most 60 characters."""
    try:
        text = f'"{value}"' if isinstance(value, str) else str(value)
    except ValueError:  # Python does not print whole numbers of more than 4300 digits
        text = "a number with thousands of digits"
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= 60 else text[:57] + "..."


def _parse_amount(value: object, units: dict[str, float], example: str) -> float:
    if isinstance(value, str) and (match := _AMOUNT.fullmatch(value.strip())) and match[2] in units:
        amount = float(match[1]) * units[match[2]]
        if amount > _MAX_AMOUNT:
            raise ValueError(f"is {quoted(value)}, which is too large; write {example}")
        return amount
    raise ValueError(f"is {quoted(value)}; write {example}")


def parse_duration(value: object) -> float:
    """Return the seconds of a text such as "10s", "1.5h" or "30d"; raises ValueError for anything else."""
    return _parse_amount(value, _DURATION_UNITS_S, 'a number with a unit (ms, s, m, h, d or w), such as "10s" or "30d"')


def parse_size(value: object) -> int:
    """Return the bytes of a text such as "500MB" or "2GiB"; raises ValueError for anything else."""
    example = 'a number with a unit (kB, MB, GB or TB; KiB, MiB, GiB or TiB), such as "500MB" or "2GB"'
    return round(_parse_amount(value, cast("dict[str, float]", _SIZE_UNITS_BYTES), example))


def expand_home(path: str) -> Path:
    """Return `path` with a leading `~` or `~user` replaced; raises ValueError if it cannot be a path."""
    if "\0" in path:
        raise ValueError(f"is {quoted(path)}, which is not a path; remove the zero byte")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ValueError(f"is {quoted(path)}, but there is no such home folder; write the full path") from None


def _amount_text(amount: float, units: list[tuple[str, float]]) -> str:
    for unit, factor in sorted(units, key=lambda item: -item[1]):
        if amount >= factor and (amount / factor).is_integer():
            return f"{amount / factor:.0f}{unit}"
    unit, factor = next(item for item in units if item[1] == 1)
    return f"{amount / factor:g}{unit}"


def duration_text(seconds: float) -> str:
    """Return `seconds` as the shortest exact text: 600.0 → "10m"; weeks are written in days."""
    return _amount_text(seconds, [(u, w) for u, w in _DURATION_UNITS_S.items() if u != "w"])


def size_text(size_bytes: int) -> str:
    """Return `size_bytes` as the shortest exact text: 2_000_000_000 → "2GB"."""
    return _amount_text(float(size_bytes), [(u, w) for u, w in _SIZE_UNITS_BYTES.items() if u != "KB"])


def _parse_name(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(NAME_PATTERN, value):
        return value
    raise ValueError(f"is {quoted(value)}; {NAME_RULE}")


def _parse_zone_name(value: object) -> str:
    if isinstance(value, str) and value.casefold() == ALL:
        raise ValueError(f"is {quoted(value)}, which is reserved for the whole picture; choose another name")
    return _parse_name(value)


def _parse_colormap(value: object) -> str:
    if isinstance(value, str) and value in COLORMAP_NAMES:
        return value
    hint = suggestion(str(value), sorted(COLORMAP_NAMES)) or '; use a matplotlib name, such as "inferno" or "turbo"'
    raise ValueError(f"is {quoted(value)}, which is not a colormap{hint}")


def _parse_timezone(value: object) -> str:
    # Reading the names of all time zones from disk is slow, so it is done only for a wrong name.
    try:
        if isinstance(value, str) and (not value or ZoneInfo(value)):
            return value
    except (ValueError, LookupError, OSError):
        pass
    hint = suggestion(str(value), sorted(available_timezones())) or '; write a name such as "Europe/Oslo"'
    raise ValueError(f"is {quoted(value)}, which is not a time zone{hint}")


def system_timezone_name() -> str:
    """Return the IANA name of the machine's time zone; raises ConfigError if it has none."""
    try:
        name = tzlocal.get_localzone_name()
    except (ValueError, LookupError, OSError):
        name = None
    if not name and not Path("/etc/localtime").exists():
        return "UTC"
    try:
        return ZoneInfo(name or "").key
    except (ValueError, LookupError, OSError):
        raise ConfigError(
            ['site.timezone: this machine\'s time zone has no name; set it, for example timezone = "Europe/Oslo"']
        ) from None


def _parse_cron(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f'is {quoted(value)}; write five fields, such as "*/5 9-20 * * *"')
    parse_cron(value)
    return value


def _parse_host_names(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(n, str) and re.fullmatch(r"[\w.-]+", n) for n in value):
        return tuple(map(str.lower, value))
    raise ValueError(f'is {quoted(value)}; write a list of names without a port, such as ["pi.lan"]')


def _parse_time_of_day(value: object) -> time:
    try:
        parsed = value if isinstance(value, time) else time.fromisoformat(str(value))
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is not None:
        raise ValueError(f'is {quoted(value)}; write a local time of day, such as "06:00"')
    return parsed


def _is_coordinate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _parse_polygon(value: object) -> tuple[Point, ...]:
    example = "write corners as [[0.1, 0.2], ...]"
    if not isinstance(value, list | tuple):
        raise ValueError(f"is {quoted(value)}; {example}")
    if len(value) < 3:
        raise ValueError(f"needs at least 3 points, has {len(value)}; {example}")
    if len(value) > MAX_CORNERS:
        raise ValueError(f"has {len(value)} points; at most {MAX_CORNERS} are accepted, remove some")
    corners: list[Point] = []
    for number, corner in enumerate(value, start=1):
        if not (isinstance(corner, list | tuple) and len(corner) == 2 and all(map(_is_coordinate, corner))):
            raise ValueError(
                f"point {number} is {quoted(corner)}; "
                "x and y go from 0 to 1 of the picture's width and height, from its top left"
            )
        corners.append((float(corner[0]), float(corner[1])))
    _check_corners(corners)
    _check_edges(corners)
    return tuple(corners)


def _check_corners(corners: list[Point]) -> None:
    """Raise ValueError if two corners are the same, or if all lie on one line."""
    for later, corner in enumerate(corners):
        for earlier, other in enumerate(corners[:later]):
            if max(abs(corner[0] - other[0]), abs(corner[1] - other[1])) < _SAME_POINT:
                closing = earlier == 0 and later == len(corners) - 1
                remedy = "remove the last one, the polygon closes by itself" if closing else "list each corner once"
                raise ValueError(f"point {later + 1} is the same as point {earlier + 1}; {remedy}")
    if all(abs(_signed_double_area(corners[0], corners[1], corner)) < _SAME_POINT for corner in corners):
        raise ValueError("has no area: its points lie on one line")


def _check_edges(corners: list[Point]) -> None:
    """Raise ValueError if two edges meet other than at the corner that neighbours share."""
    count = len(corners)
    edges = list(zip(corners, corners[1:] + corners[:1], strict=True))
    for i in range(count):
        before, corner, after = corners[i - 1], corners[i], corners[(i + 1) % count]
        if _side_sign(before, corner, after) == 0 and not _is_between(before, after, corner):
            raise ValueError(f"turns back on itself at point {i + 1}; remove that point")
    for i, second in enumerate(edges):
        for j, first in enumerate(edges[: max(0, i - 1)]):
            if (i + 1) % count == j or not _edges_meet(first, second):
                continue
            (a, b), (c, d) = [(edge + 1, (edge + 1) % count + 1) for edge in (j, i)]
            ends = f"the edge from point {a} to {b} {{}} the one from {c} to {d}"
            if any(_side_sign(*first, end) == 0 for end in second) or any(
                _side_sign(*second, end) == 0 for end in first
            ):
                raise ValueError(f"touches itself: {ends.format('meets')}; move a point, or split it into two polygons")
            raise ValueError(f"crosses itself: {ends.format('cuts')}; give the corners in order round the edge")


def _edges_meet(first: tuple[Point, Point], second: tuple[Point, Point]) -> bool:
    """Return whether two edges have any point in common, their ends included."""
    (a, b), (c, d) = first, second
    turns = _side_sign(a, b, c), _side_sign(a, b, d), _side_sign(c, d, a), _side_sign(c, d, b)
    if not any(turns):
        return _is_between(a, b, c) or _is_between(a, b, d) or _is_between(c, d, a)
    return turns[0] != turns[1] and turns[2] != turns[3]


def _is_between(a: Point, b: Point, p: Point) -> bool:
    """Return whether `p`, which lies on the line through `a` and `b`, lies between them, ends included."""
    return (p[0] - a[0]) * (p[0] - b[0]) + (p[1] - a[1]) * (p[1] - b[1]) <= 0


def _side_sign(a: Point, b: Point, p: Point) -> int:
    """Return on which side of the line from `a` to `b` the point `p` lies: 1, -1, or 0 on it."""
    side = _signed_double_area(a, b, p)
    return 0 if abs(side) < _COLLINEAR else 1 if side > 0 else -1


def _signed_double_area(a: Point, b: Point, p: Point) -> float:
    """Return twice the signed area of the triangle."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def _json_schema(**keys: Any) -> WithJsonSchema:
    return WithJsonSchema(keys)


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(duration_text),
    _json_schema(type="string", pattern=r"^\d+(\.\d+)?\s*(ms|s|m|h|d|w)$"),
]
"""Seconds; written "10s", "5m", "7d"."""

Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(size_text),
    _json_schema(type="string", pattern=r"^\d+(\.\d+)?\s*(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$"),
]
"""Bytes; written "500MB", "2GiB"."""

Name = Annotated[str, BeforeValidator(_parse_name), _json_schema(type="string", pattern=f"^{NAME_PATTERN}$")]
ZoneName = Annotated[str, BeforeValidator(_parse_zone_name), _json_schema(type="string", pattern=f"^{NAME_PATTERN}$")]
Colormap = Annotated[str, BeforeValidator(_parse_colormap), _json_schema(type="string", enum=sorted(COLORMAP_NAMES))]
TimezoneName = Annotated[str, BeforeValidator(_parse_timezone), _json_schema(type="string")]
HostNames = Annotated[
    tuple[str, ...], BeforeValidator(_parse_host_names), _json_schema(type="array", items={"type": "string"})
]
Cron = Annotated[str, BeforeValidator(_parse_cron), _json_schema(type="string")]
TimeOfDay = Annotated[
    time,
    BeforeValidator(_parse_time_of_day),
    PlainSerializer(lambda value: value.isoformat("minutes")),
    _json_schema(type="string"),
]
Polygon = Annotated[
    tuple[Point, ...],
    BeforeValidator(_parse_polygon),
    # Written by hand: pydantic would use `prefixItems`, which the draft-4 schema readers of TOML editors do not know.
    _json_schema(
        type="array",
        minItems=3,
        maxItems=MAX_CORNERS,
        items={"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number", "minimum": 0, "maximum": 1}},
    ),
]
