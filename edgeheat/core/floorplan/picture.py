"""Draws the heats of a floor plan over its picture, hatched where no camera sees the floor; makes snapshots of it."""

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
from edgeheat.core.heat.median_filter import median_filter
from edgeheat.core.render.annotate import title_and_legend
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.encode import MEDIA_TYPES, encode
from edgeheat.core.render.heatmap import dimmed_background, heat_layer, scale_max_s
from edgeheat.core.render.layer import Layer
from edgeheat.core.render.snapshot import MAX_IMAGE_BYTES
from edgeheat.defs.events import ALL, HeatImage, PlanArea, Snapshot, ZoneHeat
from edgeheat.defs.params import HeatParams, PlanParams, Style
from edgeheat.defs.wording import period_words

_NOMINAL_PICTURE_WH = (1920, 1080)
"""Assumed picture size of a camera that has not sent a heat yet."""

_PAPER_GREY = 225
"""Grey level of a plan without a picture."""

_METRE_LINE_GREY = 150
"""Grey level of the lines at each metre of a plan without a picture."""

_MIN_LINE_SPACING_PX = 12
"""Lines at each metre that would be closer than this are drawn at each 5, 10, 50 or 100 metres instead."""

_HATCH_OPACITY = 0.45
"""Opacity of the black under the hatching, 0..1."""

_HATCH_GREY = 120
"""Grey level of the hatching's lines, visible on white and on black plans."""


def plan_picture_wh(params: PlanParams, image: U8 | None) -> SizeWH:
    """Return the (width, height) of a plan's pictures: the plan's aspect ratio, the width of `image`.

    image: the plan's own picture, BGR; None: as large as possible. Neither side is longer than `style.max_width`, and
    the width is not less than the plan's grid unless that limit requires it.
    """
    width_m, depth_m = params.size_m
    limit = params.style.max_width
    wanted_width = limit if image is None else max(image.shape[1], plan_grid_wh(params.size_m)[0])
    width = min(limit, limit * width_m / depth_m, wanted_width)
    return max(1, round(width)), max(1, round(width * depth_m / width_m))


def decode_image(content: bytes) -> U8 | None:
    """Return a plan's own picture, BGR uint8, from the bytes of its file; None where they are not a complete picture.

    Transparent pixels become white: drawing programs export a transparent background, and black lines on black would be
    invisible.
    """
    data = np.frombuffer(content, np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR) if content else None
    if decoded is None:
        return None
    picture = np.asarray(decoded, np.uint8)
    opacity = _opacity(cv2.imdecode(data, cv2.IMREAD_UNCHANGED))
    if opacity is not None:
        for channel in range(3):  # one by one in uint8: a large plan would take half a gigabyte otherwise
            ink = cv2.multiply(255 - picture[..., channel], opacity, scale=1 / 255)
            picture[..., channel] = 255 - np.asarray(ink, np.uint8)
    return picture


def _opacity(whole: NDArray[Any] | None) -> U8 | None:
    """Return the alpha channel of a decoded picture, uint8, 255 opaque; None where it has none."""
    if whole is None or whole.ndim < 3 or whole.shape[2] != 4:
        return None
    return np.asarray(whole[..., 3] >> 8 if whole.dtype == np.uint16 else whole[..., 3], np.uint8)


def draw_plan(heat: PlanHeat, image: U8 | None, params: PlanParams, caption: Caption) -> U8:
    """Return the picture of one heat of a plan: BGR uint8, shape (height, width, 3), owned by the caller.

    image: the plan's own picture, BGR of any size, which is stretched over the plan; None draws lines at each metre.
    Cells that no camera sees, or that none observed in the heat's period, are hatched.
    """
    style, size_wh = params.style, plan_picture_wh(params, image)
    picture = dimmed_background(plan_image(params, image, size_wh) if style.overlay else None, style, size_wh)
    top_s = scale_max_s(heat.grid, style)
    heat_layer(heat.grid.heat_s, top_s, style, size_wh).lay_over(picture)
    hatch(picture, heat.observed_s > 0)
    for layer in title_and_legend(style, size_wh, top_s, caption, heat.grid.coverage):
        layer.lay_over(picture)
    return picture


