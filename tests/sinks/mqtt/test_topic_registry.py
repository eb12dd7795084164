"""Topics that are no longer in the configuration are deleted on a real mosquitto, and no others."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from paho.mqtt import publish
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edgeheat.defs.events import Event
from edgeheat.defs.params import BrokerParams
from edgeheat.sinks.mqtt import MqttSink, TopicRegistry, topics_of
from tests.sinks.events import NOON_S, health, heat_image, snapshot, status
from tests.support.mosquitto import Mosquitto, Subscriber, free_port, running
from tests.support.small_disk import make_read_only
from tests.support.wait import wait_for

pytestmark = pytest.mark.real("mosquitto")

ONLINE = "edgeheat/shop/status"
TILL = {"status", "health", "activity", "heatmap/hour"}
BOTH: Mapping[str, list[str]] = {"door": ["hour"], "till": ["hour"]}
DOOR: Mapping[str, list[str]] = {"door": ["hour"]}
EVENTS: list[Event] = [
    event
    for camera in BOTH
    for event in (
        status(camera=camera),
        health(camera=camera),
        snapshot(NOON_S, heat_image("hour"), camera=camera),
    )
]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with running(Mosquitto(tmp_path)) as started:
        yield started


@contextmanager
def run(port: int, file: Path, sources: Mapping[str, list[str]], site: str = "shop") -> Iterator[MqttSink]:
    """One run of edgeheat, as far as MQTT is concerned, with these cameras in its configuration."""
    settings = BrokerParams("127.0.0.1", port, site)
    sink = MqttSink(
        settings,
        registry=TopicRegistry(file, topics_of(settings, sources)),
        on_connected=lambda up: None,
        on_dropped=lambda: None,
        jitter=lambda: 0.0,
        monotonic=time.monotonic,
    )
    try:
        yield sink
    finally:
        sink.close()


def retained(port: int) -> set[str]:
    """The topics whose retained messages a new subscriber receives."""
    with Subscriber(port) as late:
        publish.single("marker", "after all retained messages", qos=1, hostname="127.0.0.1", port=port)
        late.wait_for_message("marker")
        return late.topics() - {"marker"}


def recorded(file: Path) -> set[str]:
    return set(json.loads(file.read_bytes()))


def publish_both(port: int, file: Path) -> None:
    with run(port, file, BOTH) as sink, Subscriber(port) as subscriber:
        for event in EVENTS:
            sink.handle(event)
        wait_for(lambda: len(subscriber.topics()) == 9, "all topics of two cameras and the site")
    assert {f"edgeheat/shop/till/{word}" for word in TILL} < retained(port)


def test_a_removed_camera_is_deleted_at_the_next_start_and_the_rest_stays(broker: Mosquitto, tmp_path: Path) -> None:
    file = tmp_path / "state" / "topics.json"
    publish_both(broker.port, file)
    with run(broker.port, file, DOOR):
        wait_for(lambda: not any("till" in topic for topic in recorded(file)), "the till to be removed")
    assert retained(broker.port) == {ONLINE, *(f"edgeheat/shop/door/{word}" for word in TILL)}
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_removed_heat_is_deleted(broker: Mosquitto, tmp_path: Path) -> None:
    file = tmp_path / "topics.json"
    publish_both(broker.port, file)
    with run(broker.port, file, {"door": ["day"], "till": ["hour"]}):
        wait_for(lambda: "edgeheat/shop/door/heatmap/hour" not in recorded(file), "the heat to be removed")
    assert "edgeheat/shop/door/heatmap/hour" not in retained(broker.port)


def test_the_topics_of_a_former_site_are_deleted(broker: Mosquitto, tmp_path: Path) -> None:
    file = tmp_path / "topics.json"
    with run(broker.port, file, DOOR, site="old") as sink:
        for event in EVENTS[:3]:
            sink.handle(event)
    with run(broker.port, file, DOOR):
        wait_for(lambda: not any("/old/" in topic for topic in recorded(file)), "the old site to be removed")
    assert retained(broker.port) == {ONLINE}


def test_topics_are_deleted_once_an_unreachable_broker_is_back_even_after_a_restart(
    broker: Mosquitto, tmp_path: Path
) -> None:
    file = tmp_path / "topics.json"
    publish_both(broker.port, file)
    with run(free_port(), file, DOOR):
        pass
    assert "edgeheat/shop/till/status" in recorded(file)
    with run(broker.port, file, DOOR):
        wait_for(lambda: "edgeheat/shop/till/status" not in recorded(file), "the till to be removed")
    assert not any("till" in topic for topic in retained(broker.port))


def test_a_camera_that_comes_back_keeps_its_topics(broker: Mosquitto, tmp_path: Path) -> None:
    file = tmp_path / "topics.json"
    publish_both(broker.port, file)
    with run(free_port(), file, DOOR):
        pass
    with run(broker.port, file, BOTH), Subscriber(broker.port) as subscriber:
        subscriber.wait_for_message(ONLINE, b"online")
    assert {f"edgeheat/shop/till/{word}" for word in TILL} < retained(broker.port)


def test_a_topic_is_deleted_once_and_not_at_each_connection(broker: Mosquitto, tmp_path: Path) -> None:
    file = tmp_path / "topics.json"
    publish_both(broker.port, file)
    with Subscriber(broker.port) as subscriber, run(broker.port, file, DOOR):
        wait_for(lambda: "edgeheat/shop/till/status" not in recorded(file), "the till to be removed")
        before = len(subscriber.messages(ONLINE))
        other = Client(CallbackAPIVersion.VERSION2, client_id="edgeheat-shop", protocol=MQTTProtocolVersion.MQTTv5)
        other.connect("127.0.0.1", broker.port)
        other.loop_start()  # the broker closes the sink's connection, which has the same client id
        wait_for(other.is_connected, "the other client to connect")
        other.disconnect()
        other.loop_stop()
        wait_for(lambda: len(subscriber.messages(ONLINE)[before:]) >= 2, "lost, and online again")
        emptied = [message for message in subscriber.messages("edgeheat/shop/till/status") if not message.payload]
    assert len(emptied) == 1


def test_a_topic_whose_deletion_is_rejected_is_reported_and_tried_again_at_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rules, file = tmp_path / "acl", tmp_path / "topics.json"
    rules.write_text("topic read #\ntopic write edgeheat/shop/door/#\ntopic write edgeheat/shop/status\n")
    file.write_text(json.dumps(["edgeheat/shop/till/status"]))
    with running(Mosquitto(tmp_path, lines=[f"acl_file {rules}"])) as strict:
        for _ in range(2):
            caplog.clear()
            with run(strict.port, file, DOOR):
                wait_for(lambda: "access list" in caplog.text, "the rejection to be logged")
            assert "edgeheat/shop/till/status" in recorded(file)


@pytest.mark.parametrize(
    ("content", "warned"),
    [
        (b"", True),
        (b'["edgeheat/shop/till/st', True),
        (b"\xff\xfe", True),
        (b"[" * 100_000, True),
        (b"5", False),
        (b'{"edgeheat/shop/till/status": 1}', False),
        (b'[5, null, "", "#", "edgeheat/#", "edgeheat/+/status", "a\\u0000/b", "/x", "x/", "tuer\\n/x", "x"]', False),
    ],
    ids=["empty", "truncated", "binary", "deeply nested", "a number", "a table", "other topics"],
)
def test_a_damaged_file_deletes_nothing_and_is_rewritten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes, warned: bool
) -> None:
    file = tmp_path / "topics.json"
    file.write_bytes(content)
    ours = topics_of(BrokerParams("127.0.0.1", 1883, "shop"), DOOR)
    registry = TopicRegistry(file, ours)
    assert registry.stale == set()
    assert recorded(file) == ours
    assert bool(caplog.messages) == warned


def test_a_read_only_disk_is_reported_once_and_stops_nothing(
    small_disk: Path, tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    file = small_disk / "topics.json"
    file.write_text(json.dumps(["edgeheat/shop/till/status"]))
    make_read_only(small_disk, True)
    with (
        running(Mosquitto(tmp_path_factory.mktemp("broker"))) as broker,
        Subscriber(broker.port) as subscriber,
        run(broker.port, file, DOOR),
    ):
        subscriber.wait_for_message(ONLINE, b"online")
        subscriber.wait_for_message("edgeheat/shop/till/status", b"")
    make_read_only(small_disk, False)
    assert len([message for message in caplog.messages if "the disk is read-only" in message]) == 1


def test_an_unchanged_configuration_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "topics.json"
    topics = topics_of(BrokerParams("127.0.0.1", 1883, "shop"), DOOR)
    TopicRegistry(file, topics)
    before = file.stat()
    TopicRegistry(file, topics)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
