"""What a subscriber of a real mosquitto receives from the MQTT sink."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from edgeheat.defs.events import ReportWritten
from tests.sinks.events import NOON_S, health, heat_image, progress, snapshot, status
from tests.sinks.mqtt.running_sink import PICTURE, STATUS, close_in_time, sink, warnings
from tests.support.mosquitto import Mosquitto, Subscriber, free_port
from tests.support.wait import DEADLINE_S, wait_for

pytestmark = pytest.mark.real("mosquitto")


def test_the_device_is_online_and_offline_after_a_clean_close(broker: Mosquitto) -> None:
    with Subscriber(broker.port) as subscriber:
        with sink(broker.port) as (made, changes):
            subscriber.wait_for_message(STATUS, b"online")
            wait_for(lambda: changes == [True], "the connection to be reported")
            made.close()
        subscriber.wait_for_message(STATUS, b"offline")
        assert [message.payload for message in subscriber.messages(STATUS)] == [b"online", b"offline"]
        wait_for(lambda: changes == [True, False], "the end of the connection to be reported")
    with Subscriber(broker.port) as late:
        assert late.wait_for_message(STATUS).retain


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
            subscriber.wait_for_message(STATUS, b"online")
        finally:
            os.kill(client.pid, signal.SIGKILL)
            client.wait(DEADLINE_S)
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


def test_repeated_failures_keep_the_instant_of_the_first(broker: Mosquitto) -> None:
    with sink(broker.port) as (made, _), Subscriber(broker.port) as subscriber:
        made.handle(status("offline", "the stream ended", "ended"))
        made.handle(replace(status("offline", "no answer", "unavailable"), wall_s=NOON_S + 60))
        made.handle(replace(status("starting", "", "starting"), wall_s=NOON_S + 90))
        made.handle(snapshot())
        subscriber.wait_for_message(PICTURE)
        state = json.loads(subscriber.messages("edgeheat/shop/door/status")[-1].payload)
    assert (state["state"], state["reason"], state["since"]) == ("offline", "no answer", "2026-11-21T12:00:00Z")


def test_a_health_verdict_is_retained_json_that_says_what_to_do(broker: Mosquitto) -> None:
    topic = "edgeheat/shop/door/health"
    with sink(broker.port) as (made, _), Subscriber(broker.port) as subscriber:
        made.handle(status())
        made.handle(health("ok"))
        subscriber.wait_for_message(topic)
        made.handle(health("moved", "the camera was moved: draw its zones anew"))
        wait_for(lambda: len(subscriber.messages(topic)) == 2, "the second verdict")
        with Subscriber(broker.port) as late:
            message = late.wait_for_message(topic)
    assert json.loads(message.payload) == {
        "schema": 1,
        "camera": "door",
        "verdict": "moved",
        "reason": "the camera was moved: draw its zones anew",
        "since": "2026-11-21T12:00:00Z",
    }
    assert message.retain
    assert message.properties.ContentType == "application/json"


def test_a_verdict_is_published_even_if_the_status_before_it_was_lost(broker: Mosquitto) -> None:
    with sink(broker.port) as (made, _), Subscriber(broker.port) as subscriber:
        made.handle(status("offline", "gone", "ended"))
        made.handle(health("dark", "rtsp://me:secret@door is dark"))  # the status `online` was dropped from the queue
        message = subscriber.wait_for_message("edgeheat/shop/door/health")
    verdict = json.loads(message.payload)
    assert (verdict["verdict"], verdict["reason"]) == ("dark", "rtsp://***@door is dark")


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
    of_the_heat = {"of", "period_s", "observed_s", "open_s", "coverage", "scale_max_s"}
    assert {*hour["zones"]["all"]} | of_the_heat | {"epoch"} == set(activity["units"])


def test_a_picture_is_its_raw_bytes_retained_with_type_and_origin_as_properties(broker: Mosquitto) -> None:
    image = bytes(range(256)) * 1000
    with sink(broker.port) as (made, _), Subscriber(broker.port) as subscriber:
        made.handle(snapshot(NOON_S, heat_image("hour", image, "image/png")))
        subscriber.wait_for_message(PICTURE)
        with Subscriber(broker.port) as late:
            message = late.wait_for_message(PICTURE)
    assert message.payload == image
    assert message.retain
    assert message.qos == 1
    assert message.properties.ContentType == "image/png"
    assert dict(message.properties.UserProperty) == {
        "captured-at": "2026-11-21T12:00:00Z", "camera": "door", "heat": "hour", "schema": "1",
    }  # fmt: skip


def test_a_report_is_announced_retained_with_its_file(broker: Mosquitto) -> None:
    with sink(broker.port) as (made, _):
        made.handle(ReportWritten("2026-W48", NOON_S))
        with Subscriber(broker.port) as subscriber:
            subscriber.wait_for_message("edgeheat/shop/report")
        with Subscriber(broker.port) as late:
            message = late.wait_for_message("edgeheat/shop/report")
    assert message.retain
    assert json.loads(message.payload) == {
        "schema": 1,
        "report": "2026-W48",
        "file": "reports/2026-W48.html",
        "written_at": "2026-11-21T12:00:00Z",
    }


def test_progress_is_not_published(broker: Mosquitto) -> None:
    with Subscriber(broker.port) as subscriber:
        with sink(broker.port) as (made, changes):
            made.handle(progress())
            wait_for(lambda: changes == [True], "connected")
        subscriber.wait_for_message(STATUS, b"offline")
        assert subscriber.topics() == {STATUS}


def test_every_topic_starts_with_prefix_and_site(broker: Mosquitto) -> None:
    with Subscriber(broker.port) as subscriber:
        with sink(broker.port, prefix="acme/heat", site="berlin-7") as (made, _):
            made.handle(status())
            made.handle(health())
            made.handle(snapshot())
            wait_for(lambda: len(subscriber.topics()) == 5, "all topics")
        subscriber.wait_for_message("acme/heat/berlin-7/status", b"offline")
        rest = {"status", "door/status", "door/health", "door/activity", "door/heatmap/hour"}
        assert subscriber.topics() == {f"acme/heat/berlin-7/{topic}" for topic in rest}


def test_more_topics_than_allowed_drop_the_oldest_and_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    drops: list[bool] = []
    with sink(free_port(), drops, max_waiting=3) as (made, _):
        made.handle(snapshot(NOON_S, heat_image("a"), heat_image("b"), heat_image("c")))
        assert len(drops) == 2
    assert len([line for line in warnings(caplog) if "too many topics for one device" in line]) == 1


def test_a_close_does_not_wait_for_a_frozen_broker_which_then_reports_the_device_offline(broker: Mosquitto) -> None:
    with sink(broker.port, keepalive_s=3600) as (made, changes), Subscriber(broker.port) as subscriber:
        wait_for(lambda: changes == [True], "connected")
        broker.suspend()
        made.handle(snapshot(NOON_S, heat_image(image=bytes(5_000_000))))
        close_in_time(made)
        broker.resume()
        subscriber.wait_for_message(STATUS, b"offline")


def test_a_close_without_any_broker_does_not_wait() -> None:
    with sink(free_port()) as (made, changes):
        close_in_time(made)
        assert changes == []
