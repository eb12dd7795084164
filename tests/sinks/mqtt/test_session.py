"""The connection to a real mosquitto: brokers that come and go, that are frozen, and that reject."""

from __future__ import annotations

import logging
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeheat.defs.params import BrokerParams
from edgeheat.sinks.mqtt import MqttSink
from edgeheat.sinks.mqtt.retained_queue import Message, RetainedQueue
from edgeheat.sinks.mqtt.session import BrokerSession
from tests.sinks.events import NOON_S, heat_image, snapshot, status
from tests.sinks.mqtt.fake_broker import FakeBroker
from tests.sinks.mqtt.running_sink import PICTURE, STATUS, sink, warnings
from tests.support.mosquitto import Certificates, Mosquitto, Subscriber, running
from tests.support.wait import wait_for

pytestmark = pytest.mark.real("mosquitto")


def make_session(broker: Mosquitto, queue: RetainedQueue, on_connected: Callable[[bool], None]) -> BrokerSession:
    return BrokerSession(
        BrokerParams("127.0.0.1", broker.port, "shop"),
        queue,
        on_connected=on_connected,
        on_dropped=lambda: None,
        on_deleted=lambda topic: None,
        jitter=lambda: 0.0,
        monotonic=time.monotonic,
    )


def test_messages_queued_just_before_the_close_are_sent(broker: Mosquitto) -> None:
    queue = RetainedQueue(10)
    connected = threading.Event()
    session = make_session(broker, queue, lambda up: connected.set() if up else None)
    with Subscriber(broker.port) as subscriber:
        wait_for(connected.is_set, "connected")
        queue.put(Message("last", b"words" * 50_000, "text/plain"))
        session.close(drain_s=120, abort_s=1)
        subscriber.wait_for_message("last", b"words" * 50_000)


class RecordedThread:
    """Stands in for the session's thread, which never ends: notes how long it was waited for, and what it was told."""

    def __init__(self, session: BrokerSession) -> None:
        self._session = session
        self.joins: list[tuple[float, bool, bool]] = []

    def join(self, timeout_s: float) -> None:
        self.joins.append((timeout_s, self._session._closing.is_set(), self._session._aborting.is_set()))


def test_closing_waits_for_the_queue_then_aborts_and_waits_for_no_longer_than_allowed(broker: Mosquitto) -> None:
    session = make_session(broker, RetainedQueue(10), lambda up: None)
    thread = session._thread
    recorded = RecordedThread(session)
    session._thread = recorded  # type: ignore[assignment]
    session.close(drain_s=0.7, abort_s=0.2)
    assert recorded.joins == [(0.7, True, False), (0.2, True, True)]
    wait_for(lambda: not thread.is_alive(), "the end of the connection")


# --- brokers that come and go ---


