"""Two periods and their difference, beside or below each other, on one scale."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.grid.frames import U8
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.render.caption import Caption
from edgeheat.core.render.difference import hourly
from edgeheat.core.render.heatmap import draw
from edgeheat.core.render.side_by_side import Layout, Period, TitledPicture, arrange, draw_comparison
from edgeheat.defs.params import Style

BARE = Style(legend=False, overlay=False)
PLACE = np.s_[20:60, 20:60]


def periods(before_s: float, after_s: float, hours: tuple[float, float] = (100.0, 100.0)) -> tuple[Period, Period]:
    def period(name: str, value_s: float, observed_h: float) -> Period:
        heat_s = np.zeros((90, 160), np.float32)
        heat_s[PLACE] = value_s
        return Period(name, HeatGrid(heat_s, observed_h * 3600, observed_h * 3600))

    return period("before", before_s, hours[0]), period("after", after_s, hours[1])


def compared(two: tuple[Period, Period], layout: Layout, width: int, style: Style = BARE) -> U8:
    return draw_comparison("till", two, "traffic", None, style, camera_wh=(1280, 720), width=width, layout=layout)


def blocks(picture: U8, layout: Layout) -> list[U8]:
    """The three pictures with their titles."""
    gap = round(0.006 * picture.shape[1])
    size = (picture.shape[layout == "row"] - 2 * gap) // 3
    starts = [index * (size + gap) for index in range(3)]
    return [picture[:, at : at + size] if layout == "row" else picture[at : at + size] for at in starts]


LAYOUTS: list[tuple[Layout, int]] = [("row", 1920), ("row", 1280), ("column", 720), ("column", 480)]


@pytest.mark.parametrize(("layout", "width"), LAYOUTS)
def test_all_three_pictures_have_a_title_and_the_shape_of_the_camera(layout: Layout, width: int) -> None:
    picture = compared(periods(900, 300), layout, width)
    assert picture.shape[1] == width
    for block in blocks(picture, layout):
        inked = np.flatnonzero((block.max(axis=2) > 150).any(axis=1))
        shown_height = round(block.shape[1] * 720 / 1280)
        header = block.shape[0] - shown_height
        assert 40 < header < 0.3 * block.shape[0]
        assert (inked < header).sum() >= 18, "two lines of capitals of at least 9 pixels"


@pytest.mark.parametrize(("layout", "width"), LAYOUTS)
def test_both_periods_are_on_one_scale(layout: Layout, width: int) -> None:
    before, after, change = (
        block[-200:].astype(int) for block in blocks(compared(periods(900, 300), layout, width), layout)
    )
    assert before.max() > after.max() + 40
    y, x = np.unravel_index(before.sum(axis=2).argmax(), before.shape[:2])
    assert change[y, x, 0] > change[y, x, 2] + 30, "less, in blue, at the same place"
    same_rate = blocks(compared(periods(900, 450, (100, 50)), layout, width), layout)
    assert np.array_equal(same_rate[0][-200:], same_rate[1][-200:]), "per observed hour"
    assert not same_rate[2][-200:].any()


def test_the_heats_are_drawn_as_heats_are_with_the_unit_of_an_hour_in_the_legend() -> None:
    before, after = periods(900, 300)
    shown = blocks(compared((before, after), "column", 720, Style()), "column")[1][-405:]
    style = Style(title=False, normalize=False, vmax_s=9.0)
    caption = Caption("till", "", None, "traffic", per_hour=True)
    assert np.array_equal(shown, draw(hourly(after.grid), None, style, (720, 405), caption))


def test_a_title_that_is_too_long_is_shortened() -> None:
    before, after = periods(900, 300)
    long = compared((Period("the four weeks before " * 9, before.grid), after), "row", 1280)
    left, middle, _ = blocks(long, "row")
    assert not np.array_equal(left[:40], middle[:40])
    assert np.array_equal(middle, blocks(compared((before, after), "row", 1280), "row")[1])


def test_a_period_that_was_not_observed_can_be_drawn() -> None:
    picture = compared(periods(900, 0, (100, 0)), "row", 1280, Style())
    assert blocks(picture, "row")[2].any()


def test_the_note_says_that_nothing_changed() -> None:
    notes = [blocks(compared(two, "row", 1280), "row")[2][:50] for two in (periods(900, 900), periods(900, 300))]
    assert not np.array_equal(*notes)


def test_pictures_are_arranged_in_order() -> None:
    three = [TitledPicture("title", "note", np.full((90, 160, 3), level, np.uint8)) for level in (50, 100, 150)]
    for layout, size in (("row", 3 * 160 + 6), ("column", 160)):
        picture = arrange(three, size, "row" if layout == "row" else "column")
        assert [int(block[-1, -1, 0]) for block in blocks(picture, "row" if layout == "row" else "column")] == [
            50,
            100,
            150,
        ]


@pytest.mark.parametrize("width", [3, 10, 50])
@pytest.mark.parametrize("layout", ["row", "column"])
def test_tiny_widths_can_be_drawn(width: int, layout: Layout) -> None:
    assert compared(periods(900, 300), layout, width).shape[1] == width


def test_a_width_of_nothing_is_rejected() -> None:
    with pytest.raises(ValueError, match="at least 3 pixels"):
        compared(periods(900, 300), "row", 2)
