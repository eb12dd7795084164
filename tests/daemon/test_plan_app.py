"""A floor plan as a shop runs it: two cameras in; files, MQTT, page and metrics out."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.edgeheat import Daemon
from tests.support.floor import FRONT, FRONT_MARKS, pairs
from tests.support.mosquitto import Mosquitto, Subscriber
from tests.support.wait import wait_for

pytestmark = pytest.mark.real("mosquitto")


def tables(image: Path, port: int) -> str:
    points = [list(point) for point in pairs(FRONT, FRONT_MARKS)]
    text = f"[mqtt]\nenabled = true\nport = {port}\n"
    text += '[defaults.motion]\nbootstrap = "1s"\nfeet = true\n[defaults.heats.hour]\nkind = "window"\nlength = "1h"\n'
    for name, seed in (("front", 1), ("other", 2)):
        text += f'[[camera]]\nname = "{name}"\nsource = "synthetic:shop?seed={seed}&size=320x180&fps=10"\n'
    text += f'[[plan]]\nname = "floor"\nsize = [11.0, 10.0]\nimage = "{image.name}"\n'
    for name in ("front", "other"):
        text += f'[[plan.view]]\ncamera = "{name}"\npoints = {points}\n'
    return text


def counted(watcher: Subscriber) -> dict[str, Any]:
    """The plan's newest figures, once something was observed."""
    came = watcher.messages("edgeheat/test/floor/activity")
    figures: dict[str, Any] = json.loads(came[-1].payload) if came else {}
    return figures if figures and figures["heats"]["hour"]["observed_s"] > 0 else {}


def test_a_plan_of_two_cameras_ends_up_on_disk_in_mqtt_on_the_page_and_in_metrics(tmp_path: Path) -> None:
    image = tmp_path / "floor.png"
    cv2.imwrite(str(image), np.full((400, 440, 3), 255, np.uint8))
    broker = Mosquitto(tmp_path)
    broker.start()
    daemon = Daemon(tmp_path, tables(image, broker.port))
    left_over = daemon.storage / "state" / "mqtt-topics.json"
    left_over.parent.mkdir(parents=True)
    left_over.write_text('["edgeheat/test/roof/activity"]')  # a plan that an earlier run had
    try:
        daemon.start()
        latest = daemon.storage / "heatmaps" / "floor" / "hour" / "latest.json"
        wait_for(latest.exists, "the plan on disk")
        figures = json.loads(latest.read_bytes())
        assert (figures["size_wh"], figures["plan"]["size_m"]) == ([440, 400], [11.0, 10.0])
        wait_for(lambda: daemon.metric('edgeheat_plan_up{plan="floor"}') == 1, "the plan in the metrics")
        assert (daemon.metric('edgeheat_plan_seen_ratio{plan="floor"}') or 0) > 0.6
        assert "<h2>floor</h2>" in daemon.get("/") and "All 2 cameras online" in daemon.get("/")
        assert set(json.loads(daemon.get("/readyz"))["cameras"]) == {"front", "other"}
        wait_for(lambda: "roof" not in left_over.read_text(), "the removed plan's topics to be cleared")
        with Subscriber(broker.port, "edgeheat/test/#") as watcher:
            picture = watcher.wait_for_message("edgeheat/test/floor/heatmap/hour")
            activity = wait_for(lambda: counted(watcher), "figures of observed time")
            state = json.loads(watcher.wait_for_message("edgeheat/test/floor/status").payload)
            noted = set(json.loads(left_over.read_bytes()))
        assert watcher.topics() <= noted and "edgeheat/test/floor/heatmap/hour" in noted
        assert cv2.imdecode(np.frombuffer(picture.payload, np.uint8), cv2.IMREAD_COLOR).shape == (400, 440, 3)
        assert activity["plan"]["seen_ratio"] > 0.6
        assert state["state"] == "online"
        assert daemon.stop(signal.SIGTERM) == 0
        assert "Traceback" not in daemon.log.read_text()
    finally:
        daemon.kill()
        broker.kill()


def test_a_missing_picture_of_the_plan_does_not_stop_the_cameras(tmp_path: Path) -> None:
    text = tables(tmp_path / "gone.png", 1883).replace("enabled = true", "enabled = false")
    daemon = Daemon(tmp_path, text)
    try:
        daemon.start()
        wait_for((daemon.storage / "heatmaps" / "floor" / "hour" / "latest.jpg").exists, "the plan on disk")
        assert daemon.stop(signal.SIGTERM) == 0
        assert "floor: drawn without the plan's picture: " in daemon.log.read_text()
    finally:
        daemon.kill()
