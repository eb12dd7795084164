"""Requests through the state folder: taken up once, never by mistake, and never a way to harm the daemon."""

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
from edgeheat.daemon.clock import SystemClock
from edgeheat.daemon.messages import Reset
from edgeheat.daemon.requests import FOLDER, LIFETIME_S, Requests, write_request
from edgeheat.defs.events import CameraState
from edgeheat.errors import StoreError
from tests.daemon.conftest import Start, spec
from tests.support.small_disk import make_read_only, small_disk
from tests.support.wait import wait_for

ALL_THREE = Reset(flicker=True, moved=True, heat=True)
FLICKER = Reset(flicker=True, moved=False, heat=False)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


class Desk:
    """Requests of a state folder, with cameras whose states the test sets, and all that was obeyed."""

    def __init__(self, state: Path, **states: CameraState) -> None:
        self.state = state
        self.folder = state / FOLDER
        self.states = states
        self.obeyed: list[tuple[str, Reset]] = []
        self.requests = Requests(
            self.folder, self.states.get, lambda camera, reset: self.obeyed.append((camera, reset))
        )

    def look(self, hours_later: float = 0.0) -> None:
        self.requests.take_up(SystemClock().wall() + 3600 * hours_later)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, till="online", door="offline")


def test_a_request_is_obeyed_once_and_its_file_is_gone(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = write_request(desk.state, "till", ALL_THREE)
    assert desk.files() == [path.name]
    desk.look()
    desk.look()
    assert desk.obeyed == [("till", ALL_THREE)]
    assert desk.files() == []
    assert caplog.messages == [
        "till: is asked to forget its flicker mask and take the present view as right and empty its heats"
    ]


def test_without_a_folder_there_is_nothing_to_do(desk: Desk) -> None:
    desk.look()
    assert desk.obeyed == []
    assert not desk.folder.exists()


def test_a_request_is_for_its_owner_only(desk: Desk) -> None:
    path = write_request(desk.state, "till", FLICKER)
    assert (path.stat().st_mode & 0o777, desk.folder.stat().st_mode & 0o777) == (0o600, 0o700)


@as_root
def test_root_hands_a_request_to_the_user_that_keeps_the_state(desk: Desk) -> None:
    os.chown(desk.state, 54321, 54322)
    path = write_request(desk.state, "till", FLICKER)
    for made in (path, desk.folder):
        assert (made.stat().st_uid, made.stat().st_gid) == (54321, 54322)


def test_a_storage_folder_that_is_not_the_running_one_s_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nothing/state: no edgeheat has kept its state here; name its .*--storage"):
        write_request(tmp_path / "nothing" / "state", "till", FLICKER)
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_the_folder_s_place_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    desk.folder.symlink_to(elsewhere)
    with pytest.raises(StoreError, match="is in the way"):
        write_request(desk.state, "till", FLICKER)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("camera", ["door", "cellar"])
def test_a_request_waits_for_its_camera_and_says_so_once(
    desk: Desk, caplog: pytest.LogCaptureFixture, camera: str
) -> None:
    write_request(desk.state, camera, FLICKER)
    write_request(desk.state, "till", FLICKER)
    for _ in range(3):
        desk.look()
    assert desk.obeyed == [("till", FLICKER)]
    why = {"door": "the camera is not online", "cellar": "the configuration has no such camera"}[camera]
    assert caplog.messages == [f"'{camera}': is asked to forget its flicker mask; waits up to a day, because {why}"]
    desk.states[camera] = "online"
    desk.look(hours_later=23)
    assert desk.obeyed[1:] == [(camera, FLICKER)]


@pytest.mark.parametrize("camera", ["till", "door", "cellar"])
def test_after_a_day_a_request_is_given_up(desk: Desk, caplog: pytest.LogCaptureFixture, camera: str) -> None:
    write_request(desk.state, camera, FLICKER)
    desk.look(hours_later=LIFETIME_S / 3600 + 0.1)
    assert (desk.obeyed, desk.files()) == ([], [])
    assert caplog.messages == [
        f"'{camera}': was asked to forget its flicker mask over a day ago, which is given up; ask again"
    ]


def test_a_clock_that_was_set_back_gives_nothing_up(desk: Desk) -> None:
    write_request(desk.state, "till", FLICKER)
    desk.look(hours_later=-1000)
    assert desk.obeyed == [("till", FLICKER)]


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


RUBBISH: list[tuple[str, Callable[[Path], None], str]] = [
    ("nothing", text(""), "it is no JSON"),
    ("half of one", text('{"camera": "till", "fli'), "it is no JSON"),
    ("other bytes", text(b"\xff\x00\xfe"), "it is no JSON"),
    ("brackets without end", text("[" * 4000), "it is no JSON"),
    ("a list", text("[1]"), "it asks for nothing that edgeheat knows"),
    ("a camera that is a number", asked(camera=5), "it asks for nothing that edgeheat knows"),
    ("a number for a switch", asked(flicker=1), "it asks for nothing that edgeheat knows"),
    ("a switch that nobody knows", asked(reboot=True), "it asks for nothing that edgeheat knows"),
    ("nothing asked", asked(flicker=False), "it asks for nothing that edgeheat knows"),
    ("megabytes", text(b" " * 3_000_000), "it is too long"),
    ("an empty folder", lambda path: path.mkdir(), "it is no plain file"),
    ("a named pipe", os.mkfifo, "it is no plain file"),
    ("a socket", listening, "No such device or address"),
    ("a link", lambda path: path.symlink_to("/etc/hostname"), "Too many levels of symbolic links"),
]


@pytest.mark.parametrize(("make", "reason"), [pytest.param(*case, id=what) for what, *case in RUBBISH])
def test_rubbish_is_deleted_with_a_line_and_does_no_harm(
    desk: Desk, caplog: pytest.LogCaptureFixture, make: Callable[[Path], None], reason: str
) -> None:
    desk.folder.mkdir()
    make(desk.folder / "a\nb")
    write_request(desk.state, "till", FLICKER)
    desk.look()
    assert desk.obeyed == [("till", FLICKER)]
    assert desk.files() == []
    assert caplog.messages == [rf"'a\nb' in {desk.folder} was no request and is deleted: {reason}"]


def test_rubbish_that_cannot_be_deleted_is_told_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    (desk.folder / "more" / "still").mkdir(parents=True)
    for _ in range(3):
        desk.look()
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"'more' in {desk.folder} is left alone: ")


