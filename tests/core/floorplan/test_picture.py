"""Floor plans as pictures and as snapshots."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from edgeheat.core.floorplan.camera_heats import CameraHeats
from edgeheat.core.floorplan.geometry import PlanHeat, blend, floor_view, plan_grid_wh
from edgeheat.core.floorplan.picture import decode_image, draw_plan, plan_picture_wh, plan_snapshot
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.render.caption import Caption
from edgeheat.defs.params import HeatParams, PlanParams, Style
from tests.support.floor import FRONT, GRID_WH, SIZE_M, back, footprint, front

NOON_S = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
HOUR = HeatParams("hour", "window", 3600.0)
BARE = Style(title=False, legend=False, max_width=640, format="png")
PLAN = PlanParams("floor", SIZE_M, (front(), back()), (HOUR,), UTC, BARE)
CAPTION = Caption("floor", "last 1 h", None)


def sent(heat_s: F32, observed_s: float = 3600.0, mono_s: float = 100.0, epoch: int = 1) -> CameraHeats:
    return CameraHeats({"hour": HeatGrid(heat_s, observed_s, 3600.0)}, mono_s, NOON_S + mono_s - 100, epoch)


def cold() -> F32:
    return np.zeros(GRID_WH[::-1], np.float32)


def decoded(image: bytes) -> U8:
    picture = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def drawn(*cameras: str, params: PlanParams = PLAN, image: U8 | None = None) -> U8:
    views = [(floor_view(view, SIZE_M, GRID_WH), view.camera) for view in params.views]
    grids = {name: HeatGrid(cold(), 3600.0, 3600.0) for name in cameras}
    return draw_plan(blend([(floor, grids.get(name)) for floor, name in views]), image, params, CAPTION)


def patch(picture: U8, x: float, y: float, side_m: float = 1.0) -> U8:
    per_m = picture.shape[1] / SIZE_M[0]
    half = side_m / 2
    rows, columns = (slice(round((at - half) * per_m), round((at + half) * per_m)) for at in (y, x))
    return picture[rows, columns]


@pytest.mark.parametrize("paper", [0, 255], ids=["on black", "on white"])
def test_floor_that_no_camera_sees_is_hatched_and_other_floor_is_not(paper: int) -> None:
    image = np.full((400, 440, 3), paper, np.uint8)
    picture = drawn("front", image=image, params=replace(PLAN, views=(front(),)))
    unseen, seen = patch(picture, 5.0, 9.5), patch(picture, 5.0, 5.0)
    assert np.unique(seen).size == 1
    assert np.ptp(unseen) > 40, "the lines are visible"
    lines = (unseen[..., 0] == 120).mean()
    assert 0.05 < lines < 0.35


def test_floor_that_was_not_observed_in_the_period_is_hatched_too() -> None:
    both, back_only = drawn("front", "back"), drawn("back")
    far_right = 10.4, 1.0  # front sees it, back does not
    assert np.ptp(patch(back_only, *far_right, 0.5)) > 40
    assert (patch(back_only, *far_right, 0.5) == 120).any() and not (patch(both, *far_right, 0.5) == 120).any()


def test_without_a_picture_there_are_lines_at_each_metre() -> None:
    picture = drawn("front", "back")
    per_m = picture.shape[1] / SIZE_M[0]
    row = picture[round(4.5 * per_m), : round(10.2 * per_m), 0].astype(int)  # further right it is hatched
    metres = np.flatnonzero(row < np.median(row) - 5) / per_m
    assert np.abs(metres - np.rint(metres)).max() < 0.05
    assert set(np.rint(metres).astype(int)) >= {1, 2, 3, 4, 5, 6, 7, 8, 9}


def test_the_plan_s_picture_is_stretched_over_the_plan() -> None:
    image = np.zeros((50, 400, 3), np.uint8)
    image[:, :200] = 255
    picture = drawn("front", "back", image=image)
    assert picture.shape == (364, 400, 3)
    assert patch(picture, 4.0, 5.0).min() > patch(picture, 7.0, 5.0).max()


@pytest.mark.parametrize(
    ("size_m", "image_width", "size_wh"),
    [
        ((11.0, 10.0), None, (640, 582)),
        ((11.0, 10.0), 5000, (640, 582)),
        ((11.0, 10.0), 320, (320, 291)),
        ((11.0, 10.0), 1, (320, 291)),
        ((5.0, 20.0), None, (160, 640)),
        ((500.0, 1.0), None, (640, 1)),
    ],
)
def test_pictures_have_the_plan_s_shape_within_max_width(
    size_m: tuple[float, float], image_width: int | None, size_wh: tuple[int, int]
) -> None:
    image = None if image_width is None else np.zeros((10, image_width, 3), np.uint8)
    assert plan_picture_wh(replace(PLAN, size_m=size_m), image) == size_wh


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_transparent_pixels_of_the_plan_s_own_picture_become_white(suffix: str) -> None:
    drawing = np.zeros(
        (40, 60, 4), np.uint8
    )  # black lines on a transparent background, as drawing programs export them
    drawing[20, :, 3] = 255
    drawing[30, :, 3] = 128
    picture = decode_image(cv2.imencode(suffix, drawing, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes())
    assert picture is not None
    assert [picture[row].mean().round() for row in (10, 20, 30)] == [255, 0, 127]


def test_transparency_of_16_bits_is_read_too() -> None:
    drawing = np.zeros((40, 60, 4), np.uint16)
    drawing[20, :, 3] = 65535
    picture = decode_image(cv2.imencode(".png", drawing)[1].tobytes())
    assert picture is not None
    assert (picture[10].mean(), picture[20].mean()) == (255, 0)


def test_heat_is_drawn_where_it_was_counted() -> None:
    heat = blend([(floor_view(front(), SIZE_M, GRID_WH), HeatGrid(footprint(FRONT, 6.0, 6.0, 0.3), 60.0, 60.0))])
    picture = draw_plan(heat, None, PLAN, CAPTION)
    hot = cv2.minMaxLoc(picture[..., 2].astype(np.float32))[3]
    assert np.array(hot) * SIZE_M[0] / picture.shape[1] == pytest.approx([6.0, 6.0], abs=0.3)


def test_a_tiny_plan_can_be_drawn() -> None:
    tiny = replace(PLAN, size_m=(500.0, 1.0), style=Style())
    nothing = np.zeros(plan_grid_wh(tiny.size_m)[::-1], np.float32)
    heat = PlanHeat(HeatGrid(nothing, 0.0, 1.0), np.zeros_like(nothing, np.uint8), nothing)
    assert draw_plan(heat, None, tiny, CAPTION).shape == (3, 1280, 3)


def test_a_snapshot_has_figures_in_square_metres() -> None:
    cells = footprint(FRONT, 5.0, 5.0, 0.5) * np.float32(60.0)
    snapshot = plan_snapshot(PLAN, {"front": sent(cells), "back": sent(cold(), observed_s=0.0)}, None)
    (heat,) = snapshot.heats
    (area,) = heat.zones
    assert snapshot.plan is not None and (snapshot.camera, snapshot.plan.size_m) == ("floor", SIZE_M)
    assert area.cell_seconds * snapshot.plan.cell_m2 == pytest.approx(60.0 * np.pi * 0.5**2, rel=0.05)
    assert area.peak_s == pytest.approx(60.0, rel=0.02)
    assert np.array(area.peak_xy) * SIZE_M == pytest.approx([5.0, 5.0], abs=0.6)
    assert area.cells == round(snapshot.plan.seen_ratio * 320 * 291)
    assert (heat.heat, heat.kind, heat.measure, heat.media_type) == ("hour", "window", "presence", "image/png")
    assert decoded(heat.image).shape[1::-1] == heat.size_wh == (640, 582)


def test_a_camera_that_never_sent_anything_lowers_the_coverage() -> None:
    full, half = (
        plan_snapshot(PLAN, cameras, None).heats[0].coverage
        for cameras in ({"front": sent(cold()), "back": sent(cold())}, {"front": sent(cold())})
    )
    assert full == pytest.approx(1.0)
    assert 0.5 < half < 0.95


def test_the_heat_of_a_camera_that_went_offline_fades() -> None:
    hot = np.full(GRID_WH[::-1], 60.0, np.float32)
    cameras = {"front": sent(cold(), mono_s=2000.0), "back": sent(hot, mono_s=200.0)}
    (heat,) = plan_snapshot(PLAN, cameras, None).heats
    assert heat.zones[0].peak_s == pytest.approx(30.0, rel=0.01), "half of the hour has passed since"
    assert 0.5 < heat.coverage < 1.0


def test_a_snapshot_is_of_the_latest_instant_of_its_cameras_and_adds_up_their_moves() -> None:
    cameras = {"front": sent(cold(), mono_s=103.0, epoch=2), "back": sent(cold(), mono_s=101.0, epoch=3)}
    snapshot = plan_snapshot(PLAN, cameras, None)
    assert (snapshot.wall_s, snapshot.epoch) == (NOON_S + 3, 4)
