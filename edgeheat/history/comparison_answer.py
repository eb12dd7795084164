"""Answers what changed from one period to another: both heats, their difference, and the change of each zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.comparison import MIN_WEEKS, Comparison
from edgeheat.core.render.side_by_side import Layout, Period, draw_comparison
from edgeheat.defs.events import ALL
from edgeheat.defs.params import Measure, PipelineParams
from edgeheat.errors import HistoryError
from edgeheat.history.answer import Row, hours_words, period_document, period_notes, picture_wh
from edgeheat.history.backdrop import read_backdrop
from edgeheat.history.compare import PeriodComparison, compare_periods
from edgeheat.history.heat_answer import figures_row, masked, only_zone
from edgeheat.history.selection import Selection
from edgeheat.history.zones import ZoneFigures
from edgeheat.store.history.store import HistoryStore

_WIDTHS: dict[Layout, int] = {"row": 1920, "column": 720}
"""Width of the picture in pixels, by layout."""

_NO_FIGURE = "-"
"""What the table shows where there is no figure."""


@dataclass(frozen=True, slots=True)
class ComparisonAnswer:
    """How one camera changed from period A to period B; see `Answer` for the methods."""

    params: PipelineParams
    """The camera's present settings; with one named zone if only that is asked for."""

    a: Selection
    b: Selection
    comparison: PeriodComparison
    """Its heats are without what is under the present masks."""

    zones: tuple[str, ...]
    """The zones that are asked for."""

    backdrop: U8 | None
    layout: Layout

    def picture(self) -> U8:
        """Draw A, B and the difference."""
        grids = self.comparison.a.grid, self.comparison.b.grid
        return draw_comparison(
            self.params.camera,
            (Period(self.a.words(), grids[0]), Period(self.b.words(), grids[1])),
            self.comparison.b.measure,
            self.backdrop,
            self.params.style,
            camera_wh=picture_wh(self.backdrop, grids[0].heat_s.shape, self.params.style),
            width=_WIDTHS[self.layout],
            layout=self.layout,
            zones=self.params.zones,
        )

    def rows(self) -> list[Row]:
        """Return each zone's rates and changes; changes are in percent."""
        return [{"zone": name, "layer": self.b.shown_layer, **self._change_row(name)} for name in self.zones]

    def document(self) -> dict[str, Any]:
        """Return both periods, their coverage, and the zones."""
        found = self.comparison
        periods = {
            key: {
                **period_document(heat, selection),
                "zones": {name: figures_row(figures[name], heat.grid) for name in self.zones},
            }
            for key, heat, selection, figures in (
                ("a", found.a, self.a, found.zones_a),
                ("b", found.b, self.b, found.zones_b),
            )
        }
        changes = {name: self._change_row(name) for name in self.zones}
        return {"schema": 1, "camera": self.params.camera, "of": found.b.measure, **periods, "changes": changes}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the heats of both periods."""
        heats = {"a": (self.comparison.a.grid, self.a), "b": (self.comparison.b.grid, self.b)}
        arrays: dict[str, NDArray[Any]] = {
            "of": np.array(self.comparison.b.measure),
            "camera": np.array(self.params.camera),
            "epoch": np.array(self.comparison.b.epoch),
            "layer": np.array(self.b.shown_layer),
        }
        for key, (grid, selection) in heats.items():
            arrays[f"{key}_heat_s"] = grid.heat_s
            arrays[f"{key}_observed_s"] = np.array(grid.observed_s)
            arrays[f"{key}_period_s"] = np.array(float(grid.period_s))
            arrays[f"{key}_period"] = np.array(selection.words())
        return arrays

    def sentences(self) -> list[str]:
        """Return which zones changed by more than normal variation, and a table of all."""
        found = self.comparison
        observed = ", ".join(
            f"{letter} {hours_words(heat.grid.observed_s)} of {hours_words(heat.grid.period_s)}"
            for letter, heat in (("A", found.a), ("B", found.b))
        )
        return [
            f"{self.params.camera}: A {self.a.words()}, B {self.b.words()}; observed: {observed}",
            *self._conclusions(),
            *_table([_table_row(name, self._change_row(name), found.changes[name]) for name in self.zones]),
        ]

    def notes(self) -> list[str]:
        """Return what of the two periods is not included, and why there may be no test."""
        found = self.comparison
        notes = period_notes(found.a, self.a) + period_notes(found.b, self.b)
        named = [found.changes[name] for name in self.zones if name != ALL]
        if any(change.verdict == "too few weeks" for change in named):
            a, b = named[0].weeks
            notes.append(
                f"whether a change exceeds normal variation is known only with {MIN_WEEKS} whole weeks (Monday to "
                f"Sunday) in each period; A has {a}, B has {b}"
            )
        if any(sum(change.weeks_left_out) for change in named):
            notes.append("weeks observed for less than half as long as the longest one do not take part in the test")
        return notes

    def _conclusions(self) -> list[str]:
        lines = []
        for name in self.zones:
            change = self.comparison.changes[name]
            if change.verdict == "exceeds normal variation":
                row = self._change_row(name)
                lines.append(
                    f"{name}: {_percent(row['own_change_percent'])}, and {_relative(change)} relative to the rest of "
                    f"the picture, which exceeds normal variation"
                )
        tested = [self.comparison.changes[name].relative_change is not None for name in self.zones if name != ALL]
        return lines or (["no zone changed by more than normal variation"] if tested and all(tested) else [])

    def _change_row(self, name: str) -> dict[str, str | float | None]:
        figures_a, figures_b = self.comparison.zones_a[name], self.comparison.zones_b[name]
        change = self.comparison.changes[name]
        rate_a, rate_b = _hourly_s(figures_a), _hourly_s(figures_b)
        low, high = change.interval or (None, None)
        return {
            "a_cell_seconds_per_hour": round(rate_a, 3),
            "b_cell_seconds_per_hour": round(rate_b, 3),
            "a_mean_s_per_hour": round(rate_a / max(1, figures_a.cells), 3),
            "b_mean_s_per_hour": round(rate_b / max(1, figures_b.cells), 3),
            "own_change_percent": _in_percent(rate_b / rate_a - 1 if rate_a else None),
            "relative_change_percent": _in_percent(change.relative_change),
            "relative_change_low_percent": _in_percent(low),
            "relative_change_high_percent": _in_percent(high),
            "verdict": change.verdict,
            "a_weeks": change.weeks[0],
            "b_weeks": change.weeks[1],
            "counted": "exact" if figures_a.is_exact and figures_b.is_exact else "from cells",
        }


def answer_comparison(
    store: HistoryStore,
    params: PipelineParams,
    a: Selection,
    b: Selection,
    measure: Measure,
    *,
    zone: str | None = None,
    layout: Layout = "row",
) -> ComparisonAnswer:
    """Return how one camera changed from period A to period B; `zone` is the only zone asked for, None asks for all.

    Raises HistoryError where the periods overlap, have nothing, or show two scenes, or where the zone is unknown;
    StoreError where the file cannot be read.
    """
    if a.period.start_s < b.period.end_s and b.period.start_s < a.period.end_s:
        raise HistoryError(f"the periods overlap: {a.words()} and {b.words()}; choose two that do not")
    shown = only_zone(params, zone)
    with store.reading():
        found = compare_periods(store, params.camera, a, b, measure=measure, zones=params.zones)
        backdrop = read_backdrop(store, params, found.b.epoch)
    masks = ZoneMasks.from_params(params.zones, found.b.grid.heat_s.shape[::-1])
    found = replace(
        found,
        a=replace(found.a, grid=masked(found.a.grid, masks)),
        b=replace(found.b, grid=masked(found.b.grid, masks)),
    )
    zones = tuple(found.changes) if zone is None else (zone,)
    return ComparisonAnswer(shown, a, b, found, zones, backdrop, layout)


def _hourly_s(figures: ZoneFigures) -> float:
    return 3600 * figures.cell_s / figures.observed_s if figures.observed_s else 0.0


def _in_percent(ratio: float | None) -> float | None:
    return None if ratio is None else round(100 * ratio, 1)


def _percent(percent: str | float | None) -> str:
    return f"{percent:+.0f} %" if isinstance(percent, float) else _NO_FIGURE


def _relative(change: Comparison) -> str:
    if change.relative_change is None or change.interval is None:
        return _NO_FIGURE
    low, high = change.interval
    return f"{100 * change.relative_change:+.0f} % ({100 * low:+.0f} to {100 * high:+.0f} %)"


def _table_row(name: str, row: Row, change: Comparison) -> list[str]:
    rates = [f"{row[f'{letter}_mean_s_per_hour']:.1f}" for letter in "ab"]
    return [name, *rates, _percent(row["own_change_percent"]), _relative(change), change.verdict]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines of equally wide columns, below a heading."""
    heading = ["zone", "A s/h", "B s/h", "change", "relative to the rest (95 %)", "verdict"]
    widths = [max(len(row[column]) for row in [heading, *rows]) for column in range(len(heading))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [heading, *rows]
    ]
