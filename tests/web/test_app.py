"""The routes of the web application, requested over real HTTP."""

from __future__ import annotations

import httpx
import pytest

from edgeheat.web.latest_state import LatestState

from .events import snapshot, status


def test_the_page_requests_nothing_from_other_hosts_and_refreshes_itself_without_scripts(client: httpx.Client) -> None:
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
def test_a_path_that_does_not_exist_is_a_plain_404(path: str, latest: LatestState, client: httpx.Client) -> None:
    latest.handle(snapshot("entrance"))
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["/", "/cameras/entrance/day", "/metrics", "/healthz", "/readyz"])
def test_head_is_answered_like_get_without_a_body(path: str, latest: LatestState, client: httpx.Client) -> None:
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


def test_readyz_is_503_until_ready_and_shows_states_but_no_reasons(
    latest: LatestState, client: httpx.Client, readiness: list[bool]
) -> None:
    latest.handle(status("till", "offline", "10.0.0.7 refused", "unavailable"))
    readiness[0] = False
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "cameras": {"entrance": "starting", "till": "offline"}}
    readiness[0] = True
    assert client.get("/readyz").status_code == 200


def test_healthz_says_only_ok(client: httpx.Client) -> None:
    assert client.get("/healthz").text == "ok\n"


@pytest.mark.parametrize("path", ["/", "/cameras/nobody/day", "/metrics", "/static/style.css"])
def test_every_response_has_the_security_headers(path: str, client: httpx.Client) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-cache"
    assert "server" not in headers
