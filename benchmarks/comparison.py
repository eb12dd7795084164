"""Measures how often the comparison of two periods raises a false alarm, and which changes it finds.

python -m benchmarks.comparison [--runs N]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from edgeheat.core.grid.frames import F64
from edgeheat.core.heat.comparison import Counted, Week, compare

_WEEK_MS = 7 * 12 * 3600 * 1000
"""Opening hours of a week, in milliseconds."""

_WEEKDAY_FACTORS = np.array([0.8, 0.75, 0.8, 0.9, 1.2, 1.7, 0.85])
"""How busy a shop is from Monday to Sunday, as a factor."""

_REST_OF_ZONE = 5.0
"""Motion in the rest of the picture, as a multiple of the zone's."""

_ZONE_CELL_MS = 4e6
"""Motion of the zone on a mean day, in cell-milliseconds."""


@dataclass(frozen=True, slots=True)
class Site:
    """How a simulated shop varies; all values are standard deviations of a logarithm, except the correlations."""

    day: float = 0.18
    """Of the days of the whole shop (weather, pay day)."""

    day_correlation: float = 0.3
    """Correlation of one day of the whole shop with the next, 0..1."""

    week: float = 0.08
    """Of the weeks of the whole shop (season, advertisements)."""

    own_day: float = 0.12
    """Of the days of the zone alone; the rest of the picture has half of it."""

    own_correlation: float = 0.0
    """Correlation of one day of the zone alone with the next."""

    own_week: float = 0.0
    """Of the weeks of the zone alone."""


def simulate(site: Site, weeks: int, lift: float, runs: int, seed: int) -> list[tuple[list[Week], list[Week]]]:
    """Return `runs` pairs of periods of `weeks` weeks each; in the second, the zone's motion is `lift` times as high.

    The same seed gives the same weeks.
    """
    random = np.random.default_rng(seed)
    days = 2 * weeks * 7

    def correlated(correlation: float) -> F64:
        noise = random.normal(size=(runs, days))
        for day in range(1, days):
            fresh = np.sqrt(1 - correlation**2) * noise[:, day]
            noise[:, day] = correlation * noise[:, day - 1] + fresh
        return noise

    def per_week() -> F64:
        return np.repeat(random.normal(size=(runs, 2 * weeks)), 7, axis=1)

    shop = site.day * correlated(site.day_correlation) + site.week * per_week()
    own = site.own_day * correlated(site.own_correlation) + site.own_week * per_week()
    pattern = np.tile(_WEEKDAY_FACTORS, 2 * weeks) * _ZONE_CELL_MS
    zone = pattern * np.exp(shop + own)
    zone[:, 7 * weeks :] *= lift
    rest = _REST_OF_ZONE * pattern * np.exp(shop + site.own_day / 2 * correlated(site.own_correlation))

    def weekly(days_ms: F64) -> list[list[Counted]]:
        return [[Counted(round(ms), _WEEK_MS) for ms in run] for run in days_ms.reshape(runs, 2 * weeks, 7).sum(2)]

    periods = []
    for zones, rests in zip(weekly(zone), weekly(rest), strict=True):
        all_weeks = [Week(*counted, period_ms=_WEEK_MS) for counted in zip(zones, rests, strict=True)]
        periods.append((all_weeks[:weeks], all_weeks[weeks:]))
    return periods


def alarm_ratio(site: Site, weeks: int, lift: float, runs: int, seed: int) -> float:
    """Return the share of simulated comparisons, 0..1, in which the change exceeds normal variation."""
    periods = simulate(site, weeks, lift, runs, seed)
    return sum(compare(a, b).verdict == "exceeds normal variation" for a, b in periods) / runs


def main() -> None:
    """Print a table: false alarms at no change, and how often a change of 10 % and of 20 % is found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparison", description=__doc__)
    parser.add_argument("--runs", type=int, default=4000, help="simulated comparisons per figure (default: 4000)")
    runs = parser.parse_args().runs
    sites = {
        "independent days": Site(day_correlation=0.0, week=0.0),
        "correlated days (0.3), weeks 8 %": Site(day_correlation=0.3),
        "correlated days (0.5), weeks 8 %": Site(day_correlation=0.5),
        "and the zone's own days (0.3)": Site(day_correlation=0.3, own_correlation=0.3),
        "and the zone's own days (0.5)": Site(day_correlation=0.5, own_correlation=0.5),
        "and the zone's own weeks (8 %)": Site(day_correlation=0.5, own_week=0.08),
    }
    print("| shop | weeks | false alarms | finds +10 % | finds +20 % |\n|---|---|---|---|---|")
    for name, site in sites.items():
        for weeks in (4, 8):
            found = " | ".join(f"{100 * alarm_ratio(site, weeks, lift, runs, seed=8):.1f} %" for lift in (1, 1.1, 1.2))
            print(f"| {name} | {weeks} and {weeks} | {found} |")


if __name__ == "__main__":
    main()
