"""The whole daemon as a process: real RTSP cameras in; files, MQTT and metrics out; each part fails once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from edgeheat.cli.base import UNAVAILABLE
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic import open_synthetic
from tests.support.edgeheat import Daemon
from tests.support.media import make_clip
from tests.support.mosquitto import Mosquitto, Subscriber
from tests.support.rtsp import RtspServer
from tests.support.wait import DEADLINE_S, wait_for

pytestmark = [pytest.mark.real("rtsp"), pytest.mark.real("mosquitto")]

SHOP = "synthetic:shop?seed=1&size=320x180&fps=10&duration=20"
PASSWORD = "p@ss:w/ord#1"
QUICK = '[defaults.motion]\nbootstrap = "1s"\n'
"""A camera counts after one second instead of ten."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds of the synthetic shop as H.264."""
    pictures = [f.colour((320, 180)) for f in open_synthetic(SHOP, SourceOptions(clock=None)).frames()]
    path = tmp_path_factory.mktemp("clips") / "shop.mp4"
    return make_clip(path, size_wh=(320, 180), fps=10, frames=len(pictures), painter=lambda index, _: pictures[index])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def daemons() -> Iterator[list[Daemon]]:
    """Every daemon put in here is gone after the test."""
    started: list[Daemon] = []
    yield started
    for daemon in started:
        daemon.kill()


def up(daemon: Daemon, camera: str) -> bool:
    return daemon.metric(f'edgeheat_camera_up{{camera="{camera}"}}') == 1


def observed_s(daemon: Daemon, camera: str) -> float:
    return daemon.metric(f'edgeheat_observed_seconds_total{{camera="{camera}"}}') or 0.0


def wait_observed(daemon: Daemon, camera: str, seconds: float) -> None:
    wait_for(lambda: observed_s(daemon, camera) > seconds, f"{seconds:g} s of {camera} to be observed")


def observed_on_disk_s(daemon: Daemon, camera: str) -> float:
    latest = daemon.storage / "heatmaps" / camera / "hour" / "latest.json"
    return float(json.loads(latest.read_text())["observed_s"]) if latest.exists() else 0.0


