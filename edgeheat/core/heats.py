"""All heats of one camera together: fed by masks or increments, read by name, saved and taken up again as bytes."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.activity import Activity, ActivityMeter
from edgeheat.core.heat import Heat, State, make_heat
from edgeheat.core.increment import Increment, IncrementBuilder, WholeMs
from edgeheat.core.params import HeatParams
from edgeheat.core.types import HeatGrid, MotionMask
from edgeheat.core.zone_rows import Column, aligned
from edgeheat.core.zones import ZoneMasks

_FORMAT = 2
_FORMAT_1 = 1
"""Of heats that counted motion only and had no zones; one extra array could go with them, the empty `scene`."""

_HEAT, _EXTRA = "heat/", "extra/"
"""Prefixes of the arrays of heats, and of those that others put beside them."""

_CHECKSUM_BYTES = 4


class Heats:
    """The heats of one camera on one grid, and what happens in its zones."""

    def __init__(self, params: Sequence[HeatParams], zones: ZoneMasks, timezone: tzinfo) -> None:
        height, width = zones.counted.shape
        self.shape_hw = height, width
        self.zones = zones
        self._heats: dict[str, Heat] = {
            each.name: make_heat(each, self.shape_hw, len(zones.keys), timezone) for each in params
        }
        self._params = {each.name: each for each in params}
        self._whole_ms = WholeMs()
        self._meter = ActivityMeter(zones.named)
        self._builder = IncrementBuilder(self.shape_hw, zones.keys)

    def count(self, mask: MotionMask) -> Increment | None:
        """Count one mask; returns the increment that this completed, if any, already counted."""
        whole_ms = self._whole_ms.of(mask.dt_s)
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
            rows = aligned(increment.zone_rows, increment.zone_keys, self.zones.keys)
            increment = replace(increment, zone_keys=self.zones.keys, zone_rows=rows)
        for heat in self._heats.values():
            heat.add(increment)

    def read(self, name: str, mono_s: float, wall_s: float) -> HeatGrid:
        """Return one heat at an instant, the unfinished second included."""
        return self._heats[name].read(mono_s, wall_s, self._builder.peek())

    def read_zones(self, name: str, mono_s: float, wall_s: float) -> NDArray[np.float64]:
        """Return the zones' rows of one heat's period, the unfinished second included.

        Shape (zones, len(Column)), in the order of ZoneMasks.named.
        """
        return self._heats[name].read_zones(mono_s, wall_s, self._builder.peek())

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
            "zones": self.zones.keys,
        }
        arrays = {
            f"{_HEAT}{name}/{key}": array for name, heat in self._heats.items() for key, array in heat.state().items()
        }
        arrays |= {f"{_EXTRA}{key}": array for key, array in extra.items()}
        arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
        buffer = io.BytesIO()
        # The stubs fear that a key is `allow_pickle`; all but `meta` have a slash in theirs.
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        npz = buffer.getvalue()
        return _checksum(npz) + npz

    @staticmethod
    def saved_shape_hw(saved: bytes) -> tuple[int, int]:
        """Return the grid's (height, width) in what `save` gave; raises ValueError where it is not such a file."""
        with _open(saved) as arrays:
            return _described(arrays).shape_hw

    def restore(self, saved: bytes, shift_s: float) -> tuple[list[str], dict[str, NDArray[Any]]]:
        """Take up what `save` gave, its times moved by `shift_s`.

        Returns the names of the heats that start empty, and the extra arrays.
        A heat whose kind, length or measure was changed since starts empty, and so does a new one. Figures of zones
        go on where name and polygon are the same. A file of format 1 counted motion: heats of presence and of
        traffic go on with it, their zones start empty, and its scene is the extra array `scene`.
        Raises ValueError where the bytes are not such a file or are of another grid.
        """
        empty = []
        with _open(saved) as arrays:
            was = _described(arrays)
            if was.shape_hw != self.shape_hw:
                raise ValueError(f"saved heats: expected a grid of {self.shape_hw}, got {was.shape_hw}")
            for name, heat in self._heats.items():
                if not was.same(self._params[name]):
                    empty.append(name)
                    continue
                try:
                    state = was.state(arrays, name)
                    state["zones"] = aligned(state["zones"], was.zone_keys, self.zones.keys)
                    heat.restore(state, shift_s)
                except (KeyError, IndexError, TypeError) as error:
                    raise ValueError(f"saved heats: {name} does not fit: {error!r}") from error
            return empty, was.beside(arrays)


def _identity(params: HeatParams) -> list[object]:
    return [params.kind, params.length_s, str(params.since), params.of]


@dataclass(frozen=True, slots=True)
class _Description:
    """What a saved file says about itself."""

    format: int
    shape_hw: tuple[int, int]
    identities: Mapping[str, object]
    zone_keys: tuple[int, ...]

    def same(self, params: HeatParams) -> bool:
        """Whether the file's heat of that name can go on as this one."""
        identity, wanted = self.identities.get(params.name), _identity(params)
        if self.format == _FORMAT_1:
            return params.of != "dwell" and identity == wanted[:-1]
        return identity == wanted

    def state(self, arrays: np.lib.npyio.NpzFile, name: str) -> State:
        """Return one heat's state in the form that heats have now."""
        if self.format == _FORMAT_1:
            state = _beginning_with(f"{name}/", arrays)
            if "motion_ms" in state:
                state["heat_ms"] = state.pop("motion_ms")
            tables = (len(state["starts_s"]) + 1,) if "starts_s" in state else ()
            state["zones"] = np.zeros((*tables, 0, len(Column)))
            return state
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


def _checksum(npz: bytes) -> bytes:
    return zlib.crc32(npz).to_bytes(_CHECKSUM_BYTES, "little")


def _described(arrays: np.lib.npyio.NpzFile) -> _Description:
    try:
        meta = json.loads(arrays["meta"].tobytes())
        if meta["format"] not in (_FORMAT_1, _FORMAT):
            raise ValueError(f"expected format {_FORMAT}, got {meta['format']}")
        height, width = meta["shape_hw"]
        zone_keys = tuple(int(key) for key in meta.get("zones", ()))
        return _Description(meta["format"], (int(height), int(width)), dict(meta["heats"]), zone_keys)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"saved heats: no readable description: {error}") from error
