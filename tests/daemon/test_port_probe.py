"""A port that comes back is seen, and one that never was away is left alone."""

from __future__ import annotations

import socket
import threading

import pytest

from edgeheat.daemon.port_probe import PortProbe, host_and_port
from tests.support.mosquitto import free_port
from tests.support.wait import wait_for


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


def test_a_port_that_was_closed_and_opens_is_told_once() -> None:
    address, opened = ("127.0.0.1", free_port()), threading.Event()
    probe = PortProbe(address, lambda _: opened.set())
    wait_for(lambda: probe.seen_closed, 5, "the port to be seen closed")
    with socket.create_server(address):
        assert opened.wait(15)
    probe.stop()


def test_a_camera_whose_port_is_open_is_not_knocked_at_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as camera:
        camera.settimeout(10)
        told = threading.Event()
        PortProbe(camera.getsockname(), lambda _: told.set())
        camera.accept()[0].close()
        wait_for(lambda: "knock" not in [thread.name for thread in threading.enumerate()], 5, "the knocker's end")
        assert not told.is_set()