def test_two_rtsp_cameras_end_up_on_disk_in_mqtt_and_in_metrics(
    tmp_path: Path, clip: Path, broker: Mosquitto, daemons: list[Daemon]
) -> None:
    with RtspServer({"/aisle": clip, "/till": clip}, user=f"shop:{PASSWORD}") as server:
        config = (
            f'[mqtt]\nenabled = true\nport = {broker.port}\n[defaults]\nusername = "shop"\npassword = "{PASSWORD}"\n'
            "[defaults.style]\nbackground_dim = 0.0\nlegend = false\ntitle = false\n"
        )
        for name in ("aisle", "till"):
            config += f'[[camera]]\nname = "{name}"\nsource = "{server.url(f"/{name}")}"\n'
        daemon = Daemon(tmp_path, config)
        daemons.append(daemon)
        daemon.start()
        wait_for(lambda: up(daemon, "aisle") and up(daemon, "till"), "both cameras to be online")
        wait_observed(daemon, "aisle", 30)
        wait_for(lambda: observed_on_disk_s(daemon, "aisle") > 25, "a picture of 25 s on disk")
        with Subscriber(broker.port, "edgeheat/test/#") as watcher:
            for topic in ("status", "aisle/status", "till/status", "till/activity", "till/heatmap/recent"):
                watcher.wait_for_message(f"edgeheat/test/{topic}")
            image = watcher.wait_for_message("edgeheat/test/aisle/heatmap/hour")
            activity = watcher.wait_for_message("edgeheat/test/aisle/activity")
        assert image.properties.ContentType.startswith("image/")
        picture = cv2.imdecode(np.frombuffer(image.payload, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None and picture.shape == (180, 320, 3)
        assert_hot_where_the_walkers_were(picture)
        assert "hour" in activity.payload.decode()
        assert daemon.metric("edgeheat_mqtt_connected") == 1
        assert (daemon.metric('edgeheat_motion_cell_seconds_total{camera="till",zone="all"}') or 0) > 0
        assert "aisle" in daemon.get("/")
        everything = daemon.get("/") + daemon.get("/metrics") + daemon.get("/readyz") + daemon.log.read_text()
        for trace in (PASSWORD, "p%40ss"):
            assert trace not in everything
        command_lines = [Path(f"/proc/{pid}/cmdline").read_text() for pid in daemon.processes()]
        assert not any("p@ss" in line or "p%40ss" in line for line in command_lines)


def assert_hot_where_the_walkers_were(picture: np.ndarray) -> None:
    """The hottest places of a bare heat lie where the synthetic walkers were."""
    truth = open_synthetic(SHOP, SourceOptions(clock=None)).truth(0.0, 20.0)
    covered = cv2.dilate(((truth.moving_s + truth.standing_s) > 0.1).astype(np.uint8), np.ones((9, 9), np.uint8))
    heat = picture.astype(int).sum(axis=2)
    hot = heat > 0.5 * heat.max()
    assert hot.sum() > 100
    assert covered[hot].mean() > 0.9


def test_a_camera_that_fails_and_returns_is_counted_again_while_the_other_continues(
    tmp_path: Path, clip: Path, daemons: list[Daemon]
) -> None:
    with RtspServer({"/a": clip}) as first, RtspServer({"/b": clip}) as second:
        daemon = Daemon(
            tmp_path,
            f'{QUICK}[[camera]]\nname = "comes-back"\nsource = "{first.url("/a")}"\n'
            f'[[camera]]\nname = "stays"\nsource = "{second.url("/b")}"\n',
            stall_timeout="15s",
        )
        daemons.append(daemon)
        daemon.start()
        wait_for(lambda: up(daemon, "comes-back") and up(daemon, "stays"), "both cameras to be online")
        wait_observed(daemon, "comes-back", 1)
        for way in (first.kill, first.suspend):
            way()
            wait_for(lambda: not up(daemon, "comes-back"), "the camera to be offline")
            before_s = observed_s(daemon, "stays")
            if way == first.suspend:
                first.resume()
            else:
                first.start()
            counted_s = observed_s(daemon, "comes-back")
            wait_for(
                lambda counted_s=counted_s: observed_s(daemon, "comes-back") > counted_s + 1,
                "counting again",
            )  # type: ignore[misc]
            wait_for(lambda before_s=before_s: observed_s(daemon, "stays") > before_s, "the other going on")  # type: ignore[misc]
        assert daemon.metric('edgeheat_stream_reconnects_total{camera="stays",reason="ended"}') == 0


def test_stopping_keeps_the_heat_and_leaves_nothing_behind(
    tmp_path: Path, clip: Path, broker: Mosquitto, daemons: list[Daemon]
) -> None:
    with RtspServer({"/a": clip}) as server:
        config = (
            f"[mqtt]\nenabled = true\nport = {broker.port}\n{QUICK}"
            f'[[camera]]\nname = "aisle"\nsource = "{server.url("/a")}"\n'
        )
        daemon = Daemon(tmp_path, config)
        daemons.append(daemon)
        daemon.start()
        wait_observed(daemon, "aisle", 4)
        wait_for(lambda: observed_on_disk_s(daemon, "aisle") > 4, "a picture of 4 s on disk")
        processes = daemon.processes()
        assert len(processes) >= 3
        with Subscriber(broker.port, "edgeheat/test/#") as watcher:
            assert daemon.stop() == 0
            watcher.wait_for_message("edgeheat/test/status", b"offline")
            state = json.loads(watcher.wait_for_message("edgeheat/test/aisle/status").payload)
            assert (state["state"], state["reason_code"]) == ("offline", "stopped")
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes), "all processes to end")
        assert (daemon.storage / "state" / "aisle.ckpt").exists()
        kept_s = observed_on_disk_s(daemon, "aisle")
        daemon.start()
        wait_for(lambda: up(daemon, "aisle"), "the camera to be online again")
        daemon.stop()
        assert observed_on_disk_s(daemon, "aisle") >= kept_s
        assert not list(daemon.storage.rglob("*.tmp*"))


