"""The text of a heatmap picture: the parts of its title, and the heading and ticks of its colour scale."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from edgeheat.defs.params import Measure

_TIME_UNITS = ((1.0, "s", 100.0), (60.0, "min", 100 * 60.0), (3600.0, "h", math.inf))
"""Units of the scale: seconds in the unit, its name, and the scale top in seconds below which it is used."""

_ROUND_NUMBERS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)
"""A tick's label is one of these numbers times a power of ten."""

_SCALE_HEADINGS: dict[Measure, tuple[str, str]] = {
    "presence": ("time of presence", "nobody seen"),
    "traffic": ("time in motion", "no motion counted"),
    "dwell": ("time of staying", "nobody stayed"),
}
"""By measure: the heading of the scale, and the one for a heat that is 0 everywhere."""


@dataclass(frozen=True, slots=True)
class Caption:
    """The parts of a picture's title, except the coverage."""

    camera: str
    """Name of the camera or floor plan."""

    period: str
    """The period of the heat as text, see `period_words`."""

    at: datetime | None
    """Local time of the picture; None where it is unknown (most recordings)."""

    measure: Measure = "presence"
    """The measure of the seconds on the colour scale."""

    per_hour: bool = False
    """Whether these seconds are those of an observed hour, see `hourly`, instead of the whole period's."""


def scale_heading(measure: Measure, top_s: float, coverage: float, *, per_hour: bool = False) -> str:
    """Return the heading of a colour scale that ends at `top_s` seconds; another one for a heat of 0."""
    if coverage <= 0:
        return "nothing observed"
    heading, zero_heading = _SCALE_HEADINGS[measure]
    if top_s <= 0:
        return zero_heading
    return f"{heading} per hour" if per_hour else heading


def scale_ticks(top_s: float, gamma: float, max_ticks: int) -> list[tuple[float, str]]:
    """Return the ticks of a colour scale: position from 0 (cold) to 1 (hot) along the bar, and label.

    The colour at position p stands for `top_s` * p^(1 / gamma) seconds. The first tick is 0 and the last one the top
    with its unit; between them are round numbers, at most `max_ticks` in all.
    """
    unit_s, unit = next((size, name) for size, name, below in _TIME_UNITS if top_s < below)
    *lower, (end, label) = number_ticks(top_s / unit_s, gamma, max_ticks)
    return [*lower, (end, f"{label} {unit}")]


def difference_ticks(top_s: float) -> list[tuple[float, str]]:
    """Return the ticks of a symmetric linear scale from `top_s` seconds less to `top_s` seconds more."""
    label = scale_ticks(top_s, 1.0, 2)[-1][1]
    return [(0.0, f"{label} less"), (0.5, "0"), (1.0, f"{label} more")]


def number_ticks(top: float, gamma: float, max_ticks: int) -> list[tuple[float, str]]:
    """Return the same for a scale without a unit that ends at `top`."""
    ticks = {0.0: "0"}
    for step in range(1, max_ticks - 1):
        wanted = (step / (max_ticks - 1)) ** (1 / gamma) * top
        if wanted > 0:
            decade = 10.0 ** math.floor(math.log10(wanted))
            value = min(_ROUND_NUMBERS, key=lambda number: abs(number * decade - wanted)) * decade
            if value < top:
                ticks[(value / top) ** gamma] = f"{value:.6g}"
    ticks[1.0] = f"{top:.2g}" if top < 10 else f"{top:.0f}"
    return sorted(ticks.items())


def to_ascii(text: str) -> str:
    """Return `text` in ASCII without accents, other characters as `?`: fonts of OpenCV 4 have only ASCII."""
    letters = (char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return "".join(char if " " <= char <= "~" else "?" for char in letters)
