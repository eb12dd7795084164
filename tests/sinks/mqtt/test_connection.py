"""One connection to a broker: how much is in flight, and what it leaves behind."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from edgeheat.defs.params import BrokerParams
from edgeheat.sinks.mqtt.connection import BrokerConnection
from edgeheat.sinks.mqtt.retained_queue import Message, RetainedQueue
from tests.sinks.mqtt.fake_broker import FakeBroker
from tests.support.mosquitto import Mosquitto

pytestmark = pytest.mark.real("mosquitto")


def connected(port: int, queue: RetainedQueue) -> BrokerConnection:
    connection = BrokerConnection(BrokerParams("127.0.0.1", port, "shop"), queue, None, lambda *_: None)
    connection.open()
    while not connection.is_up:
        assert connection.loop_once()
    return connection


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_hundred_connections_leak_no_file_descriptor(broker: Mosquitto) -> None:
    gc.disable()
    try:
        before = 0
        for n in range(110):
            connection = connected(broker.port, RetainedQueue(1))
            connection.close()
            del connection
            if n == 9:
                before = open_files()
        assert open_files() <= before + 1
    finally:
        gc.enable()


def test_no_more_than_twenty_messages_are_in_flight() -> None:
    with FakeBroker(max_bytes=1 << 20, acknowledges=False) as silent:
        queue = RetainedQueue(100)
        for n in range(50):
            queue.put(Message(f"t{n}", b"x", "text/plain"))
        connection = connected(silent.port, queue)
        while len(silent.topics) < 20:
            assert connection.loop_once()
        for _ in range(3):
            assert connection.loop_once()
        assert len(queue) == 30
        assert not connection.is_idle
        connection.close()


def test_a_frozen_broker_holds_only_a_few_pictures_in_flight(broker: Mosquitto) -> None:
    queue = RetainedQueue(100)
    connection = connected(broker.port, queue)
    broker.suspend()
    for n in range(20):
        queue.put(Message(f"t{n}", bytes(500_000), "image/jpeg"))
    for _ in range(3):
        assert connection.loop_once()
    assert len(queue) == 16
    connection.close()
