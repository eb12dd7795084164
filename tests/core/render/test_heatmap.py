"""Heats are drawn as translucent colours over the dimmed background, at any size and for any values."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeheat.core.grid.frames import F32, U8, SizeWH
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.colormap import colormap_lut
from edgeheat.core.render.heatmap import default_size, draw, heat_layer, scale_max_s
from edgeheat.defs.params import Style

BARE = Style(legend=False, title=False)
CAPTION = Caption("entrance", "last 1 h", datetime(2026, 3, 1, 9, 30, tzinfo=ZoneInfo("Europe/Oslo")))


def grid_of(heat_s: F32, observed_s: float = 3500.0) -> HeatGrid:
    return HeatGrid(heat_s, observed_s, 3600.0)


def flat(value_s: float, shape: tuple[int, int] = (18, 32)) -> F32:
    return np.full(shape, value_s, np.float32)


def blob(shape: tuple[int, int] = (180, 320)) -> F32:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (40 * np.exp(-(((x - shape[1] / 3) / 20) ** 2) - ((y - shape[0] / 2) / 15) ** 2)).astype(np.float32)


def colour_background(size_wh: SizeWH = (64, 36)) -> U8:
    return np.full((size_wh[1], size_wh[0], 3), (40, 90, 200), np.uint8)


@given(
    ratio=st.floats(0, 1),
    alpha=st.floats(0, 1),
    dim=st.floats(0, 1),
    gamma=st.floats(0.3, 2),
    ground=st.sampled_from(["grey", "colour"]),
)
@settings(max_examples=60)
def test_a_pixel_is_the_dimmed_background_under_heat_of_opacity_heat_times_alpha(
    ratio: float, alpha: float, dim: float, gamma: float, ground: str
) -> None:
    style = replace(BARE, alpha=alpha, background_dim=dim, gamma=gamma, normalize=False, vmax_s=10.0)
    style = replace(style, background="grey" if ground == "grey" else "colour")
    picture = draw(grid_of(flat(10 * ratio)), colour_background(), style, (64, 36))
    below = np.array([40, 90, 200]) if ground == "colour" else np.full(3, 0.114 * 40 + 0.587 * 90 + 0.299 * 200)
    heat01 = ratio**gamma
    level = colormap_lut("inferno")[round(heat01 * 255), 0]
    wanted = below * dim * (1 - heat01 * alpha) + level * heat01 * alpha
    assert np.abs(picture[18, 32] - wanted).max() <= 3


def test_without_overlay_heat_is_opaque_and_nothing_is_black() -> None:
    heat_s = flat(0.0)
    heat_s[:, 16:] = 5.0
    picture = draw(grid_of(heat_s), colour_background(), replace(BARE, overlay=False, colormap="viridis"), (64, 36))
    assert picture[18, 2].tolist() == [0, 0, 0]
    assert picture[18, 62].tolist() == colormap_lut("viridis")[255, 0].tolist()


def test_without_a_background_the_heat_is_drawn_on_black() -> None:
    heat_s = flat(0.0)
    heat_s[:, 16:] = 5.0
    picture = draw(grid_of(heat_s), None, BARE, (64, 36))
    assert not picture[18, 2].any()
    assert picture[18, 62].max() > 100


def test_with_normalize_the_hottest_place_has_the_hottest_colour() -> None:
    assert scale_max_s(grid_of(blob()), BARE) == pytest.approx(40, rel=0.03)
    outlier = blob()
    outlier[3, 3] = 4000
    assert scale_max_s(grid_of(outlier), BARE) == scale_max_s(grid_of(blob()), BARE), (
        "one outlier does not darken the rest"
    )
    small, large = (draw(grid_of(blob() * by), None, BARE, (640, 360)) for by in (1, 1000))
    assert np.array_equal(small, large)


def test_a_fixed_scale_ends_at_vmax_whatever_the_heat() -> None:
    style = replace(BARE, normalize=False, vmax_s=60.0)
    assert scale_max_s(grid_of(blob()), style) == 60.0
    at_top, beyond = (draw(grid_of(flat(s)), None, style, (64, 36)) for s in (60.0, 6000.0))
    assert np.array_equal(at_top, beyond)
    assert draw(grid_of(flat(6.0)), None, style, (64, 36)).max() < at_top.max()


def test_a_gamma_below_one_brightens_faint_heat() -> None:
    heat_s = flat(1.0)
    heat_s[:6, :6] = 100.0
    brightness = [draw(grid_of(heat_s), None, replace(BARE, gamma=g), (64, 36))[30, 50].sum() for g in (1.0, 0.5, 0.25)]
    assert brightness[0] < brightness[1] < brightness[2]


def test_blur_spreads_the_heat_and_lowers_its_peak() -> None:
    heat_s = flat(0.0)
    heat_s[9, 16] = 10.0
    sharp, blurred = (draw(grid_of(heat_s), None, replace(BARE, blur=r), (320, 180)) for r in (0.0, 3.0))
    assert (blurred.max(axis=2) > 20).sum() > 3 * (sharp.max(axis=2) > 20).sum()
    assert scale_max_s(grid_of(heat_s), replace(BARE, blur=3.0)) < 5.0


def test_the_colormap_is_the_configured_one() -> None:
    picture = draw(grid_of(flat(5.0)), None, replace(BARE, colormap="Blues_r", overlay=False), (64, 36))
    assert picture[18, 32].tolist() == colormap_lut("Blues_r")[255, 0].tolist()
    with pytest.raises(ValueError, match="unknown colormap"):
        draw(grid_of(flat(5.0)), None, replace(BARE, colormap="nosuchmap"), (64, 36))


def test_enlarged_heat_shows_no_cell_corners() -> None:
    heat_s = flat(0.0, (45, 80))
    heat_s[20:25, 30:50] = 9.0
    picture = draw(grid_of(heat_s), None, replace(BARE, colormap="gray", overlay=False, gamma=1.0), (1280, 720))
    grey = picture[:, :, 0].astype(int)
    # A cell is 16 pixels wide: an edge that takes at least a cell changes by at most twice 255 / 16 a pixel.
    assert max(np.abs(np.diff(grey, axis=axis)).max() for axis in (0, 1)) <= 32


@pytest.mark.parametrize("size_wh", [(640, 360), (1280, 720), (1000, 562), (100, 60)])
def test_heat_is_drawn_without_a_shift(size_wh: SizeWH) -> None:
    heat_s = flat(0.0, (90, 160))
    heat_s[40:50, 70:90] = 9.0
    picture = draw(grid_of(heat_s), None, BARE, size_wh)
    assert np.abs(picture.astype(int) - picture[::-1, ::-1]).max() <= 3


@pytest.mark.parametrize(
    ("camera_wh", "wanted_wh"),
    [((640, 360), (640, 360)), ((1920, 1080), (1280, 720)), ((2560, 1920), (1280, 960)), ((1281, 3), (1280, 3))],
)
def test_the_default_size_is_the_cameras_within_max_width(camera_wh: SizeWH, wanted_wh: SizeWH) -> None:
    assert default_size(camera_wh, Style()) == wanted_wh


BAD_HEATS = {
    "nan": flat(np.nan),
    "infinite": np.array([[np.inf, 1, 0], [0, -np.inf, np.nan]], np.float32),
    "huge": flat(3e38),
    "tiny": flat(1e-40),
    "negative": flat(-5.0),
    "zero": flat(0.0),
    "one cell": flat(3.0, (1, 1)),
    "one row": flat(3.0, (1, 320)),
    "one column": flat(3.0, (180, 1)),
}


@pytest.mark.parametrize("heat", BAD_HEATS)
@pytest.mark.parametrize("size_wh", [(1, 1), (1, 900), (3000, 2), (97, 61), (480, 270)])
@pytest.mark.parametrize("changes", [{}, {"normalize": False, "vmax_s": 0.0}, {"blur": 2.5, "overlay": False}])
def test_any_heat_can_be_drawn_at_any_size(heat: str, size_wh: SizeWH, changes: dict[str, float]) -> None:
    picture = draw(grid_of(BAD_HEATS[heat]), colour_background(), replace(Style(), **changes), size_wh, CAPTION)  # type: ignore[arg-type]
    assert (picture.shape, picture.dtype) == ((size_wh[1], size_wh[0], 3), np.uint8)


def test_an_empty_size_is_rejected() -> None:
    with pytest.raises(ValueError, match="size_wh"):
        draw(grid_of(blob()), None, Style(), (0, 10))


def test_neither_the_heat_nor_the_background_is_changed() -> None:
    heat_s, background = blob(), colour_background()
    for size_wh in ((64, 36), (640, 360)):
        draw(grid_of(heat_s), background, Style(background="colour", blur=2.0), size_wh, CAPTION)
    assert np.array_equal(heat_s, blob())
    assert np.array_equal(background, colour_background())


def test_a_layer_of_the_whole_heat_gives_the_same_picture_as_drawing_it() -> None:
    picture = np.zeros((360, 640, 3), np.uint8)
    heat_layer(blob(), scale_max_s(grid_of(blob()), BARE), BARE, (640, 360)).lay_over(picture)
    assert np.array_equal(picture, draw(grid_of(blob()), None, BARE, (640, 360)))


def test_title_and_legend_are_omitted_when_the_style_says_so() -> None:
    grid, size_wh = grid_of(blob()), (640, 360)
    bare = draw(grid, None, BARE, size_wh, CAPTION)
    titled = draw(grid, None, replace(BARE, title=True), size_wh, CAPTION)
    legend = draw(grid, None, replace(BARE, legend=True), size_wh, CAPTION)
    assert not np.array_equal(bare[:40], titled[:40])
    assert np.array_equal(bare[60:], titled[60:])
    assert not np.array_equal(bare[-60:, -200:], legend[-60:, -200:])
    assert np.array_equal(bare[:200], legend[:200])
    assert np.array_equal(draw(grid, None, replace(BARE, title=True), size_wh, None), bare)


def test_a_long_camera_name_with_accents_can_be_drawn() -> None:
    caption = Caption("Eingang Zürich-Örlikon " * 8, "last 1 h", None)
    picture = draw(grid_of(blob()), None, Style(), (480, 270), caption)
    assert picture.shape == (270, 480, 3)


def test_drawing_takes_little_memory_besides_the_picture() -> None:
    heat_s, background = blob(), np.full((720, 1280, 3), 90, np.uint8)
    draw(grid_of(heat_s), background, Style(), (1280, 720), CAPTION)
    tracemalloc.start()
    try:
        picture = draw(grid_of(heat_s), background, Style(), (1280, 720), CAPTION)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 2.5 * picture.nbytes
