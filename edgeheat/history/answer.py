"""Defines what every answer of history offers: a picture, a table, a document, arrays and sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.defs.params import Style
from edgeheat.history.query import PeriodHeat
from edgeheat.history.selection import Selection

_UNOBSERVED_RATIO = 0.1
"""Fraction of a period that was not observed above which the notes say so."""

Row = Mapping[str, str | float | None]
"""One line of a table by the names of its columns; None where there is no figure."""


class Answer(Protocol):
    """What history answers to one question."""

    def picture(self) -> U8:
        """Draw it: BGR uint8, shape (height, width, 3), owned by the caller."""
        ...

    def rows(self) -> Sequence[Row]:
        """Return it as a table; all rows have the same columns."""
        ...

    def document(self) -> dict[str, Any]:
        """Return everything but the heat of each cell, as values that JSON has."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return its numbers per cell, or per hour, with what they mean; docs/history.md lists them."""
        ...

    def sentences(self) -> list[str]:
        """Return the answer in words, the most important first; tables have several lines."""
        ...

    def notes(self) -> list[str]:
        """Return what is not included, or not known, in words."""
        ...


def picture_wh(backdrop: U8 | None, grid_shape_hw: tuple[int, ...], style: Style) -> SizeWH:
    """Return the size of a camera's picture: as wide as the style allows, in the camera's aspect ratio."""
    height, width = grid_shape_hw if backdrop is None else backdrop.shape[:2]
    return style.max_width, max(1, round(style.max_width * height / width))


def hours_words(seconds: float) -> str:
    """Return a length of time as people compare it: "41.2 h", "35 min"."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def period_document(heat: PeriodHeat, selection: Selection) -> dict[str, Any]:
    """Return which period of which camera a heat is of, and how well it is known."""
    start, end = (
        datetime.fromtimestamp(at_s, selection.timezone).isoformat(timespec="minutes")
        for at_s in (selection.period.start_s, selection.period.end_s)
    )
    return {
        "period": selection.words(),
        "layer": selection.shown_layer,
        "from": start,
        "to": end,
        "epoch": heat.epoch,
        "other_epochs": list(heat.other_epochs),
        "period_s": heat.grid.period_s,
        "observed_s": heat.grid.observed_s,
        "coverage": round(heat.grid.coverage, 4),
        "missing_s": heat.missing_s,
        "too_coarse_s": heat.too_coarse_s,
        "damaged_tiles": heat.damaged_tiles,
        "rejected_s": dict(heat.rejected_s),
    }


def period_notes(heat: PeriodHeat, selection: Selection) -> list[str]:
    """Return in words what a heat lacks."""
    start = f"{heat.camera}, {selection.words()}: "
    notes = []
    unobserved_s = heat.grid.period_s - heat.grid.observed_s - heat.too_coarse_s
    if unobserved_s > _UNOBSERVED_RATIO * heat.grid.period_s:
        is_paused = selection.shown_layer == "all" and selection.opening and selection.opening.outside == "pause"
        closed = "the shop was closed, " if is_paused else ""
        notes.append(
            f"{hours_words(unobserved_s)} were not observed: {closed}edgeheat was off, the camera offline, or its "
            "picture not usable"
        )
    if heat.too_coarse_s:
        notes.append(
            f"{hours_words(heat.too_coarse_s)} are stored only as part of longer times, and are not included: "
            "choose whole hours, days or months"
        )
    if heat.damaged_tiles:
        notes.append(f"{heat.damaged_tiles} damaged parts are not included")
    if heat.other_epochs:
        epochs = " or ".join(f"--epoch {epoch}" for epoch in heat.other_epochs)
        notes.append(
            f"for part of the time the camera showed another scene, because it was moved or its settings were changed; "
            f"this is scene {heat.epoch}, and {epochs} shows the other"
        )
    return [start + note for note in notes]
