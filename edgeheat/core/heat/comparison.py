"""Decides whether a zone's share of its camera's motion changed between two periods by more than normal variation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean, variance
from typing import Literal

import numpy as np

from edgeheat.core.grid.frames import F64

MIN_WEEKS = 4
"""Whole weeks that each period needs: with fewer, even a doubled rate is hardly distinguishable from chance."""

MIN_WEEK_SHARE = 0.5
"""A week that was observed for less than this share of the longest observed one is left out: its weekdays and hours are
not those of the other weeks."""

_MIN_OWN_SHARE = 1 / 3
"""A zone has changed itself if its own rate changed by at least this share of what it changed by relative to the rest,
both as logarithms, and in the same direction."""

_CONFIDENCE = 0.95
"""Probability that the interval contains the true change; 1 - this is the share of false alarms."""

Verdict = Literal[
    "exceeds normal variation",
    "within normal variation",
    "only the rest changed",
    "too few weeks",
    "week without motion",
    "whole picture",
]
"""The result of a comparison in words; the last three say why there is no test.

"only the rest changed": the zone changed against the rest by more than normal variation, but its own rate hardly
changed. A shelf that was moved elsewhere in the picture makes all other zones look like this."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted in one week in a zone, or in the rest of the picture."""

    cell_ms: int
    """Milliseconds of motion (or of dwell, or both), summed over the cells; at least 0."""

    observed_ms: int
    """Milliseconds in which it was observed; at least 0."""

    @property
    def rate(self) -> float:
        """Cell-seconds per observed second; 0 where nothing was observed."""
        return self.cell_ms / self.observed_ms if self.observed_ms > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Week:
    """One whole local week of one zone."""

    zone: Counted

    rest: Counted | None
    """The cells of the same camera outside the zone; None for a zone that is the whole picture."""

    period_ms: int
    """Milliseconds that should have been observed: the week's length, or its opening hours."""

    @property
    def coverage(self) -> float:
        """Observed fraction of the week, of zone or rest, whichever is less; 0 for a period without length."""
        observed_ms = self.zone.observed_ms if self.rest is None else min(self.zone.observed_ms, self.rest.observed_ms)
        return observed_ms / self.period_ms if self.period_ms > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a zone changed from period A to period B; changes are ratios minus 1, so that 0.18 means 18 % more."""

    verdict: Verdict

    own_change: float | None
    """Change of the zone's own rate; None where it was not observed in both periods, or had no motion in A."""

    relative_change: float | None
    """Change of the zone's rate relative to the rest of the camera; None where there is no test.

    A shelf that attracts people from elsewhere in the picture also lowers the rest, so this overstates the effect;
    `own_change` does not, but contains what changed in the whole shop (weather, holidays).
    """

    interval: tuple[float, float] | None
    """95 % confidence interval of `relative_change`; None where there is no test."""

    weeks: tuple[int, int]
    """Weeks used of period A and of period B."""

    weeks_left_out: tuple[int, int]
    """Weeks of A and of B that were observed for less than `MIN_WEEK_SHARE` of the longest observed week."""


def compare(weeks_a: Sequence[Week], weeks_b: Sequence[Week]) -> Comparison:
    """Compare two periods by their whole weeks, which must not overlap.

    For each week y = ln(rate of the zone / rate of the rest), see `rest_levels`. The change is
    exp(mean y of B - mean y of A) - 1, and the test is Student's two-sample t test on y with a common variance and
    n_A + n_B - 2 degrees of freedom.

    Weeks and not days are the sample: days are correlated, and a test that takes them as independent finds changes that
    are not there (pairing weekdays: 13 to 21 % false alarms where 5 % are claimed). The rest of the camera is the
    control: what changes the whole shop cancels. A week without motion has no logarithm; leaving it out would choose
    weeks by their result, so there is no test then.
    Reference: Bertrand, Duflo and Mullainathan 2004, How much should we trust differences-in-differences estimates?,
    Quarterly Journal of Economics 119(1), 249-275 (aggregation of correlated observations).
    """
    longest = max((week.coverage for week in (*weeks_a, *weeks_b)), default=0.0)
    used_a, used_b = (
        [week for week in weeks if week.coverage > 0 and week.coverage >= MIN_WEEK_SHARE * longest]
        for weeks in (weeks_a, weeks_b)
    )
    result = Comparison(
        verdict="too few weeks",
        own_change=_own_change(used_a, used_b),
        relative_change=None,
        interval=None,
        weeks=(len(used_a), len(used_b)),
        weeks_left_out=(len(weeks_a) - len(used_a), len(weeks_b) - len(used_b)),
    )
    return _tested(result, used_a, used_b)


