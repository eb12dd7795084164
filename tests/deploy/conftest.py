"""A running edgeheat, and a real Prometheus that scrapes it with the shipped configuration."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.edgeheat import Daemon
from tests.support.floor import FRONT, FRONT_MARKS, pairs
from tests.support.mosquitto import free_port
from tests.support.wait import DEADLINE_S, wait_for

DEPLOY = Path(__file__).parents[2] / "deploy"


CAMERA_AND_PLAN = f"""[defaults.motion]
bootstrap = "1s"
[[camera]]
name = "entrance"
source = "synthetic:shop?size=320x180"
[[camera.zone]]
name = "till"
polygon = [[0.1, 0.2], [0.9, 0.2], [0.9, 0.9], [0.1, 0.9]]
[[plan]]
name = "floor"
size = [11.0, 10.0]
[[plan.view]]
camera = "entrance"
points = {[list(pair) for pair in pairs(FRONT, FRONT_MARKS)]}
"""


@pytest.fixture(scope="session")
def edgeheat_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a running edgeheat with an online camera that has frames, motion and a picture, and a plan."""
    daemon = Daemon(tmp_path_factory.mktemp("edgeheat"), CAMERA_AND_PLAN)
    daemon.start()
    try:
        picture = 'edgeheat_heatmap_renders_total{camera="entrance",outcome="ok"}'
        wait_for(lambda: daemon.metric(picture), "a first picture")
        observed = 'edgeheat_observed_seconds_total{camera="entrance"}'
        wait_for(lambda: daemon.metric(observed), "the first counted seconds")
        wait_for(lambda: daemon.metric('edgeheat_plan_seen_ratio{plan="floor"}'), "the plan's first picture")
        yield f"127.0.0.1:{daemon.port}"
    finally:
        daemon.stop()


@pytest.fixture(scope="session")
def prometheus(edgeheat_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a Prometheus that has scraped edgeheat often enough for rates; only address and interval differ."""
    if shutil.which("prometheus") is None:
        pytest.skip("PROGRAM MISSING: prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    config = (DEPLOY / "prometheus.yml").read_text()
    assert "edgeheat:8080" in config
    assert "15s" in config
    # The interval is also the limit of each scrape, which takes seconds on a busy machine.
    (folder / "prometheus.yml").write_text(config.replace("edgeheat:8080", edgeheat_address).replace("15s", "5s"))
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
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False, timeout=DEADLINE_S) as client:
            wait_for(lambda: _scrapes(client) >= 3, f"three scrapes; see {folder}/log")
            yield client
    finally:
        process.terminate()
        process.wait(timeout=DEADLINE_S)


def _scrapes(client: httpx.Client) -> int:
    try:
        found = client.get("/query", params={"query": 'sum_over_time(up{job="edgeheat"}[1m])'}).json()["data"]["result"]
    except (httpx.TransportError, ValueError, KeyError):
        return 0
    return int(found[0]["value"][1]) if found else 0
