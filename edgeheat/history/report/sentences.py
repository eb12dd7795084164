"""Says in plain words what a report shows: where people stood, when it was busy, what changed, what is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeheat.core.grid.frames import F64
from edgeheat.core.heat.comparison import MIN_WEEKS, Comparison
from edgeheat.defs.events import ALL
from edgeheat.defs.wording import percent_words
from edgeheat.history.query import PeriodHeat
from edgeheat.history.report.content import CameraReport, Report, ZoneReport

WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""Names of the rows of the hours of a week."""

_WELL_OBSERVED_RATIO = 0.9
"""Observed fraction of the period below which the report begins with a warning."""

_MAX_NAMED_CHANGES = 4
"""Number of changed zones that are named; more would not be read. The table has all."""

_DOUBLED = 1.0
"""A change from which on "2.3 times as busy" is easier to read than "130 % busier"."""

_THIRDS_X = ("left", "middle", "right")
_THIRDS_Y = ("upper", "middle", "lower")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One statement at the beginning of a report."""

    text: str
    detail: str = ""
    """Printed small below it; empty for nothing."""


def lead(report: Report) -> list[Sentence]:
    """Return what a report begins with, the most important first."""
    if not any(zone.figures.cell_s for camera in report.cameras for zone in camera.zones):
        return [Sentence("Nobody was seen."), *_warnings(report)]
    return [
        *(_where_people_stood(camera, _prefix(report, camera)) for camera in report.cameras),
        *_busiest(report),
        *_changes(report),
        *_warnings(report),
    ]


def ranked(zones: Sequence[ZoneReport]) -> list[ZoneReport]:
    """Return the named zones, those in which people stand longest first."""
    named = (zone for zone in zones if zone.name != ALL)
    return sorted(named, key=lambda zone: -zone.standing_s * zone.weight)


def camera_health(report: Report, camera: CameraReport) -> str:
    """Return how much of the period one camera observed, and what of the rest is known, in one line."""
    heat = camera.traffic
    rejected_s = sum(heat.rejected_s.values())
    # Also what is missing within a tile, of which `heat.missing_s` does not know.
    missing_s = heat.grid.period_s - heat.grid.observed_s - rejected_s - heat.too_coarse_s
    missing = "missing, because the device was off or the camera offline"
    if heat.other_epochs:
        missing = "missing, because the camera showed another scene, which is not included, or was offline"
    time = f"{hours_words(heat.grid.period_s)}{' of open time' if report.site.opening else ''}"
    words = [f"Observed {percent_words(heat.grid.coverage)} of {time}"]
    for seconds, what in (
        (missing_s, missing),
        (rejected_s, "not counted, because the light changed or the picture was not usable"),
        (heat.too_coarse_s, "kept only as part of longer times, and not included"),
    ):
        if seconds >= 60:
            words.append(f"{hours_words(seconds)} {what}")
    if heat.damaged_tiles:
        words.append("a part of the stored figures is damaged, and not included")
    return f"{'; '.join(words)}."


def hours_words(seconds: float) -> str:
    """Return a length of time as a manager writes it: "35 min", "4.5 h", "41 h"."""
    if seconds < 3570:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:.0f} h" if hours >= 9.95 or math.isclose(hours, round(hours), abs_tol=0.05) else f"{hours:.1f} h"


def verdict_words(found: Comparison | None) -> str:
    """Return in a few words how a zone's last four weeks compare with the four weeks before."""
    if found is None:
        return "-"
    match found.verdict:
        case "too few weeks":
            return "too few weeks yet"
        case "week without motion":
            return "a week without anybody"
        case "exceeds normal variation":
            note = ", exceeds normal variation"
        case "within normal variation":
            note = ", normal variation"
        case "only the rest changed":
            note = ", only other places changed"
        case "whole picture":
            note = ""
    return f"{signed_percent(found.own_change)}{note}"


