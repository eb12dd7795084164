"""The heats of one camera on their way from its worker to the plans, and what is left of them as they age."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np

from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.daily import starts_around_s
from edgeheat.defs.params import HeatParams

_META = "meta"


@dataclass(frozen=True, slots=True)
class CameraHeats:
    """Some heats of one camera, read at one instant."""

    grids: Mapping[str, HeatGrid]
    """By the heat's name."""

    mono_s: float
    """The instant on the monotonic clock, which all processes of a machine share."""

    wall_s: float
    epoch: int = 1
    """As in Snapshot: goes up when the camera was moved."""

    def pack(self) -> bytes:
        """Return it as bytes for `unpack`, at most some 180 kB for each heat of 320 by 180 cells."""
        meta = {
            "mono_s": self.mono_s,
            "wall_s": self.wall_s,
            "epoch": self.epoch,
            "heats": {name: [grid.observed_s, grid.period_s] for name, grid in self.grids.items()},
        }
        arrays = {f"heat/{name}": grid.heat_s for name, grid in self.grids.items()}
        buffer = io.BytesIO()
        # The stubs fear that a key is `allow_pickle`; heats have a slash in theirs.
        np.savez_compressed(buffer, **arrays, **{_META: np.frombuffer(json.dumps(meta).encode(), np.uint8)})  # type: ignore[arg-type]
        return buffer.getvalue()

    @classmethod
    def unpack(cls, packed: bytes) -> CameraHeats:
        """Return what `pack` packed; raises ValueError or OSError where the bytes are nothing of the kind."""
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            meta = json.loads(arrays[_META].tobytes())
            grids = {
                name: HeatGrid(arrays[f"heat/{name}"], observed_s, period_s)
                for name, (observed_s, period_s) in meta["heats"].items()
            }
        return cls(grids, meta["mono_s"], meta["wall_s"], meta["epoch"])

    def read(self, heat: HeatParams, mono_s: float, wall_s: float, timezone: tzinfo) -> HeatGrid:
        """Return one heat as it stands at a later instant if the camera has seen nothing since.

        Exact for decaying heats and for totals. Of a window what is left is reckoned as if the heat had come evenly:
        only the camera's worker knows when it came. `timezone` is the shop's, for totals that start at a time of day.
        """
        grid = self.grids[heat.name]
        age_s = max(0.0, mono_s - self.mono_s)
        if heat.kind == "total":
            started_s = -math.inf if heat.since is None else starts_around_s(heat.since, wall_s, timezone)[0]
            if started_s > self.wall_s:
                return HeatGrid(np.zeros_like(grid.heat_s), 0.0, wall_s - started_s)
            return HeatGrid(grid.heat_s, grid.observed_s, grid.period_s + age_s)
        left = 2.0 ** (-age_s / heat.length_s) if heat.kind == "decaying" else max(0.0, 1.0 - age_s / heat.length_s)
        return HeatGrid(grid.heat_s * np.float32(left), grid.observed_s * left, grid.period_s)