def plan_snapshot(params: PlanParams, cameras: Mapping[str, CameraHeats], image: U8 | None) -> Snapshot:
    """Draw and encode each heat of a plan as of the latest instant of `cameras`, which must not be empty.

    cameras, by name: a camera of the plan that is missing counts as having observed nothing. image: as for `draw_plan`.
    Raises ValueError, which names the camera, where a camera's points do not determine a homography.
    """
    latest = max(cameras.values(), key=lambda camera: camera.mono_s)
    shapes_hw = {name: next(iter(heats.grids.values())).heat_s.shape for name, heats in cameras.items() if heats.grids}
    views = floor_views(params, {name: (width, height) for name, (height, width) in shapes_hw.items()})

    def heat_image(heat: HeatParams) -> HeatImage:
        grids = {
            name: heats.extrapolate(heat, latest.mono_s, latest.wall_s, params.timezone)
            for name, heats in cameras.items()
        }
        blended = blend([(view, grids.get(camera)) for camera, view in views.items()])
        at = datetime.fromtimestamp(latest.wall_s, params.timezone)
        caption = Caption(params.name, period_words(heat), at, heat.measure)
        return _heat_image(heat, blended, draw_plan(blended, image, params, caption), params.style)

    seen = np.maximum.reduce([view.seen for view in views.values()])
    return Snapshot(
        params.name,
        latest.wall_s,
        tuple(heat_image(heat) for heat in params.heats),
        epoch=1 + sum(camera.epoch - 1 for camera in cameras.values()),
        plan=PlanArea(
            size_m=params.size_m,
            cell_m2=params.size_m[0] * params.size_m[1] / seen.size,
            seen_ratio=cv2.countNonZero(seen) / seen.size,
        ),
    )


def floor_views(params: PlanParams, grids_wh: Mapping[str, SizeWH]) -> dict[str, FloorView]:
    """Return what each camera sees of a plan; `grids_wh` are the (width, height) of their grids where known.

    Raises ValueError, which names the camera, where a camera's points do not determine a homography.
    """
    views = {}
    for view in params.views:
        grid_wh = grids_wh.get(view.camera) or grid_size_wh(_NOMINAL_PICTURE_WH, view.grid_width)
        try:
            views[view.camera] = floor_view(view, params.size_m, grid_wh)
        except ValueError as error:
            raise ValueError(f"camera {view.camera}: {error}") from error
    return views


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
        zones=(_plan_statistics(blended),),
        image=encoded,
        media_type=MEDIA_TYPES[style.format],
        size_wh=(picture.shape[1], picture.shape[0]),
        open_ratio=blended.grid.open_ratio,
    )


def _plan_statistics(heat: PlanHeat) -> ZoneHeat:
    """Return the statistics of the whole area that cameras see."""
    height, width = heat.seen.shape
    count = cv2.countNonZero(heat.seen)
    if not count:
        return ZoneHeat(ALL, 0, 0.0, 0.0, 0.0, (0.5, 0.5))
    total_s = float(heat.grid.heat_s[heat.seen > 0].sum(dtype="float64"))
    _, peak_s, _, (x, y) = cv2.minMaxLoc(median_filter(heat.grid.heat_s), heat.seen)
    return ZoneHeat(ALL, count, total_s, total_s / count, peak_s, ((x + 0.5) / width, (y + 0.5) / height))


def plan_image(params: PlanParams, image: U8 | None, size_wh: SizeWH) -> U8:
    """Return a plan's own picture `image`, or where that is None grey paper of `size_wh` with a line at each metre."""
    if image is not None:
        return image
    size_m = params.size_m
    paper = np.full((size_wh[1], size_wh[0], 3), _PAPER_GREY, np.uint8)
    pixels_per_m = size_wh[0] / size_m[0]
    step_m = next((step for step in (1, 5, 10, 50) if step * pixels_per_m >= _MIN_LINE_SPACING_PX), 100)
    for metre in range(0, int(max(size_m)) + 1, step_m):
        at = round(metre * pixels_per_m)
        paper[:, at : at + 1] = _METRE_LINE_GREY
        paper[at : at + 1] = _METRE_LINE_GREY
    return paper


def hatch(picture: U8, known: NDArray[np.bool_]) -> None:
    """Hatch a BGR picture in place where `known`, of any shape and stretched over the picture, is false."""
    size_wh = picture.shape[1], picture.shape[0]
    area = cv2.resize((~known).astype(np.uint8) * 255, size_wh, interpolation=cv2.INTER_LINEAR) > 127
    spacing = max(8, min(size_wh) // 60)
    across = np.add.outer(np.arange(size_wh[1]), np.arange(size_wh[0])) % spacing
    lines = area & (across < max(1, spacing // 8))
    layer = Layer(np.zeros_like(picture), np.full_like(picture, 255))
    layer.keep[area] = round(255 * (1 - _HATCH_OPACITY))
    layer.keep[lines] = 0
    layer.colour[lines] = _HATCH_GREY
    layer.lay_over(picture)
