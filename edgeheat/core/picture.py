"""Makes a snapshot: every heat of a camera as figures and as an encoded picture."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from edgeheat.core.activity import zone_heat
from edgeheat.core.caption import Caption, period_words
from edgeheat.core.encode import MEDIA_TYPES, encode
from edgeheat.core.events import HeatImage, Snapshot
from edgeheat.core.params import HeatParams, PipelineParams
from edgeheat.core.render import draw, scale_max_s
from edgeheat.core.types import U8, HeatGrid, SizeWH

MAX_IMAGE_BYTES = 900_000
"""MQTT brokers refuse packets from about a megabyte on (EMQX by default; mosquitto 2.1 from two)."""


def take_snapshot(
    params: PipelineParams,
    *,
    grids: Mapping[str, HeatGrid],
    zones: Mapping[str, U8],
    background: U8 | None,
    size_wh: SizeWH,
    wall_s: float,
) -> Snapshot:
    """Draw and encode each heat of `params`; `grids` by heat name, `zones` as in ZoneMasks.named."""
    images = tuple(
        _heat_image(
            params, heat, grid=grids[heat.name], zones=zones, background=background, size_wh=size_wh, wall_s=wall_s
        )
        for heat in params.heats
    )
    return Snapshot(params.camera, wall_s, images)


def _heat_image(
    params: PipelineParams,
    heat: HeatParams,
    *,
    grid: HeatGrid,
    zones: Mapping[str, U8],
    background: U8 | None,
    size_wh: SizeWH,
    wall_s: float,
) -> HeatImage:
    style = params.style
    caption = Caption(params.camera, period_words(heat), datetime.fromtimestamp(wall_s, params.zone))
    picture = draw(grid, background, style, size_wh, caption)
    image, picture = encode(picture, style.format, style.quality, MAX_IMAGE_BYTES)
    return HeatImage(
        heat=heat.name,
        kind=heat.kind,
        period_s=grid.period_s,
        observed_s=grid.observed_s,
        coverage=grid.coverage,
        scale_max_s=scale_max_s(grid, style),
        zones=tuple(zone_heat(name, cells, grid) for name, cells in zones.items()),
        image=image,
        media_type=MEDIA_TYPES[style.format],
        size_wh=(picture.shape[1], picture.shape[0]),
    )
