"""The routes, asked over real HTTP."""

from __future__ import annotations

import httpx
import pytest

from edgeheat.web.board import Board

from .events import NOON, progress, snapshot, status


def test_the_page_tells_state_reason_since_age_and_coverage_in_the_shops_time(
    board: Board, client: httpx.Client
) -> None:
    board.handle(status("entrance", "online", wall_s=NOON - 3600))
    board.handle(progress("entrance", NOON - 90))
    board.handle(snapshot("entrance", NOON - 300))
    board.handle(status("till", "offline", "no route to host", "unavailable", NOON - 86400))
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


def test_the_recent_heat_stands_large_and_the_others_beside_it(board: Board, client: httpx.Client) -> None:
    board.handle(snapshot("entrance"))
    page = client.get("/").text
    assert page.count('<figure class="main">') == 1
    assert page.count('<figure class="other">') == 2
    assert "/cameras/entrance/recent?v=" in page.split('<figure class="main">')[1].split("</figure>")[0]


def test_without_a_picture_the_page_says_when_the_first_one_comes(board: Board, client: httpx.Client) -> None:
    board.handle(status("entrance", "online"))
    board.picture_due("entrance", NOON + 300)
    assert "First picture at 12:05" in client.get("/").text


def test_every_text_on_the_page_is_escaped(client: httpx.Client, board: Board) -> None:
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    board.handle(status("entrance", "offline", attack, "unavailable"))
    board.storage_problem(attack)
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


def test_a_picture_is_served_once_and_then_304_until_it_changes(board: Board, client: httpx.Client) -> None:
    board.handle(snapshot("entrance", image=b"first"))
    first = client.get("/cameras/entrance/day")
    assert (first.content, first.headers["content-type"]) == (b"first", "image/jpeg")
    assert first.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": first.headers["etag"]}
    assert client.get("/cameras/entrance/day", headers=known).status_code == 304
    board.handle(snapshot("entrance", image=b"second"))
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
def test_what_does_not_exist_is_a_plain_404(path: str, board: Board, client: httpx.Client) -> None:
    board.handle(snapshot("entrance"))
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["/", "/cameras/entrance/day", "/metrics", "/healthz", "/readyz"])
def test_head_answers_as_get_does_without_a_body(path: str, board: Board, client: httpx.Client) -> None:
    board.handle(snapshot("entrance"))
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
    board: Board, client: httpx.Client, readiness: list[bool]
) -> None:
    board.handle(status("till", "offline", "10.0.0.7 refused", "unavailable"))
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
