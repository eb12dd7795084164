"""The routes, asked over real HTTP."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest

from edgeheat.defs.events import ZoneHeat
from edgeheat.web.latest_state import LatestState

from .events import NOON, health, heat_image, progress, snapshot, status, zone_heat


def test_the_page_tells_state_reason_since_age_and_coverage_in_the_shops_time(
    latest: LatestState, client: httpx.Client
) -> None:
    latest.handle(status("entrance", "online", wall_s=NOON - 3600))
    latest.handle(progress("entrance", NOON - 90))
    latest.handle(snapshot("entrance", NOON - 300))
    latest.handle(status("till", "offline", "no route to host", "unavailable", NOON - 86400))
    page = client.get("/").text
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
        assert words in page


def test_the_recent_heat_stands_large_and_the_others_beside_it(latest: LatestState, client: httpx.Client) -> None:
    latest.handle(snapshot("entrance"))
    page = client.get("/").text
    assert page.count('<figure class="main">') == 1
    assert page.count('<figure class="other">') == 4
    assert "/cameras/entrance/recent?v=" in page.split('<figure class="main">')[1].split("</figure>")[0]


def test_each_picture_says_what_it_shows_in_words(latest: LatestState, client: httpx.Client) -> None:
    latest.handle(snapshot("entrance"))
    titles = re.findall(r"<b>(.+)</b>\n    <span class=\"facts\"><time>", client.get("/").text)
    assert titles == [
        "Presence, fading by half every 30 min",
        "Presence, last 1 h",
        "Presence, last 24 h",
        "Movement, last 24 h",
        "Staying, last 24 h",
    ]


def test_a_picture_that_needs_a_look_says_since_when_and_what_to_do_until_it_is_in_order(
    latest: LatestState, client: httpx.Client
) -> None:
    latest.handle(status("entrance", "online", wall_s=NOON - 3600))
    latest.handle(health("entrance", "moved", "The camera was moved: draw its zones anew.", NOON - 60))
    page = client.get("/").text
    assert "1 picture needs a look" in page
    assert '<p class="badge"><b>Moved</b> since 11:59</p>' in page
    assert "The camera was moved: draw its zones anew." in page
    latest.handle(health("entrance", "ok"))
    page = client.get("/").text
    assert "needs a look" not in page
    assert "badge" not in page
    assert "<dt>Picture</dt><dd>in order</dd>" in page


def table(page: str) -> list[list[str]]:
    """The cells of the page's tables as text, row by row."""
    rows = re.findall(r"<tr>(.+?)</tr>", page, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.+?)</t[hd]>", row) for row in rows]
    return [[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in cells]


def test_zones_stand_in_the_order_of_their_ranks_with_the_figures_of_the_longest_window(
    latest: LatestState, client: httpx.Client
) -> None:
    latest.handle(snapshot("entrance"))
    page = client.get("/").text
    assert "<b>Zones, last 24 h</b> · 98 % covered" in page
    assert table(page) == [
        ["Zone", "Time active", "Movement", "Staying", "Peak", "Entries"],
        ["1 till", "3 h 21 min (14 %)", "3 min 22 s", "6 min 43 s", "1 h 40 min", "302"],
        ["2 entrance mat", "1 h 55 min (8 %)", "1 min 55 s", "3 min 50 s", "57 min 36 s", "173"],
        ["whole picture", "7 h 26 min (31 %)", "7 min 26 s", "14 min 53 s", "3 h 43 min", "670"],
    ]


def test_a_zone_of_no_cells_is_told_as_empty(latest: LatestState, client: httpx.Client) -> None:
    nothing = ZoneHeat("slot", 0, 0.0, 0.0, 0.0, (0.0, 0.0), rank=1)
    heat = replace(heat_image("day"), zones=(zone_heat("all", None), nothing))
    latest.handle(replace(snapshot("entrance"), heats=(heat,)))
    assert table(client.get("/").text)[1] == ["1 slot", "0 s (0 %)", "0 s", "0 s", "0 s", "0"]


def test_what_was_left_out_is_told_by_reason_and_nothing_where_nothing_was(
    latest: LatestState, client: httpx.Client
) -> None:
    assert "Left out" not in client.get("/").text
    for second in range(-90, 0):
        latest.handle(progress("entrance", NOON + second))
    assert (
        "<b>Left out in the last hour:</b> 36 s while the light changed. "
        "Of all that changed: shadows 15 %, flicker 5 %. Places that flicker now: 4 % of the picture."
    ) in client.get("/").text


def test_without_a_picture_the_page_says_when_the_first_one_comes(latest: LatestState, client: httpx.Client) -> None:
    latest.handle(status("entrance", "online"))
    latest.picture_due("entrance", NOON + 300)
    assert "First picture at 12:05" in client.get("/").text


def test_every_text_on_the_page_is_escaped(client: httpx.Client, latest: LatestState) -> None:
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    latest.handle(status("entrance", "offline", attack, "unavailable"))
    latest.storage_problem("pictures", attack)
    latest.handle(health("till", "covered", attack))
    heat = replace(heat_image("day"), zones=(zone_heat(attack, 1),))
    latest.handle(replace(snapshot("till"), heats=(heat,)))
    page = client.get("/").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_asks_nothing_of_other_hosts_and_refreshes_itself_without_scripts(client: httpx.Client) -> None:
    page = client.get("/").text
    assert "http://" not in page
    assert "https://" not in page
    assert '<noscript><meta http-equiv="refresh"' in page
    for asset in ("/static/style.css", "/static/refresh.js", "/static/icon.svg"):
        assert asset in page
        assert client.get(asset).status_code == 200


def test_a_picture_is_served_once_and_then_304_until_it_changes(latest: LatestState, client: httpx.Client) -> None:
    latest.handle(snapshot("entrance", image=b"first"))
    first = client.get("/cameras/entrance/day")
    assert (first.content, first.headers["content-type"]) == (b"first", "image/jpeg")
    assert first.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": first.headers["etag"]}
    assert client.get("/cameras/entrance/day", headers=known).status_code == 304
    latest.handle(snapshot("entrance", image=b"second"))
    assert client.get("/cameras/entrance/day", headers=known).content == b"second"


@pytest.mark.parametrize(
    "path",
    [
        "/cameras/nobody/day",
        "/cameras/entrance/year",
        "/cameras/till/day",
        "/cameras/entrance/..%2f..%2fetc%2fpasswd",
        "/static/..%2fapp.py",
        "/nothing",
    ],
)
def test_what_does_not_exist_is_a_plain_404(path: str, latest: LatestState, client: httpx.Client) -> None:
    latest.handle(snapshot("entrance"))
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["/", "/cameras/entrance/day", "/metrics", "/healthz", "/readyz"])
def test_head_answers_as_get_does_without_a_body(path: str, latest: LatestState, client: httpx.Client) -> None:
    latest.handle(snapshot("entrance"))
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize("path", ["/", "/cameras/entrance/day", "/metrics", "/healthz", "/readyz"])
def test_nothing_can_be_written(path: str, client: httpx.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, path).status_code == 405


def test_metrics_are_exposed_in_prometheus_text(client: httpx.Client) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'edgeheat_camera_up{camera="entrance"} 0.0' in answer.text


def test_readyz_is_503_until_ready_and_tells_states_but_no_reasons(
    latest: LatestState, client: httpx.Client, readiness: list[bool]
) -> None:
    latest.handle(status("till", "offline", "10.0.0.7 refused", "unavailable"))
    readiness[0] = False
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "cameras": {"entrance": "starting", "till": "offline"}}
    readiness[0] = True
    assert client.get("/readyz").status_code == 200


def test_healthz_tells_nothing_but_ok(client: httpx.Client) -> None:
    assert client.get("/healthz").text == "ok\n"


@pytest.mark.parametrize("path", ["/", "/cameras/nobody/day", "/metrics", "/static/style.css"])
def test_every_answer_carries_the_security_headers(path: str, client: httpx.Client) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-cache"
    assert "server" not in headers
