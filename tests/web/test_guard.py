"""Which Host and Origin headers the web application accepts."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from edgeheat.web.guard import Guard, host_allowed, own_names

NAMES = own_names("Shop-Pi.lan")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "192.168.1.20:8080",
        "[::1]",
        "[fe80::1]:8080",
        "localhost:8080",
        "LOCALHOST",
        "shop-pi",
        "shop-pi.lan:8080",
        "shop-pi.local",
        "other.local.",
    ],
)
def test_the_devices_own_names_are_accepted(host: str) -> None:
    assert host_allowed(host, NAMES)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "shop-pi.evil.example",
        "127.0.0.1.evil.example",
        "evil.example#.local:x",
        "local",
        ".local",
        "127.0.0.1:80@evil.example",
        "[::1].evil.example",
        "[evil.example]",
        "0x7f.1",
    ],
)
def test_foreign_names_are_rejected(host: str) -> None:
    assert not host_allowed(host, NAMES)


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/static/style.css", "/cameras/entrance/day"])
def test_every_route_rejects_a_rebound_name_and_says_what_to_use(path: str, client: httpx.Client) -> None:
    answer = client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert "IP address" in answer.text


def test_the_machines_host_name_is_accepted(client: httpx.Client) -> None:
    assert client.get("/healthz", headers={"Host": f"{socket.gethostname()}:8080"}).status_code == 200


async def answers(app: ASGIApp, host: str) -> int:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}") as client:
        return (await client.get("/")).status_code


def test_a_name_from_the_configuration_is_accepted_and_no_other() -> None:
    guarded = Guard(PlainTextResponse("ok"), hosts=["pi.lan"])
    assert [asyncio.run(answers(guarded, host)) for host in ("PI.lan:8080", "other.lan")] == [200, 421]


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://127.0.0.1:1"])
def test_a_foreign_origin_is_rejected(origin: str, client: httpx.Client) -> None:
    assert client.get("/", headers={"Origin": origin}).status_code == 403


def test_the_own_origin_is_accepted(client: httpx.Client) -> None:
    assert client.get("/", headers={"Origin": str(client.base_url).rstrip("/")}).status_code == 200