def signed_percent(change: float | None) -> str:
    """Return a change with its sign: "+18 %", "-5 %", "0 %"; a dash where it is not known."""
    if change is None:
        return "-"
    percent = round(100 * change)
    return f"{'+' if percent > 0 else '-' if percent < 0 else ''}{abs(percent)} %"


def week_sum(report: Report) -> F64:
    """Return how busy each hour of the week was for all cameras alike, shape (7, 24); NaN where none observed it."""
    hours = [camera.hours / mean for camera in report.cameras if (mean := _mean(camera.hours)) > 0]
    if not hours:
        return np.full((7, 24), np.nan)
    stack = np.stack(hours)
    known = np.isfinite(stack).sum(axis=0)
    return np.where(known > 0, np.nansum(stack, axis=0) / np.maximum(known, 1), np.nan)


def _mean(hours: F64) -> float:
    known = hours[np.isfinite(hours)]
    return float(known.mean()) if known.size else 0.0


def _prefix(report: Report, camera: CameraReport) -> str:
    """Return what a sentence about one of several cameras begins with."""
    return f"{camera.params.camera}: " if len(report.site.cameras) > 1 else ""


def _where_people_stood(camera: CameraReport, prefix: str) -> Sentence:
    if camera.busiest_standing_xy is None:
        return Sentence(_started(prefix, "nobody stood anywhere; people only walked past."))
    zones = [zone for zone in ranked(camera.zones) if zone.standing_s > 0]
    if not zones or not camera.standing_zones:
        place = _place_words(camera.busiest_standing_xy)
        detail = f"That is outside all zones; of these, most stood at {zones[0].name}." if zones else ""
        return Sentence(_started(prefix, f"most people stood {place} of the picture."), detail)
    top = zones[0]
    details = []
    if top.figures.entries is not None and top.figures.active_s is not None:
        share = percent_words(top.figures.active_s / max(1.0, top.figures.observed_s))
        active = hours_words(top.figures.active_s)
        details.append(f"{top.figures.entries:,} visits; people were there for {active}, {share} of the time.")
    if others := [zone.name for zone in zones[1:3]]:
        details.append(f"Next: {' and '.join(others)}.")
    return Sentence(_started(prefix, f"most people stood at {top.name}."), " ".join(details))


def _started(prefix: str, text: str) -> str:
    return f"{prefix}{text}" if prefix else text[0].upper() + text[1:]


def _place_words(xy: tuple[float, float]) -> str:
    x, y = (min(2, int(3 * value)) for value in xy)
    if (x, y) == (1, 1):
        return "in the middle"
    if y == 1:
        return f"on the {_THIRDS_X[x]}"
    return f"in the {_THIRDS_Y[y]} {_THIRDS_X[x]}"


def _busiest(report: Report) -> list[Sentence]:
    hours = week_sum(report)
    if not np.nansum(hours) > 0:
        return []
    day, hour = (int(index) for index in np.unravel_index(int(np.nanargmax(hours)), hours.shape))
    clock = f"{hour}:00 to {hour + 1}:00"
    if report.period.kind == "day":
        return [Sentence(f"{clock} was the busiest hour.")]
    observed = np.isfinite(hours).any(axis=1)
    days = np.nansum(hours, axis=1)
    busiest = int(days.argmax())
    several = report.period.kind != "week"
    name = f"{WEEKDAY_NAMES[busiest]}{'s' if several else ''}"
    on = "" if day == busiest else f" on {WEEKDAY_NAMES[day]}{'s' if several else ''}"
    times = days[busiest] / days[observed].mean()
    return [
        Sentence(
            f"{name} {'were' if several else 'was'} the busiest day{'s' if several else ''}, and {clock}{on} the "
            "busiest hour.",
            f"{times:.1f} times as busy as an average day." if times >= 1.05 else "",
        )
    ]


