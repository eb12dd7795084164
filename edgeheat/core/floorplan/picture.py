"""Draws plans: the heat over the plan's picture, the places that nobody sees hatched; and a snapshot of all heats."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.floorplan.camera_heats import CameraHeats
from edgeheat.core.floorplan.geometry import FloorView, PlanHeat, blend, floor_view, plan_grid_wh
from edgeheat.core.grid.frames import U8, SizeWH
from edgeheat.core.grid.sampling import grid_size_wh
from edgeheat.core.heat.peak import places
from edgeheat.core.render.annotate import title_and_legend
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.encode import MEDIA_TYPES, encode
from edgeheat.core.render.heatmap import backdrop, heat_layer, scale_max_s
from edgeheat.core.render.layer import Layer
from edgeheat.core.render.snapshot import MAX_IMAGE_BYTES
from edgeheat.defs.events import ALL, HeatImage, PlanArea, Snapshot, ZoneHeat
from edgeheat.defs.params import HeatParams, PlanParams, PlanViewParams, Style
from edgeheat.defs.wording import period_words

_NOMINAL_PICTURE_WH = (1920, 1080)
"""Stands for the picture of a camera that has not sent a heat yet."""

_PAPER, _INK = 225, 150
"""Grey of a plan without a picture, and of the lines at each metre."""

_LINES_APART_PX = 12
_HATCH_SHADE, _HATCH_GREY = 0.45, 120
"""The hatching darkens what lies below, and its lines are of this grey: seen on white paper and on black."""


def plan_picture_wh(params: PlanParams, image: U8 | None) -> SizeWH:
    """Return the (width, height) of a plan's pictures: of its shape, as wide as `image`, within `max_width` squared.

    image: the plan's own picture, BGR, which is stretched to that; None: as large as may be. A smaller one than the
    plan's grid is enlarged to it, for no heat is left out.
    """
    width_m, depth_m = params.size_m
    limit = params.style.max_width
    wanted = limit if image is None else max(image.shape[1], plan_grid_wh(params.size_m)[0])
    width = min(limit, limit * width_m / depth_m, wanted)
    return max(1, round(width)), max(1, round(width * depth_m / width_m))


def decode_image(content: bytes) -> U8 | None:
    """Return a plan's own picture, BGR, from the bytes of its file; None where they are no whole picture.

    What is transparent is paper: drawing programs leave the background out, and black lines on black are nothing.
    """
    data = np.frombuffer(content, np.uint8)
    found = cv2.imdecode(data, cv2.IMREAD_COLOR) if content else None
    if found is None:
        return None
    picture = np.asarray(found, np.uint8)
    opacity = _opacity(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))
    if opacity is not None:
        for channel in range(3):  # one by one: as fractions, or all at once, a large plan would be half a gigabyte
            ink = cv2.multiply(255 - picture[..., channel], opacity, scale=1 / 255)
            picture[..., channel] = 255 - np.asarray(ink, np.uint8)
    return picture


def _opacity(whole: NDArray[Any] | None) -> U8 | None:
    """Return the fourth channel of a picture as it was decoded, 255 opaque; None where it has none."""
    if whole is None or whole.ndim < 3 or whole.shape[2] != 4:
        return None
    return np.asarray(whole[..., 3] >> 8 if whole.dtype == np.uint16 else whole[..., 3], np.uint8)


def draw_plan(heat: PlanHeat, image: U8 | None, params: PlanParams, caption: Caption) -> U8:
    """Return the picture of one heat of a plan: BGR of shape (height, width, 3), owned by the caller.

    image: the plan's own picture, BGR of any size, which is stretched over the plan; None draws lines at each metre.
    What nobody sees is hatched, and so is what nobody has seen in all the time of the heat.
    """
    style, size_wh = params.style, plan_picture_wh(params, image)
    picture = backdrop(plan_image(params, image, size_wh) if style.overlay else None, style, size_wh)
    top_s = scale_max_s(heat.grid, style)
    heat_layer(heat.grid.heat_s, top_s, style, size_wh).lay_over(picture)
    hatch(picture, heat.observed_s > 0)
    for layer in title_and_legend(style, size_wh, top_s, caption, heat.grid.coverage):
        layer.lay_over(picture)
    return picture


def plan_snapshot(params: PlanParams, cameras: Mapping[str, CameraHeats], image: U8 | None) -> Snapshot:
    """Draw and encode each heat of a plan as of the latest of `cameras`, of which there must be one.

    A camera of the plan that is not among them has observed nothing. Raises ValueError, naming the camera, where the
    points of one do not determine a view of the floor.
    """
    latest = max(cameras.values(), key=lambda camera: camera.mono_s)
    views = {view.camera: _floor_view(view, params.size_m, _grid_wh(view, cameras)) for view in params.views}

    def image_of(heat: HeatParams) -> HeatImage:
        grids = {
            name: known.read(heat, latest.mono_s, latest.wall_s, params.timezone) for name, known in cameras.items()
        }
        blended = blend([(view, grids.get(camera)) for camera, view in views.items()])
        at = datetime.fromtimestamp(latest.wall_s, params.timezone)
        caption = Caption(params.name, period_words(heat), at, heat.measure)
        return _heat_image(heat, blended, draw_plan(blended, image, params, caption), params.style)

    seen = np.maximum.reduce([view.seen for view in views.values()])
    return Snapshot(
        params.name,
        latest.wall_s,
        tuple(image_of(heat) for heat in params.heats),
        epoch=1 + sum(camera.epoch - 1 for camera in cameras.values()),
        plan=PlanArea(
            size_m=params.size_m,
            cell_m2=params.size_m[0] * params.size_m[1] / seen.size,
            seen_ratio=cv2.countNonZero(seen) / seen.size,
        ),
    )


def _floor_view(view: PlanViewParams, size_m: tuple[float, float], grid_wh: SizeWH) -> FloorView:
    try:
        return floor_view(view, size_m, grid_wh)
    except ValueError as error:
        raise ValueError(f"camera {view.camera}: {error}") from error


def _grid_wh(view: PlanViewParams, cameras: Mapping[str, CameraHeats]) -> SizeWH:
    heats = cameras.get(view.camera)
    if heats is None or not heats.grids:
        return grid_size_wh(_NOMINAL_PICTURE_WH, view.grid_width)
    height, width = next(iter(heats.grids.values())).heat_s.shape
    return width, height


def _heat_image(heat: HeatParams, blended: PlanHeat, picture: U8, style: Style) -> HeatImage:
    encoded, picture = encode(picture, style.format, style.quality, MAX_IMAGE_BYTES)
    return HeatImage(
        heat=heat.name,
        kind=heat.kind,
        measure=heat.measure,
        period_s=blended.grid.period_s,
        observed_s=blended.grid.observed_s,
        coverage=blended.grid.coverage,
        scale_max_s=scale_max_s(blended.grid, style),
        zones=(_figures(blended),),
        image=encoded,
        media_type=MEDIA_TYPES[style.format],
        size_wh=(picture.shape[1], picture.shape[0]),
    )


def _figures(heat: PlanHeat) -> ZoneHeat:
    """Return the figures of all places that a camera sees."""
    height, width = heat.seen.shape
    count = cv2.countNonZero(heat.seen)
    if not count:
        return ZoneHeat(ALL, 0, 0.0, 0.0, 0.0, (0.5, 0.5))
    total_s = float(heat.grid.heat_s[heat.seen > 0].sum(dtype="float64"))
    _, peak_s, _, (x, y) = cv2.minMaxLoc(places(heat.grid.heat_s), heat.seen)
    return ZoneHeat(ALL, count, total_s, total_s / count, peak_s, ((x + 0.5) / width, (y + 0.5) / height))


def plan_image(params: PlanParams, image: U8 | None, size_wh: SizeWH) -> U8:
    """Return a plan's own picture, or where it has none paper with a line at each metre, or at fewer where too many."""
    if image is not None:
        return image
    size_m = params.size_m
    paper = np.full((size_wh[1], size_wh[0], 3), _PAPER, np.uint8)
    pixels_per_m = size_wh[0] / size_m[0]
    step_m = next((step for step in (1, 5, 10, 50) if step * pixels_per_m >= _LINES_APART_PX), 100)
    for metre in range(0, int(max(size_m)) + 1, step_m):
        at = round(metre * pixels_per_m)
        paper[:, at : at + 1] = _INK
        paper[at : at + 1] = _INK
    return paper


def hatch(picture: U8, known: NDArray[np.bool_]) -> None:
    """Hatch, in place, what is not known; `known` has the shape of the plan's grid."""
    size_wh = picture.shape[1], picture.shape[0]
    area = cv2.resize((~known).astype(np.uint8) * 255, size_wh, interpolation=cv2.INTER_LINEAR) > 127
    spacing = max(8, min(size_wh) // 60)
    across = np.add.outer(np.arange(size_wh[1]), np.arange(size_wh[0])) % spacing
    lines = area & (across < max(1, spacing // 8))
    layer = Layer(np.zeros_like(picture), np.full_like(picture, 255))
    layer.keep[area] = round(255 * (1 - _HATCH_SHADE))
    layer.keep[lines] = 0
    layer.colour[lines] = _HATCH_GREY
    layer.lay_over(picture)
