"""Answers when it is busy: the motion of each hour of the week, of a camera or of one of its zones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F64, U8
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.render.profile import DAY_NAMES, HOURS, MIN_PROFILE_WIDTH, draw_profile
from edgeheat.defs.events import ALL
from edgeheat.defs.params import Measure, PipelineParams
from edgeheat.defs.wording import with_measure
from edgeheat.history.answer import Row, hours_words, period_document, period_notes
from edgeheat.history.heat_answer import only_zone
from edgeheat.history.profile import read_profile
from edgeheat.history.query import PeriodHeat, read_selection
from edgeheat.history.selection import Selection
from edgeheat.store.history.store import HistoryStore


@dataclass(frozen=True, slots=True)
class ProfileAnswer:
    """How busy each hour of the week was in a period; see `Answer` for the methods."""

    params: PipelineParams
    selection: Selection
    heat: PeriodHeat
    zone: str
    rates: F64
    """Cell-seconds per observed hour, shape (7, 24), Monday first; NaN where an hour was not observed."""

    def picture(self) -> U8:
        """Draw the week."""
        style = self.params.style
        return draw_profile(
            self.rates, self._title(), width=max(style.max_width, MIN_PROFILE_WIDTH), colormap=style.colormap
        )

    def rows(self) -> list[Row]:
        """Return one row for each hour of the week."""
        return [
            {
                "zone": self.zone,
                "layer": self.selection.shown_layer,
                "weekday": DAY_NAMES[day],
                "hour": hour,
                "cell_seconds_per_hour": _known(float(self.rates[day, hour])),
            }
            for day, hour in np.ndindex(*self.rates.shape)
        ]

    def document(self) -> dict[str, Any]:
        """Return period, coverage and the hours of each weekday."""
        return {
            "schema": 1,
            "camera": self.params.camera,
            "of": self.heat.measure,
            **period_document(self.heat, self.selection),
            "zone": self.zone,
            "cell_seconds_per_hour": {
                name: [_known(rate) for rate in rates.tolist()]
                for name, rates in zip(DAY_NAMES, self.rates, strict=True)
            },
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the hours of the week."""
        return {
            "cell_seconds_per_hour": self.rates,
            "of": np.array(self.heat.measure),
            "period": np.array(self.selection.words()),
            "layer": np.array(self.selection.shown_layer),
            "camera": np.array(self.params.camera),
            "zone": np.array(self.zone),
        }

    def sentences(self) -> list[str]:
        """Return which hours are the busiest."""
        grid = self.heat.grid
        observed = f"{hours_words(grid.observed_s)} of {hours_words(grid.period_s)} observed"
        return [f"{self._title()}: {observed}; {self._busiest()}"]

    def notes(self) -> list[str]:
        """Return what of the period is not included."""
        return period_notes(self.heat, self.selection)

    def _title(self) -> str:
        name = self.params.camera if self.zone == ALL else f"{self.params.camera}, {self.zone}"
        return f"{name}, {with_measure(self.heat.measure, self.selection.words())}"

    def _busiest(self) -> str:
        rates = np.nan_to_num(self.rates)
        if not rates.any():
            return "no motion counted"
        index = int(rates.argmax())
        return f"busiest on {DAY_NAMES[index // HOURS]} from {index % HOURS} to {index % HOURS + 1} h"


def answer_profile(
    store: HistoryStore,
    params: PipelineParams,
    selection: Selection,
    measure: Measure,
    *,
    epoch: int | None = None,
    zone: str | None = None,
) -> ProfileAnswer:
    """Return how busy each hour of the week was; `zone` None is the whole picture.

    epoch: None for the one that was observed longest. Raises HistoryError where nothing was observed or the zone is
    unknown, StoreError where the file cannot be read.
    """
    params = only_zone(params, zone)
    zone = zone or ALL
    with store.reading():
        heat = read_selection(store, params.camera, selection, measure, epoch)
        masks = ZoneMasks.from_params(params.zones, heat.grid.heat_s.shape[::-1])
        place = dict(zip(masks.named, masks.keys, strict=True))[zone], masks.named[zone]
        rates = read_profile(store, params.camera, selection, measure=measure, epoch=heat.epoch, zone=place)
    return ProfileAnswer(params, selection, heat, zone, rates)


def _known(rate: float) -> float | None:
    return round(rate, 3) if np.isfinite(rate) else None