def test_a_suspended_worker_continues_with_the_newest_picture_and_counts_nothing_twice(
    tmp_path: Path, clip: Path, daemons: list[Daemon]
) -> None:
    with RtspServer({"/a": clip}) as server:
        daemon = Daemon(tmp_path, f'{QUICK}[[camera]]\nname = "aisle"\nsource = "{server.url("/a")}"\n')
        daemons.append(daemon)
        daemon.start()
        wait_observed(daemon, "aisle", 3.0)
        before_s, began_s = observed_s(daemon, "aisle"), time.monotonic()
        children = daemon.children()
        for pid in children:
            os.kill(pid, signal.SIGSTOP)
        suspended_s = time.monotonic()
        options = SourceOptions(clock=SystemClock(), open_timeout_s=DEADLINE_S, read_timeout_s=DEADLINE_S)
        with closing(open_source(server.url("/a"), options).frames()) as frames:
            assert len(list(islice(frames, 60))) == 60  # six seconds pass
        suspended_s = time.monotonic() - suspended_s
        for pid in children:
            os.kill(pid, signal.SIGCONT)
        late = 'edgeheat_frames_total{camera="aisle",outcome="late"}'
        wait_for(lambda: (daemon.metric(late) or 0) > 20, "the backlog to be skipped")
        wait_observed(daemon, "aisle", before_s + 3.0)
        counted_s = observed_s(daemon, "aisle") - before_s
        # Two seconds that were not reported yet before, and two of `max_gap`.
        assert counted_s < time.monotonic() - began_s - suspended_s + 4.0
        assert (daemon.metric('edgeheat_stream_lag_seconds{camera="aisle"}') or 0.0) < 2.5
        assert daemon.stop() == 0


def test_sighup_is_logged_and_ends_neither_the_daemon_nor_its_workers(tmp_path: Path, daemons: list[Daemon]) -> None:
    daemon = Daemon(tmp_path, '[[camera]]\nname = "aisle"\nsource = "synthetic:shop?size=160x90"\n')
    daemons.append(daemon)
    daemon.start()
    wait_for(lambda: up(daemon, "aisle"), "the camera to be online")
    processes = daemon.processes()
    for pid in processes:  # as when a terminal is closed
        os.kill(pid, signal.SIGHUP)
    wait_for(lambda: "SIGHUP: the configuration cannot be reloaded" in daemon.log.read_text(), "a line in the log")
    assert daemon.processes() == processes
    assert daemon.stop() == 0
    assert "offline" not in daemon.log.read_text()


def test_the_daemon_stops_in_order_with_a_hanging_camera_and_a_frozen_broker(
    tmp_path: Path, clip: Path, broker: Mosquitto, daemons: list[Daemon]
) -> None:
    with RtspServer({"/a": clip}) as server:
        daemon = Daemon(
            tmp_path,
            f"[mqtt]\nenabled = true\nport = {broker.port}\n{QUICK}"
            f'[[camera]]\nname = "aisle"\nsource = "{server.url("/a")}"\n',
        )
        daemons.append(daemon)
        daemon.start()
        wait_observed(daemon, "aisle", 2)
        server.suspend()
        broker.suspend()
        assert daemon.stop(signal.SIGINT) == 0
        broker.resume()


def test_counting_continues_without_a_broker_and_without_a_storage_folder(
    tmp_path: Path, daemons: list[Daemon]
) -> None:
    late = Mosquitto(tmp_path)
    daemon = Daemon(
        tmp_path,
        f"[mqtt]\nenabled = true\nport = {late.port}\n{QUICK}"
        '[[camera]]\nname = "aisle"\nsource = "synthetic:shop?size=160x90"\n',
    )
    daemons.append(daemon)
    daemon.storage.write_text("a file in the way")
    daemon.start()
    try:
        wait_observed(daemon, "aisle", 2)
        assert daemon.metric("edgeheat_mqtt_connected") == 0
        wait_for(
            lambda: (daemon.metric('edgeheat_heatmap_renders_total{camera="aisle",outcome="failed"}') or 0) > 0,
            "a failed picture in the metrics",
        )
        late.start()
        with Subscriber(late.port, "edgeheat/test/#") as watcher:
            watcher.wait_for_message("edgeheat/test/aisle/heatmap/recent")
        daemon.storage.unlink()
        picture = daemon.storage / "heatmaps" / "aisle" / "recent" / "latest.json"
        wait_for(picture.exists, "pictures on disk when the storage is back")
        assert "Traceback" not in daemon.log.read_text()
    finally:
        late.kill()


