"""The MQTT sink against a real mosquitto: what a subscriber sees, and what the sink does when the broker fails."""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edgeheat.defs.params import BrokerParams
from edgeheat.sinks.mqtt import MqttSink
from edgeheat.sinks.mqtt.connection import Connection
from edgeheat.sinks.mqtt.retained_queue import Message, RetainedQueue
from tests.sinks.events import NOON_S, health, heat_image, progress, snapshot, status
from tests.sinks.mqtt.fake_broker import FakeBroker
from tests.support.mosquitto import Certificates, Mosquitto, Subscriber, free_port, make_certificates, running
from tests.support.wait import wait_for

pytestmark = pytest.mark.real("mosquitto")

STATUS = "edgeheat/shop/status"
PICTURE = "edgeheat/shop/door/heatmap/hour"


@contextmanager
def sink(port: int, drops: list[bool] | None = None, **settings: Any) -> Iterator[tuple[MqttSink, list[bool]]]:
    """A sink towards 127.0.0.1 and the changes of its connection; `drops` grows with each message given up."""
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


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with running(Mosquitto(tmp_path)) as started:
        yield started


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# --- what is published ---


def test_the_box_is_online_and_offline_after_a_clean_close(broker: Mosquitto) -> None:
    with Subscriber(broker.port) as subscriber:
        with sink(broker.port) as (made, changes):
            subscriber.wait_for_message(STATUS, b"online")
            wait_for(lambda: changes == [True], 5, "told of the connection")
            start = time.monotonic()
            made.close()
            assert time.monotonic() - start < 3.0, "a second, and room for a busy machine"
        subscriber.wait_for_message(STATUS, b"offline")
        assert [message.payload for message in subscriber.messages(STATUS)] == [b"online", b"offline"]
        assert changes == [True, False]
    with Subscriber(broker.port) as late:
        assert late.wait_for_message(STATUS).retain


def test_what_was_handed_over_just_before_the_close_still_arrives(broker: Mosquitto) -> None:
    with sink(broker.port) as (made, changes):
        wait_for(lambda: changes == [True], 5, "connected")
        made.handle(snapshot(NOON_S, heat_image(image=b"last" * 50_000)))
    with Subscriber(broker.port) as subscriber:
        subscriber.wait_for_message(PICTURE, b"last" * 50_000)


def test_a_killed_process_is_reported_offline_by_the_broker(broker: Mosquitto) -> None:
    program = (
        "import sys, threading, time\n"
        "from edgeheat.defs.params import BrokerParams\n"
        "from edgeheat.sinks.mqtt import MqttSink\n"
        "settings = BrokerParams('127.0.0.1', int(sys.argv[1]), 'shop')\n"
        "sink = MqttSink(settings, on_connected=print, on_dropped=print, jitter=float, monotonic=time.monotonic)\n"
        "threading.Event().wait()\n"
    )
    with Subscriber(broker.port) as subscriber:
        client = subprocess.Popen([sys.executable, "-c", program, str(broker.port)], stdout=subprocess.DEVNULL)
        try:
            subscriber.wait_for_message(STATUS, b"online", 20)
        finally:
            os.kill(client.pid, signal.SIGKILL)
            client.wait(10)
        subscriber.wait_for_message(STATUS, b"offline")
    with Subscriber(broker.port) as late:
        assert late.wait_for_message(STATUS, b"offline").retain


def test_a_camera_state_is_retained_json_with_its_reason(broker: Mosquitto) -> None:
    with sink(broker.port) as (made, _):
        made.handle(status("offline", "no answer from the camera", "unavailable"))
        with Subscriber(broker.port) as subscriber:
            message = subscriber.wait_for_message("edgeheat/shop/door/status")
    assert json.loads(message.payload) == {
        "schema": 1,
        "camera": "door",
        "state": "offline",
        "reason": "no answer from the camera",
        "reason_code": "unavailable",
        "since": "2026-11-21T12:00:00Z",
    }
    assert message.properties.ContentType == "application/json"


