"""The text of pictures: periods, headings and the ticks of the colour scale."""

from __future__ import annotations

import math
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeheat.core.render.caption import scale_heading, scale_ticks, to_ascii
from edgeheat.defs.params import HeatParams, Measure
from edgeheat.defs.wording import duration_words, percent_words, period_words, with_measure


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (0.25, "0.25 s"),
        (45.0, "45 s"),
        (79.6, "1 min 20 s"),
        (1800.0, "30 min"),
        (3600.0, "1 h"),
        (5400.0, "1 h 30 min"),
        (3601.0, "1 h"),
        (86400.0, "24 h"),
        (7 * 86400.0, "7 d"),
        (90000.0, "1 d 1 h"),
    ],
)
def test_durations_are_in_common_units(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("heat", "words"),
    [
        (HeatParams("hour", "window", 3600.0), "last 1 h"),
        (HeatParams("day", "window", 86400.0), "last 24 h"),
        (HeatParams("recent", "decaying", 1800.0), "half-life 30 min"),
        (HeatParams("today", "total", since=time(8)), "since 08:00"),
        (HeatParams("all", "total"), "since the start"),
        (HeatParams("traffic", "window", 86400.0, measure="traffic"), "traffic, last 24 h"),
        (HeatParams("stay", "decaying", 1800.0, measure="dwell"), "dwell, half-life 30 min"),
        (HeatParams("today", "total", since=time(8), measure="dwell"), "dwell, since 08:00"),
        (HeatParams("moved", "total", measure="traffic"), "traffic, since the start"),
    ],
)
def test_periods_are_in_common_units(heat: HeatParams, words: str) -> None:
    assert period_words(heat) == words


@pytest.mark.parametrize(
    ("measure", "words"),
    [("presence", "40 s recorded"), ("traffic", "traffic, 40 s recorded"), ("dwell", "dwell, 40 s recorded")],
)
def test_a_period_begins_with_the_measure_unless_it_is_presence(measure: Measure, words: str) -> None:
    assert with_measure(measure, "40 s recorded") == words


@pytest.mark.parametrize(
    ("measure", "top_s", "coverage", "words"),
    [
        ("presence", 41.0, 1.0, "time of presence"),
        ("presence", 0.0, 0.001, "nobody seen"),
        ("presence", 0.0, 0.0, "nothing observed"),
        ("traffic", 41.0, 1.0, "time in motion"),
        ("traffic", 0.0, 1.0, "no motion counted"),
        ("traffic", 60.0, 0.0, "nothing observed"),
        ("dwell", 0.001, 1.0, "time of staying"),
        ("dwell", 0.0, 1.0, "nobody stayed"),
    ],
)
def test_the_heading_of_a_colour_scale_names_its_measure(
    measure: Measure, top_s: float, coverage: float, words: str
) -> None:
    assert scale_heading(measure, top_s, coverage) == words


def test_the_heading_of_a_heat_per_hour_says_so() -> None:
    assert scale_heading("traffic", 41.0, 1.0, per_hour=True) == "time in motion per hour"
    assert scale_heading("traffic", 0.0, 1.0, per_hour=True) == "no motion counted"
    assert scale_heading("traffic", 41.0, 0.0, per_hour=True) == "nothing observed"


@pytest.mark.parametrize(("ratio", "words"), [(0.001, "under 1 %"), (0.29, "29 %"), (0.984, "98 %"), (0.999, "99 %")])
def test_ratios_are_in_whole_percent(ratio: float, words: str) -> None:
    assert percent_words(ratio) == words


@given(st.floats(0, 1))
def test_a_ratio_is_never_rounded_to_none_or_all(ratio: float) -> None:
    text = percent_words(ratio)
    assert (text == "0 %") == (ratio == 0)
    assert (text == "100 %") <= math.isclose(ratio, 1)


def test_text_is_converted_to_ascii() -> None:
    assert to_ascii("Café Zürich, 入口 & Kasse") == "Cafe Zurich, ?? & Kasse"


@pytest.mark.parametrize(
    ("top_s", "last"),
    [(0.42, "0.42 s"), (9.8, "9.8 s"), (99.0, "99 s"), (150.0, "2.5 min"), (5940.0, "99 min"), (90000.0, "25 h")],
)
def test_the_last_tick_is_the_top_in_a_suitable_unit(top_s: float, last: str) -> None:
    assert scale_ticks(top_s, 0.5, 5)[-1] == (1.0, last)


@given(top_s=st.floats(1e-3, 1e7), gamma=st.floats(0.2, 3.0))
def test_every_tick_is_where_its_colour_is(top_s: float, gamma: float) -> None:
    ticks = scale_ticks(top_s, gamma, 5)
    unit_s = {"s": 1.0, "min": 60.0, "h": 3600.0}[ticks[-1][1].split()[1]]
    assert ticks[0] == (0.0, "0")
    assert [position for position, _ in ticks] == sorted({position for position, _ in ticks})
    for position, label in ticks[1:-1]:
        assert (float(label) * unit_s / top_s) ** gamma == pytest.approx(position, rel=1e-3)
