"""What a pipeline has counted: the heats of this epoch, and increments and tiles to be handed over."""

from __future__ import annotations

from dataclasses import replace

from edgeheat.core.foreground.detector import Detection
from edgeheat.core.grid.masks import MotionMask, intersection
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.heat.increment import Increment
from edgeheat.core.heat.tile_builder import TileBuilder
from edgeheat.defs.clock import WallClockError
from edgeheat.defs.history import Tile
from edgeheat.defs.params import PipelineParams
from edgeheat.local_time.opening import is_open


class PipelineCounts:
    """Counts detections in heats, increments and, with `PipelineParams.history`, in tiles."""

    def __init__(self, params: PipelineParams, zones: ZoneMasks, wall_clock: WallClockError) -> None:
        self._params = params
        self._wall_clock = wall_clock
        self.epoch = params.first_epoch
        """Rises when heat that is counted from then on does not compare with earlier heat."""
        self.heats = self._empty_heats(zones)
        self.tiles = self._new_builder(zones)
        """Makes the tiles; None without history."""
        self.knows_open_tile = False
        """Whether the open tile was restored with the heats, so that it is known which tiles these contain."""
        self._increments: list[Increment] = []
        self._closed_tiles: list[Tile] = []
        self.is_open = True
        """Whether the last frame was within opening hours. What is outside them is in no heat, and is part of the tiles
        only if the settings say so."""

    def _empty_heats(self, zones: ZoneMasks) -> HeatSet:
        return HeatSet(self._params.heats, zones, self._params.timezone, self._params.hours)

    def _new_builder(self, zones: ZoneMasks) -> TileBuilder | None:
        return TileBuilder(self._params.camera, zones, self.epoch) if self._params.history else None

    def count(self, detection: Detection, dt_s: float, mono_s: float, wall_s: float) -> MotionMask:
        """Count a detection in the cells where heat counts; returns what was counted.

        `dt_s`: seconds of the frame, whether it was rejected or not.
        """
        counted, confirmed = self.heats.zones.counted, detection.confirmed
        for late_ms in (confirmed.dwell_ms, confirmed.moved_ms):
            if late_ms is not None:
                late_ms[counted == 0] = 0
        is_observed = detection.rejection is None
        mask = MotionMask(
            intersection(detection.cells, counted),
            intersection(detection.moving, counted),
            confirmed.dwell_ms,
            dt_s if is_observed else 0.0,
            mono_s,
            wall_s,
            confirmed.moved_ms,
            detection.rejection,
            0.0 if is_observed else dt_s,
        )
        is_open = self._is_open(wall_s)
        if is_open != self.is_open:
            self.close_increment()
            self.is_open = is_open
        self._keep(self.heats.count(mask, is_outside=not is_open))
        return mask

    def _is_open(self, wall_s: float) -> bool:
        return is_open(self._params.hours, wall_s, self._params.timezone)

    def close_increment(self) -> None:
        """Complete the unfinished increment at the end of a run."""
        self._keep(self.heats.close())

    def _keep(self, increment: Increment | None) -> None:
        if increment is not None and (self.is_open or self._tiles_count_outside):
            clock_synced = self._wall_clock.is_right(increment.mono_s, increment.wall_s)
            increment = replace(increment, clock_synced=clock_synced)
            self._increments.append(increment)
            self._add_to_tiles(increment)

    def replay(self, increment: Increment, shift_s: float) -> None:
        """Add an increment of an earlier run, `shift_s` later on the monotonic clock; it is not handed over again.

        The tiles that it closes are, even if they were handed over before. Raises ValueError for another grid.
        """
        if self._is_open(increment.wall_s):
            self.heats.add(replace(increment, mono_s=increment.mono_s + shift_s))
        self._add_to_tiles(increment)

    @property
    def _tiles_count_outside(self) -> bool:
        hours = self._params.hours
        return self.tiles is not None and hours is not None and hours.outside == "count"

    def replay_stored(self, tile: Tile, offset_s: float) -> None:
        """Add what a stored tile has and the restored state has not, after a power cut: see TileBuilder.continue_after.

        Raises ValueError for a tile of another grid or a damaged one.
        """
        if self.tiles is not None and self.knows_open_tile:
            for increment in self.tiles.continue_after(tile, offset_s):
                if self._is_open(increment.wall_s):
                    self.heats.add(increment)

    def _add_to_tiles(self, increment: Increment) -> None:
        if self.tiles is not None:
            self._hand_over(self.tiles.add(increment))

    def close_tile_if_due(self, wall_s: float) -> None:
        """Close the open tile if it has ended, although nothing is counted any more."""
        if self.tiles is not None:
            self._hand_over(self.tiles.close_if_due(wall_s))

    def _hand_over(self, tile: Tile | None) -> None:
        if tile is not None:
            self._closed_tiles.append(tile)

    def continue_epoch(self, epoch: int) -> None:
        """Continue the epoch of an earlier run, before anything is counted."""
        self.epoch = epoch
        self.tiles = self._new_builder(self.heats.zones)

    def start_epoch(self, zones: ZoneMasks) -> None:
        """Count from 0 on the grid of `zones`, and close the last tile of the epoch before."""
        self.epoch = max(self.epoch + 1, self._params.first_epoch)
        if self.tiles is not None:
            self._hand_over(self.tiles.end_epoch())
        self.tiles = self._new_builder(zones)
        self.heats = self._empty_heats(zones)
        self._increments.clear()

    def empty_heats(self) -> None:
        """Count the heats from 0; the tiles continue, because the history of this epoch stays right."""
        self.heats = self._empty_heats(self.heats.zones)
        self._increments.clear()

    def take_increments(self) -> tuple[Increment, ...]:
        """Return the increments since this was last called, or since the state that holds them was saved."""
        taken, self._increments = tuple(self._increments), []
        return taken

    def take_tiles(self, *, is_last: bool = False) -> tuple[Tile, ...]:
        """Return the tiles that were closed since this was last called; the state does not hold them any more.

        If this is the last call, the open tile is among them, rounded: no later run continues it.
        """
        if is_last and self.tiles is not None:
            self._hand_over(self.tiles.end_epoch())
            self.tiles = None
        taken, self._closed_tiles = tuple(self._closed_tiles), []
        return taken
