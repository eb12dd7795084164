"""Renders the status page: turns the latest states into texts and links and fills in the HTML template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import edgeheat
from edgeheat.defs.events import ALL
from edgeheat.defs.wording import percent_words
from edgeheat.local_time.opening import is_open
from edgeheat.web import page_text
from edgeheat.web.latest_state import CameraView, LatestState, Picture
from edgeheat.web.zone_table import ZoneTable, zone_table

_MAIN_HEAT = "recent"
"""The heat whose picture is shown large."""

_STATE_WORDS = {"online": "Online", "starting": "Starting", "offline": "Offline", "closed": "Closed"}
"""The state of a camera."""

_PLAN_STATE_WORDS = {"online": "Floor plan", "starting": "Waiting for its cameras", "offline": "Not drawn"}
"""The state of a floor plan."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class _PictureCard:
    """The texts and the link of one picture."""

    heat: str
    title: str
    url: str
    alt: str
    at: str
    coverage: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _CameraCard:
    """The texts of one camera or floor plan; an empty text is not shown."""

    name: str
    state: str
    state_word: str
    since: str
    reason: str
    health_problem: str
    """The health verdict in one word, unless it is `ok` or unknown."""

    health_since: str
    health_reason: str
    facts: tuple[tuple[str, str], ...]
    main: _PictureCard | None
    others: tuple[_PictureCard, ...]
    empty: str
    """Shown in place of the first picture."""

    zones: ZoneTable | None
    rejected: str
    """What was rejected instead of counted in the last hour."""


def render_page(latest: LatestState, now_wall_s: float) -> str:
    """Return the whole page as HTML, with all texts escaped, at `now_wall_s`, Unix time in seconds."""
    cameras = latest.cameras()
    closed = page_text.closed_text(latest.hours, now_wall_s, latest.timezone)
    online = sum(camera.current.state == "online" for camera in cameras)
    offline = sum(camera.current.state == "offline" for camera in cameras)
    unhealthy = sum(camera.current.health in page_text.HEALTH_PROBLEMS for camera in cameras)
    now = datetime.fromtimestamp(now_wall_s, latest.timezone)
    return _TEMPLATES.get_template("status.html").render(
        site=latest.site,
        summary=_closed_summary(closed, offline, len(cameras)) if closed else _summary(online, len(cameras)),
        health_summary=_health_summary(unhealthy),
        is_fine=offline == 0 if closed else online == len(cameras),
        closed=bool(closed),
        problems=latest.problems(),
        cards=[_plan_card(plan, latest, now_wall_s) for plan in latest.plans()]
        + [_camera_card(camera, latest, now_wall_s) for camera in cameras],
        time=now.strftime("%H:%M"),
        date=now.strftime("%A, %-d %B %Y"),
        timezone=now.tzname() or "",
        history=page_text.history_text(latest.history(), now_wall_s, latest.timezone),
        version=edgeheat.__version__,
    )


def _summary(online: int, count: int) -> str:
    if online == count:
        return "Camera online" if count == 1 else f"All {count} cameras online"
    return f"{online} of {count} cameras online"


def _closed_summary(closed: str, offline: int, count: int) -> str:
    return f"{closed}; {offline} of {count} cameras offline" if offline else closed


def _health_summary(unhealthy: int) -> str:
    if unhealthy == 0:
        return ""
    return "1 picture needs attention" if unhealthy == 1 else f"{unhealthy} pictures need attention"


def _picture_cards(camera: CameraView, latest: LatestState, now_wall_s: float) -> list[_PictureCard]:
    cards = [_picture_card(camera, picture, latest, now_wall_s) for picture in camera.pictures.values()]
    cards.sort(key=lambda card: card.heat != _MAIN_HEAT)  # stable: the others keep their order
    return cards


def _plan_card(plan: CameraView, latest: LatestState, now_wall_s: float) -> _CameraCard:
    cards = _picture_cards(plan, latest, now_wall_s)
    facts = []
    if (area := plan.current.plan) is not None:
        width_m, depth_m = area.size_m
        facts = [("Size", f"{width_m:g} by {depth_m:g} m"), ("Seen by cameras", percent_words(area.seen_ratio))]
    return _CameraCard(
        name=plan.current.name,
        state=plan.current.state,
        state_word=_PLAN_STATE_WORDS[plan.current.state],
        since="",
        reason=plan.current.reason,
        health_problem="",
        health_since="",
        health_reason="",
        facts=tuple(facts),
        main=cards[0] if cards else None,
        others=tuple(cards[1:]),
        empty="First picture after those of its cameras",
        zones=None,
        rejected="",
    )


