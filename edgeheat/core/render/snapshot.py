"""Makes a snapshot of one camera: each heat as statistics per zone and as an encoded picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.heat.zone_statistics import zone_statistics
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.encode import MEDIA_TYPES, encode
from edgeheat.core.render.heatmap import draw, scale_max_s
from edgeheat.defs.events import HeatImage, Snapshot
from edgeheat.defs.params import HeatParams, PipelineParams
from edgeheat.defs.wording import period_words

MAX_IMAGE_BYTES = 900_000
"""Limit of each picture: MQTT brokers reject packets above about 1 MB (EMQX by default; mosquitto 2.1: 2 MB)."""


@dataclass(frozen=True, slots=True)
class UndrawnSnapshot:
    """The heats of one instant, still to be drawn; nothing else may change them or the backdrop until then."""

    heats: HeatSet
    backdrop: U8 | None
    size_wh: SizeWH
    epoch: int
    mono_s: float
    wall_s: float

    def draw(self, params: PipelineParams) -> Snapshot:
        """Draw and encode them, in the style of `params`."""
        return take_snapshot(
            params,
            self.heats,
            background=self.backdrop,
            size_wh=self.size_wh,
            mono_s=self.mono_s,
            wall_s=self.wall_s,
            epoch=self.epoch,
        )


def take_snapshot(
    params: PipelineParams,
    heats: HeatSet,
    *,
    background: U8 | None,
    size_wh: SizeWH,
    mono_s: float,
    wall_s: float,
    epoch: int = 1,
) -> Snapshot:
    """Draw and encode each heat of `params` as it is at an instant, one at a time to save memory.

    background: the scene without people, BGR of any size; None draws on black. size_wh: of the pictures, in pixels.
    epoch: see Snapshot. A picture above `MAX_IMAGE_BYTES` gets a lower quality, then a smaller size; raises ValueError
    where not even that is enough.
    """
    images = tuple(
        _heat_image(params, heats, heat, background=background, size_wh=size_wh, mono_s=mono_s, wall_s=wall_s)
        for heat in params.heats
    )
    return Snapshot(params.camera, wall_s, images, epoch)


def _heat_image(
    params: PipelineParams,
    heats: HeatSet,
    heat: HeatParams,
    *,
    background: U8 | None,
    size_wh: SizeWH,
    mono_s: float,
    wall_s: float,
) -> HeatImage:
    style = params.style
    grid = heats.read(heat.name, mono_s, wall_s)
    # Heat counted before a mask was configured must neither be visible under the mask nor set the colour scale.
    grid = replace(grid, heat_s=np.where(heats.zones.counted > 0, grid.heat_s, np.float32(0)))
    counters = heats.read_zone_counters(heat.name, mono_s, wall_s)
    caption = Caption(params.camera, period_words(heat), datetime.fromtimestamp(wall_s, params.timezone), heat.measure)
    drawn = draw(grid, background, style, size_wh, caption)
    data, shown = encode(drawn, style.format, style.quality, MAX_IMAGE_BYTES)
    return HeatImage(
        heat=heat.name,
        kind=heat.kind,
        measure=heat.measure,
        period_s=grid.period_s,
        observed_s=grid.observed_s,
        coverage=grid.coverage,
        scale_max_s=scale_max_s(grid, style),
        zones=zone_statistics(
            heats.zones, grid, counters, lambda zone: heats.read_since_drawn(heat.name, zone, mono_s, wall_s)
        ),
        image=data,
        media_type=MEDIA_TYPES[style.format],
        size_wh=(shown.shape[1], shown.shape[0]),
        open_ratio=grid.open_ratio,
    )