def test_a_request_half_written_is_left_to_whoever_writes_it_but_not_for_ever(desk: Desk) -> None:
    desk.folder.mkdir()
    unfinished = temp_beside(desk.folder / "x.json")
    unfinished.write_text('{"camera": "till"')
    desk.look(hours_later=1)
    assert unfinished.exists()
    desk.look(hours_later=25)
    assert desk.files() == []


def test_a_request_that_cannot_be_deleted_is_not_obeyed_again_and_again(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, 64):
        here = Desk(disk, till="online")
        write_request(disk, "till", FLICKER)
        make_read_only(disk, True)
        for _ in range(3):
            here.look()
        assert here.obeyed == []
        assert len(caplog.messages) == 1
        assert "the disk is read-only" in caplog.messages[0]
        make_read_only(disk, False)
        here.look()
        assert here.obeyed == [("till", FLICKER)]


def test_the_thread_outlives_a_folder_that_cannot_be_read(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.folder.write_text("a file in its place")
    desk.requests.start(SystemClock())
    try:
        wait_for(lambda: caplog.messages, 10, "the trouble to be told")
        desk.folder.unlink()
        write_request(desk.state, "till", FLICKER)
        wait_for(lambda: desk.obeyed, 10, "the request to be obeyed")
    finally:
        desk.requests.stop()
    assert [message.partition(" in ")[0] for message in caplog.messages] == ["requests cannot be looked for"]


def test_a_running_camera_empties_its_heats_and_does_not_get_them_back_from_the_backup(
    start: Start, tmp_path: Path
) -> None:
    supervisor, ears = start(spec("aisle"))
    wait_for(lambda: ears.observed_s("aisle") > 3, 20, "three seconds counted")
    wait_for(lambda: ears.saved.get("aisle"), 10, "the first state")
    ears.saved.clear()
    requests = Requests(tmp_path / FOLDER, supervisor.camera_state, supervisor.reset)
    write_request(tmp_path, "aisle", Reset(flicker=True, moved=False, heat=True))
    requests.take_up(SystemClock().wall())
    before_s = ears.observed_s("aisle")
    wait_for(lambda: ears.saved.get("aisle"), 10, "the emptied state")
    os.kill(supervisor.worker_pids()["aisle"], signal.SIGKILL)
    wait_for(lambda: ears.states("aisle").count("ok") == 2, 20, "a new worker")
    supervisor.take_snapshot("aisle")
    wait_for(lambda: ears.snapshots("aisle"), 10, "a snapshot")
    (heat,) = ears.snapshots("aisle")[-1].heats
    assert heat.observed_s <= ears.observed_s("aisle") - before_s + 1.5


def test_a_worker_that_dies_before_it_hears_a_request_leaves_it_to_the_next(start: Start) -> None:
    supervisor, ears = start(spec("aisle"))
    wait_for(lambda: ears.observed_s("aisle") > 3, 20, "three seconds counted")
    wait_for(lambda: ears.saved.get("aisle"), 10, "the first state")
    worker = supervisor.worker_pids()["aisle"]
    os.kill(worker, signal.SIGSTOP)
    supervisor.reset("aisle", Reset(flicker=False, moved=False, heat=True))
    before_s = ears.observed_s("aisle")
    ears.saved.clear()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: ears.states("aisle").count("ok") == 2, 20, "a new worker")
    wait_for(lambda: ears.saved.get("aisle"), 10, "the emptied state")
    supervisor.take_snapshot("aisle")
    wait_for(lambda: ears.snapshots("aisle"), 10, "a snapshot")
    (heat,) = ears.snapshots("aisle")[-1].heats
    assert heat.observed_s <= ears.observed_s("aisle") - before_s + 1.5


def test_a_request_that_no_worker_came_to_is_told_at_the_end(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    supervisor, ears = start(spec("gone", "/no/such/file.mp4"))
    wait_for(lambda: supervisor.camera_state("gone") == "offline", 20, "the camera to be offline")
    supervisor.reset("gone", FLICKER)
    supervisor.reset("gone", Reset(flicker=False, moved=True, heat=False))
    supervisor.stop()
    wait_for(lambda: "stopped" in ears.states("gone"), 20, "the end")
    told = "gone: was asked to forget its flicker mask and take the present view as right and did not come to it"
    assert f"{told}: ask again" in caplog.messages


def test_a_camera_that_nobody_knows_has_no_state(start: Start) -> None:
    supervisor, _ = start(spec("gone", "/no/such/file.mp4"))
    wait_for(lambda: supervisor.camera_state("gone") == "offline", 20, "the camera to be offline")
    assert supervisor.camera_state("cellar") is None
