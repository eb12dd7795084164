"""Saves what a pipeline knows as bytes, and restores it in a later run: its heats, open tile, scene and health."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat import heat_file
from edgeheat.core.heat.increment import Increment
from edgeheat.core.pipeline_counts import PipelineCounts
from edgeheat.defs.clock import WallClockError
from edgeheat.defs.history import Tile
from edgeheat.defs.params import PipelineParams

_log = logging.getLogger(__name__)

_HEALTH = "health_"
"""Prefix of the names of the health's arrays."""

_TILE = "tile_"
"""Prefix of the names of the open tile's arrays."""

Arrays = Mapping[str, NDArray[Any]]
"""Saved arrays by name."""


@dataclass(frozen=True, slots=True)
class StoredTiles:
    """Tiles that history has of the time after a state was saved."""

    tiles: Sequence[Tile] = ()
    """In the order of their start."""

    shift_s: float = 0.0
    """What is added to their wall times to get monotonic ones."""


NO_TILES = StoredTiles()


@dataclass(frozen=True, slots=True)
class RestoredState:
    """What an earlier run saved, and what it counted after, under the present settings."""

    counts: PipelineCounts
    """In one epoch more than the saved one where the heats had to start again from 0."""

    empty_heats: list[str]
    """The names of the heats that start empty, because they are new or were changed."""

    scene: Arrays
    """The background and everything else about the picture; not checked."""

    health: Arrays
    """The state of the health monitor, not checked; empty where none was saved."""


def save(counts: PipelineCounts, scene: Arrays, health: Arrays, *, feet: bool) -> bytes:
    """Return the state for `restore`; `feet`: whether the heats are those of feet."""
    tile = counts.tiles.state() if counts.tiles is not None else {}
    extra = {**scene, **_prefixed(_HEALTH, health), **_prefixed(_TILE, tile)}
    return heat_file.save(counts.heats, {**extra, "epoch": np.array([counts.epoch]), "feet": np.array([int(feet)])})


def restore(
    params: PipelineParams,
    wall_clock: WallClockError,
    saved: bytes | None,
    increments: Sequence[Increment],
    shift_s: float,
    *,
    later: StoredTiles,
) -> RestoredState | None:
    """Return the state that `save` packed, with `increments` that were counted after it; None where there is neither.

    `later` are tiles that were stored after that. `shift_s` is added to all times, `wall_clock` is for what is counted
    from now on. An open tile that cannot be used starts empty. Raises ValueError where the heats cannot be used.
    """
    if saved is not None:
        shape_hw = heat_file.saved_shape_hw(saved)
    elif increments:
        height, width = increments[0].traffic_ms.shape
        shape_hw = (height, width)
    else:
        return None
    counts = PipelineCounts(params, ZoneMasks.from_params(params.zones, shape_hw[::-1]), wall_clock)
    empty: list[str] = []
    arrays: Arrays = {}
    if saved is not None:
        empty, arrays = heat_file.restore(counts.heats, saved, shift_s)
        counts.continue_epoch(_number(arrays, "epoch", 1))
        _restore_tile(counts, _without_prefix(_TILE, arrays), params.camera)
    for each in increments:
        counts.replay(each, shift_s)
    _replay_stored(later, counts)
    known_keys = {key for each in increments for key in each.zone_keys}
    counts.heats.start_zones(known_keys.union(heat_file.saved_zone_keys(saved) if saved is not None else ()))
    if _number(arrays, "feet", int(params.motion.feet)) != params.motion.feet:
        _log.warning(
            "%s: the setting feet was changed: its heats start again from 0, because heat of whole bodies and heat of "
            "feet must not be mixed",
            params.camera,
        )
        counts.start_epoch(counts.heats.zones)
    scene = {name: array for name, array in arrays.items() if not name.startswith((_HEALTH, _TILE))}
    return RestoredState(counts, empty, scene, _without_prefix(_HEALTH, arrays))


def _replay_stored(later: StoredTiles, counts: PipelineCounts) -> None:
    """Add what stored tiles have and restored heats have not: a machine that lost its power restores hours-old heats.

    Tiles of another epoch are ignored, and damaged ones with a message in the log.
    """
    for tile in later.tiles:
        try:
            counts.replay_stored(tile, later.shift_s)
        except ValueError as error:
            _log.warning("%s: its heats miss the minutes from %d on: %s", tile.camera, tile.start_s, error)


def _restore_tile(counts: PipelineCounts, tile: Arrays, camera: str) -> None:
    if counts.tiles is not None and tile:
        try:
            counts.tiles.restore(tile)
            counts.knows_open_tile = True
        except ValueError as error:
            _log.warning("%s: the last minutes before the restart are missing in its history: %s", camera, error)


def _prefixed(prefix: str, arrays: Arrays) -> Arrays:
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def _without_prefix(prefix: str, arrays: Arrays) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _number(arrays: Arrays, name: str, default: int) -> int:
    """Return a saved whole number, or the default where there is none. Raises ValueError where it is anything else."""
    number = arrays.get(name, np.array([default]))
    if number.dtype.kind != "i" or number.shape != (1,):
        raise ValueError(f"saved {name}: expected one integer, got {number.dtype} {number.shape}")
    return int(number[0])
