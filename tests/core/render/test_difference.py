"""Differences of two heats are drawn in units of an hour, symmetric, and without what may be chance."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgeheat.core.grid.frames import F32, U8, SizeWH
from edgeheat.core.heat.base import HeatGrid
from edgeheat.core.render.caption import difference_ticks
from edgeheat.core.render.difference import Difference, difference, difference_luts, draw_difference, hourly
from edgeheat.defs.params import Measure, Style

SHAPE = (90, 160)
BARE = Style(legend=False, title=False)
LESS, MORE = np.s_[20:40, 20:50], np.s_[20:40, 100:130]
MEASURES: tuple[Measure, ...] = ("traffic", "dwell", "presence")


def grid_of(heat_s: F32, hours: float = 100.0) -> HeatGrid:
    return HeatGrid(heat_s, 3600.0 * hours, 3600.0 * hours)


def flat(value_s: float) -> F32:
    return np.full(SHAPE, value_s, np.float32)


def moved() -> tuple[HeatGrid, HeatGrid]:
    """1000 s in one place before and in another after, in 100 and in 50 hours; 400 s and 200 s in the lower half."""
    before, after = flat(0), flat(0)
    before[60:], after[60:] = 400, 200
    before[LESS], after[MORE] = 1000, 500
    return grid_of(before), grid_of(after, 50.0)


def test_a_heat_per_hour_does_not_depend_on_the_length_of_the_period() -> None:
    long, short = (hourly(grid_of(flat(s), hours)) for s, hours in ((400.0, 100.0), (200.0, 50.0)))
    assert np.array_equal(long.heat_s, short.heat_s)
    assert long.heat_s[0, 0] == pytest.approx(4.0)
    assert not hourly(HeatGrid(flat(9), 0.0, 3600.0)).heat_s.any()


def test_the_change_is_in_motion_seconds_per_observed_hour() -> None:
    found = difference(*moved(), BARE, "traffic")
    assert found.change_s[30, 35] == pytest.approx(-10)
    assert found.change_s[30, 115] == pytest.approx(10)
    assert not found.change_s[60:].any(), "the same rate in periods of different length"
    assert found.top_s == pytest.approx(10)


def test_swapping_the_periods_swaps_the_signs() -> None:
    a, b = moved()
    forth, back = difference(a, b, BARE, "traffic"), difference(b, a, BARE, "traffic")
    assert np.array_equal(forth.change_s, -back.change_s)
    assert forth.top_s == back.top_s


def test_an_outlier_does_not_set_the_scale() -> None:
    a, b = moved()
    b.heat_s[5, 5] = 50_000
    assert difference(a, b, BARE, "traffic").top_s == pytest.approx(10)


def test_small_changes_of_a_busy_place_look_small() -> None:
    busy = flat(100_000)
    busier = busy.copy()
    busier[LESS] *= 1.02
    found = difference(grid_of(busy), grid_of(busier), BARE, "traffic")
    assert found.change_s[30, 35] == pytest.approx(20, rel=0.01)
    assert found.top_s == pytest.approx(100, rel=0.03), "a tenth of the busiest place"


def visits(random: np.random.Generator, hours: float, per_hour: float, visit_s: float) -> HeatGrid:
    """Poisson visits, each of which leaves an exponential time in a square as large as a person."""
    count = random.poisson(hours * per_hour, SHAPE)
    seconds = random.gamma(np.maximum(count, 1), visit_s) * (count > 0)
    spread = cv2.blur(seconds.astype(np.float32), (5, 5)) * 5  # neighbouring cells share their visitors
    return grid_of(spread.astype(np.float32), hours)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("per_hour", [0.01, 0.3, 5.0])
def test_chance_does_not_glow(measure: Measure, per_hour: float) -> None:
    random = np.random.default_rng(7)
    visit_s = {"traffic": 0.7, "dwell": 5.0, "presence": 3.0}[measure]
    a, b = visits(random, 60, per_hour, visit_s), visits(random, 40, per_hour, visit_s)
    assert (difference(a, b, BARE, measure).change_s != 0).mean() < 0.01


def test_a_place_that_was_empty_appears_after_nine_visits() -> None:
    visits_s = flat(0)
    visits_s[LESS], visits_s[MORE] = 8.9 * 1.5, 9.1 * 1.5
    found = difference(grid_of(flat(0)), grid_of(visits_s), BARE, "traffic")
    assert not found.change_s[LESS].any()
    assert found.change_s[30, 115] == pytest.approx(9.1 * 1.5 / 100)


def test_a_speck_that_is_smaller_than_a_person_is_not_a_change() -> None:
    before, after = flat(400), flat(400)
    after[10:12, 10:15] = 4000
    assert not difference(grid_of(before), grid_of(after), BARE, "traffic").change_s.any()
    after[10:15, 10:15] = 4000
    assert difference(grid_of(before), grid_of(after), BARE, "traffic").change_s[12, 12] == pytest.approx(36)


def test_a_few_counted_units_in_both_periods_are_not_coloured() -> None:
    background = np.full((180, 320, 3), 90, np.uint8)
    a, b = flat(0), flat(0)
    a[LESS], b[MORE] = 5.0, 5.0
    picture = draw_difference(
        difference(grid_of(a), grid_of(b), BARE, "traffic"), background, BARE, (320, 180), "traffic"
    )
    assert np.ptp(picture) == 0


def drawn(style: Style, found: Difference | None = None, size_wh: SizeWH = (320, 180)) -> U8:
    background = np.full((180, 320, 3), 90, np.uint8)
    return draw_difference(found or difference(*moved(), BARE, "traffic"), background, style, size_wh, "traffic")


def test_less_is_blue_and_more_is_red_and_the_rest_is_the_dimmed_background() -> None:
    picture = drawn(BARE)
    blue, green, red = picture[60, 70].astype(int)
    assert blue > green > red and blue > 100
    blue, green, red = picture[60, 230].astype(int)
    assert red > max(green, blue) + 30 and red > 100
    untouched = np.ones((180, 320), bool)
    untouched[36:84, 36:104] = untouched[36:84, 196:264] = False
    assert (picture[untouched] == 36).all(), "without motion in either period, and where the rates are equal"


def test_without_overlay_no_change_is_black() -> None:
    picture = drawn(replace(BARE, overlay=False))
    assert not picture[0].any()
    assert not picture[-20:].any()
    assert picture[60, 70].max() > 100


def test_stronger_changes_are_more_opaque_and_both_ends_equally_so() -> None:
    colour, keep = (lut[:, 0].astype(int) for lut in difference_luts(Style()))
    assert (keep[128] == 255).all() and (colour[128] == 0).all(), "nothing changes nothing"
    assert (np.diff(keep[128:, 0]) <= 0).all()
    assert np.array_equal(keep[1:128, 0], keep[255:128:-1, 0])
    brightness = colour @ np.array([0.114, 0.587, 0.299])
    assert brightness[1] == pytest.approx(brightness[255], abs=12), "neither direction looks more important"


def test_blur_smooths_the_difference() -> None:
    a, b = moved()
    sharp, smooth = (difference(a, b, replace(BARE, blur=radius), "traffic").change_s for radius in (0.0, 3.0))
    assert np.abs(np.diff(smooth, axis=1)).max() < 0.5 * np.abs(np.diff(sharp, axis=1)).max()


def test_without_an_observed_period_there_is_nothing_to_compare() -> None:
    a, _ = moved()
    found = difference(a, HeatGrid(flat(0), 0.0, 3600.0), BARE, "traffic")
    assert (found.top_s, found.coverage) == (0.0, 0.0)
    assert (drawn(BARE, found) == 36).all()


def test_the_legend_says_less_and_more() -> None:
    assert difference_ticks(13.4) == [(0.0, "13 s less"), (0.5, "0"), (1.0, "13 s more")]
    assert difference_ticks(300.0)[-1] == (1.0, "5 min more")
    with_legend = drawn(replace(BARE, legend=True), size_wh=(640, 360))
    bare = drawn(BARE, size_wh=(640, 360))
    assert not np.array_equal(with_legend[-60:, -200:], bare[-60:, -200:])
    assert np.array_equal(with_legend[:200], bare[:200])


@pytest.mark.parametrize("values", [np.nan, np.inf, -5.0, 3e38])
def test_damaged_heats_can_be_drawn(values: float) -> None:
    a, _ = moved()
    damaged = a.heat_s.copy()
    damaged[3:9, 3:9] = values
    with np.errstate(over="ignore"):
        found = difference(a, grid_of(damaged), BARE, "presence")
    assert np.isfinite(found.change_s).all()
    assert drawn(Style(), found).shape == (180, 320, 3)


def test_heats_of_two_grids_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"\(90, 160\) and \(2, 2\)"):
        difference(grid_of(flat(1)), grid_of(np.ones((2, 2), np.float32)), BARE, "traffic")


def test_neither_heat_is_changed() -> None:
    a, b = moved()
    difference(a, b, replace(BARE, blur=2.0), "dwell")
    for before, after in zip(moved(), (a, b), strict=True):
        assert np.array_equal(before.heat_s, after.heat_s)
