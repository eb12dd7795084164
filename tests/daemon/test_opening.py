"""Cameras of a closed shop: not read, checked once a minute, and read again when it opens; on a clock of the test."""

from __future__ import annotations

import os
import signal
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edgeheat.daemon import alive_check, wiring
from edgeheat.daemon import supervisor as supervisor_module
from edgeheat.daemon.alive_check import alive_problem
from edgeheat.daemon.backup_keeper import BackupKeeper
from edgeheat.daemon.closing_snapshot_requester import ClosingSnapshotRequester
from edgeheat.daemon.opening_watch import OpeningWatch
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.defs.commands import Command, TakeSnapshot
from edgeheat.defs.events import CameraStatus
from edgeheat.defs.hours import ClockRange, OpeningHours
from edgeheat.store.camera_backup import CameraBackup
from tests.daemon.conftest import LIMITS, Recorder, Start, spec
from tests.daemon.scripted_worker import follow_script, script
from tests.support.mosquitto import free_port
from tests.support.wait import wait_for

NINE_TO_EIGHT = OpeningHours(((ClockRange(9 * 60, 20 * 60),),) * 7, {})


class WallClock(SystemClock):
    """The system's clock, but the time of day is what the test says."""

    def __init__(self, time_of_day: str) -> None:
        self.set(time_of_day)

    def set(self, time_of_day: str) -> None:
        self._wall_s = datetime.fromisoformat(f"2026-11-30 {time_of_day}").replace(tzinfo=UTC).timestamp()

    def wall(self) -> float:
        return self._wall_s


class Door:
    """What says whether the cameras are needed."""

    def __init__(self, *, is_open: bool) -> None:
        self.is_open = is_open

    def __call__(self) -> bool:
        return self.is_open


def states(recorder: Recorder, camera: str) -> list[str]:
    return [event.state for event in recorder.events if isinstance(event, CameraStatus) and event.camera == camera]


@pytest.mark.parametrize(
    ("time_of_day", "is_open", "needed"),
    [
        ("08:59:29", False, False),
        ("08:59:31", False, True),
        ("09:00:00", True, True),
        ("19:59:59", True, True),
        ("20:00:00", False, False),
        ("23:59:59", False, False),
    ],
)
def test_cameras_are_needed_from_half_a_minute_before_opening_until_closing(
    time_of_day: str, is_open: bool, needed: bool
) -> None:
    watch = OpeningWatch(NINE_TO_EIGHT, UTC, WallClock(time_of_day))
    assert (watch.is_open(), watch.cameras_needed()) == (is_open, needed)


def test_a_step_of_the_wall_clock_takes_effect_at_once() -> None:
    clock = WallClock("03:00:00")
    watch = OpeningWatch(NINE_TO_EIGHT, UTC, clock)
    assert not watch.cameras_needed()
    clock.set("12:00:00")
    assert watch.cameras_needed() and watch.is_open()


def test_cameras_are_always_needed_without_hours_and_where_the_night_counts_too() -> None:
    night = WallClock("03:00:00")
    assert OpeningWatch(None, UTC, night).is_open() and OpeningWatch(None, UTC, night).cameras_needed()
    counting = OpeningWatch(replace(NINE_TO_EIGHT, outside="count"), UTC, night)
    assert counting.cameras_needed() and not counting.is_open()


def test_at_closing_time_all_is_counted_a_last_picture_is_drawn_and_no_process_is_left(
    start: Start, learned: bytes
) -> None:
    door = Door(is_open=True)
    supervisor, recorder = start(spec("aisle"), saved={"aisle": (CameraBackup(learned), 0.0)}, cameras_needed=door)
    wait_for(lambda: recorder.cell_seconds("aisle") > 0, "some motion")
    wait_for(lambda: len(recorder.snapshots("aisle")) == 1, "the picture of the restored heats")
    door.is_open = False
    wait_for(lambda: states(recorder, "aisle") == ["online", "closed"], "the camera to be paused")
    assert supervisor.worker_pids() == {}
    (heat,) = recorder.snapshots("aisle")[-1].heats
    assert len(recorder.snapshots("aisle")) == 2
    assert heat.observed_s == pytest.approx(recorder.observed_s("aisle"), abs=0.01), "all that was counted"
    assert recorder.saved["aisle"].saved is not None, "the checkpoint of the night"
    door.is_open = True
    wait_for(lambda: states(recorder, "aisle") == ["online", "closed", "online"], "the camera to be back")
    before_s = recorder.observed_s("aisle")
    wait_for(lambda: recorder.observed_s("aisle") > before_s, "counting on")
    assert supervisor.camera_state("aisle") == "online"


def test_cameras_that_are_read_at_night_are_asked_for_one_picture_at_closing_time() -> None:
    door = Door(is_open=True)
    sent: list[tuple[str, Command]] = []
    requester = ClosingSnapshotRequester(lambda camera, command: sent.append((camera, command)), ["a", "b"], door)
    requester.on_cycle()
    assert sent == []
    door.is_open = False
    requester.on_cycle()
    requester.on_cycle()
    assert sent == [("a", TakeSnapshot()), ("b", TakeSnapshot())]


