"""Starting and stopping the web server, and its limits."""

from __future__ import annotations

import logging
import signal
import socket
import threading

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from edgeheat.errors import StartupError
from edgeheat.web.server import WebServer
from tests.support.wait import DEADLINE_S, wait_for


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """The smallest application."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def test_a_port_in_use_is_reported_with_the_setting_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupError) as raised:
            WebServer(hello, "127.0.0.1", port).start()
    assert str(raised.value) == f"web: 127.0.0.1:{port} is in use; set [web] port"


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_reported_with_the_setting_to_change(host: str) -> None:
    with pytest.raises(StartupError, match=rf"web: cannot listen on {host}:0 \(.+\); set \[web\] host"):
        WebServer(hello, host, 0).start()


def test_it_can_be_restarted_on_the_same_port_at_once() -> None:
    first = WebServer(hello, "127.0.0.1", 0)
    first.start()
    assert httpx.get(f"http://127.0.0.1:{first.port}/", trust_env=False, timeout=DEADLINE_S).text == "hello"
    first.stop()
    second = WebServer(hello, "127.0.0.1", first.port)
    second.start()
    try:
        assert httpx.get(f"http://127.0.0.1:{second.port}/", trust_env=False, timeout=DEADLINE_S).text == "hello"
    finally:
        second.stop()


def test_it_can_listen_on_ipv6() -> None:
    server = WebServer(hello, "::1", 0)
    server.start()
    try:
        assert httpx.get(f"http://[::1]:{server.port}/", trust_env=False, timeout=DEADLINE_S).text == "hello"
    finally:
        server.stop()


def test_it_stops_while_an_idle_connection_and_an_unfinished_request_are_open() -> None:
    server = WebServer(hello, "127.0.0.1", 0)
    server.start()
    with (
        socket.create_connection(("127.0.0.1", server.port)) as unfinished,
        httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=DEADLINE_S) as idle,
    ):
        unfinished.sendall(b"GET / HTTP/1.1\r\nHost: 127")
        assert idle.get("/").text == "hello"
        server.stop()
        wait_for(lambda: "web" not in [thread.name for thread in threading.enumerate()], "the thread to end")


def test_stop_without_start_does_nothing() -> None:
    WebServer(hello, "127.0.0.1", 0).stop()


def test_it_handles_no_signal_and_logs_no_request(caplog: pytest.LogCaptureFixture) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with caplog.at_level(logging.DEBUG):
        server = WebServer(hello, "127.0.0.1", 0)
        server.start()
        httpx.get(f"http://127.0.0.1:{server.port}/secret-path", trust_env=False, timeout=DEADLINE_S)
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        server.stop()
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []
