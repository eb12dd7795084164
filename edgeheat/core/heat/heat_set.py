"""All heats of one camera together: fed by masks or increments, read by name, saved and taken up again as bytes."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.masks import MotionMask
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat.activity import Activity, ActivityMeter
from edgeheat.core.heat.base import Heat, HeatGrid, Readable, State
from edgeheat.core.heat.daily import starts_around_s
from edgeheat.core.heat.decaying import DecayingHeat
from edgeheat.core.heat.increment import Increment, IncrementBuilder, MillisecondRounder
from edgeheat.core.heat.total import TotalHeat
from edgeheat.core.heat.window import WINDOW_BUCKETS, PresenceWindow, WindowHeat, observed_ms, sum_of_windows
from edgeheat.core.heat.zone_counters import Counter, aligned_counters
from edgeheat.defs.params import HeatParams, Measure

_FORMAT = 3
_FORMAT_2 = 2
"""Of windows that each held their buckets to the millisecond, also of presence beside traffic and dwell."""

_FORMAT_1 = 1
"""Of heats that counted motion only and had no zones; one extra array could go with them, the empty `scene`."""

_HEAT, _EXTRA = "heat/", "extra/"
"""Prefixes of the arrays of heats, and of those that others put beside them."""

_CHECKSUM_BYTES = 4


class HeatSet:
    """The heats of one camera on one grid, and what happens in its zones."""

    def __init__(self, params: Sequence[HeatParams], zones: ZoneMasks, timezone: tzinfo) -> None:
        height, width = zones.counted.shape
        self.shape_hw = height, width
        self.zones = zones
        self._timezone = timezone
        self._params = {each.name: each for each in params}
        self._parts = _parts(params)
        self._heats = {name: self._empty(name) for name in self._params if name not in self._parts}
        self._whole_ms = MillisecondRounder()
        self._meter = ActivityMeter(zones.named)
        self._builder = IncrementBuilder(self.shape_hw, zones.keys)

    def _empty(self, name: str) -> Heat:
        return make_heat(self._params[name], self.shape_hw, len(self.zones.keys), self._timezone)

    def count(self, mask: MotionMask) -> Increment | None:
        """Count one mask; returns the increment that this completed, if any, already counted."""
        whole_ms = self._whole_ms.round(mask.dt_s)
        increment = self._builder.add(mask, whole_ms, self._meter.add(mask, whole_ms))
        if increment is not None:
            self.add(increment)
        return increment

    def close(self) -> Increment | None:
        """Count what is left of the last second at the end of a run."""
        increment = self._builder.close()
        if increment is not None:
            self.add(increment)
        return increment

    def add(self, increment: Increment) -> None:
        """Count one increment in every heat, of its zones those that are still the same.

        Raises ValueError where it is of another grid.
        """
        if increment.traffic_ms.shape != self.shape_hw:
            raise ValueError(f"increment: expected a grid of {self.shape_hw}, got {increment.traffic_ms.shape}")
        if increment.zone_keys != self.zones.keys:
            rows = aligned_counters(increment.zone_counters, increment.zone_keys, self.zones.keys)
            increment = replace(increment, zone_keys=self.zones.keys, zone_counters=rows)
        for heat in self._heats.values():
            heat.add(increment)

    def read(self, name: str, mono_s: float, wall_s: float) -> HeatGrid:
        """Return one heat at an instant, the unfinished second included."""
        return self._readable(name).read(mono_s, wall_s, self._builder.peek())

    def read_zone_counters(self, name: str, mono_s: float, wall_s: float) -> NDArray[np.float64]:
        """Return the zones' rows of one heat's period, the unfinished second included.

        Shape (zones, len(Counter)), in the order of ZoneMasks.named.
        """
        return self._readable(name).read_zone_counters(mono_s, wall_s, self._builder.peek())

    def _readable(self, name: str) -> Readable:
        if name in self._heats:
            return self._heats[name]
        traffic, dwell = (self._heats[part] for part in self._parts[name])
        assert isinstance(traffic, WindowHeat) and isinstance(dwell, WindowHeat)
        return PresenceWindow(traffic, dwell, self._params[name].length_s)

    def take_activity(self) -> Activity:
        """Return the zones' figures since this was last called."""
        return self._meter.take()

    def save(self, extra: Mapping[str, NDArray[Any]]) -> bytes:
        """Return all heats, and the arrays of `extra` by name, as a checksum and one npz file.

        The unfinished second is left out until it is closed.
        """
        meta = {
            "format": _FORMAT,
            "shape_hw": self.shape_hw,
            "heats": {name: _identity(params) for name, params in self._params.items()},
            "sums": {name: parts for name, parts in self._parts.items() if name not in self._heats},
            "zones": self.zones.keys,
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as npz:
            _write(npz, "meta", np.frombuffer(json.dumps(meta).encode(), np.uint8))
            for key, array in extra.items():
                _write(npz, f"{_EXTRA}{key}", array)
            for name, heat in self._heats.items():
                for key, array in heat.state().items():
                    _write(npz, f"{_HEAT}{name}/{key}", array)
        with buffer.getbuffer() as written:
            return b"".join([_checksum(written), written])

    @staticmethod
    def saved_shape_hw(saved: bytes) -> tuple[int, int]:
        """Return the grid's (height, width) in what `save` gave; raises ValueError where it is not such a file."""
        with _open(saved) as arrays:
            return _described(arrays).shape_hw

    def restore(self, saved: bytes, shift_s: float) -> tuple[list[str], dict[str, NDArray[Any]]]:
        """Take up what `save` gave, its times moved by `shift_s`.

        Returns the names of the heats that start empty, and the extra arrays.
        A heat whose kind, length or measure was changed since starts empty, and so does a new one, but for a window of
        presence beside those of traffic and dwell, which is their sum as soon as they reach back as far.
        Figures of zones go on where name and polygon are the same. A file of format 1 counted motion: heats of presence
        and of traffic go on with it, their zones start empty, and its scene is the extra array `scene`.
        Raises ValueError where the bytes are not such a file or are of another grid.
        """
        with _open(saved) as arrays:
            was = _described(arrays)
            if was.shape_hw != self.shape_hw:
                raise ValueError(f"saved heats: expected a grid of {self.shape_hw}, got {was.shape_hw}")
            empty = []
            for name in self._params:
                try:
                    if not self._restore(name, was, arrays, shift_s):
                        empty.append(name)
                except (KeyError, IndexError, TypeError) as error:
                    raise ValueError(f"saved heats: {name} does not fit: {error!r}") from error
            return empty, was.beside(arrays)

    def _restore(self, name: str, was: _Description, arrays: np.lib.npyio.NpzFile, shift_s: float) -> bool:
        """Take up one heat; tells whether there was any."""
        known = was.same(self._params[name])
        if name in self._parts and self._still_sum(name, was, arrays):
            return known or was.same(self._params[self._parts[name][0]])
        self._heats[name] = self._empty(name)
        if known:
            state = was.state(arrays, name)
            state["zones"] = aligned_counters(state["zones"], was.zone_keys, self.zones.keys)
            self._heats[name].restore(state, shift_s)
        return known

    def _still_sum(self, name: str, was: _Description, arrays: np.lib.npyio.NpzFile) -> bool:
        """Whether a presence can go on as a sum: its parts reach back as far as it does, and as each other."""
        parts = self._parts[name]
        known = [was.same(self._params[part]) for part in parts]
        if not all(known):
            return not any(known) and not was.same(self._params[name])
        if was.sums.get(name) == parts:
            return True
        parts_ms = [observed_ms(was.state(arrays, part)) for part in parts]
        own_ms = observed_ms(was.state(arrays, name)) if was.same(self._params[name]) else max(parts_ms)
        bucket_ms = 1000.0 * self._params[name].length_s / WINDOW_BUCKETS
        return min(parts_ms) >= max(own_ms, max(parts_ms) - bucket_ms)


def _parts(params: Sequence[HeatParams]) -> dict[str, tuple[str, str]]:
    """Return the windows of presence that need not be kept, each with those of traffic and dwell that it is."""
    windows: dict[tuple[float, Measure], str] = {}
    for each in params:
        if each.kind == "window":
            windows.setdefault((each.length_s, each.measure), each.name)
    parts = {}
    for each in params:
        traffic, dwell = (windows.get((each.length_s, measure)) for measure in ("traffic", "dwell"))
        if each.kind == "window" and each.measure == "presence" and traffic is not None and dwell is not None:
            parts[each.name] = traffic, dwell
    return parts


def _identity(params: HeatParams) -> list[object]:
    return [params.kind, params.length_s, str(params.since), params.measure]


@dataclass(frozen=True, slots=True)
class _Description:
    """What a saved file says about itself."""

    format: int
    shape_hw: tuple[int, int]
    identities: Mapping[str, object]
    sums: Mapping[str, tuple[str, str]]
    """Presence that is in it as traffic and dwell only, with the names of these."""
    zone_keys: tuple[int, ...]

    def same(self, params: HeatParams) -> bool:
        """Whether the file's heat of that name can go on as this one."""
        identity, wanted = self.identities.get(params.name), _identity(params)
        if self.format == _FORMAT_1:
            return params.measure != "dwell" and identity == wanted[:-1]
        return identity == wanted

    def state(self, arrays: np.lib.npyio.NpzFile, name: str) -> State:
        """Return one heat's state in the form that heats have now."""
        if self.format == _FORMAT_1:
            state = _beginning_with(f"{name}/", arrays)
            if "motion_ms" in state:
                state["heat_ms"] = state.pop("motion_ms")
            tables = (len(state["starts_s"]) + 1,) if "starts_s" in state else ()
            state["zones"] = np.zeros((*tables, 0, len(Counter)))
            return state
        if name in self.sums:
            traffic, dwell = (_beginning_with(f"{_HEAT}{part}/", arrays) for part in self.sums[name])
            return sum_of_windows(traffic, dwell)
        return _beginning_with(f"{_HEAT}{name}/", arrays)

    def beside(self, arrays: np.lib.npyio.NpzFile) -> dict[str, NDArray[Any]]:
        """Return the arrays that were saved beside the heats."""
        if self.format == _FORMAT_1:
            return {"scene": arrays["scene"]} if "scene" in arrays.files else {}
        return _beginning_with(_EXTRA, arrays)


def _beginning_with(prefix: str, arrays: np.lib.npyio.NpzFile) -> dict[str, NDArray[Any]]:
    return {key.removeprefix(prefix): arrays[key] for key in arrays.files if key.startswith(prefix)}


def _open(saved: bytes) -> np.lib.npyio.NpzFile:
    """Open what `save` gave; behind the checksum nothing can be damaged, only of another version."""
    npz = saved[_CHECKSUM_BYTES:]
    if not npz or saved[:_CHECKSUM_BYTES] != _checksum(npz):
        raise ValueError("saved heats: not saved heats, or damaged")
    opened = np.load(io.BytesIO(npz), allow_pickle=False)
    if not isinstance(opened, np.lib.npyio.NpzFile):
        raise ValueError("saved heats: expected an npz file")
    return opened


def _write(npz: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    """Add an array as `np.savez_compressed` does, but what is packed already as it is."""
    member = zipfile.ZipInfo(f"{name}.npy")
    member.compress_type = zipfile.ZIP_STORED if name.endswith("/packed") else zipfile.ZIP_DEFLATED
    with npz.open(member, "w") as file:
        np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def _checksum(npz: bytes | memoryview) -> bytes:
    return zlib.crc32(npz).to_bytes(_CHECKSUM_BYTES, "little")


def _described(arrays: np.lib.npyio.NpzFile) -> _Description:
    try:
        meta = json.loads(arrays["meta"].tobytes())
        if meta["format"] not in (_FORMAT_1, _FORMAT_2, _FORMAT):
            raise ValueError(f"expected format {_FORMAT}, got {meta['format']}")
        height, width = meta["shape_hw"]
        zone_keys = tuple(int(key) for key in meta.get("zones", ()))
        sums = {name: (str(traffic), str(dwell)) for name, (traffic, dwell) in meta.get("sums", {}).items()}
        return _Description(meta["format"], (int(height), int(width)), dict(meta["heats"]), sums, zone_keys)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"saved heats: no readable description: {error}") from error


def make_heat(params: HeatParams, shape_hw: tuple[int, int], zones: int, timezone: tzinfo) -> Heat:
    """Return an empty heat of the asked kind and measure on a grid of (height, width), for so many zones."""
    if params.kind == "decaying":
        return DecayingHeat(shape_hw, zones, params.measure, params.length_s)
    if params.kind == "window":
        return WindowHeat(shape_hw, zones, params.measure, params.length_s)
    since = params.since
    if since is None:
        return TotalHeat(shape_hw, zones, params.measure, None)
    return TotalHeat(shape_hw, zones, params.measure, lambda wall_s: starts_around_s(since, wall_s, timezone))
