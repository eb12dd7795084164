"""All heats of one camera together: fed by increments, read by name, saved and taken up again as bytes."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Sequence
from datetime import tzinfo

import numpy as np

from edgeheat.core.heat import Heat, make_heat
from edgeheat.core.increment import Increment, IncrementBuilder
from edgeheat.core.params import HeatParams
from edgeheat.core.types import U8, HeatGrid, MotionMask

_FORMAT = 1
_SCENE = "scene"
_CHECKSUM_BYTES = 4


class Heats:
    """The heats of one camera on one grid."""

    def __init__(self, params: Sequence[HeatParams], shape_hw: tuple[int, int], zone: tzinfo) -> None:
        self.shape_hw = shape_hw
        self._heats: dict[str, Heat] = {each.name: make_heat(each, shape_hw, zone) for each in params}
        self._params = {each.name: each for each in params}
        self._builder = IncrementBuilder(shape_hw)

    def count(self, mask: MotionMask) -> Increment | None:
        """Count one mask; returns the increment that this completed, if any, already counted."""
        increment = self._builder.add(mask)
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
        """Count one increment in every heat; raises ValueError where it is of another grid."""
        if increment.motion_ms.shape != self.shape_hw:
            raise ValueError(f"increment: expected a grid of {self.shape_hw}, got {increment.motion_ms.shape}")
        for heat in self._heats.values():
            heat.add(increment)

    def read(self, name: str, mono_s: float, wall_s: float) -> HeatGrid:
        """Return one heat at an instant, the unfinished second included."""
        return self._heats[name].read(mono_s, wall_s, self._builder.peek())

    def save(self, scene: U8 | None) -> bytes:
        """Return all heats, and the empty scene if it is known, as a checksum and one npz file.

        The unfinished second is left out until it is closed.
        """
        arrays = {f"{name}/{key}": array for name, heat in self._heats.items() for key, array in heat.state().items()}
        if scene is not None:
            arrays[_SCENE] = scene
        meta = {
            "format": _FORMAT,
            "shape_hw": self.shape_hw,
            "heats": {n: _identity(p) for n, p in self._params.items()},
        }
        buffer = io.BytesIO()
        arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
        # The stubs fear that a key is `allow_pickle`; heats have a slash in theirs, the others are `meta` and `scene`.
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        npz = buffer.getvalue()
        return _checksum(npz) + npz

    @staticmethod
    def saved_shape_hw(saved: bytes) -> tuple[int, int]:
        """Return the grid's (height, width) in what `save` gave; raises ValueError where it is not such a file."""
        with _open(saved) as arrays:
            return _described(arrays)[0]

    def restore(self, saved: bytes, shift_s: float) -> tuple[list[str], U8 | None]:
        """Take up what `save` gave, its times moved by `shift_s`.

        Returns the names of the heats that start empty, and the empty scene.
        A heat whose kind or length was changed since starts empty, and so does a new one.
        Raises ValueError where the bytes are not such a file or are of another grid.
        """
        empty = []
        with _open(saved) as arrays:
            shape_hw, identities = _described(arrays)
            if shape_hw != self.shape_hw:
                raise ValueError(f"saved heats: expected a grid of {self.shape_hw}, got {shape_hw}")
            for name, heat in self._heats.items():
                if identities.get(name) != _identity(self._params[name]):
                    empty.append(name)
                    continue
                prefix = f"{name}/"
                state = {key.removeprefix(prefix): arrays[key] for key in arrays.files if key.startswith(prefix)}
                try:
                    heat.restore(state, shift_s)
                except (KeyError, IndexError, TypeError) as error:
                    raise ValueError(f"saved heats: {name} does not fit: {error!r}") from error
            scene = arrays[_SCENE] if _SCENE in arrays.files else None
        return empty, scene


def _identity(params: HeatParams) -> list[object]:
    return [params.kind, params.length_s, str(params.since)]


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


def _described(arrays: np.lib.npyio.NpzFile) -> tuple[tuple[int, int], dict[str, object]]:
    """Return the grid's (height, width), and for each heat's name what it was."""
    try:
        meta = json.loads(arrays["meta"].tobytes())
        if meta["format"] != _FORMAT:
            raise ValueError(f"expected format {_FORMAT}, got {meta['format']}")
        height, width = meta["shape_hw"]
        return (int(height), int(width)), dict(meta["heats"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"saved heats: no readable description: {error}") from error