@pytest.mark.parametrize(("time_of_day", "pictures"), [("12:00:00", ["a"]), ("03:00:00", [])])
def test_the_schedule_requests_no_pictures_of_a_closed_shop(time_of_day: str, pictures: list[str]) -> None:
    clock = WallClock(time_of_day)
    watch = OpeningWatch(replace(NINE_TO_EIGHT, outside="count"), UTC, clock)
    sent: list[str] = []
    wiring.request_when_open(watch, lambda camera, _: sent.append(camera))("a")
    assert sent == pictures


def test_a_daemon_that_starts_at_night_starts_no_camera(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(BackupKeeper, "on_starting", lambda self, camera: started.append(camera))
    door = Door(is_open=False)
    supervisor, recorder = start(spec("aisle"), cameras_needed=door)
    wait_for(lambda: states(recorder, "aisle") == ["closed"], "the camera to be paused")
    (status,) = (event for event in recorder.events if isinstance(event, CameraStatus))
    assert (status.reason_code, status.reason) == ("closed", "")
    assert supervisor.worker_pids() == {} and supervisor.camera_state("aisle") == "closed"
    assert started == []


def test_an_offline_camera_is_not_restarted_at_night(start: Start) -> None:
    door, missing = Door(is_open=True), "file:/nonexistent/recording.mp4"
    supervisor, recorder = start(spec("aisle", missing), cameras_needed=door)
    wait_for(lambda: "offline" in states(recorder, "aisle"), "the camera to be offline")
    door.is_open = False
    wait_for(lambda: states(recorder, "aisle")[-1] == "closed", "the camera to be paused")
    attempts = len(states(recorder, "aisle"))
    cycle_s = supervisor.last_cycle_s
    longest_delay_s = LIMITS.backoff_max_s * 1.2
    wait_for(lambda: supervisor.last_cycle_s > cycle_s + longest_delay_s, "the longest delay of a restart to be over")
    assert len(states(recorder, "aisle")) == attempts and supervisor.worker_pids() == {}


@pytest.mark.usefixtures("quick_checks")
def test_a_camera_that_dies_at_night_is_offline_with_its_reason_and_then_closed_again(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as camera:
        port = camera.getsockname()[1]
        _, recorder = start(spec("aisle", f"rtsp://user:secret@127.0.0.1:{port}/live"), cameras_needed=lambda: False)
        camera.accept()[0].close()
    wait_for(lambda: states(recorder, "aisle") == ["closed", "offline"], "the dead camera to be reported")
    reason = next(e.reason for e in recorder.events if isinstance(e, CameraStatus) and e.state == "offline")
    assert reason == (f"127.0.0.1:{port}: Connection refused: check that the camera is on and reachable from here")
    with socket.create_server(("127.0.0.1", port)):
        wait_for(lambda: states(recorder, "aisle") == ["closed", "offline", "closed"], "its return")


@pytest.fixture
def quick_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alive_check, "_ALIVE_INTERVAL_S", 0.05)


def test_cameras_are_checked_by_their_kind(tmp_path: Path) -> None:
    port = free_port()
    assert alive_problem(f"http://127.0.0.1:{port}/video").startswith(f"127.0.0.1:{port}: Connection refused: check")
    assert alive_problem("/dev/video99") == "/dev/video99: no such device: check the camera's cable"
    assert alive_problem("usb:/dev/video99") == "/dev/video99: no such device: check the camera's cable"
    for always_there in ("/dev/null", "synthetic:shop", f"file:{tmp_path}/gone.mp4", f"{tmp_path}/gone.mp4"):
        assert alive_problem(always_there) == ""


def test_a_worker_that_does_not_stop_at_closing_time_is_killed(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisor_module, "watch_camera", follow_script)
    door = Door(is_open=True)
    limits = replace(LIMITS, busy_timeout_s=0.5, stop_timeout_s=0.5, last_heat_timeout_s=1.0)
    supervisor, recorder = start(spec("aisle", script()), limits=limits, cameras_needed=door)
    wait_for(lambda: states(recorder, "aisle") == ["online"], "the camera")
    door.is_open = False
    wait_for(lambda: states(recorder, "aisle") == ["online", "closed"], "the camera to be paused")
    assert supervisor.worker_pids() == {}
    assert "aisle: did not stop within 0.5 s and was killed" in caplog.text


def test_a_worker_that_crashes_while_the_shop_closes_is_not_restarted(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "watch_camera", follow_script)
    door = Door(is_open=True)
    supervisor, recorder = start(spec("aisle", script()), cameras_needed=door)
    pid = wait_for(lambda: states(recorder, "aisle") and supervisor.worker_pids().get("aisle"), "the camera")
    door.is_open = False
    cycle_s = supervisor.last_cycle_s
    wait_for(lambda: supervisor.last_cycle_s > cycle_s, "the order to stop")
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: states(recorder, "aisle") == ["online", "closed"], "the camera to be paused")
    assert supervisor.worker_pids() == {}
