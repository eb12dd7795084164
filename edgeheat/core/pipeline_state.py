"""Saves what a pipeline knows as bytes, and restores it in a later run: its heats, scene, health and epoch."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat import heat_file
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.heat.increment import Increment
from edgeheat.defs.params import PipelineParams

_log = logging.getLogger(__name__)

_HEALTH = "health_"
"""Prefix of the names of the health's arrays."""

Arrays = Mapping[str, NDArray[Any]]
"""Saved arrays by name."""


@dataclass(frozen=True, slots=True)
class RestoredState:
    """What an earlier run saved, and what it counted after, under the present settings."""

    heats: HeatSet

    empty_heats: list[str]
    """The names of the heats that start empty, because they are new or were changed."""

    epoch: int
    """One more than the saved one where the heats had to start again from 0."""

    scene: Arrays
    """The background and everything else about the picture; not checked."""

    health: Arrays
    """The state of the health monitor, not checked; empty where none was saved."""


def save(heats: HeatSet, scene: Arrays, health: Arrays, *, epoch: int, feet: bool) -> bytes:
    """Return the state for `restore`; `feet`: whether the heats are those of feet."""
    known = {f"{_HEALTH}{name}": array for name, array in health.items()}
    return heat_file.save(heats, {**scene, **known, "epoch": np.array([epoch]), "feet": np.array([int(feet)])})


def restore(
    params: PipelineParams, saved: bytes | None, increments: Sequence[Increment], shift_s: float
) -> RestoredState | None:
    """Return the state that `save` packed, with `increments` that were counted after it; None where there is neither.

    `shift_s` is added to all times. Raises ValueError where the state cannot be used.
    """
    if saved is not None:
        shape_hw = heat_file.saved_shape_hw(saved)
    elif increments:
        height, width = increments[0].traffic_ms.shape
        shape_hw = (height, width)
    else:
        return None
    heats = HeatSet(params.heats, ZoneMasks.from_params(params.zones, shape_hw[::-1]), params.timezone)
    empty: list[str] = []
    arrays: Arrays = {}
    if saved is not None:
        empty, arrays = heat_file.restore(heats, saved, shift_s)
    for each in increments:
        heats.add(replace(each, mono_s=each.mono_s + shift_s))
    known_keys = {key for each in increments for key in each.zone_keys}
    heats.start_zones(known_keys.union(heat_file.saved_zone_keys(saved) if saved is not None else ()))
    epoch, feet = _number(arrays, "epoch", 1), _number(arrays, "feet", int(params.motion.feet))
    if feet != params.motion.feet:
        _log.warning(
            "%s: the setting feet was changed: its heats start again from 0, because heat of whole bodies and heat of "
            "feet must not be mixed",
            params.camera,
        )
        heats, epoch = HeatSet(params.heats, heats.zones, params.timezone), epoch + 1
    health = {name.removeprefix(_HEALTH): array for name, array in arrays.items() if name.startswith(_HEALTH)}
    scene = {name: array for name, array in arrays.items() if not name.startswith(_HEALTH)}
    return RestoredState(heats, empty, epoch, scene, health)


def _number(arrays: Arrays, name: str, default: int) -> int:
    """Return a saved whole number, or the default where there is none. Raises ValueError where it is anything else."""
    number = arrays.get(name, np.array([default]))
    if number.dtype.kind != "i" or number.shape != (1,):
        raise ValueError(f"saved {name}: expected one integer, got {number.dtype} {number.shape}")
    return int(number[0])
