"""The cameras' pictures are projected onto the plan, with the measured points."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import numpy as np
import pytest

from edgeheat.core.floorplan.check import draw_calibration_check
from edgeheat.core.grid.frames import U8
from edgeheat.defs.params import HeatParams, PlanParams, Style, ZoneParams
from tests.support.floor import FRONT, GRID_WH, SIZE_M, back, footprint, front

PLAN = PlanParams("floor", SIZE_M, (front(),), (HeatParams("hour", "window", 3600.0),), UTC, Style(max_width=550))
PER_M = 50


def floor_with_a_green_disc(x: float, y: float) -> U8:
    """A black picture of the floor with a green disc at a place on the plan."""
    picture = np.zeros((*GRID_WH[::-1], 3), np.uint8)
    picture[..., 1] = np.rint(255 * footprint(FRONT, x, y, 0.3))
    return picture


def greenest(check: U8) -> tuple[float, float]:
    """The place on the plan at the centre of the green area, marks excluded."""
    green = check[..., 1].astype(int) - check[..., 2].astype(int)
    rows, columns = np.nonzero(green > 100)
    return float(columns.mean()) / PER_M, float(rows.mean()) / PER_M


@pytest.mark.parametrize(("x", "y"), [(4.0, 6.0), (6.0, 3.0), (3.5, 2.5)])
def test_a_place_on_the_floor_is_drawn_at_its_place_on_the_plan(x: float, y: float) -> None:
    assert greenest(draw_calibration_check(PLAN, {"front": floor_with_a_green_disc(x, y)}, None)) == pytest.approx(
        (x, y), abs=0.06
    )


def test_privacy_zones_are_not_visible_on_the_plan() -> None:
    everywhere = ZoneParams("staff", "privacy", ((0.0, 0.3), (1.0, 0.3), (1.0, 1.0), (0.0, 1.0)))
    part = ZoneParams("staff", "privacy", ((0.0, 0.3), (0.5, 0.3), (0.5, 1.0), (0.0, 1.0)))
    green = np.zeros((*GRID_WH[::-1], 3), np.uint8)
    green[..., 1] = 255
    plain, hidden, half = (
        (draw_calibration_check(replace(PLAN, views=(view,)), {"front": green}, None)[..., 1] > 200).sum()
        for view in (front(), front(everywhere), front(part))
    )
    assert hidden < 0.02 * plain
    assert 0.3 * plain < half < 0.7 * plain


def test_each_measured_point_is_circled_in_its_camera_s_colour() -> None:
    plan = replace(PLAN, views=(front(), back()))
    check = draw_calibration_check(plan, {"front": floor_with_a_green_disc(4.0, 6.0)}, None)
    for view, colour_bgr in zip(plan.views, ((60, 60, 255), (255, 160, 0)), strict=True):
        for *_, x, y in view.points:
            row, column = round(y * PER_M), round(x * PER_M)
            around = check[row - 8 : row + 9, column - 8 : column + 9].reshape(-1, 3)
            assert (np.abs(around.astype(int) - colour_bgr).sum(axis=1) < 30).any(), (view.camera, x, y)


def test_the_view_of_a_camera_without_a_picture_is_hatched() -> None:
    check = draw_calibration_check(PLAN, {}, None)
    assert np.ptp(check[250:270, 250:270]) > 40
