"""`edgeheat demo`: starts, stops and exit codes."""

from __future__ import annotations

import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import EDGEHEAT
from tests.support.wait import DEADLINE_S, wait_for


@pytest.fixture
def running_demo() -> Iterator[subprocess.Popen[str]]:
    words = ["demo", "--for", "20m", "--storage", "here"]
    with subprocess.Popen([*EDGEHEAT, *words], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_the_demo_prints_its_addresses_makes_pictures_and_stops_on_ctrl_c(running_demo: subprocess.Popen[str]) -> None:
    assert running_demo.stdout is not None
    printed = dict(line.split(": ", 1) for line in (running_demo.stdout.readline() for _ in range(3)))
    page, metrics = printed["status page"].strip(), printed["metrics"].strip()
    assert Path(printed["pictures"].strip()) == Path("here/heatmaps")

    def status(address: str) -> str:
        try:
            with urllib.request.urlopen(address, timeout=DEADLINE_S) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    wait_for(lambda: "checkout" in status(page), "the status page")
    assert "edgeheat_build_info" in status(metrics)
    wait_for(lambda: len(list(Path("here").rglob("latest.jpg"))) == 10, "five heats of two cameras")
    running_demo.send_signal(signal.SIGINT)
    assert running_demo.wait(DEADLINE_S) == 0


def test_the_demo_ends_by_itself() -> None:
    words = ["demo", "--for", "1s"]
    done = subprocess.run([*EDGEHEAT, *words], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr


def test_a_taken_port_of_the_demo_exits_69() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["demo", "--port", str(taken.getsockname()[1])]
        done = subprocess.run([*EDGEHEAT, *words], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 69
    assert "Traceback" not in done.stderr
