"""The texts of the status page."""

from __future__ import annotations

import re
from dataclasses import replace
from zoneinfo import ZoneInfo

from edgeheat.defs.events import ZoneHeat
from edgeheat.defs.hours import ClockRange, OpeningHours
from edgeheat.web.latest_state import LatestState
from edgeheat.web.page import render_page

from .events import NOON, health, heat_image, progress, snapshot, status, zone_heat


def page(latest: LatestState) -> str:
    return render_page(latest, NOON)


def test_it_shows_state_reason_age_and_coverage_in_the_shops_time(latest: LatestState) -> None:
    latest.handle(status("entrance", "online", wall_s=NOON - 3600))
    latest.handle(progress("entrance", NOON - 90))
    latest.handle(snapshot("entrance", NOON - 300))
    latest.handle(status("till", "offline", "no route to host", "unavailable", NOON - 86400))
    html = page(latest)
    for words in (
        "Store 12",
        "1 of 2 cameras online",
        "<b>Online</b> since 11:00",
        "1 min ago",
        "98 % covered",
        "<time>11:55</time>",
        "<b>Offline</b> since 19 Nov 12:00",
        "no route to host",
    ):
        assert words in html


def test_a_lowered_analysis_rate_is_shown_while_the_camera_is_online(latest: LatestState) -> None:
    latest.handle(status("entrance", "online", wall_s=NOON - 60))
    latest.handle(progress("entrance"))
    assert "Analysis rate" not in page(latest)
    latest.handle(replace(progress("entrance"), analysis_rate_ratio=0.5))
    assert "<dt>Analysis rate</dt><dd>50 %, too little CPU time</dd>" in page(latest)
    latest.handle(status("entrance", "offline"))
    assert "Analysis rate" not in page(latest)


def test_the_recent_heat_is_large_and_the_others_are_beside_it(latest: LatestState) -> None:
    latest.handle(snapshot("entrance"))
    html = page(latest)
    assert html.count('<figure class="main">') == 1
    assert html.count('<figure class="other">') == 4
    assert "/cameras/entrance/recent?v=" in html.split('<figure class="main">')[1].split("</figure>")[0]


def test_each_picture_has_a_title(latest: LatestState) -> None:
    latest.handle(snapshot("entrance"))
    titles = re.findall(r"<b>(.+)</b>\n    <span class=\"facts\"><time>", page(latest))
    assert titles == [
        "Presence, fading by half every 30 min",
        "Presence, last 1 h",
        "Presence, last 24 h",
        "Movement, last 24 h",
        "Staying, last 24 h",
    ]


def test_an_unhealthy_picture_is_shown_with_its_instant_and_what_to_do_until_it_is_ok(latest: LatestState) -> None:
    latest.handle(status("entrance", "online", wall_s=NOON - 3600))
    latest.handle(health("entrance", "moved", "The camera was moved: draw its zones anew.", NOON - 60))
    html = page(latest)
    assert "1 picture needs attention" in html
    assert '<p class="badge"><b>Moved</b> since 11:59</p>' in html
    assert "The camera was moved: draw its zones anew." in html
    latest.handle(health("entrance", "ok"))
    html = page(latest)
    assert "needs attention" not in html
    assert "badge" not in html
    assert "<dt>Picture</dt><dd>OK</dd>" in html


DAY_S = 86400.0


def closed_at_noon(*days: tuple[ClockRange, ...]) -> LatestState:
    """A shop with these hours, from Monday; NOON is on a Friday."""
    return LatestState(["entrance", "till"], "Store 12", ZoneInfo("Europe/Berlin"), (), OpeningHours(days, {}))


def test_a_closed_shop_says_until_when_and_is_no_problem() -> None:
    latest = closed_at_noon(*[(ClockRange(15 * 60, 20 * 60),)] * 7)
    for camera in ("entrance", "till"):
        latest.handle(status(camera, "online", wall_s=NOON - DAY_S))
        latest.handle(snapshot(camera, NOON - 3600))
        latest.set_next_picture_time(camera, NOON + 600)
        latest.handle(status(camera, "closed", wall_s=NOON - 3600))
    html = page(latest)
    assert '<p class="summary closed">Closed until 15:00</p>' in html
    assert "<b>Closed</b> since 11:00" in html
    assert "<time>11:00</time>" in html, "the picture of closing time"
    assert "<title>Store 12" in html, "no warning"
    assert "Next picture" not in html
    opened = render_page(latest, NOON + 3 * 3600)
    assert "Closed until" not in opened and "0 of 2 cameras online" in opened


