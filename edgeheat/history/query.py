"""Reads the heat, the zone figures and the coverage of any period of one camera from the stored tiles."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.period import Cover, Intervals, cover, inside_and_outside, length_s, merged
from edgeheat.core.heat.tile import TileSum
from edgeheat.defs.history import Level, Tile, ZoneTile
from edgeheat.defs.params import Measure
from edgeheat.errors import HistoryError
from edgeheat.history.figure_sums import FigureSums
from edgeheat.history.selection import Selection
from edgeheat.store.history.store import HistoryStore

_log = logging.getLogger(__name__)

_LONGEST_TILE_S = 32 * 86_400
"""No tile is longer."""

_NO_TIME = np.empty((0, 2), np.int64)

_CLOCK_TOLERANCE = 1.01
"""Ratio by which the observed time of a tile may exceed the time in which it was counted, as clocks are corrected."""


@dataclass(frozen=True, slots=True)
class PeriodHeat:
    """What one camera counted in a period."""

    camera: str

    epoch: int
    """The epoch that was observed for the longest part of the period, unless another one was asked for."""

    other_epochs: tuple[int, ...]
    """Epochs that were observed in the period as well; they are not included, because the camera showed another scene
    then."""

    measure: Measure
    grid: HeatGrid

    zones: tuple[ZoneTile, ...]
    """Exact sums of the zones as they were drawn; one that was redrawn under the same name is in it twice."""

    rejected_s: Mapping[str, float]
    """Seconds of whole frames that were not observed, by reason, see FrameRejection."""

    missing_s: float
    """Seconds of the period of which nothing is stored: the machine was off, or the camera offline."""

    too_coarse_s: float
    """Seconds of which only longer tiles are stored, which contain time outside the period as well."""

    damaged_tiles: int
    """Tiles that cannot be read and are not included."""


def read_heat(
    store: HistoryStore,
    camera: str,
    intervals: Intervals,
    measure: Measure,
    epoch: int | None = None,
    *,
    uncounted: Intervals = _NO_TIME,
) -> PeriodHeat:
    """Return what was counted in some intervals in one epoch: in the one that was observed longest, or in `epoch`.

    `uncounted` is time outside the intervals in which nothing was counted: where no shorter tiles are kept, those that
    contain some of it are read as well.
    Raises HistoryError where nothing is stored of the intervals, StoreError where the file cannot be read.
    """
    with store.reading():
        plans = _plans(store, camera, intervals, uncounted)
        if epoch is None:
            epoch = max(plans, key=lambda each: plans[each].observed_ms, default=None)
        if epoch is None or epoch not in plans:
            raise HistoryError(f"{camera}: nothing was observed in this period")
        chosen, sums = plans[epoch].cover, _Sums(camera)
        for tile in _tiles(store, camera, epoch, chosen, measure):
            sums.add(tile)
    return PeriodHeat(
        camera=camera,
        epoch=epoch,
        other_epochs=tuple(each for each in plans if each != epoch),
        measure=measure,
        grid=sums.grid(length_s(intervals)),
        zones=sums.figures.zones,
        rejected_s={reason: ms / 1000.0 for reason, ms in sums.figures.rejected_ms.items()},
        missing_s=length_s(chosen.missing),
        too_coarse_s=length_s(chosen.too_coarse),
        damaged_tiles=sums.damaged,
    )


def read_selection(
    store: HistoryStore, camera: str, selection: Selection, measure: Measure, epoch: int | None = None
) -> PeriodHeat:
    """Return the same for the time that a person selected; HistoryError says which it is."""
    try:
        return read_heat(store, camera, selection.intervals(), measure, epoch, uncounted=selection.uncounted())
    except HistoryError as error:
        scene = "" if epoch is None else f" of scene {epoch}"
        raise HistoryError(
            f"{camera}: nothing{scene} was observed in {selection.words()}{selection.why_nothing()}"
        ) from error


def read_hours(
    store: HistoryStore,
    camera: str,
    intervals: Intervals,
    epoch: int,
    measure: Measure | None = None,
    *,
    uncounted: Intervals = _NO_TIME,
) -> Iterator[Tile]:
    """Yield the tiles of an hour, and of five minutes where those are not complete, that lie in the intervals.

    With the layers of a `measure`, or only with the figures of the zones. `uncounted` as for `read_heat`.
    """
    with store.reading():
        plan = _Plan.of(store, camera, epoch, intervals, uncounted=uncounted, levels=(Level.HOUR, Level.FIVE_MINUTES))
        yield from _tiles(store, camera, epoch, plan.cover, measure)


def stored_period(store: HistoryStore, camera: str) -> tuple[int, int] | None:
    """Return start and end, in Unix time, of what is stored of a camera; None if that is nothing.

    As exact as the shortest tiles that are left there: a month may have begun before the camera did.
    """
    with store.reading():
        found = store.first_and_last(camera)
        if found is None:
            return None
        first, last_s = (found[0], found[0] + 1), found[1]
        last: tuple[int, int] | None = None
        for level in sorted(Level, reverse=True):
            if keys := store.keys(camera, level, *first):
                first = keys[0].start_s, keys[0].end_s
            keys = store.keys(camera, level, *(last or (last_s - _LONGEST_TILE_S, last_s)))
            if keys := [key for key in keys if last or key.end_s == last_s]:
                last = keys[-1].start_s, keys[-1].end_s
        assert last is not None  # one of the tiles ends at `last_s`
        return first[0], last[1]


def _plans(store: HistoryStore, camera: str, intervals: Intervals, uncounted: Intervals) -> dict[int, _Plan]:
    """Return which tiles to read, for each epoch that was observed in the intervals."""
    if not len(intervals):
        return {}
    # A tile that starts before the intervals may contain them.
    epochs = store.epochs(camera, int(intervals[0, 0]) - _LONGEST_TILE_S, int(intervals[-1, 1]))
    plans = {epoch: _Plan.of(store, camera, epoch, intervals, uncounted=uncounted) for epoch in epochs}
    return {epoch: plan for epoch, plan in plans.items() if plan.observed_ms}


def _tiles(store: HistoryStore, camera: str, epoch: int, chosen: Cover, measure: Measure | None) -> Iterator[Tile]:
    traffic, dwell = measure in {"traffic", "presence"}, measure in {"dwell", "presence"}
    for level, spans in chosen.tiles.items():
        ranges = [(start_s, end_s) for start_s, end_s in merged(spans).tolist()]
        yield from store.read(camera, level, ranges, epoch=epoch, traffic=traffic, dwell=dwell)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The tiles to read of one epoch."""

    cover: Cover
    observed_ms: int

    @classmethod
    def of(
        cls,
        store: HistoryStore,
        camera: str,
        epoch: int,
        intervals: Intervals,
        *,
        uncounted: Intervals,
        levels: Sequence[Level] = tuple(Level),
    ) -> _Plan:
        """Look up the tiles inside the intervals; where none is, those of which only uncounted time is outside."""
        plan = cls._inside(store, camera, epoch, intervals, levels=levels)
        rest = merged(np.concatenate([plan.cover.too_coarse, plan.cover.missing]))
        if not len(uncounted) or not len(rest):
            return plan
        wider = merged(np.concatenate([rest, uncounted]))
        around = cls._inside(store, camera, epoch, wider, levels=levels, counted=rest)
        read = merged(np.concatenate([_NO_TIME, *around.cover.tiles.values()]))
        chosen = Cover(
            {level: np.concatenate([plan.cover.tiles[level], around.cover.tiles[level]]) for level in levels},
            inside_and_outside(plan.cover.too_coarse, read)[1],
            inside_and_outside(plan.cover.missing, read)[1],
        )
        return cls(chosen, plan.observed_ms + around.observed_ms)

    @classmethod
    def _inside(
        cls,
        store: HistoryStore,
        camera: str,
        epoch: int,
        intervals: Intervals,
        *,
        levels: Sequence[Level],
        counted: Intervals | None = None,
    ) -> _Plan:
        """Look up which tiles are stored, shorter ones only where longer ones do not cover the intervals.

        Without tiles that were observed for longer than they share with `counted`.
        """
        stored: dict[Level, NDArray[np.int64]] = {}

        def look_up(level: Level, remaining: Intervals) -> Intervals:
            ranges = remaining.tolist()
            if level >= Level.DAY and ranges:
                # Also those that are longer than the period: they are few, and show what is too coarse.
                ranges = [(int(intervals[0, 0]) - _LONGEST_TILE_S, int(intervals[-1, 1]))]
            found = np.array(store.spans(camera, level, ranges, epoch), np.int64).reshape(-1, 3)
            if counted is not None:
                shared_s = np.array([_shared_s(start_s, end_s, counted) for start_s, end_s, _ in found.tolist()])
                found = found[found[:, 2] <= 1000 * _CLOCK_TOLERANCE * shared_s]
            stored[level] = found
            return found[:, :2]

        chosen = cover(intervals, levels, look_up)
        observed_ms = sum(
            int(stored[level][np.isin(stored[level][:, 0], tiles[:, 0]), 2].sum())
            for level, tiles in chosen.tiles.items()
            if len(tiles)
        )
        return cls(chosen, observed_ms)


