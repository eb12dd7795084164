"""Requests through the state folder: executed once, never by mistake, and harmless to the daemon whatever they hold."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeheat.atomic import temp_beside
from edgeheat.daemon.reset_requests import LIFETIME_S, REQUESTS_FOLDER, ResetRequestWatcher, write_request
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.defs.commands import Reset
from edgeheat.defs.events import CameraState
from edgeheat.errors import StoreError
from tests.daemon.conftest import Start, observed_until_after_snapshot_s, spec, take_snapshot
from tests.support.small_disk import make_read_only, small_disk
from tests.support.wait import wait_for

ALL_THREE = Reset(flicker=True, moved=True, heat=True)
FLICKER = Reset(flicker=True, moved=False, heat=False)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


class Desk:
    """Requests of a state folder, with cameras whose states the test sets, and all that was executed."""

    def __init__(self, state: Path, **states: CameraState) -> None:
        self.state = state
        self.folder = state / REQUESTS_FOLDER
        self.states = states
        self.executed: list[tuple[str, Reset]] = []
        self.requests = ResetRequestWatcher(
            self.folder, self.states.get, lambda camera, reset: self.executed.append((camera, reset))
        )

    def check(self, hours_later: float = 0.0) -> None:
        self.requests.check(SystemClock().wall() + 3600 * hours_later)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, till="online", door="offline")


def test_a_request_is_executed_once_and_its_file_is_gone(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = write_request(desk.state, "till", ALL_THREE)
    assert desk.files() == [path.name]
    desk.check()
    desk.check()
    assert desk.executed == [("till", ALL_THREE)]
    assert desk.files() == []
    assert caplog.messages == ["till: reset of flicker mask, reference view, heats"]


def test_without_a_folder_there_is_nothing_to_do(desk: Desk) -> None:
    desk.check()
    assert desk.executed == []
    assert not desk.folder.exists()


def test_a_request_is_for_its_owner_only(desk: Desk) -> None:
    path = write_request(desk.state, "till", FLICKER)
    assert (path.stat().st_mode & 0o777, desk.folder.stat().st_mode & 0o777) == (0o600, 0o700)


@as_root
def test_root_gives_a_request_to_the_owner_of_the_state_folder(desk: Desk) -> None:
    os.chown(desk.state, 54321, 54322)
    path = write_request(desk.state, "till", FLICKER)
    for made in (path, desk.folder):
        assert (made.stat().st_uid, made.stat().st_gid) == (54321, 54322)


def test_a_storage_folder_that_no_daemon_has_used_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nothing/state: no edgeheat has used this folder; .*--storage"):
        write_request(tmp_path / "nothing" / "state", "till", FLICKER)
    assert list(tmp_path.iterdir()) == []


def test_a_symbolic_link_in_place_of_the_folder_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    desk.folder.symlink_to(elsewhere)
    with pytest.raises(StoreError, match="is in the way"):
        write_request(desk.state, "till", FLICKER)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("camera", ["door", "cellar"])
def test_a_request_waits_for_its_camera_and_that_is_logged_once(
    desk: Desk, caplog: pytest.LogCaptureFixture, camera: str
) -> None:
    write_request(desk.state, camera, FLICKER)
    write_request(desk.state, "till", FLICKER)
    for _ in range(3):
        desk.check()
    assert desk.executed == [("till", FLICKER)]
    why = {"door": "the camera is not online", "cellar": "the configuration has no such camera"}[camera]
    assert caplog.messages == [f"'{camera}': reset of flicker mask waits up to 24 h: {why}"]
    desk.states[camera] = "online"
    desk.check(hours_later=23)
    assert desk.executed[1:] == [(camera, FLICKER)]


@pytest.mark.parametrize("camera", ["till", "door", "cellar"])
def test_a_request_expires_after_a_day(desk: Desk, caplog: pytest.LogCaptureFixture, camera: str) -> None:
    write_request(desk.state, camera, FLICKER)
    desk.check(hours_later=LIFETIME_S / 3600 + 0.1)
    assert (desk.executed, desk.files()) == ([], [])
    assert caplog.messages == [f"'{camera}': reset of flicker mask expired after 24 h; send it again"]


def test_a_clock_that_was_set_back_expires_nothing(desk: Desk) -> None:
    write_request(desk.state, "till", FLICKER)
    desk.check(hours_later=-1000)
    assert desk.executed == [("till", FLICKER)]


def text(content: str | bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content if isinstance(content, bytes) else content.encode()) and None


def asked(**fields: object) -> Callable[[Path], None]:
    return text(json.dumps({"camera": "till", "flicker": True, "moved": False, "heat": False} | fields))


def listening(path: Path) -> None:
    # The path of a socket may have 107 bytes only.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


INVALID: list[tuple[str, Callable[[Path], None], str]] = [
    ("nothing", text(""), "it is not JSON"),
    ("half of one", text('{"camera": "till", "fli'), "it is not JSON"),
    ("other bytes", text(b"\xff\x00\xfe"), "it is not JSON"),
    ("brackets without end", text("[" * 4000), "it is not JSON"),
    ("a list", text("[1]"), "it has other fields than a reset request"),
    ("a camera that is a number", asked(camera=5), "it has other fields than a reset request"),
    ("a number for a switch", asked(flicker=1), "it has other fields than a reset request"),
    ("an unknown switch", asked(reboot=True), "it has other fields than a reset request"),
    ("nothing asked", asked(flicker=False), "it asks for no reset"),
    ("megabytes", text(b" " * 3_000_000), "it is too long"),
    ("an empty folder", lambda path: path.mkdir(), "it is not a regular file"),
    ("a named pipe", os.mkfifo, "it is not a regular file"),
    ("a socket", listening, "No such device or address"),
    ("a link", lambda path: path.symlink_to("/etc/hostname"), "Too many levels of symbolic links"),
]


@pytest.mark.parametrize(("make", "reason"), [pytest.param(*case, id=what) for what, *case in INVALID])
def test_an_invalid_file_is_deleted_logged_and_harmless(
    desk: Desk, caplog: pytest.LogCaptureFixture, make: Callable[[Path], None], reason: str
) -> None:
    desk.folder.mkdir()
    make(desk.folder / "a\nb")
    write_request(desk.state, "till", FLICKER)
    desk.check()
    assert desk.executed == [("till", FLICKER)]
    assert desk.files() == []
    assert caplog.messages == [rf"deleted 'a\nb' from {desk.folder}, because it is not a valid request: {reason}"]


def test_an_invalid_file_that_cannot_be_deleted_is_logged_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    (desk.folder / "more" / "still").mkdir(parents=True)
    for _ in range(3):
        desk.check()
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"cannot delete 'more' from {desk.folder}, so it is ignored: ")


def test_an_unfinished_request_is_left_for_a_day(desk: Desk) -> None:
    desk.folder.mkdir()
    unfinished = temp_beside(desk.folder / "x.json")
    unfinished.write_text('{"camera": "till"')
    desk.check(hours_later=1)
    assert unfinished.exists()
    desk.check(hours_later=25)
    assert desk.files() == []


def test_a_request_that_cannot_be_deleted_is_not_executed_again_and_again(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, 64):
        here = Desk(disk, till="online")
        write_request(disk, "till", FLICKER)
        make_read_only(disk, True)
        for _ in range(3):
            here.check()
        assert here.executed == []
        assert len(caplog.messages) == 1
        assert "the disk is read-only" in caplog.messages[0]
        make_read_only(disk, False)
        here.check()
        assert here.executed == [("till", FLICKER)]


def test_the_thread_outlives_a_folder_that_cannot_be_read(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.folder.write_text("a file in its place")
    desk.requests.start(SystemClock())
    try:
        wait_for(lambda: caplog.messages, "the problem to be logged")
        desk.folder.unlink()
        write_request(desk.state, "till", FLICKER)
        wait_for(lambda: desk.executed, "the request to be executed")
    finally:
        desk.requests.stop()
    assert [message.partition(" in ")[0] for message in caplog.messages] == ["cannot read the requests"]


def test_a_running_camera_empties_its_heats_and_does_not_get_them_back_from_the_backup(
    start: Start, tmp_path: Path
) -> None:
    supervisor, recorder = start(spec("aisle"))
    wait_for(lambda: recorder.observed_s("aisle") > 3, "three seconds counted")
    wait_for(lambda: recorder.saved.get("aisle"), "the first state")
    recorder.saved.clear()
    requests = ResetRequestWatcher(tmp_path / REQUESTS_FOLDER, supervisor.camera_state, recorder.resets.request)
    write_request(tmp_path, "aisle", Reset(flicker=True, moved=False, heat=True))
    requests.check(SystemClock().wall())
    before_s = recorder.observed_s("aisle")
    wait_for(lambda: recorder.saved.get("aisle"), "the emptied state")
    os.kill(supervisor.worker_pids()["aisle"], signal.SIGKILL)
    wait_for(lambda: recorder.states("aisle").count("ok") == 2, "a new worker")
    take_snapshot(supervisor, "aisle")
    wait_for(lambda: recorder.snapshots("aisle"), "a snapshot")
    (heat,) = recorder.snapshots("aisle")[-1].heats
    assert heat.observed_s <= observed_until_after_snapshot_s(recorder, "aisle") - before_s + 0.01


def test_a_request_that_a_dying_worker_did_not_read_goes_to_the_next(start: Start) -> None:
    supervisor, recorder = start(spec("aisle"))
    wait_for(lambda: recorder.observed_s("aisle") > 3, "three seconds counted")
    wait_for(lambda: recorder.saved.get("aisle"), "the first state")
    worker = supervisor.worker_pids()["aisle"]
    os.kill(worker, signal.SIGSTOP)
    recorder.resets.request("aisle", Reset(flicker=False, moved=False, heat=True))
    before_s = recorder.observed_s("aisle")
    recorder.saved.clear()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: recorder.states("aisle").count("ok") == 2, "a new worker")
    wait_for(lambda: recorder.saved.get("aisle"), "the emptied state")
    take_snapshot(supervisor, "aisle")
    wait_for(lambda: recorder.snapshots("aisle"), "a snapshot")
    (heat,) = recorder.snapshots("aisle")[-1].heats
    assert heat.observed_s <= observed_until_after_snapshot_s(recorder, "aisle") - before_s + 0.01


def test_a_request_that_was_not_carried_out_is_logged_at_shutdown(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor, recorder = start(spec("gone", "/no/such/file.mp4"))
    wait_for(lambda: supervisor.camera_state("gone") == "offline", "the camera to be offline")
    recorder.resets.request("gone", FLICKER)
    recorder.resets.request("gone", Reset(flicker=False, moved=True, heat=False))
    supervisor.stop()
    wait_for(lambda: "stopped" in recorder.states("gone"), "the end")
    expected = "gone: reset of flicker mask, reference view was not carried out before shutdown; send it again"
    assert expected in caplog.messages


def test_an_unknown_camera_has_no_state(start: Start) -> None:
    supervisor, _ = start(spec("gone", "/no/such/file.mp4"))
    wait_for(lambda: supervisor.camera_state("gone") == "offline", "the camera to be offline")
    assert supervisor.camera_state("cellar") is None
