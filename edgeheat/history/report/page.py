"""Renders a report as one HTML page that needs no other file: its pictures are inside it, and it has no script."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import edgeheat
from edgeheat.core.render.side_by_side import Layout
from edgeheat.defs.events import ALL
from edgeheat.defs.wording import percent_words
from edgeheat.history.report import sentences
from edgeheat.history.report.content import CameraReport, Report, ZoneReport
from edgeheat.history.report.pictures import comparison_picture, heat_picture, hours_picture, plan_picture
from edgeheat.history.report.plans import PlanReport

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class _Picture:
    """One picture of the page."""

    title: str
    note: str
    alt: str
    wide_url: str

    narrow_url: str = ""
    """Another arrangement for phones; empty if there is none."""


@dataclass(frozen=True, slots=True)
class _ZoneRow:
    """The texts of one zone."""

    name: str
    cells: tuple[tuple[str, str], ...]
    """Heading and text of each column."""


@dataclass(frozen=True, slots=True)
class _CameraCards:
    """What the page shows of one camera."""

    name: str
    heats: tuple[_Picture, ...]
    others: tuple[_Picture, ...]
    not_compared: str
    zones: tuple[_ZoneRow, ...]
    zones_note: str
    health: str


@dataclass(frozen=True, slots=True)
class _PlanCard:
    """What the page shows of one floor plan."""

    name: str
    heats: tuple[_Picture, ...]
    problem: str


def render_report(report: Report, now_s: float) -> str:
    """Return the page as HTML, with all texts escaped; `now_s` is when it is made, Unix time."""
    now = datetime.fromtimestamp(now_s, report.site.timezone)
    return _TEMPLATES.get_template("report.html").render(
        site=report.site.name,
        heading=report.site.named(report.period.heading),
        period=report.period.words,
        lead=sentences.lead(report),
        plans=[_plan_card(report, plan) for plan in report.plans],
        cameras=[_cards(report, camera) for camera in report.cameras],
        made=now.strftime("%-d %B %Y, %H:%M"),
        version=edgeheat.__version__,
    )


def _plan_card(report: Report, plan: PlanReport) -> _PlanCard:
    if plan.traffic is None or plan.dwell is None:
        return _PlanCard(plan.name, (), plan.problem)
    alt = f"Heat map of floor plan {plan.name}, {report.site.named(report.period.words)}"
    return _PlanCard(plan.name, _walk_and_stand(alt, plan_picture(plan.traffic), plan_picture(plan.dwell)), "")


def _cards(report: Report, camera: CameraReport) -> _CameraCards:
    named = sentences.ranked(camera.zones)
    shown = [*named, *(zone for zone in camera.zones if zone.name == ALL)]
    unknown = any(zone.figures.entries is None for zone in named)
    return _CameraCards(
        name=camera.params.camera,
        heats=_heats(report, camera),
        others=(*_comparison(report, camera), _hours(report, camera)),
        not_compared=camera.not_compared,
        zones=tuple(_zone_row(report, zone) for zone in shown) if named else (),
        zones_note="-: the zone was drawn within this time, so its visits are not known." if unknown else "",
        health=sentences.camera_health(report, camera),
    )


def _heats(report: Report, camera: CameraReport) -> tuple[_Picture, ...]:
    alt = f"Heat map of camera {camera.params.camera}, {report.site.named(report.period.words)}"
    return _walk_and_stand(alt, heat_picture(camera, camera.traffic), heat_picture(camera, camera.dwell))


def _walk_and_stand(alt: str, walk: bytes, stand: bytes) -> tuple[_Picture, ...]:
    return (
        _Picture("Where people walk", "Brighter: more", f"{alt}: movement", _url(walk)),
        _Picture("Where people stand", "Brighter: longer", f"{alt}: standing", _url(stand)),
    )


def _comparison(report: Report, camera: CameraReport) -> tuple[_Picture, ...]:
    if camera.comparison is None:
        return ()
    before, now = (report.site.named(each.words) for each in (report.period.before(), report.period))
    names = before, now
    layouts: tuple[Layout, Layout] = ("row", "column")
    wide, narrow = (_url(comparison_picture(camera, names, layout)) for layout in layouts)
    alt = f"Heat maps of {names[0]} and of {names[1]}, and the change"
    return (
        _Picture(f"Compared with {report.period.before_words}", "Red: more people. Blue: fewer", alt, wide, narrow),
    )


def _hours(report: Report, camera: CameraReport) -> _Picture:
    is_day = report.period.kind == "day"
    title = "The usual week" if is_day else "When it is busy"
    of = report.site.named(f"four weeks until {report.period.words}" if is_day else report.period.words)
    layouts: tuple[Layout, Layout] = ("row", "column")
    wide, narrow = (_url(hours_picture(camera, f"{camera.params.camera}, {of}", layout)) for layout in layouts)
    return _Picture(
        title, "Hours of the week. 100: the busiest", f"How busy each hour of the week was, {of}", wide, narrow
    )


def _zone_row(report: Report, zone: ZoneReport) -> _ZoneRow:
    figures = zone.figures
    occupied = "-"
    if figures.active_s is not None and figures.observed_s > 0:
        share = percent_words(figures.active_s / figures.observed_s)
        occupied = f"{sentences.hours_words(figures.active_s)} ({share})"
    is_all = zone.name == ALL
    cells = [
        ("Visits", "" if is_all else "-" if figures.entries is None else f"{figures.entries:,}"),
        ("People there", occupied),
        (
            f"Against {report.period.before_words}",
            sentences.signed_percent(zone.change),
        ),
    ]
    if report.period.weeks():
        cells.append(("Last four weeks against the four before", sentences.verdict_words(zone.four_weeks)))
    return _ZoneRow("whole picture" if is_all else zone.name, tuple(cells))


def _url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"
