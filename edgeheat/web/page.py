"""The status page: the board's views turned into the words and links that the template lays out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

import edgeheat
from edgeheat.defs.wording import percent_words
from edgeheat.web import wording
from edgeheat.web.latest_state import CameraView, LatestState, Picture
from edgeheat.web.zone_table import ZoneTable, zone_table

_MAIN_HEAT = "recent"
_STATE_WORDS = {"online": "Online", "starting": "Starting", "offline": "Offline"}
_PLAN_STATE_WORDS = {"online": "Floor plan", "starting": "Waiting for its cameras", "offline": "Not drawn"}
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class _PictureCard:
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
    name: str
    state: str
    state_word: str
    since: str
    reason: str
    trouble: str
    """The verdict on its picture in a word; empty where it is in order or not known."""

    trouble_since: str
    trouble_reason: str
    facts: tuple[tuple[str, str], ...]
    main: _PictureCard | None
    others: tuple[_PictureCard, ...]
    empty: str
    zones: ZoneTable | None
    left_out: str


def render_page(latest: LatestState, now_wall_s: float) -> str:
    """Return the whole page as HTML, everything escaped, as of `now_wall_s`."""
    cameras = latest.cameras()
    online = sum(camera.state == "online" for camera in cameras)
    troubled = sum(camera.health in wording.TROUBLES for camera in cameras)
    now = datetime.fromtimestamp(now_wall_s, latest.timezone)
    return _TEMPLATES.get_template("status.html").render(
        site=latest.site,
        summary=_summary(online, len(cameras)),
        troubled=f"{troubled} {'picture needs' if troubled == 1 else 'pictures need'} a look" if troubled else "",
        all_online=online == len(cameras),
        problems=latest.problems(),
        cards=[_plan_card(plan, latest, now_wall_s) for plan in latest.plans()]
        + [_camera_card(camera, latest, now_wall_s) for camera in cameras],
        time=now.strftime("%H:%M"),
        date=now.strftime("%A, %-d %B %Y"),
        zone=now.tzname() or "",
        version=edgeheat.__version__,
    )


def _summary(online: int, count: int) -> str:
    if online == count:
        return "Camera online" if count == 1 else f"All {count} cameras online"
    return f"{online} of {count} cameras online"


def _picture_cards(camera: CameraView, latest: LatestState, now_wall_s: float) -> list[_PictureCard]:
    cards = [_picture_card(camera, picture, latest, now_wall_s) for picture in camera.pictures.values()]
    cards.sort(key=lambda card: card.heat != _MAIN_HEAT)  # stable: the others keep their order
    return cards


def _plan_card(plan: CameraView, latest: LatestState, now_wall_s: float) -> _CameraCard:
    cards = _picture_cards(plan, latest, now_wall_s)
    facts = []
    if plan.plan is not None:
        width_m, depth_m = plan.plan.size_m
        facts = [("Size", f"{width_m:g} by {depth_m:g} m"), ("Seen by cameras", percent_words(plan.plan.seen_ratio))]
    return _CameraCard(
        name=plan.name,
        state=plan.state,
        state_word=_PLAN_STATE_WORDS[plan.state],
        since="",
        reason=plan.reason,
        trouble="",
        trouble_since="",
        trouble_reason="",
        facts=tuple(facts),
        main=cards[0] if cards else None,
        others=tuple(cards[1:]),
        empty="First picture when its cameras have theirs",
        zones=None,
        left_out="",
    )


def _camera_card(camera: CameraView, latest: LatestState, now_wall_s: float) -> _CameraCard:
    cards = _picture_cards(camera, latest, now_wall_s)
    since = (
        f"since {wording.local_time(camera.since_wall_s, now_wall_s, latest.timezone)}" if camera.since_wall_s else ""
    )
    return _CameraCard(
        name=camera.name,
        state=camera.state,
        state_word=_STATE_WORDS[camera.state],
        since=since,
        reason=camera.reason,
        trouble=wording.TROUBLES.get(camera.health or "ok", ""),
        trouble_since=wording.local_time(camera.health_since_wall_s, now_wall_s, latest.timezone),
        trouble_reason=camera.health_reason,
        facts=_facts(camera, latest, now_wall_s),
        main=cards[0] if cards else None,
        others=tuple(cards[1:]),
        empty=_empty(camera, latest, now_wall_s),
        zones=zone_table(camera.pictures.values()),
        left_out=_left_out(camera, latest, now_wall_s),
    )


def _facts(camera: CameraView, latest: LatestState, now_wall_s: float) -> tuple[tuple[str, str], ...]:
    facts = []
    if camera.last_frame_wall_s:
        facts.append(("Last frame", wording.ago(camera.last_frame_wall_s, now_wall_s)))
    else:
        facts.append(("Last frame", "none yet"))
    if camera.health == "ok":
        facts.append(("Picture", "in order"))
    if camera.motion_ratio is not None:
        facts.append(("Moving now", percent_words(camera.motion_ratio)))
    if camera.pictures and camera.state == "online" and (camera.next_picture_wall_s or 0) > now_wall_s:
        facts.append(("Next picture", wording.local_time(camera.next_picture_wall_s or 0, now_wall_s, latest.timezone)))
    return tuple(facts)


def _empty(camera: CameraView, latest: LatestState, now_wall_s: float) -> str:
    if camera.state == "offline":
        return "No picture yet: the camera has to come online first."
    if camera.next_picture_wall_s is None or camera.next_picture_wall_s <= now_wall_s:
        return "First picture soon"
    return f"First picture at {wording.local_time(camera.next_picture_wall_s, now_wall_s, latest.timezone)}"


def _left_out(camera: CameraView, latest: LatestState, now_wall_s: float) -> str:
    last_hour = latest.left_out(camera.name, now_wall_s)
    sentences = []
    if frames := wording.left_out_frames(last_hour.frames_s):
        sentences.append(f"{frames}.")
    if cells := wording.left_out_cells(last_hour.cells_ratio):
        sentences.append(f"Of all that changed: {cells}.")
    if camera.masked_ratio > 0:
        sentences.append(f"Places that flicker now: {percent_words(camera.masked_ratio)} of the picture.")
    return " ".join(sentences)


def _picture_card(camera: CameraView, picture: Picture, latest: LatestState, now_wall_s: float) -> _PictureCard:
    heat = picture.heat
    at = wording.local_time(picture.wall_s, now_wall_s, latest.timezone)
    width, height = heat.size_wh
    return _PictureCard(
        heat=heat.heat,
        title=wording.heat_title(heat.measure, heat.kind, heat.period_s),
        # The query changes with the picture, so that a browser never shows an older one from its memory.
        url=f"/cameras/{quote(camera.name, safe='')}/{quote(heat.heat, safe='')}?v={picture.etag.strip(chr(34))}",
        alt=f"Heat map {heat.heat} of {'floor plan' if camera.is_plan else 'camera'} {camera.name} at {at}",
        at=at,
        coverage=percent_words(heat.coverage),
        width=width,
        height=height,
    )
