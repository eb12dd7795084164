"""The messages to systemd, received by a real socket."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeheat.daemon.systemd import SystemdNotifier, watchdog_period_s
from tests.support.wait import DEADLINE_S


@pytest.fixture(params=["path", "abstract"])
def service_manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """What systemd offers: the value of NOTIFY_SOCKET, and the socket behind it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(DEADLINE_S)
        name = str(tmp_path / "notify") if request.param == "path" else f"@edgeheat-test-{os.getpid()}"
        channel.bind("\0" + name[1:] if name.startswith("@") else name)
        yield name, channel


@pytest.mark.parametrize(
    ("notify", "expected"),
    [
        (SystemdNotifier.ready, b"READY=1"),
        (SystemdNotifier.stopping, b"STOPPING=1"),
        (SystemdNotifier.watchdog, b"WATCHDOG=1"),
    ],
)
def test_each_state_arrives_as_one_datagram(
    service_manager: tuple[str, socket.socket], notify: Callable[[SystemdNotifier], None], expected: bytes
) -> None:
    address, channel = service_manager
    notify(SystemdNotifier(address))
    assert channel.recv(4096) == expected


@pytest.mark.parametrize("address", [None, ""])
def test_without_systemd_nothing_is_sent_and_nothing_is_logged(
    address: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = SystemdNotifier(address)
    notifier.ready()
    notifier.watchdog()
    assert caplog.records == []


def test_a_service_manager_that_went_away_is_logged_but_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        SystemdNotifier(str(tmp_path / "gone")).watchdog()
    assert "notification WATCHDOG to systemd failed: " in caplog.text


def test_a_service_manager_that_does_not_read_delays_the_daemon_only_for_a_moment(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgeheat.daemon.systemd._SEND_TIMEOUT_S", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        notifier = SystemdNotifier(str(tmp_path / "deaf"))
        for _ in range(10_000):
            notifier.watchdog()
            if caplog.records:
                break
    assert "timed out" in caplog.text


def test_the_watchdog_period_is_read_in_seconds() -> None:
    assert watchdog_period_s({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}) == 60.0
    assert watchdog_period_s({"WATCHDOG_USEC": "1500000"}) == 1.5


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"},
    ],
    ids=["not set", "zero", "not a number", "meant for another process"],
)
def test_a_process_that_is_not_watched_has_no_period(environ: dict[str, str]) -> None:
    assert watchdog_period_s(environ) is None
