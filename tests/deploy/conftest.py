"""A running edgeheat to scrape, and a real Prometheus that scrapes it by the shipped configuration."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import httpx
import pytest

from edgeheat.core.events import CameraStatus, HeatImage, Progress, Snapshot
from edgeheat.sinks.metrics import MetricsSink
from edgeheat.web.app import create_app
from edgeheat.web.board import Board
from edgeheat.web.server import WebServer
from tests.support.wait import wait_for

DEPLOY = Path(__file__).parents[2] / "deploy"


def feed(metrics: MetricsSink, stop: threading.Event) -> None:
    """Live as a camera would, ten seconds a second."""
    metrics.handle(CameraStatus("entrance", "online", "", "ok", 1.0))
    heat = HeatImage("hour", "window", 3600.0, 1800.0, 0.5, 9.0, (), b"", "image/png", (2, 2))
    metrics.handle(Snapshot("entrance", 2.0, (heat,)))
    while not stop.wait(0.1):
        zones = {"all": 0.5, "till": 0.25}
        metrics.handle(Progress("entrance", 3.0, 3.0, 15, 5, 10, 1.0, zones, zones, zones, (0.004,) * 5))


@pytest.fixture(scope="session")
def edgeheat_address() -> Iterator[str]:
    """Host and port of an edgeheat with at least one online camera that has frames, motion and a picture."""
    metrics = MetricsSink()
    metrics.add_camera("entrance", ["all", "till"])
    board = Board(["entrance"], "Store 12", UTC)
    server = WebServer(create_app(board, metrics.registry, ready=lambda: True, wall=lambda: 4.0), "127.0.0.1", 0)
    server.start()
    stop = threading.Event()
    camera = threading.Thread(target=feed, args=(metrics, stop))
    camera.start()
    yield f"127.0.0.1:{server.port}"
    stop.set()
    camera.join()
    server.stop()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def prometheus(edgeheat_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a Prometheus that has scraped edgeheat often enough for rates; only address and interval differ."""
    if shutil.which("prometheus") is None:
        pytest.skip("REAL PART MISSING: prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    config = (DEPLOY / "prometheus.yml").read_text()
    assert "edgeheat:8080" in config
    assert "15s" in config
    (folder / "prometheus.yml").write_text(config.replace("edgeheat:8080", edgeheat_address).replace("15s", "500ms"))
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False) as client:
            wait_for(lambda: _scrapes(client) >= 3, 30, f"three scrapes; see {folder}/log")
            yield client
    finally:
        process.terminate()
        process.wait(timeout=20)


def _scrapes(client: httpx.Client) -> int:
    try:
        found = client.get("/query", params={"query": 'count_over_time(up{job="edgeheat"}[1m])'}).json()["data"][
            "result"
        ]
    except (httpx.TransportError, ValueError, KeyError):
        return 0
    return int(found[0]["value"][1]) if found else 0