def test_a_late_broker_gets_the_newest_message_of_every_topic(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    late = Mosquitto(tmp_path)
    with sink(late.port) as (made, changes):
        for n in range(50):
            made.handle(snapshot(NOON_S + n, heat_image(image=b"picture %d" % n)))
        wait_for(lambda: warnings(caplog), "a warning")
        with running(late), Subscriber(late.port) as subscriber:
            subscriber.wait_for_message(PICTURE, b"picture 49")
            assert len(subscriber.messages(PICTURE)) == 1
            wait_for(lambda: changes == [True], "the connection to be reported")
            sentence = "connection refused: is it running, and are mqtt.host and mqtt.port right?"
            assert warnings(caplog) == [f"MQTT broker 127.0.0.1:{late.port}: {sentence}"]


def test_a_broker_that_restarts_empty_gets_everything_again(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    where = f"MQTT broker 127.0.0.1:{broker.port}: "

    def states() -> list[str]:
        lines = [record.getMessage() for record in caplog.records]
        return [line.removeprefix(where) for line in lines if line.startswith(where)]

    with sink(broker.port) as (made, changes):
        made.handle(status())
        made.handle(snapshot(NOON_S, heat_image(image=b"before")))
        wait_for(lambda: changes == [True] and states() == ["connected"], "connected")
        broker.restart()
        with Subscriber(broker.port) as subscriber:
            wait_for(lambda: len(subscriber.topics()) == 4, "all topics are back")
            assert subscriber.wait_for_message(STATUS).payload == b"online"
            assert subscriber.wait_for_message(PICTURE).payload == b"before"
        wait_for(lambda: len(states()) >= 3 and states()[-1] == "connected", "connected again")
        assert changes == [True, False, True]
    hint = "; if this repeats, another client may use the same client id"
    assert states()[:2] == ["connected", f"connection lost{hint}"]
    # A machine under load may take longer to restart the broker than the sink to reconnect.
    assert states()[2:-1] in ([], ["connection refused: is it running, and are mqtt.host and mqtt.port right?"])


def test_a_frozen_broker_blocks_no_event_and_gets_the_newest_afterwards(broker: Mosquitto) -> None:
    with sink(broker.port, keepalive_s=3600) as (made, changes):
        wait_for(lambda: changes == [True], "connected")
        broker.suspend()
        tracemalloc.start()
        # Events that waited for the broker would not return before it is resumed.
        for n in range(400):
            made.handle(snapshot(NOON_S + n, heat_image(image=n.to_bytes(2, "big") * 250_000)))
        held_bytes = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert held_bytes < 10_000_000, "of 200 MB only the newest and a few in flight are held"
        assert changes == [True]
        broker.resume()
        with Subscriber(broker.port) as subscriber:
            subscriber.wait_for_message(PICTURE, (399).to_bytes(2, "big") * 250_000)
            subscriber.wait_for_message(STATUS, b"online")


def test_a_frozen_broker_is_detected_by_the_keepalive(broker: Mosquitto) -> None:
    with sink(broker.port, keepalive_s=1) as (_, changes):
        wait_for(lambda: changes == [True], "connected")
        broker.suspend()
        wait_for(lambda: changes[:2] == [True, False], "the connection to be given up")
        broker.resume()
        wait_for(lambda: changes[-1], "connected again")


def test_two_devices_with_one_client_id_are_warned_about_it_and_slow_down(
    broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    changes_s: list[tuple[bool, float]] = []
    settings = BrokerParams("127.0.0.1", broker.port, "shop")
    one = MqttSink(
        settings,
        on_connected=lambda up: changes_s.append((up, time.monotonic())),
        on_dropped=lambda: None,
        jitter=lambda: 0.0,
        monotonic=time.monotonic,
    )
    try:
        with sink(broker.port):
            wait_for(lambda: [up for up, _ in changes_s].count(True) >= 3, "two reconnects")
    finally:
        one.close()
    instants_s = [at_s for _, at_s in changes_s]
    # The changes alternate: connected, lost, connected, ...
    assert instants_s[2] - instants_s[1] > 0.9
    assert instants_s[4] - instants_s[3] > 1.9
    assert any(
        "connection lost; if this repeats, another client may use the same client id" in line
        or "another client connected with the same client id" in line
        for line in warnings(caplog)
    )


def test_the_thread_survives_an_error_in_a_callback(broker: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[bool] = []

    def failing(connected: bool) -> None:
        calls.append(connected)
        if len(calls) == 1:
            raise RuntimeError("a bug")

    settings = BrokerParams("127.0.0.1", broker.port, "shop")
    made = MqttSink(
        settings, on_connected=failing, on_dropped=lambda: None, jitter=lambda: 0.0, monotonic=time.monotonic
    )
    try:
        wait_for(lambda: calls == [True, False, True], "connected again")
    finally:
        made.close()
    assert warnings(caplog) == [f"MQTT broker 127.0.0.1:{broker.port}: error in the client: RuntimeError('a bug')"]


# --- brokers that reject ---


def test_a_wrong_password_is_reported_once_without_the_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with running(Mosquitto(tmp_path, password=("shop", "right"))) as strict:
        with sink(strict.port, username="shop", password="S3cret@:/%#ü") as (_, changes):
            wait_for(lambda: strict.log.read_text().count("Sending CONNACK to") >= 2, "two attempts")
            assert changes == []
        with sink(strict.port, username="shop", password="right") as (_, changes):
            wait_for(lambda: changes == [True], "connected with the right one")
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


TLS_ERRORS = {
    "an authority that is not the broker's": (
        {"tls": True},
        "its certificate is not trusted (self-signed certificate in certificate chain): check mqtt.ca_file",
    ),
    "no client certificate": (
        {"tls": True, "ca_file": "CA"},
        "no answer: is this an MQTT port, and does it require a client certificate (mqtt.cert_file)?",
    ),
    "no TLS": ({}, "no answer: is this an MQTT port, and does it require TLS (mqtt.tls)?"),
    "a missing file": (
        {"tls": True, "ca_file": "/nowhere/ca"},
        "mqtt.ca_file /nowhere/ca cannot be used: No such file or directory",
    ),
    "a file that holds no key": (
        {"tls": True, "ca_file": "CA", "cert_file": "CA", "key_file": "CA"},
        "mqtt.cert_file CA and mqtt.key_file CA cannot be used",
    ),
}


@pytest.mark.parametrize("what", TLS_ERRORS)
def test_a_tls_error_is_explained(
    tmp_path: Path, certificates: Certificates, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    settings, sentence = TLS_ERRORS[what]
    ca = str(certificates.ca)
    filled = {key: ca if value == "CA" else value for key, value in settings.items()}
    strict = Mosquitto(tmp_path, certificates=certificates, want_client_certificate=True)
    with running(strict), sink(strict.port, **filled) as (_, changes):
        wait_for(lambda: warnings(caplog), f"a warning about {what}")
        assert changes == []
    assert sentence.replace("CA ", f"{ca} ") in warnings(caplog)[0]


def test_a_picture_too_large_for_the_broker_is_dropped_with_one_warning(
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
        assert changes == [True], "the connection was never lost"
    assert len(warnings(caplog)) == 1
    assert "heatmap/hour not published: 301" in warnings(caplog)[0]
    assert "but the broker accepts 20000 at most: raise its max_packet_size, or lower style" in warnings(caplog)[0]


def test_the_largest_packet_that_the_broker_accepts_is_sent(tmp_path: Path) -> None:
    drops: list[bool] = []
    strict = Mosquitto(tmp_path, lines=["max_packet_size 20000"])
    with running(strict), sink(strict.port, drops) as (made, changes), Subscriber(strict.port) as subscriber:
        for count, length in enumerate(range(19_860, 20_000, 20), 1):
            made.handle(snapshot(NOON_S, heat_image(image=bytes(length))))
            wait_for(lambda count=count: len(drops) + len(subscriber.messages(PICTURE)) == count, "sent or dropped")
        assert len(drops) > 0
        assert len(subscriber.wait_for_message(PICTURE).payload) >= 19_860
        assert changes == [True]


def test_a_broker_that_disconnects_over_a_large_packet_gets_it_once(caplog: pytest.LogCaptureFixture) -> None:
    drops: list[bool] = []
    with FakeBroker(max_bytes=10_000) as rude, sink(rude.port, drops) as (made, _):
        made.handle(snapshot(NOON_S, heat_image("hour", bytes(30_000)), heat_image("day", b"small")))
        wait_for(lambda: rude.connections == 2 and "edgeheat/shop/door/heatmap/day" in rude.topics, "connected again")
        made.handle(snapshot(NOON_S, heat_image("hour", bytes(30_000)), heat_image("week", b"small")))
        wait_for(lambda: "edgeheat/shop/door/heatmap/week" in rude.topics, "the connection is still used")
        assert (rude.too_large, rude.connections, len(drops)) == (1, 2, 2)
    assert len([line for line in warnings(caplog) if "not published" in line]) == 1


def test_a_topic_that_the_broker_rejects_is_reported_once_and_the_others_are_published(
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
            wait_for(lambda n=n: len(drops) == n + 1, "rejected")
        subscriber.wait_for_message("edgeheat/shop/door/activity")
        assert changes == [True]
    assert warnings(caplog) == [
        f"MQTT: {PICTURE} not published: the broker rejected it (Not authorized): check its access list"
    ]


def test_no_more_is_in_flight_than_the_broker_allows(tmp_path: Path) -> None:
    strict = Mosquitto(tmp_path, lines=["max_inflight_messages 2"])
    with running(strict), sink(strict.port) as (made, changes), Subscriber(strict.port) as subscriber:
        made.handle(snapshot(NOON_S, *(heat_image(f"heat{n}", bytes(5000)) for n in range(40))))
        wait_for(lambda: len(subscriber.topics()) == 42, "all messages")
        assert changes == [True]
