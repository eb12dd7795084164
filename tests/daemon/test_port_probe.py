"""The return of a closed port is detected; one that never was closed is left alone."""

from __future__ import annotations

import socket
import threading

import pytest

from edgeheat.daemon.port_probe import PortProbe, host_and_port
from tests.support.mosquitto import free_port
from tests.support.wait import DEADLINE_S, wait_for


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("rtsp://user:p%40ss@10.0.0.7/stream", ("10.0.0.7", 554)),
        ("rtsps://cam/", ("cam", 322)),
        ("http://cam:8081/video", ("cam", 8081)),
        ("/dev/video0", None),
        ("synthetic:shop", None),
        ("rtsp://cam:notaport/", None),
    ],
)
def test_only_network_cameras_have_a_port(url: str, address: tuple[str, int] | None) -> None:
    assert host_and_port(url) == address


def test_a_port_that_was_closed_and_opens_is_reported_once() -> None:
    address, opened = ("127.0.0.1", free_port()), threading.Event()
    probe = PortProbe(address, lambda _: opened.set())
    wait_for(lambda: probe.seen_closed, "the port to be seen closed")
    with socket.create_server(address):
        assert opened.wait(DEADLINE_S)
    probe.stop()


def test_an_open_port_is_tried_once_and_not_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as camera:
        camera.settimeout(DEADLINE_S)
        opened = threading.Event()
        probe = PortProbe(camera.getsockname(), lambda _: opened.set())
        camera.accept()[0].close()
        assert probe.join(DEADLINE_S)
        assert not opened.is_set()
