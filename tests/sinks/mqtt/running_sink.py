"""A running MQTT sink with what it reported, for the tests of the sink and of its session."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from edgeheat.defs.params import BrokerParams
from edgeheat.sinks.mqtt import MqttSink
from tests.support.wait import wait_for

STATUS = "edgeheat/shop/status"
PICTURE = "edgeheat/shop/door/heatmap/hour"


@contextmanager
def sink(port: int, drops: list[bool] | None = None, **settings: Any) -> Iterator[tuple[MqttSink, list[bool]]]:
    """A sink for a broker on 127.0.0.1 and its connection's changes; `drops` grows with each dropped message."""
    changes: list[bool] = []
    made = MqttSink(
        BrokerParams(**({"host": "127.0.0.1", "port": port, "site": "shop"} | settings)),
        on_connected=changes.append,
        on_dropped=lambda: None if drops is None else drops.append(True),
        jitter=lambda: 0.0,
        monotonic=time.monotonic,
    )
    try:
        yield made, changes
    finally:
        made.close()


def close_in_time(sink: MqttSink) -> None:
    """Close the sink; fail if that waits for a broker that never answers."""
    closer = threading.Thread(target=sink.close)
    closer.start()
    wait_for(lambda: not closer.is_alive(), "the sink to close without the broker")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
