"""Saves all heats of a camera as bytes and restores them, also under a configuration that has changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from edgeheat.core.heat.base import State
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.heat.packing import pack, unpack
from edgeheat.core.heat.saved_values import checked_shape_hw
from edgeheat.core.heat.window import WINDOW_BUCKETS, observed_ms, sum_of_windows
from edgeheat.core.heat.zone_counters import align_counters
from edgeheat.defs.params import HeatParams

_HEAT = "heat/"
"""Prefix of the names of a heat's arrays, which its own name and another slash follow."""

_EXTRA = "extra/"
"""Prefix of the names of the arrays that are saved with the heats for other parts of the engine."""


def save(heats: HeatSet, extra: Mapping[str, NDArray[Any]]) -> bytes:
    """Return all heats, and the arrays of `extra` by name, as bytes for `restore`.

    The unfinished increment is not included: call HeatSet.close first to keep it.
    """
    states = heats.states()
    meta = {
        "shape_hw": heats.shape_hw,
        "zone_keys": heats.zones.keys,
        "heats": {name: _identity(params) for name, params in heats.params.items()},
        "sums": {name: parts for name, parts in heats.sum_parts.items() if name not in states},
    }
    arrays = {f"{_EXTRA}{key}": array for key, array in extra.items()}
    for name, state in states.items():
        arrays |= {f"{_HEAT}{name}/{key}": array for key, array in state.items()}
    return pack(meta, arrays)


def saved_shape_hw(saved: bytes) -> tuple[int, int]:
    """Return the grid's (height, width) of saved heats. Raises ValueError where `saved` was not made by `save`."""
    return _Saved.from_bytes(saved).shape_hw


def saved_zone_keys(saved: bytes) -> tuple[int, ...]:
    """Return the keys of the zones of saved heats. Raises ValueError where `saved` was not made by `save`."""
    return _Saved.from_bytes(saved).zone_keys


def restore(heats: HeatSet, saved: bytes, shift_s: float) -> tuple[list[str], dict[str, NDArray[Any]]]:
    """Replace the contents of `heats`, which must be empty, by saved heats, adding `shift_s` to their monotonic times.

    Returns the names of the heats that start empty, and the extra arrays. A heat starts empty where it is new or where
    its kind, length, start or measure has changed. A window of presence also continues where it was, or becomes, the
    sum of those of traffic and dwell. Zone counters continue where name and polygon of the zone are the same.
    Raises ValueError where `saved` was not made by `save` or is of another grid; `heats` must then be discarded.
    """
    saved_heats = _Saved.from_bytes(saved)
    if saved_heats.shape_hw != heats.shape_hw:
        raise ValueError(f"saved heats: expected a grid of {heats.shape_hw}, got {saved_heats.shape_hw}")
    empty = []
    for name in heats.params:
        try:
            if not _restore_heat(heats, name, saved_heats, shift_s):
                empty.append(name)
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"saved heats: {name} does not fit: {error!r}") from error
    return empty, _with_prefix(_EXTRA, saved_heats.arrays)


def _restore_heat(heats: HeatSet, name: str, saved: _Saved, shift_s: float) -> bool:
    """Restore one heat, or start it empty; returns whether there was anything to restore."""
    known = saved.has_compatible(heats.params[name])
    parts = heats.sum_parts.get(name)
    if parts is not None and _can_stay_a_sum(heats, name, parts, saved):
        return known or saved.has_compatible(heats.params[parts[0]])
    state = None
    if known:
        state = saved.state(name)
        state["zone_counters"] = align_counters(state["zone_counters"], saved.zone_keys, heats.zones.keys)
    heats.restore(name, state, shift_s)
    return known


def _can_stay_a_sum(heats: HeatSet, name: str, parts: tuple[str, str], saved: _Saved) -> bool:
    """Whether a window of presence can be read as the sum of its parts without losing any of what was saved of it."""
    has_part = [saved.has_compatible(heats.params[part]) for part in parts]
    if not all(has_part):
        return not any(has_part) and not saved.has_compatible(heats.params[name])
    if saved.sums.get(name) == parts:
        return True
    parts_ms = [observed_ms(saved.state(part)) for part in parts]
    own_ms = observed_ms(saved.state(name)) if saved.has_compatible(heats.params[name]) else max(parts_ms)
    bucket_ms = 1000.0 * heats.params[name].length_s / WINDOW_BUCKETS
    return min(parts_ms) >= max(own_ms, max(parts_ms) - bucket_ms)


def _identity(params: HeatParams) -> list[object]:
    """Return what must be the same for a saved heat to continue as this one."""
    return [params.kind, params.length_s, str(params.since), params.measure]


@dataclass(frozen=True, slots=True)
class _Saved:
    """Saved heats, unpacked."""

    shape_hw: tuple[int, int]
    zone_keys: tuple[int, ...]
    identities: Mapping[str, object]
    sums: Mapping[str, tuple[str, str]]
    """The windows of presence that were read as a sum, each with the names of its (traffic, dwell)."""
    arrays: Mapping[str, NDArray[Any]]

    @classmethod
    def from_bytes(cls, saved: bytes) -> _Saved:
        """Unpack what `save` returned; raises ValueError for anything else."""
        meta, arrays = unpack(saved)
        try:
            height, width = meta["shape_hw"]
            zone_keys = tuple(int(key) for key in meta["zone_keys"])
            sums = {name: (str(traffic), str(dwell)) for name, (traffic, dwell) in meta["sums"].items()}
            shape_hw = checked_shape_hw((int(height), int(width)))
            return cls(shape_hw, zone_keys, dict(meta["heats"]), sums, arrays)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"saved heats: unreadable description: {error!r}") from error

    def has_compatible(self, params: HeatParams) -> bool:
        """Return whether a heat of that name, and of the same kind, length, start and measure, was saved."""
        return self.identities.get(params.name) == _identity(params)

    def state(self, name: str) -> State:
        """Return one heat's state; that of a sum is made from its parts."""
        if name in self.sums:
            traffic, dwell = (_with_prefix(f"{_HEAT}{part}/", self.arrays) for part in self.sums[name])
            return sum_of_windows(traffic, dwell)
        return _with_prefix(f"{_HEAT}{name}/", self.arrays)


def _with_prefix(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}
