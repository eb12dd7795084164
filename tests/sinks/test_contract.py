"""What every sink must do; a new sink needs one line in SINKS."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path

import pytest

from edgeheat.defs.events import CameraStatus, Event, HeatImage, Progress, Snapshot
from edgeheat.defs.params import BrokerParams
from edgeheat.errors import SinkUnavailable
from edgeheat.sinks.base import Sink
from edgeheat.sinks.disk.sink import DiskSink
from edgeheat.sinks.metrics import MetricsSink
from edgeheat.sinks.mqtt import MqttSink
from tests.sinks.events import NOON_S, health, heat_image, progress, snapshot, status
from tests.support.mosquitto import free_port
from tests.support.wait import DEADLINE_S, wait_for


def disk(folder: Path) -> Sink:
    return DiskSink(
        folder,
        timezone=UTC,
        keep_s=86400.0,
        max_bytes=1 << 30,
        free_floor_bytes=0,
        every_s=0.0,
        on_written=lambda camera, outcome: None,
        on_bytes=lambda total_bytes: None,
    )


def mqtt_without_a_broker(folder: Path) -> Sink:
    settings = BrokerParams("127.0.0.1", free_port(), "shop")
    return MqttSink(
        settings,
        on_connected=lambda up: None,
        on_dropped=lambda: None,
        jitter=lambda: 0.0,
        monotonic=time.monotonic,
    )


SINKS: dict[str, Callable[[Path], Sink]] = {
    "disk": disk,
    "mqtt": mqtt_without_a_broker,
    "metrics": lambda folder: MetricsSink(),
}

EVENTS: dict[str, Event] = {
    "a snapshot": snapshot(),
    "a snapshot of several heats": snapshot(NOON_S, heat_image("a"), heat_image("b", media_type="image/webp")),
    "a snapshot without heats": Snapshot("door", NOON_S, ()),
    "a heat without zones, time or picture": Snapshot(
        "door", NOON_S, (HeatImage("hour", "window", "dwell", 0.0, 0.0, 0.0, 0.0, (), b"", "image/png", (1, 1)),)
    ),
    "a snapshot by a clock never set": snapshot(0.0),
    "a camera that starts": status("starting", "", "starting"),
    "a camera that is online": status(),
    "a camera that is offline for a reason in any script": status("offline", "kein Bild: «カメラ» ü\u0000", "stalled"),
    "a stopped camera": CameraStatus("door", "offline", "", "stopped", NOON_S),
    "a healthy picture": health(),
    "a covered lens": health("covered", "The lens is covered: remove what «hangs» in front of it"),
    "a camera that goes offline with a verdict": status("offline", "", "crashed"),
    "progress": progress(),
    "progress before the first frame": Progress("door", NOON_S, 0.0, 0, 0, 0, 0.0),
}


@pytest.fixture(params=SINKS)
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sink]:
    made = SINKS[request.param](tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("name", SINKS)
def test_its_name_is_a_fixed_word(name: str, tmp_path: Path) -> None:
    made = SINKS[name](tmp_path)
    assert made.name == name
    made.close()


@pytest.mark.parametrize("event", EVENTS)
def test_it_handles_every_kind_of_event(sink: Sink, event: str) -> None:
    sink.handle(EVENTS[event])
    sink.handle(EVENTS[event])


def test_it_works_in_its_own_thread(sink: Sink) -> None:
    errors: list[Exception] = []

    def work() -> None:
        try:
            for event in EVENTS.values():
                sink.handle(event)
        except Exception as error:  # noqa: BLE001 (the thread must pass on any error)
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert not errors


@pytest.mark.parametrize("name", SINKS)
@pytest.mark.parametrize("used", [False, True])
def test_it_closes_and_leaves_no_thread(name: str, used: bool, tmp_path: Path) -> None:
    before = threading.active_count()
    made = SINKS[name](tmp_path)
    for event in EVENTS.values() if used else ():
        made.handle(event)
    made.close()
    wait_for(lambda: threading.active_count() == before, "its threads to end")


def test_a_sink_that_fails_reports_it_in_one_line_and_continues(tmp_path: Path) -> None:
    """Only the disk can fail: MQTT keeps unsent messages in its queue, and metrics are in memory."""
    (tmp_path / "heatmaps").write_text("in the way")
    made = disk(tmp_path)
    with pytest.raises(SinkUnavailable) as error:
        made.handle(snapshot())
    assert "\n" not in str(error.value)
    (tmp_path / "heatmaps").unlink()
    made.handle(snapshot())
    made.close()


def test_importing_the_sinks_does_not_load_the_heavy_libraries() -> None:
    program = (
        "import sys, edgeheat.sinks.disk.sink, edgeheat.sinks.mqtt, edgeheat.sinks.metrics, edgeheat.store.checkpoint\n"
        "heavy = {'numpy', 'cv2', 'av'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
