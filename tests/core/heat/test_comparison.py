"""Two periods are compared by whole weeks; false alarms are as rare as claimed where days are correlated."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.comparison import Site, alarm_ratio, simulate
from edgeheat.core.heat.comparison import Comparison, Counted, Verdict, Week, compare, rest_levels, t_quantile

HOUR_MS = 3_600_000
WEEK_MS = 84 * HOUR_MS
RUNS = 4000  # the standard deviation of a share of 5 % is 0.35 % then


def week(zone_ms: int, rest_ms: int | None = 1_000_000, observed_ms: int = WEEK_MS) -> Week:
    rest = None if rest_ms is None else Counted(rest_ms, observed_ms)
    return Week(Counted(zone_ms, observed_ms), rest, WEEK_MS)


def weeks(*zone_ms: int) -> list[Week]:
    return [week(ms) for ms in zone_ms]


BEFORE = weeks(100_000, 104_000, 97_000, 101_000)
AFTER = weeks(130_000, 126_000, 133_000, 128_000)


# Student's distribution, two-sided 5 % and 1 %, as printed in statistical tables (NIST handbook 1.3.6.7.2).
@pytest.mark.parametrize(
    ("freedom", "t_95", "t_99"),
    [
        (1, 12.706, 63.657),
        (2, 4.303, 9.925),
        (3, 3.182, 5.841),
        (4, 2.776, 4.604),
        (5, 2.571, 4.032),
        (6, 2.447, 3.707),
        (7, 2.365, 3.499),
        (10, 2.228, 3.169),
        (11, 2.201, 3.106),
        (30, 2.042, 2.750),
        (60, 2.000, 2.660),
        (100, 1.984, 2.626),
    ],
)
def test_quantiles_are_those_of_the_table(freedom: int, t_95: float, t_99: float) -> None:
    assert t_quantile(0.95, freedom) == pytest.approx(t_95, abs=5.1e-4)
    assert t_quantile(0.99, freedom) == pytest.approx(t_99, abs=5.1e-4)


def test_the_quantile_of_very_many_weeks_is_the_normal_distributions() -> None:
    assert t_quantile(0.95, 100_000) == pytest.approx(1.95996, abs=1e-4)


def test_a_change_is_reported_with_its_interval() -> None:
    result = compare(BEFORE, AFTER)
    assert result.verdict == "exceeds normal variation"
    assert result.relative_change is not None and result.interval is not None
    assert result.own_change == pytest.approx(517 / 402 - 1)
    logs_a, logs_b = ([math.log(w.zone.cell_ms / 1e6) for w in period] for period in (BEFORE, AFTER))
    difference = sum(logs_b) / 4 - sum(logs_a) / 4
    squares = sum((y - sum(ys) / 4) ** 2 for ys in (logs_a, logs_b) for y in ys)
    margin = 2.4469 * math.sqrt(squares / 6 * (1 / 4 + 1 / 4))
    assert result.relative_change == pytest.approx(math.exp(difference) - 1)
    assert result.interval == pytest.approx(
        (math.exp(difference - margin) - 1, math.exp(difference + margin) - 1), 1e-4
    )


def test_what_changes_the_whole_shop_is_no_change_of_a_zone() -> None:
    holidays = [replace(w, zone=Counted(2 * w.zone.cell_ms, WEEK_MS), rest=Counted(2_000_000, WEEK_MS)) for w in BEFORE]
    result = compare(BEFORE, holidays)
    assert result.verdict == "within normal variation"
    assert result.relative_change == 0.0
    assert result.own_change == pytest.approx(1.0)


def test_people_drawn_from_the_rest_are_visible_in_the_difference_of_both_changes() -> None:
    moved = [week(130_000, 870_000), week(126_000, 874_000), week(133_000, 867_000), week(128_000, 872_000)]
    result = compare(BEFORE, moved)
    assert result.own_change is not None and result.relative_change is not None
    assert result.own_change == pytest.approx(0.286, abs=0.001)
    assert result.relative_change > 0.45


def test_equal_weeks_differ_by_nothing() -> None:
    result = compare(weeks(*[70_001] * 4), weeks(*[70_001] * 7))
    assert (result.verdict, result.relative_change, result.interval) == ("within normal variation", 0.0, (0.0, 0.0))


UNTESTED: list[tuple[str, list[Week], list[Week], Verdict, float | None]] = [
    ("three weeks", BEFORE[:3], AFTER, "too few weeks", 517 / 4 / (301 / 3) - 1),
    ("no week at all", [], [], "too few weeks", None),
    ("no week after", BEFORE, [], "too few weeks", None),
    ("a week without motion in the zone", BEFORE, weeks(0, *[100_500] * 3), "week without motion", -0.25),
    ("a new zone", weeks(0, 0, 0, 0), AFTER, "week without motion", None),
    ("a removed shelf", BEFORE, weeks(0, 0, 0, 0), "week without motion", -1.0),
    ("no motion in the rest", BEFORE, [*BEFORE[:3], week(101_000, 0)], "week without motion", 0.0),
    ("the whole picture", [week(5, None)] * 4, [week(6, None)] * 4, "whole picture", 0.2),
    ("few weeks of the whole picture", [week(5, None)], [week(6, None)], "whole picture", 0.2),
]


@pytest.mark.parametrize(("before", "after", "verdict", "own"), [pytest.param(*c[1:], id=c[0]) for c in UNTESTED])
def test_where_no_test_is_possible_the_reason_and_the_own_change_are_reported(
    before: list[Week], after: list[Week], verdict: Verdict, own: float | None
) -> None:
    result = compare(before, after)
    assert result.verdict == verdict
    assert result.own_change == (None if own is None else pytest.approx(own))
    assert (result.relative_change, result.interval) == (None, None)


def test_weeks_that_were_observed_too_little_are_left_out_and_reported() -> None:
    dark, outage = week(1, 1, WEEK_MS * 49 // 100), week(72_000, 714_000, WEEK_MS * 5 // 7)
    result = compare([*BEFORE, dark], [*AFTER[:3], outage, replace(AFTER[3], period_ms=0)])
    assert (result.weeks, result.weeks_left_out) == ((4, 4), (1, 1))
    assert result == replace(compare(BEFORE, [*AFTER[:3], outage]), weeks_left_out=(1, 1))


def test_weeks_are_compared_where_a_shop_is_only_observed_while_it_is_open() -> None:
    before, after = ([replace(w, period_ms=WEEK_MS * 5 // 2) for w in each] for each in (BEFORE, AFTER))
    assert max(w.coverage for w in before) == pytest.approx(0.4)
    assert compare(before, after) == compare(BEFORE, AFTER)


def test_a_zone_that_hardly_changed_itself_is_not_reported_where_the_rest_lost_a_shelf() -> None:
    lower = [replace(w, rest=Counted(700_000, WEEK_MS)) for w in BEFORE]
    result = compare(BEFORE, lower)
    assert result.verdict == "only the rest changed"
    assert result.own_change == pytest.approx(0.0) and result.relative_change is not None
    assert result.relative_change > 0.25
    higher = [replace(w, zone=Counted(w.zone.cell_ms * 6 // 5, WEEK_MS)) for w in lower]
    assert compare(BEFORE, higher).verdict == "exceeds normal variation"


def test_the_level_of_the_rest_is_that_of_most_places() -> None:
    rates = np.outer([1.0, 2.0, 1.0, 1.5], [5.0, 1.0, 0.1, 3.0, 2.0])
    rates[2:, 0] = 0.01  # a shelf was moved away
    levels = rest_levels(rates)
    np.testing.assert_allclose(levels / levels[0], [1.0, 2.0, 1.0, 1.5])
    rates[1, 1:] = 0.0
    np.testing.assert_allclose(rest_levels(rates[:2]) / rest_levels(rates[:2])[0], [1.0, 2.0])
    assert not rest_levels(np.zeros((3, 4))).any()


def test_without_a_place_that_always_has_motion_the_level_is_that_of_the_sum() -> None:
    levels = rest_levels(np.array([[1.0, 0.0], [0.0, 3.0]]))
    assert levels[1] / levels[0] == pytest.approx(3.0)


def test_a_zone_that_was_drawn_during_a_week_counts_from_the_next() -> None:
    young = Week(Counted(900, WEEK_MS // 7), Counted(1_000_000, WEEK_MS), WEEK_MS)
    assert compare([young, *BEFORE], AFTER).weeks_left_out == (1, 0)


def test_an_outage_of_two_days_does_not_look_like_a_change() -> None:
    short = [replace(w, zone=Counted(w.zone.cell_ms * 5 // 7, WEEK_MS * 5 // 7)) for w in BEFORE[:1]]
    result = compare(BEFORE, [*short, *BEFORE[1:]])
    assert result.verdict == "within normal variation"
    assert result.own_change == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("correlation", [0.3, 0.5])
def test_false_alarms_are_as_rare_as_claimed_with_correlated_days_and_uneven_weeks(correlation: float) -> None:
    assert 0.02 <= alarm_ratio(Site(day_correlation=correlation), 4, lift=1.0, runs=RUNS, seed=1) <= 0.06


def test_a_change_of_a_fifth_is_usually_found() -> None:
    assert alarm_ratio(Site(day_correlation=0.5), 4, lift=1.2, runs=500, seed=2) > 0.85


def test_the_interval_contains_the_true_change_as_often_as_claimed() -> None:
    results: list[Comparison] = [compare(a, b) for a, b in simulate(Site(), 4, lift=1.2, runs=RUNS, seed=3)]
    inside = sum(result.interval is not None and result.interval[0] < 0.2 < result.interval[1] for result in results)
    assert 0.94 <= inside / RUNS <= 0.96