def test_a_camera_that_does_not_answer_while_the_shop_is_closed_is_a_problem() -> None:
    latest = closed_at_noon(*[(ClockRange(15 * 60, 20 * 60),)] * 7)
    latest.handle(status("entrance", "closed", wall_s=NOON - 3600))
    latest.handle(status("till", "offline", "no route to host", "unavailable", NOON - 60))
    html = page(latest)
    assert '<p class="summary offline">Closed until 15:00; 1 of 2 cameras offline</p>' in html
    assert "<b>Offline</b> since 11:59" in html and "no route to host" in html
    assert "First picture after the shop has opened" in html, "the other camera"


def test_an_online_camera_of_a_closed_shop_has_no_next_picture() -> None:
    latest = closed_at_noon(*[(ClockRange(15 * 60, 20 * 60),)] * 7)
    latest.handle(status("entrance", "online", wall_s=NOON - 3600))
    latest.handle(snapshot("entrance", NOON - 300))
    latest.set_next_picture_time("entrance", NOON + 600)
    html = page(latest)
    assert ">Closed until 15:00</p>" in html and "Next picture" not in html


def test_a_day_is_named_where_the_shop_opens_in_a_day_or_later() -> None:
    assert "Closed until Mon 23 Nov 09:00" in page(closed_at_noon((ClockRange(540, 1200),), *[()] * 6))
    assert ">Closed</p>" in page(closed_at_noon(*[()] * 7))


def table(html: str) -> list[list[str]]:
    """The cells of the page's tables as text, row by row."""
    rows = re.findall(r"<tr>(.+?)</tr>", html, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.+?)</t[hd]>", row) for row in rows]
    return [[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in cells]


def test_zones_are_sorted_by_rank_and_show_the_longest_window(latest: LatestState) -> None:
    latest.handle(snapshot("entrance"))
    html = page(latest)
    assert "<b>Zones, last 24 h</b> · 98 % covered" in html
    assert table(html) == [
        ["Zone", "Time active", "Movement", "Staying", "Peak", "Entries"],
        ["1 till", "3 h 21 min (14 %)", "3 min 22 s", "6 min 43 s", "1 h 40 min", "302"],
        ["2 entrance mat", "1 h 55 min (8 %)", "1 min 55 s", "3 min 50 s", "57 min 36 s", "173"],
        ["whole picture", "7 h 26 min (31 %)", "7 min 26 s", "14 min 53 s", "3 h 43 min", "670"],
    ]


def test_a_zone_without_cells_has_zero_figures(latest: LatestState) -> None:
    nothing = ZoneHeat("slot", 0, 0.0, 0.0, 0.0, (0.0, 0.0), rank=1)
    heat = replace(heat_image("day"), zones=(zone_heat("all", None), nothing))
    latest.handle(replace(snapshot("entrance"), heats=(heat,)))
    assert table(page(latest))[1] == ["1 slot", "0 s (0 %)", "0 s", "0 s", "0 s", "0"]


def test_what_was_not_counted_is_listed_by_reason(latest: LatestState) -> None:
    assert "Not counted" not in page(latest)
    for second in range(-90, 0):
        latest.handle(progress("entrance", NOON + second))
    assert (
        "<b>Not counted in the last hour:</b> 36 s while the light changed. "
        "Of all changes in the picture: shadows 15 %, flicker 5 %. Flickering areas now: 4 % of the picture. "
        "The camera&#39;s clock covers 1 % of the picture; its surroundings count in its place."
    ) in page(latest)


def test_without_a_picture_it_says_when_the_first_one_is_due(latest: LatestState) -> None:
    latest.handle(status("entrance", "online"))
    latest.set_next_picture_time("entrance", NOON + 300)
    assert "First picture at 12:05" in page(latest)


def test_every_text_is_escaped(latest: LatestState) -> None:
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    latest.handle(status("entrance", "offline", attack, "unavailable"))
    latest.set_storage_problem("pictures", attack)
    latest.handle(status("till", "online"))
    latest.handle(health("till", "covered", attack))
    heat = replace(heat_image("day"), zones=(zone_heat(attack, 1),))
    latest.handle(replace(snapshot("till"), heats=(heat,)))
    html = page(latest)
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "&lt;script&gt;alert(1)" in html
