"""The states of two cameras, and the real server that shows them."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

import httpx
import pytest

from edgeheat.sinks.metrics import MetricsSink
from edgeheat.web.app import create_app
from edgeheat.web.latest_state import LatestState
from edgeheat.web.server import WebServer
from tests.support.wait import DEADLINE_S

from .events import NOON


@pytest.fixture
def latest() -> LatestState:
    return LatestState(["entrance", "till"], "Store 12", ZoneInfo("Europe/Berlin"))


@pytest.fixture
def readiness() -> list[bool]:
    """What `ready` returns; tests change it."""
    return [True]


@pytest.fixture
def client(latest: LatestState, readiness: list[bool]) -> Iterator[httpx.Client]:
    metrics = MetricsSink()
    metrics.add_camera("entrance", ["all"])
    app = create_app(latest, metrics.registry, ready=lambda: readiness[0], wall=lambda: NOON)
    server = WebServer(app, "127.0.0.1", 0)
    server.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False, timeout=DEADLINE_S) as client:
            yield client
    finally:
        server.stop()
