"""Answers where people were in a period: the heat of one camera over its scene, and the figures of its zones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.difference import hourly
from edgeheat.core.render.heatmap import draw
from edgeheat.defs.events import ALL
from edgeheat.defs.params import Measure, PipelineParams
from edgeheat.defs.wording import with_measure
from edgeheat.errors import HistoryError
from edgeheat.history.answer import Row, hours_words, period_document, period_notes, picture_wh
from edgeheat.history.backdrop import read_backdrop
from edgeheat.history.query import PeriodHeat, read_selection
from edgeheat.history.selection import Selection
from edgeheat.history.zones import ZoneFigures, zone_figures
from edgeheat.store.history.store import HistoryStore


@dataclass(frozen=True, slots=True)
class HeatAnswer:
    """The heat of one camera in a period; see `Answer` for the methods."""

    params: PipelineParams
    """The camera's present settings, of which zones and style are used; with one named zone if only that is asked."""

    selection: Selection
    heat: PeriodHeat
    """Without heat under the present masks."""

    zones: dict[str, ZoneFigures]
    backdrop: U8 | None
    per_hour: bool
    """Whether the picture shows the heat of an observed hour instead of the whole period's."""

    def picture(self) -> U8:
        """Draw the heat over the scene, with the zones."""
        measure, style = self.heat.measure, self.params.style
        caption = Caption(
            self.params.camera, with_measure(measure, self.selection.words()), None, measure, self.per_hour
        )
        size_wh = picture_wh(self.backdrop, self.heat.grid.heat_s.shape, style)
        grid = hourly(self.heat.grid) if self.per_hour else self.heat.grid
        return draw(grid, self.backdrop, style, size_wh, caption, zones=self.params.zones)

    def rows(self) -> list[Row]:
        """Return the figures of each zone."""
        layer = self.selection.shown_layer
        return [
            {"zone": name, "layer": layer, **figures_row(zone, self.heat.grid)} for name, zone in self.zones.items()
        ]

    def document(self) -> dict[str, Any]:
        """Return period, coverage and zones."""
        return {
            "schema": 1,
            "camera": self.params.camera,
            "of": self.heat.measure,
            **period_document(self.heat, self.selection),
            "zones": {name: figures_row(zone, self.heat.grid) for name, zone in self.zones.items()},
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the heat of each cell."""
        return heat_arrays(self.heat.grid, self.selection, self.params.camera, self.heat.measure) | {
            "epoch": np.array(self.heat.epoch)
        }

    def sentences(self) -> list[str]:
        """Return how much was observed, and where most people were."""
        grid = self.heat.grid
        observed = f"{hours_words(grid.observed_s)} of {hours_words(grid.period_s)} observed"
        return [f"{self.params.camera}, {self.selection.words()}: {observed}; {self._conclusion()}"]

    def notes(self) -> list[str]:
        """Return what of the period is not included."""
        drawn_later = [name for name, zone in self.zones.items() if not zone.is_exact and name != ALL]
        notes = period_notes(self.heat, self.selection)
        if drawn_later:
            notes.append(f"summed from the cells, because drawn later than the period began: {', '.join(drawn_later)}")
        return notes

    def _conclusion(self) -> str:
        named = [zone for name, zone in self.zones.items() if name != ALL]
        if not any(zone.cell_s for zone in self.zones.values()):
            return "no motion counted"
        if len(self.zones) == 1 and named:
            zone = named[0]
            if zone.active_s is None:
                return f"{zone.name}: {zone.cell_s / max(1, zone.cells):.0f} s per place"
            return f"{zone.name}: a person in it for {hours_words(zone.active_s)}, {zone.entries} entries"
        busiest = max(named, key=self._rank, default=None)
        return f"busiest zone: {busiest.name}" if busiest else "the camera has no zones"

    def _rank(self, zone: ZoneFigures) -> float:
        weights = {each.name: each.weight for each in self.params.zones}
        return weights[zone.name] * zone.cell_s / max(1, zone.cells)


def answer_heat(
    store: HistoryStore,
    params: PipelineParams,
    selection: Selection,
    measure: Measure,
    *,
    epoch: int | None = None,
    zone: str | None = None,
    per_hour: bool = False,
) -> HeatAnswer:
    """Return the heat of one camera in a period.

    epoch: None for the one that was observed longest. zone: None for all zones.
    Raises HistoryError where nothing was observed or the zone is unknown, StoreError where the file cannot be read.
    """
    params = only_zone(params, zone)
    with store.reading():
        heat = read_selection(store, params.camera, selection, measure, epoch)
        backdrop = read_backdrop(store, params, heat.epoch)
    masks = ZoneMasks.from_params(params.zones, heat.grid.heat_s.shape[::-1])
    heat = replace(heat, grid=masked(heat.grid, masks))
    figures = zone_figures(heat, masks)
    if zone is not None:
        figures = {zone: figures[zone]}
    return HeatAnswer(params, selection, heat, figures, backdrop, per_hour)


def only_zone(params: PipelineParams, name: str | None) -> PipelineParams:
    """Return the settings with one of the named zones alone, and with all masks; None keeps all zones.

    Raises HistoryError, which lists the zones, for an unknown one.
    """
    if name is None or name == ALL:
        return params
    named = [zone.name for zone in params.zones if zone.kind == "zone"]
    if name not in named:
        raise HistoryError(f"{params.camera} has no zone {name}; its zones are {', '.join([ALL, *named])}")
    return replace(params, zones=tuple(zone for zone in params.zones if zone.kind != "zone" or zone.name == name))


def masked(grid: HeatGrid, masks: ZoneMasks) -> HeatGrid:
    """Return a heat without what was counted where the present masks are."""
    return replace(grid, heat_s=np.where(masks.counted > 0, grid.heat_s, np.float32(0)))


def figures_row(zone: ZoneFigures, grid: HeatGrid) -> dict[str, str | float | None]:
    """Return the figures of a zone; `grid` is the heat of its camera in the same period."""
    hourly_s = 3600 * zone.cell_s / zone.observed_s if zone.observed_s else 0.0
    return {
        "counted": "exact" if zone.is_exact else "from cells",
        "cells": zone.cells,
        "observed_s": round(zone.observed_s, 3),
        "coverage": round(min(1.0, zone.observed_s / grid.period_s), 4),
        "cell_seconds": round(zone.cell_s, 3),
        "cell_seconds_per_hour": round(hourly_s, 3),
        "mean_s": round(zone.cell_s / max(1, zone.cells), 4),
        "active_s": None if zone.active_s is None else round(zone.active_s, 3),
        "entries": zone.entries,
    }


def heat_arrays(grid: HeatGrid, selection: Selection, name: str, measure: Measure) -> dict[str, NDArray[Any]]:
    """Return the arrays that describe the heat of a camera or floor plan, named as those of `edgeheat render`."""
    return {
        "heat_s": grid.heat_s,
        "of": np.array(measure),
        "observed_s": np.array(grid.observed_s),
        "period_s": np.array(float(grid.period_s)),
        "start_wall_s": np.array(float(selection.period.start_s)),
        "end_wall_s": np.array(float(selection.period.end_s)),
        "period": np.array(selection.words()),
        "layer": np.array(selection.shown_layer),
        "camera": np.array(name),
    }
