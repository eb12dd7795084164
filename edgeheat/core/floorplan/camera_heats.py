"""The heats of one camera as its process sends them to the floor plans, packed and extrapolated to a later instant."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np

from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.heat.daily import starts_around_s
from edgeheat.core.heat.packing import pack, unpack
from edgeheat.defs.params import HeatParams


@dataclass(frozen=True, slots=True)
class CameraHeats:
    """The heats of one camera that floor plans show, read at one instant."""

    grids: Mapping[str, HeatGrid]
    """The heats by their names; `heat_s` is float32."""

    mono_s: float
    """When they were read, on the monotonic clock, which is the same in all processes of a machine."""

    wall_s: float
    """When they were read, as Unix time."""

    epoch: int = 1
    """Number that increases when the camera was moved, see Snapshot."""

    def pack(self) -> bytes:
        """Return it as bytes for `unpack`, at most about 180 kB for each heat of 320 by 180 cells."""
        header = {
            "mono_s": self.mono_s,
            "wall_s": self.wall_s,
            "epoch": self.epoch,
            "heats": {name: [grid.observed_s, grid.period_s, grid.open_ratio] for name, grid in self.grids.items()},
        }
        return pack(header, {name: grid.heat_s for name, grid in self.grids.items()})

    @classmethod
    def unpack(cls, packed: bytes) -> CameraHeats:
        """Return what `pack` packed, its arrays owned by the caller; raises ValueError for anything else."""
        header, arrays = unpack(packed)
        try:
            grids = {
                name: HeatGrid(arrays[name], float(observed_s), float(period_s), float(ratio))
                for name, (observed_s, period_s, ratio) in header["heats"].items()
            }
            times = float(header["mono_s"]), float(header["wall_s"])
            epoch = int(header["epoch"])
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"camera heats: unreadable: {error!r}") from error
        for name, grid in grids.items():
            if grid.heat_s.dtype != np.float32 or grid.heat_s.ndim != 2:
                raise ValueError(
                    f"camera heats: expected float32 (height, width) for {name}, "
                    f"got {grid.heat_s.dtype} {grid.heat_s.shape}"
                )
        return cls(grids, *times, epoch)

    def extrapolate(self, heat: HeatParams, mono_s: float, wall_s: float, timezone: tzinfo) -> HeatGrid:
        """Return one heat at a later instant, assuming that nothing was observed since.

        Exact for decaying heats (exponential decay by half-life) and for totals. A window is assumed to have been
        filled evenly, so that it empties linearly: only the camera's worker knows when its heat was counted. Opening
        hours are assumed to be as before. `timezone` is the shop's, for totals that restart at a time of day. Raises
        KeyError where the camera did not send the heat.
        """
        grid = self.grids[heat.name]
        age_s = max(0.0, mono_s - self.mono_s)
        if heat.kind == "total":
            started_s = -math.inf if heat.since is None else starts_around_s(heat.since, wall_s, timezone)[0]
            if started_s > self.wall_s:
                return HeatGrid(np.zeros_like(grid.heat_s), 0.0, wall_s - started_s)
            return HeatGrid(grid.heat_s, grid.observed_s, grid.period_s + age_s, grid.open_ratio)
        remaining_ratio = (
            2.0 ** (-age_s / heat.length_s) if heat.kind == "decaying" else max(0.0, 1.0 - age_s / heat.length_s)
        )
        heat_s = grid.heat_s * np.float32(remaining_ratio)
        return HeatGrid(heat_s, grid.observed_s * remaining_ratio, grid.period_s, grid.open_ratio)
