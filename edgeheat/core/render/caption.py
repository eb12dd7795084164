"""The words of a picture: its title's parts, durations, and the marks of the colour scale."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from edgeheat.defs.params import Measure

_UNITS = ((1.0, "s", 100.0), (60.0, "min", 100 * 60.0), (3600.0, "h", math.inf))
"""Seconds in the unit, its name, and the scale top in seconds below which it is taken."""

_NICE = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)

_MEASURES: dict[Measure, tuple[str, str]] = {
    "presence": ("time of presence", "nobody seen"),
    "traffic": ("time in motion", "no motion counted"),
    "dwell": ("time of staying", "nobody stayed"),
}
"""Heading of the scale, and what stands there where all is 0."""


@dataclass(frozen=True, slots=True)
class Caption:
    """The words of a picture's title; its coverage comes from the heat itself."""

    camera: str
    period: str
    """What the heat covers, in words: see `period_words`."""

    at: datetime | None
    """The shop's local time of the picture; None where it is not known (most recordings)."""

    measure: Measure = "presence"
    """What the seconds of the colour scale are of."""


def measure_words(measure: Measure, top_s: float, coverage: float) -> str:
    """Return the heading of a colour scale that ends at `top_s`: what its seconds are of."""
    if coverage <= 0:
        return "nothing observed"
    something, nothing = _MEASURES[measure]
    return something if top_s > 0 else nothing


def scale_ticks(top_s: float, gamma: float, most: int) -> list[tuple[float, str]]:
    """Return the marks of a colour scale: place from 0 (cold) to 1 (hot) along the colours, and label.

    The colour at place p stands for `top_s` * p^(1 / gamma) seconds. The first mark is 0, the last is the top
    itself with its unit; between them lie round figures, at most `most` marks in all.
    """
    unit_s, unit = next((size, name) for size, name, below in _UNITS if top_s < below)
    top = top_s / unit_s
    marks = {0.0: "0"}
    for step in range(1, most - 1):
        wanted = (step / (most - 1)) ** (1 / gamma) * top
        if wanted > 0:
            decade = 10.0 ** math.floor(math.log10(wanted))
            value = min(_NICE, key=lambda nice: abs(nice * decade - wanted)) * decade
            if value < top:
                marks[(value / top) ** gamma] = f"{value:.6g}"
    marks[1.0] = f"{top:.2g} {unit}" if top < 10 else f"{top:.0f} {unit}"
    return sorted(marks.items())


def ascii_words(text: str) -> str:
    """Return `text` in ASCII, accents dropped and the rest as `?`: cv2's fonts draw nothing else on every version."""
    letters = (char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return "".join(char if " " <= char <= "~" else "?" for char in letters)