def test_the_verdict_on_a_picture_is_retained_json_that_says_what_to_do(broker: Mosquitto) -> None:
    with sink(broker.port) as (made, _):
        made.handle(health("ok"))
        made.handle(health("moved", "the camera was moved: draw its zones anew"))
        wait_for(lambda: len(made._pending) == 0, 5, "sent")
        with Subscriber(broker.port) as subscriber:
            message = subscriber.wait_for_message("edgeheat/shop/door/health")
    assert json.loads(message.payload) == {
        "schema": 1,
        "camera": "door",
        "verdict": "moved",
        "reason": "the camera was moved: draw its zones anew",
        "since": "2026-11-21T12:00:00Z",
    }
    assert message.retain
    assert message.properties.ContentType == "application/json"


def test_activity_is_retained_json_with_the_figures_of_every_zone_and_heat(broker: Mosquitto) -> None:
    with sink(broker.port) as (made, _):
        made.handle(snapshot(NOON_S, heat_image("hour"), heat_image("day")))
        with Subscriber(broker.port) as subscriber:
            message = subscriber.wait_for_message("edgeheat/shop/door/activity")
    activity = json.loads(message.payload)
    assert activity["captured_at"] == "2026-11-21T12:00:00Z"
    assert activity["epoch"] == 1
    assert list(activity["heats"]) == ["hour", "day"]
    hour = activity["heats"]["hour"]
    assert (hour["period_s"], hour["observed_s"], hour["coverage"]) == (3600.0, 3564.0, 0.99)
    assert hour["of"] == "presence"
    assert hour["zones"]["all"]["cell_seconds"] == 1234.568
    assert hour["zones"]["all"]["dwell_cell_s"] == 234.444
    assert (hour["zones"]["all"]["rank"], hour["zones"]["tür"]["rank"]) == (None, 1)
    assert set(hour["zones"]) == {"all", "tür"}
    of_the_heat = {"of", "period_s", "observed_s", "coverage", "scale_max_s"}
    assert {*hour["zones"]["all"]} | of_the_heat | {"epoch"} == set(activity["units"])


def test_a_picture_is_its_raw_bytes_retained_with_type_and_origin_as_properties(broker: Mosquitto) -> None:
    image = bytes(range(256)) * 1000
    with sink(broker.port) as (made, _):
        made.handle(snapshot(NOON_S, heat_image("hour", image, "image/png")))
        wait_for(lambda: len(made._pending) == 0, 5, "sent")
        with Subscriber(broker.port) as subscriber:
            message = subscriber.wait_for_message(PICTURE)
    assert message.payload == image
    assert message.retain
    assert message.qos == 1
    assert message.properties.ContentType == "image/png"
    assert dict(message.properties.UserProperty) == {
        "captured-at": "2026-11-21T12:00:00Z", "camera": "door", "heat": "hour", "schema": "1",
    }  # fmt: skip


def test_progress_is_not_published(broker: Mosquitto) -> None:
    with Subscriber(broker.port) as subscriber:
        with sink(broker.port) as (made, _):
            made.handle(progress())
        subscriber.wait_for_message(STATUS, b"offline")
        assert subscriber.topics() == {STATUS}


def test_prefix_and_site_stand_before_every_topic(broker: Mosquitto) -> None:
    with Subscriber(broker.port) as subscriber:
        with sink(broker.port, prefix="acme/heat", site="berlin-7") as (made, _):
            made.handle(status())
            made.handle(health())
            made.handle(snapshot())
        subscriber.wait_for_message("acme/heat/berlin-7/status", b"offline")
        rest = {"status", "door/status", "door/health", "door/activity", "door/heatmap/hour"}
        assert subscriber.topics() == {f"acme/heat/berlin-7/{topic}" for topic in rest}


# --- brokers that come and go ---