def _shared_s(start_s: int, end_s: int, intervals: Intervals) -> int:
    """Return the seconds of intervals between two instants."""
    return int((np.clip(intervals[:, 1], start_s, end_s) - np.clip(intervals[:, 0], start_s, end_s)).sum())


class _Sums:
    """Adds up tiles of one camera, epoch and grid, of any levels."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._layers: dict[int, TileSum] = {}
        """The sums of traffic and dwell together, by unit in milliseconds."""
        self._shape_hw: tuple[int, int] | None = None
        self.figures = FigureSums()
        self.damaged = 0

    def add(self, tile: Tile) -> None:
        """Add the layers that were read of a tile, and its figures; a damaged one is only counted."""
        shape_hw = tile.grid_wh[::-1]
        self._shape_hw = self._shape_hw or shape_hw
        unit_ms = tile.level.unit_ms
        if unit_ms not in self._layers:
            self._layers[unit_ms] = TileSum(self._shape_hw)
        try:
            if shape_hw != self._shape_hw:
                raise ValueError(f"its grid is {shape_hw}, not {self._shape_hw}")
            self._layers[unit_ms].add(tile.traffic, tile.dwell)
        except ValueError as error:
            _log.warning("%s: the tile from %d cannot be read and is left out: %s", self._camera, tile.start_s, error)
            self.damaged += 1
            return
        self.figures.add(tile)

    def grid(self, period_s: float) -> HeatGrid:
        """Return the sum of all layers."""
        assert self._shape_hw is not None
        sum_ms = np.zeros(self._shape_hw, np.int64)
        for unit_ms, total in self._layers.items():
            sum_ms += total.result_units() * unit_ms
        return HeatGrid((sum_ms / 1000.0).astype(np.float32), self.figures.observed_ms / 1000.0, period_s)
