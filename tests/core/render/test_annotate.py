"""Title and colour scale. Text is measured, never compared with golden pictures: OpenCV 4 and 5 draw it differently."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest

from edgeheat.core.grid.frames import SizeWH
from edgeheat.core.render.annotate import title_and_legend
from edgeheat.core.render.caption import Caption, scale_ticks
from edgeheat.core.render.colormap import colormap_lut
from edgeheat.defs.params import Measure, Style

CAPTION = Caption("entrance", "last 1 h", datetime(2026, 3, 1, 9, 30, tzinfo=ZoneInfo("Europe/Oslo")))
MEASURES: tuple[Measure, ...] = ("presence", "traffic", "dwell")


SHOP_SIZES = [(480, 360), (480, 270), (640, 360), (1280, 720), (1280, 960), (720, 1280), (3840, 2160)]


@pytest.mark.parametrize("size_wh", SHOP_SIZES)
def test_title_and_legend_are_readable_and_cover_little(size_wh: SizeWH) -> None:
    layers = title_and_legend(Style(), size_wh, 47.0, CAPTION, 0.97)
    assert len(layers) == 2
    covered = sum(layer.keep.shape[0] * layer.keep.shape[1] for layer in layers)
    assert covered < 0.16 * size_wh[0] * size_wh[1]
    for layer in layers:
        height, width = layer.keep.shape[:2]
        assert 0 <= layer.x <= size_wh[0] - width
        assert 0 <= layer.y <= size_wh[1] - height
        inked = np.flatnonzero((layer.keep[:, :, 0] < 20).any(axis=1))
        assert inked.size >= 9
        # A white picture shines through at most this much, so that even the grey text has a contrast of 4.5.
        assert layer.keep.max() <= 82
    title = layers[0].colour.max(axis=(0, 2))
    assert np.flatnonzero(title > 150).max() < size_wh[0] - 1


def test_the_legend_names_the_measure() -> None:
    legends = [
        title_and_legend(replace(Style(), title=False), (1280, 720), top_s, replace(CAPTION, measure=measure), 0.97)[0]
        for measure in MEASURES
        for top_s in (0.0, 47.0)
    ]
    assert len({legend.colour.tobytes() for legend in legends}) == 6
    (without_caption,) = title_and_legend(Style(), (1280, 720), 47.0, None, 0.97)
    assert np.array_equal(without_caption.colour, legends[1].colour)


@pytest.mark.parametrize("size_wh", [(480, 270), (640, 360), (1920, 1080)])
def test_the_longest_heading_lies_inside_the_legend(size_wh: SizeWH) -> None:
    per_hour = replace(CAPTION, measure="presence", per_hour=True)
    (legend,) = title_and_legend(replace(Style(), title=False), size_wh, 47.0, per_hour, 0.97)
    heading = legend.colour[: legend.colour.shape[0] // 3].max(axis=(0, 2))
    assert heading.any()
    assert np.flatnonzero(heading).max() < len(heading) - 4


@pytest.mark.parametrize("size_wh", [(40, 30), (120, 20), (20, 400)])
def test_a_picture_too_small_for_text_has_none(size_wh: SizeWH) -> None:
    assert title_and_legend(Style(), size_wh, 47.0, CAPTION, 0.97) == []


def test_the_legend_shows_the_colours_of_the_picture() -> None:
    style = replace(Style(), title=False, overlay=False, colormap="turbo")
    (legend,) = title_and_legend(style, (1280, 720), 30.0, None, 1.0)
    bar_rows = (np.abs(legend.colour.astype(int) - colormap_lut("turbo")[128, 0]).sum(axis=2) < 20).any(axis=1)
    row = legend.colour[np.flatnonzero(bar_rows)[0]]
    hottest = colormap_lut("turbo")[255, 0]
    assert (np.abs(row.astype(int) - hottest).sum(axis=1) == 0).any()


@pytest.mark.parametrize(("title", "legend"), [(True, True), (True, False), (False, True), (False, False)])
def test_the_style_says_which_are_drawn(title: bool, legend: bool) -> None:
    layers = title_and_legend(replace(Style(), title=title, legend=legend), (640, 360), 47.0, CAPTION, 0.97)
    assert [layer.y == 0 for layer in layers] == [True] * title + [False] * legend


def test_a_title_that_does_not_fit_into_one_line_takes_two() -> None:
    heights = [
        title_and_legend(Style(), (480, 270), 47.0, replace(CAPTION, camera=camera), 0.97)[0].keep.shape[0]
        for camera in ("till", "the entrance by the car park")
    ]
    assert heights[1] > 1.5 * heights[0]


def test_a_name_wider_than_the_picture_is_omitted_and_the_rest_stays() -> None:
    caption = Caption("Eingang Zürich-Örlikon " * 8, "last 1 h", None)
    title, _ = title_and_legend(Style(), (480, 270), 47.0, caption, 0.97)
    nameless, _ = title_and_legend(Style(), (480, 270), 47.0, replace(caption, camera=""), 0.97)
    assert np.array_equal(title.colour, nameless.colour)
    assert title.colour.any()


@pytest.mark.parametrize("top_s", [0.42, 9.8, 47.0, 150.0, 5940.0, 90_000.0])
@pytest.mark.parametrize("gamma", [0.2, 0.5, 1.0, 2.0, 4.0])
def test_the_labels_of_the_scale_do_not_overlap(top_s: float, gamma: float) -> None:
    style = replace(Style(), title=False, gamma=gamma)
    (legend,) = title_and_legend(style, (480, 270), top_s, CAPTION, 0.97)
    below_the_bar = np.flatnonzero(legend.keep[:, legend.keep.shape[1] // 2, 0] == 0)
    foot = next(row for row in below_the_bar if (legend.colour[row + 1] == 205).all(axis=1).any()) + 1
    columns = np.flatnonzero((legend.colour[foot] == 205).all(axis=1))
    ticks = scale_ticks(top_s, gamma, 5)
    assert len(columns) >= 2, "both ends"
    spans = []
    for column in columns:
        position = (column - columns[0]) / (columns[-1] - columns[0])
        label = min(ticks, key=lambda tick: abs(tick[0] - position))[1]
        half = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)[0][0] / 2
        spans.append((column - half, column + half))
    assert all(left[1] < right[0] for left, right in pairwise(spans))