def test_a_broker_that_comes_late_gets_the_newest_of_everything(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    late = Mosquitto(tmp_path)
    with sink(late.port) as (made, changes):
        for n in range(50):
            made.handle(snapshot(NOON_S + n, heat_image(image=b"picture %d" % n)))
        wait_for(lambda: warnings(caplog), 5, "a warning")
        with running(late), Subscriber(late.port) as subscriber:
            subscriber.wait_for_message(PICTURE, b"picture 49")
            assert len(subscriber.messages(PICTURE)) == 1
            wait_for(lambda: changes == [True], 5, "told of the connection")
            sentence = "nothing listens there: is it running, are mqtt.host and port right?"
            assert warnings(caplog) == [f"MQTT broker 127.0.0.1:{late.port}: {sentence}"]


def test_a_broker_that_restarts_empty_has_everything_again(broker: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with sink(broker.port) as (made, changes):
        made.handle(status())
        made.handle(snapshot(NOON_S, heat_image(image=b"before")))
        wait_for(lambda: changes == [True] and made._link._state == "connected", 5, "connected")
        broker.restart()
        with Subscriber(broker.port) as subscriber:
            wait_for(lambda: len(subscriber.topics()) == 4, 10, "all topics are back")
            assert subscriber.wait_for_message(STATUS).payload == b"online"
            assert subscriber.wait_for_message(PICTURE).payload == b"before"
        assert changes == [True, False, True]
    where = f"MQTT broker 127.0.0.1:{broker.port}: "
    lines = [record.getMessage().removeprefix(where) for record in caplog.records if "MQTT" in record.getMessage()]
    hint = "; where that repeats, another client may use the same client id"
    assert lines == ["connected", f"connection lost{hint}", "connected"]


def test_a_frozen_broker_blocks_nobody_and_gets_the_newest_when_it_thaws(broker: Mosquitto) -> None:
    with sink(broker.port, keepalive_s=1) as (made, changes):
        wait_for(lambda: changes == [True], 5, "connected")
        broker.suspend()
        tracemalloc.start()
        longest_s = 0.0
        for n in range(400):
            start = time.monotonic()
            made.handle(snapshot(NOON_S + n, heat_image(image=n.to_bytes(2, "big") * 250_000)))
            longest_s = max(longest_s, time.monotonic() - start)
        held_bytes = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert longest_s < 2.0, "a blocked one would last until the broker thaws"
        assert held_bytes < 10_000_000, "of 200 MB only the newest and a few in flight are held"
        wait_for(lambda: changes == [True, False], 10, "noticed by the keepalive")
        broker.resume()
        with Subscriber(broker.port) as subscriber:
            subscriber.wait_for_message(PICTURE, (399).to_bytes(2, "big") * 250_000, 20)
            subscriber.wait_for_message(STATUS, b"online")


def test_a_close_while_the_broker_is_frozen_takes_less_than_a_second(broker: Mosquitto) -> None:
    with sink(broker.port) as (made, changes), Subscriber(broker.port) as subscriber:
        wait_for(lambda: changes == [True], 5, "connected")
        broker.suspend()
        made.handle(snapshot(NOON_S, heat_image(image=bytes(5_000_000))))
        start = time.monotonic()
        made.close()
        assert time.monotonic() - start < 3.0, "a second, and room for a busy machine"
        broker.resume()
        subscriber.wait_for_message(STATUS, b"offline")


def test_a_close_without_any_broker_takes_less_than_a_second() -> None:
    with sink(free_port()) as (made, changes):
        start = time.monotonic()
        made.close()
        assert time.monotonic() - start < 3.0, "a second, and room for a busy machine"
        assert changes == []


def test_two_boxes_with_one_client_id_are_told_so_and_slow_down(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    with sink(broker.port) as (one, first), sink(broker.port) as (other, second):
        wait_for(lambda: True in first and True in second, 10, "both were connected once")
        wait_for(lambda: one._link._failures >= 2 and other._link._failures >= 2, 20, "the delays grow")
    assert "connection lost; where that repeats, another client may use the same client id" in warnings(caplog)[0]


def test_the_thread_outlives_a_fault_in_a_callback(broker: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[bool] = []

    def faulty(connected: bool) -> None:
        calls.append(connected)
        if len(calls) == 1:
            raise RuntimeError("a fault")

    settings = BrokerParams("127.0.0.1", broker.port, "shop")
    made = MqttSink(
        settings, on_connected=faulty, on_dropped=lambda: None, jitter=lambda: 0.0, monotonic=time.monotonic
    )
    try:
        wait_for(lambda: calls == [True, False, True], 10, "connected again")
    finally:
        made.close()
    assert warnings(caplog) == [f"MQTT broker 127.0.0.1:{broker.port}: fault in the client: RuntimeError('a fault')"]


def test_a_hundred_connections_leak_no_file_descriptor(broker: Mosquitto) -> None:
    settings = BrokerParams("127.0.0.1", broker.port, "shop")
    gc.disable()
    try:
        before = 0
        for n in range(110):
            connection = Connection(settings, RetainedQueue(1), None, lambda *_: None)
            connection.open()
            while not connection.is_up:
                assert connection.turn()
            connection.drop()
            del connection
            if n == 9:
                before = open_files()
        assert open_files() <= before + 1
    finally:
        gc.enable()


# --- brokers that refuse ---


def test_a_wrong_password_is_told_once_without_the_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(Mosquitto(tmp_path, password=("shop", "right"))) as strict:
        with sink(strict.port, username="shop", password="S3cret@:/%#ü") as (_, changes):
            wait_for(lambda: strict.log.read_text().count("Sending CONNACK to") >= 2, 10, "two attempts")
            assert changes == []
        with sink(strict.port, username="shop", password="right") as (_, changes):
            wait_for(lambda: changes == [True], 5, "connected with the right one")
    assert len(warnings(caplog)) == 1
    assert "check mqtt.username and mqtt.password" in warnings(caplog)[0]
    assert "S3cret" not in caplog.text
    assert "S3cret" not in repr(BrokerParams("h", 1, "s", password="S3cret"))


def test_tls_with_a_client_certificate(tmp_path: Path, certificates: Certificates) -> None:
    tls = {"tls": True, "ca_file": str(certificates.ca)}
    own = {"cert_file": str(certificates.client), "key_file": str(certificates.client_key)}
    strict = Mosquitto(tmp_path, certificates=certificates, want_client_certificate=True)
    with running(strict), sink(strict.port, **tls, **own) as (made, _):
        made.handle(snapshot(NOON_S, heat_image(image=b"secret" * 50_000)))
        with Subscriber(strict.port, certificates=certificates) as subscriber:
            subscriber.wait_for_message(PICTURE, b"secret" * 50_000)


TLS_FAULTS = {
    "an authority that is not the broker's": (
        {"tls": True},
        "its certificate is not trusted (self-signed certificate in certificate chain): check mqtt.ca_file",
    ),
    "no client certificate": (
        {"tls": True, "ca_file": "CA"},
        "no answer: is this an MQTT port, and does it want a client certificate (mqtt.cert_file)?",
    ),
    "no TLS": ({}, "no answer: is this an MQTT port, and does it want TLS (mqtt.tls)?"),
    "a missing file": (
        {"tls": True, "ca_file": "/nowhere/ca"},
        "mqtt.ca_file /nowhere/ca cannot be used: No such file or directory",
    ),
    "a file that holds no key": (
        {"tls": True, "ca_file": "CA", "cert_file": "CA", "key_file": "CA"},
        "mqtt.cert_file CA and mqtt.key_file CA cannot be used",
    ),
}


@pytest.mark.parametrize("what", TLS_FAULTS)
def test_what_is_wrong_with_tls_is_said(
    tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    settings, sentence = TLS_FAULTS[what]
    ca = str(certificates.ca)
    filled = {key: ca if value == "CA" else value for key, value in settings.items()}
    strict = Mosquitto(tmp_path, certificates=certificates, want_client_certificate=True)
    with running(strict), sink(strict.port, **filled) as (_, changes):
        wait_for(lambda: warnings(caplog), 10, f"a warning about {what}")
        assert changes == []
    assert sentence.replace("CA ", f"{ca} ") in warnings(caplog)[0]


def test_a_picture_too_large_for_the_broker_is_given_up_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drops: list[bool] = []
    strict = Mosquitto(tmp_path, lines=["max_packet_size 20000"])
    with running(strict), sink(strict.port, drops) as (made, changes), Subscriber(strict.port) as subscriber:
        for n in range(3):
            made.handle(snapshot(NOON_S + n, heat_image("hour", bytes(30_000)), heat_image("day", b"%d" % n)))
            subscriber.wait_for_message("edgeheat/shop/door/heatmap/day", b"%d" % n)
        assert len(drops) == 3
        made.handle(snapshot(NOON_S, heat_image("hour", b"small again")))
        subscriber.wait_for_message(PICTURE, b"small again")
        assert changes == [True], "it never cost the connection"
    assert len(warnings(caplog)) == 1
    assert "heatmap/hour not published: 301" in warnings(caplog)[0]
    assert "but the broker takes 20000 at most: raise its max_packet_size, or lower style" in warnings(caplog)[0]


def test_the_largest_packet_that_is_allowed_is_sent(tmp_path: Path) -> None:
    drops: list[bool] = []
    strict = Mosquitto(tmp_path, lines=["max_packet_size 20000"])
    with running(strict), sink(strict.port, drops) as (made, changes), Subscriber(strict.port) as subscriber:
        for length in range(19_860, 20_000, 20):
            made.handle(snapshot(NOON_S, heat_image(image=bytes(length))))
            wait_for(lambda: len(made._pending) == 0, 5, "taken or given up")
        assert len(drops) > 0
        assert len(subscriber.wait_for_message(PICTURE).payload) >= 19_860
        assert changes == [True]


def test_a_broker_that_disconnects_over_a_large_packet_gets_it_once(caplog: pytest.LogCaptureFixture) -> None:
    drops: list[bool] = []
    with FakeBroker(max_bytes=10_000) as rude, sink(rude.port, drops) as (made, _):
        made.handle(snapshot(NOON_S, heat_image("hour", bytes(30_000)), heat_image("day", b"small")))
        wait_for(
            lambda: rude.connections == 2 and "edgeheat/shop/door/heatmap/day" in rude.topics, 10, "connected again"
        )
        made.handle(snapshot(NOON_S, heat_image("hour", bytes(30_000)), heat_image("week", b"small")))
        wait_for(lambda: "edgeheat/shop/door/heatmap/week" in rude.topics, 10, "the connection serves on")
        assert (rude.too_large, rude.connections, len(drops)) == (1, 2, 2)
    assert len([line for line in warnings(caplog) if "not published" in line]) == 1


def test_a_topic_that_the_broker_does_not_allow_is_told_once_and_costs_the_others_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    drops: list[bool] = []
    rules = tmp_path / "acl"
    rules.write_text("topic read #\ntopic write edgeheat/shop/status\ntopic write edgeheat/shop/door/activity\n")
    rules.chmod(0o600)
    strict = Mosquitto(tmp_path, lines=[f"acl_file {rules}"])
    with running(strict), sink(strict.port, drops) as (made, changes), Subscriber(strict.port) as subscriber:
        for n in range(2):
            made.handle(snapshot(NOON_S + n))
            wait_for(lambda n=n: len(drops) == n + 1, 5, "refused")
        subscriber.wait_for_message("edgeheat/shop/door/activity")
        assert changes == [True]
    assert warnings(caplog) == [
        f"MQTT: {PICTURE} not published: the broker refused it (Not authorized): check its access list"
    ]


def test_more_topics_than_may_wait_drop_the_oldest_and_count_it(caplog: pytest.LogCaptureFixture) -> None:
    drops: list[bool] = []
    with sink(free_port(), drops, max_waiting=3) as (made, _):
        made.handle(snapshot(NOON_S, heat_image("a"), heat_image("b"), heat_image("c")))
        assert len(drops) == 2
    assert len([line for line in warnings(caplog) if "too many topics for one box" in line]) == 1


def test_no_more_is_in_flight_than_the_broker_allows(tmp_path: Path) -> None:
    strict = Mosquitto(tmp_path, lines=["max_inflight_messages 2"])
    with running(strict), sink(strict.port) as (made, changes), Subscriber(strict.port) as subscriber:
        made.handle(snapshot(NOON_S, *(heat_image(f"heat{n}", bytes(5000)) for n in range(40))))
        wait_for(lambda: len(subscriber.topics()) == 42, 10, "all arrived")
        assert changes == [True]


def test_a_full_broker_window_sends_nothing_beyond_it() -> None:
    with FakeBroker(max_bytes=1 << 20) as fast:
        pending = RetainedQueue(100)
        for n in range(50):
            pending.put(Message(f"t{n}", b"x", "text/plain"))
        connection = Connection(BrokerParams("127.0.0.1", fast.port, "shop"), pending, None, lambda *_: None)
        connection.open()
        most = 0
        while len(fast.topics) < 50:
            assert connection.turn()
            most = max(most, len(connection._in_flight))
        connection.drop()
        assert most == 20


def test_a_frozen_broker_holds_no_more_than_a_few_pictures_in_flight(broker: Mosquitto) -> None:
    pending = RetainedQueue(100)
    connection = Connection(BrokerParams("127.0.0.1", broker.port, "shop"), pending, None, lambda *_: None)
    connection.open()
    while not connection.is_up:
        assert connection.turn()
    broker.suspend()
    for n in range(20):
        pending.put(Message(f"t{n}", bytes(500_000), "image/jpeg"))
    for _ in range(3):
        assert connection.turn()
    assert len(connection._in_flight) == 4
    assert len(pending) == 16
    connection.drop()
