"""The states and pictures that are kept for the page; the rules of the states are tested in tests/defs."""

from __future__ import annotations

import threading

from edgeheat.defs.events import Snapshot
from edgeheat.defs.history import HistoryStatus
from edgeheat.web.latest_state import CameraView, LatestState
from edgeheat.web.page import render_page

from .events import NOON, health, heat_image, progress, snapshot, status


def entrance(latest: LatestState) -> CameraView:
    return latest.cameras()[0]


def test_cameras_keep_the_order_they_were_given_in(latest: LatestState) -> None:
    latest.handle(status("till", "online"))
    assert [(camera.current.name, camera.current.state) for camera in latest.cameras()] == [
        ("entrance", "starting"),
        ("till", "online"),
    ]


def test_a_snapshot_of_one_heat_keeps_the_pictures_of_the_others(latest: LatestState) -> None:
    latest.handle(snapshot("entrance"))
    latest.handle(Snapshot("entrance", NOON + 300, (heat_image("hour", b"newer"),)))
    pictures = entrance(latest).pictures
    assert [(name, picture.wall_s) for name, picture in pictures.items()] == [
        ("recent", NOON),
        ("hour", NOON + 300),
        ("day", NOON),
        ("traffic", NOON),
        ("dwell", NOON),
    ]


def test_passwords_are_removed(latest: LatestState) -> None:
    latest.handle(status("entrance", "offline", "rtsp://u:secret@10.0.0.2/1: refused", "unavailable"))
    latest.set_storage_problem("pictures", "smb://u:secret@nas/share: gone")
    latest.handle(status("till", "online"))
    latest.handle(health("till", "frozen", "http://10.0.0.2/?pwd=secret: the picture does not change"))
    till = latest.cameras()[1].current
    assert till.health_reason == "http://10.0.0.2/?***: the picture does not change"
    assert "secret" not in entrance(latest).current.reason + "".join(latest.problems())


def test_problems_are_listed_only_while_they_last(latest: LatestState) -> None:
    assert latest.problems() == ()
    latest.set_storage_problem("pictures", "disk full")
    latest.set_storage_problem("heats", "disk full too")
    latest.set_mqtt_connected(False)
    assert len(latest.problems()) == 3
    latest.set_storage_problem("pictures", None)
    latest.set_mqtt_connected(True)
    assert latest.problems() == ("Heat data cannot be saved and would be lost in a power cut: disk full too",)
    latest.set_storage_problem("heats", None)
    assert latest.problems() == ()


def test_problems_of_the_history_are_listed_and_its_line_is_on_the_page(latest: LatestState) -> None:
    assert latest.history() is None and "History" not in render_page(latest, NOON)
    failing = HistoryStatus(problem="disk full", rollup_problem="it died", damaged="it was set aside as /x")
    latest.set_history(failing)
    assert latest.problems() == (
        "History cannot be stored and waits in memory: disk full",
        "History is stored, but not summed up: it died",
        "Earlier history is lost, and a new one was started: it was set aside as /x",
    )
    latest.set_history(HistoryStatus())
    assert latest.problems() == () and latest.history() == HistoryStatus()
    assert "History from the first five minutes on" in render_page(latest, NOON)


def test_events_from_several_threads_are_all_kept(latest: LatestState) -> None:
    def feed(camera: str) -> None:
        for second in range(300):
            latest.handle(progress(camera, NOON + second))
            latest.handle(snapshot(camera, NOON + second))

    threads = [threading.Thread(target=feed, args=(camera,)) for camera in ("entrance", "till")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for camera in latest.cameras():
        assert camera.current.last_frame_wall_s == NOON + 299
        assert camera.pictures["day"].wall_s == NOON + 299