def _camera_card(camera: CameraView, latest: LatestState, now_wall_s: float) -> _CameraCard:
    cards = _picture_cards(camera, latest, now_wall_s)
    current = camera.current
    since = ""
    if current.since_wall_s:
        since = f"since {page_text.local_time_text(current.since_wall_s, now_wall_s, latest.timezone)}"
    return _CameraCard(
        name=current.name,
        state=current.state,
        state_word=_STATE_WORDS[current.state],
        since=since,
        reason=current.reason,
        health_problem=page_text.HEALTH_PROBLEMS.get(current.health or "ok", ""),
        health_since=page_text.local_time_text(current.health_since_wall_s, now_wall_s, latest.timezone),
        health_reason=current.health_reason,
        facts=_facts(camera, latest, now_wall_s),
        main=cards[0] if cards else None,
        others=tuple(cards[1:]),
        empty=_empty(camera, latest, now_wall_s),
        zones=zone_table(camera.pictures.values()),
        rejected=_rejected(camera, latest, now_wall_s),
    )


def _facts(camera: CameraView, latest: LatestState, now_wall_s: float) -> tuple[tuple[str, str], ...]:
    current = camera.current
    facts = []
    if current.last_frame_wall_s:
        facts.append(("Last frame", page_text.age_text(current.last_frame_wall_s, now_wall_s)))
    else:
        facts.append(("Last frame", "none yet"))
    if current.health == "ok":
        facts.append(("Picture", "OK"))
    if current.state == "online" and current.analysis_rate_ratio < 1.0:
        facts.append(("Analysis rate", f"{percent_words(current.analysis_rate_ratio)}, too little CPU time"))
    if (motion_ratio := current.motion_ratio.get(ALL)) is not None:
        facts.append(("Moving now", percent_words(motion_ratio)))
    is_scheduled = current.state == "online" and is_open(latest.hours, now_wall_s, latest.timezone)
    if camera.pictures and is_scheduled and (camera.next_picture_wall_s or 0) > now_wall_s:
        facts.append(
            ("Next picture", page_text.local_time_text(camera.next_picture_wall_s or 0, now_wall_s, latest.timezone))
        )
    return tuple(facts)


def _empty(camera: CameraView, latest: LatestState, now_wall_s: float) -> str:
    if camera.current.state == "offline":
        return "No picture yet: the camera has to come online first."
    if not is_open(latest.hours, now_wall_s, latest.timezone):
        return "First picture after the shop has opened"
    if camera.next_picture_wall_s is None or camera.next_picture_wall_s <= now_wall_s:
        return "First picture soon"
    return f"First picture at {page_text.local_time_text(camera.next_picture_wall_s, now_wall_s, latest.timezone)}"


def _rejected(camera: CameraView, latest: LatestState, now_wall_s: float) -> str:
    last_hour = latest.rejections(camera.current.name, now_wall_s)
    sentences = []
    if frames := page_text.rejected_frames_text(last_hour.frames_s):
        sentences.append(f"{frames}.")
    if cells := page_text.rejected_cells_text(last_hour.cells_ratio):
        sentences.append(f"Of all changes in the picture: {cells}.")
    if camera.current.masked_ratio > 0:
        sentences.append(f"Flickering areas now: {percent_words(camera.current.masked_ratio)} of the picture.")
    if camera.current.screen_text_ratio > 0:
        share = percent_words(camera.current.screen_text_ratio)
        sentences.append(f"The camera's clock covers {share} of the picture; its surroundings count in its place.")
    return " ".join(sentences)


def _picture_card(camera: CameraView, picture: Picture, latest: LatestState, now_wall_s: float) -> _PictureCard:
    name, heat = camera.current.name, picture.heat
    at = page_text.local_time_text(picture.wall_s, now_wall_s, latest.timezone)
    width, height = heat.size_wh
    return _PictureCard(
        heat=heat.heat,
        title=page_text.heat_title(heat.measure, heat.kind, heat.period_s),
        # The query changes with the picture, so that a browser never shows an older one from its cache.
        url=f"/cameras/{quote(name, safe='')}/{quote(heat.heat, safe='')}?v={picture.etag.strip(chr(34))}",
        alt=f"Heat map {heat.heat} of {'floor plan' if camera.current.is_plan else 'camera'} {name} at {at}",
        at=at,
        coverage=percent_words(heat.coverage),
        width=width,
        height=height,
    )