def test_a_second_daemon_on_the_same_storage_is_rejected_and_harms_nothing(
    tmp_path: Path, daemons: list[Daemon]
) -> None:
    first = Daemon(tmp_path, '[[camera]]\nname = "aisle"\nsource = "synthetic:shop?size=160x90"\n')
    daemons.append(first)
    first.start()
    wait_for(lambda: up(first, "aisle"), "the camera to be online")
    (tmp_path / "second").mkdir()
    second = Daemon(tmp_path / "second", '[[camera]]\nname = "aisle"\nsource = "synthetic:shop?size=160x90"\n')
    second.config.write_text(second.config.read_text().replace(str(second.storage), str(first.storage)))
    daemons.append(second)
    second.start()
    assert second.wait() == UNAVAILABLE
    assert "in use by another edgeheat; stop that one, or set another storage.path" in second.log.read_text()
    assert up(first, "aisle")
    first.stop(signal.SIGKILL)
    second.start()
    wait_for(lambda: up(second, "aisle"), "the second in its place")


def test_the_workers_of_a_killed_daemon_end(tmp_path: Path, daemons: list[Daemon]) -> None:
    daemon = Daemon(tmp_path, '[[camera]]\nname = "aisle"\nsource = "synthetic:shop?size=160x90"\n')
    daemons.append(daemon)
    daemon.start()
    wait_for(lambda: up(daemon, "aisle"), "the camera to be online")
    processes = daemon.processes()
    daemon.stop(signal.SIGKILL)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes), "all processes to end")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (
            "libGL.so.1: cannot open shared object file: No such file or directory",
            "apt install libgl1 libglib2.0-0 libxcb1",
        ),
        ("No module named 'cv2.gapi'", "pip install --force-reinstall numpy opencv-contrib-python av"),
    ],
)
def test_an_opencv_that_cannot_be_imported_ends_the_start_with_the_remedy(
    tmp_path: Path, daemons: list[Daemon], error: str, remedy: str
) -> None:
    broken = tmp_path / "broken" / "cv2"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text(f'raise ImportError("{error}")')
    daemon = Daemon(tmp_path, '[[camera]]\nname = "aisle"\nsource = "synthetic:shop?size=160x90"\n')
    daemons.append(daemon)
    daemon.start(PYTHONPATH=str(broken.parent))
    assert daemon.wait() == UNAVAILABLE
    log = daemon.log.read_text()
    assert error in log and remedy in log
    assert "Traceback" not in log and len(log.splitlines()) == 1


def test_the_demo_exits_with_0_although_the_machine_is_slower_than_its_duration(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time\nif 'multiprocessing.forkserver' in str(sys.orig_argv): time.sleep(6)\n"
    )
    command = [sys.executable, "-m", "edgeheat", "demo", "--for", "1s", "--storage", str(tmp_path / "demo")]
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr


def test_systemd_gets_ready_alive_and_stopping(
    tmp_path: Path, daemons: list[Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(DEADLINE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        daemon = Daemon(tmp_path, '[[camera]]\nname = "gone"\nsource = "rtsp://127.0.0.1:1/none"\n')
        daemons.append(daemon)
        daemon.start()
        received = [manager.recv(100).decode()]
        while received[-1] != "WATCHDOG=1":
            received.append(manager.recv(100).decode())
        assert received[0] == "READY=1", "ready without any camera"
        daemon.stop()
        while received[-1] != "STOPPING=1":
            received.append(manager.recv(100).decode())
        assert "stopping: SIGTERM\n" in daemon.log.read_text()
