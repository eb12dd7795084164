"""Draws the pictures of a report as JPEG."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgeheat.core.grid.frames import F64, U8, SizeWH
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.encode import encode
from edgeheat.core.render.heatmap import draw
from edgeheat.core.render.profile import draw_profile
from edgeheat.core.render.side_by_side import Layout, Period, draw_comparison
from edgeheat.defs.params import Style
from edgeheat.history.plan_answer import PlanAnswer
from edgeheat.history.query import PeriodHeat
from edgeheat.history.report.content import CameraReport

_QUALITY = 80
"""Quality of the JPEG pictures, 1..100."""

_HEAT_WIDTH = 960
"""Width of the picture of a heat in pixels: two stand side by side on a screen."""

_COMPARISON_WIDTHS: dict[Layout, int] = {"row": 1920, "column": 720}
"""Width of a comparison in pixels: a row for screens and paper, a column for phones."""

_HOURS_WIDTHS: dict[Layout, int] = {"row": 1280, "column": 480}
"""Width of the hours of the week in pixels: for screens and paper, and for phones."""

_HOURS_UNIT = "busiest hour = 100"
"""What the numbers of the hours mean."""


def heat_picture(camera: CameraReport, heat: PeriodHeat) -> bytes:
    """Return where people walked or stood, over the scene, as JPEG."""
    caption = Caption(camera.params.camera, "", None, heat.measure)
    return _jpeg(draw(heat.grid, camera.backdrop, _style(camera), _size_wh(camera), caption, zones=camera.params.zones))


def plan_picture(plan: PlanAnswer) -> bytes:
    """Return where people walked or stood on a floor plan, as JPEG."""
    style = replace(plan.params.style, title=False, legend=True, normalize=True, max_width=_HEAT_WIDTH)
    return _jpeg(replace(plan, params=replace(plan.params, style=style)).picture())


def comparison_picture(camera: CameraReport, names: tuple[str, str], layout: Layout) -> bytes:
    """Return the period before, the period and the change, named `names`, as JPEG; there must be a comparison."""
    assert camera.comparison is not None
    grids = camera.comparison.a.grid, camera.comparison.b.grid
    picture = draw_comparison(
        camera.params.camera,
        (Period(names[0], grids[0]), Period(names[1], grids[1])),
        camera.comparison.b.measure,
        camera.backdrop,
        _style(camera),
        camera_wh=_size_wh(camera),
        width=_COMPARISON_WIDTHS[layout],
        layout=layout,
        zones=camera.params.zones,
    )
    return _jpeg(picture)


def hours_picture(camera: CameraReport, title: str, layout: Layout) -> bytes:
    """Return how busy the hours of the week are, in percent of the busiest one, as JPEG."""
    rates = percent_of_busiest(camera.usual_hours)
    width = _HOURS_WIDTHS[layout]
    return _jpeg(draw_profile(rates, title, width=width, colormap=camera.params.style.colormap, unit=_HOURS_UNIT))


def percent_of_busiest(hours: F64) -> F64:
    """Return each hour's value as a percentage of the highest one; NaN stays, and zeros where all are 0."""
    top = float(np.nanmax(hours)) if np.isfinite(hours).any() else 0.0
    return hours * (100.0 / top if top > 0 else 0.0)


def _style(camera: CameraReport) -> Style:
    """Return the camera's style with a legend, as the page has the title."""
    return replace(camera.params.style, title=False, legend=True, normalize=True)


def _size_wh(camera: CameraReport) -> SizeWH:
    """Return the size of a picture, in the aspect ratio of the scene."""
    shown = camera.traffic.grid.heat_s if camera.backdrop is None else camera.backdrop
    return _HEAT_WIDTH, max(1, round(_HEAT_WIDTH * shown.shape[0] / shown.shape[1]))


def _jpeg(picture: U8) -> bytes:
    return encode(picture, "jpeg", _QUALITY)[0]
