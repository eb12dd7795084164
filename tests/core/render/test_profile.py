"""The hours of a week as a picture: unobserved hours differ from quiet ones, and the busiest stands out."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.grid.frames import F64, U8
from edgeheat.core.render.colormap import colormap_lut
from edgeheat.core.render.profile import MIN_PROFILE_WIDTH, draw_profile

WIDTHS = [MIN_PROFILE_WIDTH, 480, 1280, 1920]


def week() -> F64:
    """Observed from 8 to 20 h, with motion on Saturday from 10 to 12 h, most of it from 11 h."""
    rates = np.full((7, 24), np.nan)
    rates[:, 8:20] = 0.0
    rates[5, 10:12] = 100.0, 200.0
    return rates


def of_colour(picture: U8, bgr: U8, tolerance: int = 3) -> tuple[slice, slice]:
    """The box around the pixels of a colour."""
    rows, columns = np.nonzero(np.abs(picture.astype(int) - bgr).max(axis=2) <= tolerance)
    return slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)


def cells_of(picture: U8) -> U8:
    """The rows of days, without title and legend: from the first hatched row on, as many as belong together."""
    first = np.flatnonzero((np.abs(picture.astype(int) - 58).max(axis=2) == 0).sum(axis=1) > picture.shape[1] // 5)[0]
    return picture[first : round(first + 0.5 * picture.shape[0])]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_busiest_hour_has_the_hottest_colour_in_its_row_and_column(width: int) -> None:
    cells = cells_of(draw_profile(week(), "till", width=width))
    lut = colormap_lut("inferno")[:, 0]
    hottest, half = of_colour(cells, lut[255]), of_colour(cells, lut[128])
    assert hottest[1].start > half[1].stop - 2, "11 h is right of 10 h"
    assert hottest[1].stop - hottest[1].start == pytest.approx((width * 0.85) / 24, rel=0.2)
    assert 0.55 < hottest[0].start / len(cells) < 0.9, "Saturday is the sixth row"


def test_hours_that_were_not_observed_are_hatched_and_quiet_ones_have_the_coldest_colour() -> None:
    quiet, unknown = np.zeros((7, 24)), np.full((7, 24), np.nan)
    quiet[0, 0] = unknown[0, 0] = 5.0
    drawn_quiet, drawn_unknown = (draw_profile(rates, "till", width=480) for rates in (quiet, unknown))
    centre = np.s_[100:260, 120:460]
    coldest = colormap_lut("inferno")[0, 0]
    assert (np.abs(drawn_quiet[centre].astype(int) - coldest).max(axis=2) <= 1).mean() > 0.8
    levels = np.unique(drawn_unknown[centre])
    assert {58, 90} <= set(levels.tolist()), "grey, and the lines on it"


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, -1.0])
def test_impossible_values_are_drawn_as_not_observed(wrong: float) -> None:
    rates = week()
    rates[0, 0:3] = wrong
    assert np.array_equal(draw_profile(rates, "till", width=480), draw_profile(week(), "till", width=480))


def test_the_colours_are_relative_to_the_busiest_hour() -> None:
    cells = [cells_of(draw_profile(week() * factor, "till", width=480)) for factor in (1.0, 1000.0)]
    assert np.array_equal(*cells), "a narrow picture has no numbers in its cells"


def test_only_wide_pictures_have_numbers_in_their_cells() -> None:
    for width, numbers in ((480, False), (1280, True)):
        few, many = (cells_of(draw_profile(week() * factor, "till", width=width)) for factor in (1.0, 3.0))
        assert np.array_equal(few, many) is not numbers


@pytest.mark.parametrize("rates", [np.full((7, 24), np.nan), np.zeros((7, 24)), np.full((7, 24), 3e12), week()])
@pytest.mark.parametrize("width", WIDTHS)
def test_any_week_can_be_drawn_and_no_text_touches_the_border(rates: F64, width: int) -> None:
    picture = draw_profile(rates, "till at the entrance by the car park, four weeks in March " * 3, width=width)
    assert (picture.shape[1], picture.dtype) == (width, np.uint8)
    assert (picture.max(axis=2)[:, [0, -1]] == 38).all()
    assert (picture.max(axis=2)[[0, -1]] == 38).all()


def test_the_second_line_says_which_hour_is_busiest() -> None:
    other = week()
    other[5, 10:12] = 200.0, 100.0
    lines = [draw_profile(rates, "till", width=480)[25:50] for rates in (week(), other, np.zeros((7, 24)), week())]
    assert len({line.tobytes() for line in lines}) == 3


def test_a_week_is_not_changed() -> None:
    rates = week()
    draw_profile(rates, "till", width=480)
    assert np.array_equal(rates, week(), equal_nan=True)


def test_another_shape_or_a_tiny_width_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"\(7, 24\), got \(24, 7\)"):
        draw_profile(week().T, "till", width=480)
    with pytest.raises(ValueError, match="at least 320 pixels, got 200"):
        draw_profile(week(), "till", width=200)
    with pytest.raises(ValueError, match="unknown colormap"):
        draw_profile(week(), "till", width=480, colormap="nosuchmap")


def test_the_legend_has_the_unit_of_the_values() -> None:
    usual, other = draw_profile(week(), "till", width=1280), draw_profile(week(), "till", width=1280, unit="percent")
    changed = np.flatnonzero((usual != other).any(axis=(1, 2)))
    assert changed.size and changed.min() > usual.shape[0] / 2, "only below the cells"