def _changes(report: Report) -> list[Sentence]:
    """Return which zones changed by more than normal variation, and the plain change of the whole."""
    named = [
        (f"{zone.name} ({camera.params.camera})" if len(report.site.cameras) > 1 else zone.name, zone)
        for camera in report.cameras
        for zone in camera.zones
        if zone.name != ALL
    ]
    tested = [(name, zone.four_weeks) for name, zone in named if zone.four_weeks and zone.four_weeks.interval]
    weeks = report.period.weeks()
    if not tested or weeks is None:
        return _plain_change(report, named)
    exceeding = [(name, found) for name, found in tested if found.verdict == "exceeds normal variation"]
    exceeding.sort(key=lambda item: -_size(item[1]))
    changes = [f"{name} had {_short(_own_change(found))}" for name, found in exceeding[:_MAX_NAMED_CHANGES]]
    text = "In the last four weeks no zone changed by more than normal variation."
    if changes:
        which = "each of which" if len(changes) > 1 else "which"
        text = f"{_listed(changes)} than in the four weeks before, {which} exceeds normal variation."
    return [Sentence(text, f"{weeks[1].words}, compared with {weeks[0].words}."), *_plain_change(report, [])]


def _own_change(found: Comparison) -> float:
    return found.own_change if found.own_change is not None else found.relative_change or 0.0


def _size(found: Comparison) -> float:
    return abs(math.log1p(found.relative_change)) if found.relative_change is not None else 0.0


def _plain_change(report: Report, zones: Sequence[tuple[str, ZoneReport]]) -> list[Sentence]:
    """Return how busy it was compared with the period before, with the `zones` of which no more is known."""
    found = [camera.comparison for camera in report.cameras if camera.comparison]
    rates = [
        sum(figures[ALL].cell_s / figures[ALL].observed_s for figures in period if figures[ALL].observed_s > 0)
        for period in ([each.zones_a for each in found], [each.zones_b for each in found])
    ]
    if not found or rates[0] <= 0:
        return [Sentence(reason) for reason in dict.fromkeys(c.not_compared for c in report.cameras if c.not_compared)]
    degree = _degree(rates[1] / rates[0] - 1, "as busy as", "busier than", "quieter than")
    changes = [f"{name} had {_short(zone.change)}" for name, zone in zones if zone.change is not None][
        :_MAX_NAMED_CHANGES
    ]
    detail = f"{_listed(changes)}. " if changes else ""
    if zones and report.period.kind != "day":
        detail += f"Whether a change exceeds normal variation is known after {2 * MIN_WEEKS} whole weeks."
    elif changes:
        detail += "Such changes from day to day are usual."
    return [Sentence(f"In all, it was {degree} {report.period.on_before}.", detail.strip())]


def _degree(change: float, same: str, more: str, less: str) -> str:
    """Return a change, a ratio minus 1, in words; `same`, `more` and `less` end it."""
    if change >= _DOUBLED:
        return f"{1 + change:.1f} times {same}"
    percent = round(100 * abs(change))
    if percent == 0:
        return same
    return f"{percent} % {more if change > 0 else less}"


def _short(change: float) -> str:
    """Return a change before "than": "18 % more"."""
    percent = round(100 * change)
    return f"{abs(percent)} % {'less' if percent < 0 else 'more'}"


def _listed(items: Sequence[str]) -> str:
    """Return "till had 5 % more, fruit 3 % less and shelf 1 % more": the verb once."""
    first, *others = items
    rest = [item.replace(" had ", " ", 1) for item in others]
    return first if not rest else f"{', '.join([first, *rest[:-1]])} and {rest[-1]}"


def _warnings(report: Report) -> list[Sentence]:
    warnings = [Sentence(f"{camera} observed nothing in this time.") for camera in report.silent]
    poor = [camera for camera in report.cameras if camera.traffic.grid.coverage < _WELL_OBSERVED_RATIO]
    if poor:
        shares = ", ".join(f"{camera.params.camera} {_share(camera.traffic)}" for camera in poor)
        time = "the open hours" if report.site.opening else "this time"
        warnings.append(Sentence(f"Part of {time} was not observed: {shares}. Visits and hours are too low."))
    return warnings


def _share(heat: PeriodHeat) -> str:
    return f"saw {percent_words(heat.grid.coverage)}"
