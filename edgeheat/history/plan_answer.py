"""Answers where people were on a floor plan in a period: the heats of all its cameras on the plan's picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.floorplan.geometry import PlanHeat, blend
from edgeheat.core.floorplan.picture import draw_plan, floor_views
from edgeheat.core.grid.frames import U8
from edgeheat.core.render.caption import Caption
from edgeheat.defs.params import Measure, PlanParams
from edgeheat.defs.wording import with_measure
from edgeheat.errors import HistoryError
from edgeheat.history.answer import Row, hours_words, period_document, period_notes
from edgeheat.history.heat_answer import heat_arrays
from edgeheat.history.query import PeriodHeat, read_selection
from edgeheat.history.selection import Selection
from edgeheat.store.history.store import HistoryStore


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """The heat of a floor plan in a period; see `Answer` for the methods."""

    params: PlanParams
    selection: Selection
    measure: Measure
    heat: PlanHeat
    cameras: dict[str, PeriodHeat | None]
    """What each camera of the plan counted; None where nothing was observed."""

    image: U8 | None
    """The plan's own picture, BGR."""

    per_hour: bool

    def picture(self) -> U8:
        """Draw the heat over the plan."""
        period = with_measure(self.measure, self.selection.words())
        caption = Caption(self.params.name, period, None, self.measure, self.per_hour)
        return draw_plan(self._hourly() if self.per_hour else self.heat, self.image, self.params, caption)

    def rows(self) -> list[Row]:
        """Return how well each camera was observed."""
        return [
            {
                "camera": name,
                "layer": self.selection.shown_layer,
                "epoch": None if heat is None else heat.epoch,
                "observed_s": 0.0 if heat is None else round(heat.grid.observed_s, 3),
                "coverage": 0.0 if heat is None else round(heat.grid.coverage, 4),
                "cell_seconds": 0.0 if heat is None else round(float(heat.grid.heat_s.sum(dtype=float)), 3),
            }
            for name, heat in self.cameras.items()
        ]

    def document(self) -> dict[str, Any]:
        """Return period, coverage and cameras."""
        return {
            "schema": 1,
            "plan": self.params.name,
            "of": self.measure,
            "period": self.selection.words(),
            "layer": self.selection.shown_layer,
            "observed_s": self.heat.grid.observed_s,
            "period_s": self.heat.grid.period_s,
            "coverage": round(self.heat.grid.coverage, 4),
            "cameras": {name: heat and period_document(heat, self.selection) for name, heat in self.cameras.items()},
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the heat of each cell of the plan, and how long it was observed."""
        return heat_arrays(self.heat.grid, self.selection, self.params.name, self.measure) | {
            "cell_observed_s": self.heat.observed_s,
            "size_m": np.array(self.params.size_m),
        }

    def sentences(self) -> list[str]:
        """Return how much of the plan was observed."""
        grid = self.heat.grid
        observed = f"{hours_words(grid.observed_s)} of {hours_words(grid.period_s)} observed"
        return [f"{self.params.name}, {self.selection.words()}: {observed}, {len(self.cameras)} cameras"]

    def notes(self) -> list[str]:
        """Return what each camera lacks."""
        notes = []
        for name, heat in self.cameras.items():
            notes += [f"{name}: nothing was observed"] if heat is None else period_notes(heat, self.selection)
        return notes

    def _hourly(self) -> PlanHeat:
        """Return the heat of an observed hour: cameras were observed for different times, so each cell has its own."""
        observed_s, grid = self.heat.observed_s, self.heat.grid
        heat_s = np.where(observed_s > 0, 3600 * grid.heat_s / np.maximum(observed_s, 1), 0).astype(np.float32)
        return replace(self.heat, grid=replace(grid, heat_s=heat_s))


def answer_plan(
    store: HistoryStore,
    params: PlanParams,
    selection: Selection,
    measure: Measure,
    *,
    image: U8 | None,
    per_hour: bool = False,
) -> PlanAnswer:
    """Return the heat of a floor plan in a period; `image` is the plan's own picture, BGR.

    Raises HistoryError where no camera observed anything, StoreError where the file cannot be read.
    """
    cameras: dict[str, PeriodHeat | None] = {}
    with store.reading():
        for view in params.views:
            try:
                cameras[view.camera] = read_selection(store, view.camera, selection, measure)
            except HistoryError:
                cameras[view.camera] = None
    grids = {name: heat.grid for name, heat in cameras.items() if heat is not None}
    if not grids:
        words = f"{selection.words()}{selection.why_nothing()}"
        raise HistoryError(f"{params.name}: none of its cameras observed anything in {words}")
    try:
        views = floor_views(params, {name: grid.heat_s.shape[::-1] for name, grid in grids.items()})
    except ValueError as error:
        raise HistoryError(f"{params.name}: {error}; run edgeheat doctor for details") from error
    heat = blend([(view, grids.get(name)) for name, view in views.items()])
    return PlanAnswer(params, selection, measure, heat, cameras, image, per_hour)
