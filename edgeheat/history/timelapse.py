"""Draws a period hour by hour or day by day, all pictures on one scale."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.period import length_s
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.difference import hourly
from edgeheat.core.render.heatmap import draw, scale_max_s
from edgeheat.defs.history import Level
from edgeheat.defs.wording import with_measure
from edgeheat.errors import HistoryError
from edgeheat.history.answer import picture_wh
from edgeheat.history.heat_answer import HeatAnswer, masked
from edgeheat.history.query import read_selection
from edgeheat.history.selection import Selection
from edgeheat.local_time.period import WHOLE_DAY
from edgeheat.store.history.store import HistoryStore


@dataclass(frozen=True, slots=True)
class Timelapse:
    """The parts of a period, of the epoch of the answer to the whole period."""

    store: HistoryStore
    whole: HeatAnswer
    parts: tuple[Selection, ...]
    """The hours or days that have any of the selected time."""

    level: Level

    @classmethod
    def of(cls, store: HistoryStore, whole: HeatAnswer, level: Level) -> Timelapse:
        """Divide the period of an answer into its local hours or days."""
        parts = tuple(part for part in whole.selection.parts(level) if len(part.intervals()))
        return cls(store, whole, parts, level)

    @property
    def size_wh(self) -> SizeWH:
        """Size of each picture."""
        return picture_wh(self.whole.backdrop, self.whole.heat.grid.heat_s.shape, self.whole.params.style)

    def tops_s(self) -> Iterator[float]:
        """Yield the top of the scale that each part would need; the greatest one suits all."""
        style = replace(self.whole.params.style, normalize=True)
        for part in self.parts:
            yield scale_max_s(self._grid(part), style)

    def pictures(self, top_s: float) -> Iterator[U8]:
        """Yield the picture of each part, BGR of `size_wh`, on a scale that ends at `top_s`."""
        params, measure = self.whole.params, self.whole.heat.measure
        style = replace(params.style, normalize=False, vmax_s=top_s) if params.style.normalize else params.style
        for part in self.parts:
            # An hour needs no hours: it lies in those of the question.
            titled = replace(part, hours=WHOLE_DAY) if self.level is Level.HOUR else part
            words = with_measure(measure, titled.words())
            caption = Caption(params.camera, words, None, measure, self.whole.per_hour)
            yield draw(self._grid(part), self.whole.backdrop, style, self.size_wh, caption, zones=params.zones)

    def _grid(self, part: Selection) -> HeatGrid:
        """Return the heat of a part; zeros where nothing was observed."""
        heat = self.whole.heat
        try:
            grid = read_selection(self.store, heat.camera, part, heat.measure, heat.epoch).grid
        except HistoryError:
            return HeatGrid(np.zeros_like(heat.grid.heat_s), 0.0, length_s(part.intervals()))
        grid = masked(grid, ZoneMasks.from_params(self.whole.params.zones, grid.heat_s.shape[::-1]))
        return hourly(grid) if self.whole.per_hour else grid