def rest_levels(rates: F64) -> F64:
    """Return by what factor the rest of a camera was busier or quieter in each week, float64, shape (weeks,).

    `rates`: of the places outside the zone, shape (weeks, places), at least 0. The level is the median over the places
    of their rate divided by its geometric mean over the weeks. In the sum of all cells those near the camera count
    most, and a shelf that was moved there would make every other zone seem to have risen; the median changes only if
    most places do. Places without motion in one of the weeks are not used; if that leaves none, it is the sum.
    Reference: Anders and Huber 2010, Differential expression analysis for sequence count data, Genome Biology 11:R106
    (median of ratios).
    """
    used: F64 = rates[:, (rates > 0).all(axis=0)]
    if not used.shape[1]:
        used = rates.sum(axis=1, keepdims=True)
        if not (used > 0).all():
            return np.ravel(used)
    logs = np.log(used)
    return np.asarray(np.exp(np.median(logs - logs.mean(axis=0), axis=1)), np.float64)


def t_quantile(probability: float, freedom: int) -> float:
    """Return t such that a t-distributed value lies between -t and t with `probability`, 0 < probability < 1.

    freedom: degrees of freedom, at least 1. For whole numbers of them the distribution is a finite sum, which is
    inverted by bisection.
    Reference: Abramowitz and Stegun 1964, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):  # halves the interval down to the resolution of a float
        middle = (low + high) / 2
        if _central_probability(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(low)


def _own_change(weeks_a: Sequence[Week], weeks_b: Sequence[Week]) -> float | None:
    rate_a, rate_b = (
        Counted(sum(week.zone.cell_ms for week in weeks), sum(week.zone.observed_ms for week in weeks)).rate
        for weeks in (weeks_a, weeks_b)
    )
    return rate_b / rate_a - 1 if weeks_b and rate_a > 0 else None


def _tested(result: Comparison, weeks_a: Sequence[Week], weeks_b: Sequence[Week]) -> Comparison:
    """Return the result with the test where one is possible, else with the reason why not."""
    if any(week.rest is None for week in (*weeks_a, *weeks_b)):
        return replace(result, verdict="whole picture")
    if min(result.weeks) < MIN_WEEKS:
        return result
    logs_a = [log for week in weeks_a if (log := _log_ratio(week)) is not None]
    logs_b = [log for week in weeks_b if (log := _log_ratio(week)) is not None]
    if (len(logs_a), len(logs_b)) != result.weeks:
        return replace(result, verdict="week without motion")
    freedom = len(logs_a) + len(logs_b) - 2
    pooled = ((len(logs_a) - 1) * variance(logs_a) + (len(logs_b) - 1) * variance(logs_b)) / freedom
    margin = t_quantile(_CONFIDENCE, freedom) * math.sqrt(pooled * (1 / len(logs_a) + 1 / len(logs_b)))
    # statistics.mean is exact, so that equal weeks differ by exactly 0.
    difference = mean(logs_b) - mean(logs_a)
    return replace(
        result,
        verdict=_verdict(difference, margin, result.own_change),
        relative_change=math.expm1(difference),
        interval=(math.expm1(difference - margin), math.expm1(difference + margin)),
    )


def _verdict(difference: float, margin: float, own_change: float | None) -> Verdict:
    if abs(difference) <= margin:
        return "within normal variation"
    own = math.log1p(own_change) if own_change is not None and own_change > -1 else difference
    return "exceeds normal variation" if own / difference >= _MIN_OWN_SHARE else "only the rest changed"


def _log_ratio(week: Week) -> float | None:
    """Return ln(rate of the zone / rate of the rest); None where either is 0."""
    if week.rest is None or not (week.zone.rate > 0 and week.rest.rate > 0):
        return None
    return math.log(week.zone.rate / week.rest.rate)


def _central_probability(angle: float, freedom: int) -> float:
    """Return P(-t < T < t) of a t-distributed T, for angle = atan(t / sqrt(freedom)), 0 to pi / 2."""
    odd = freedom % 2
    cosine = math.cos(angle)
    term, total = cosine**odd, 0.0
    for power in range(odd, freedom - 1, 2):
        if power > 1:
            term *= cosine * cosine * (power - 1) / power
        total += term
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if odd else total
