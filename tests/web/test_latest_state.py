"""What the board remembers of the events it is given."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from edgeheat.defs.events import FrameRejection, Progress, Snapshot
from edgeheat.web.latest_state import CameraView, LatestState

from .events import NOON, health, heat_image, progress, snapshot, status


def entrance(latest: LatestState) -> CameraView:
    return latest.cameras()[0]


def test_cameras_keep_the_order_they_were_given_in(latest: LatestState) -> None:
    latest.handle(status("till", "online"))
    assert [camera.name for camera in latest.cameras()] == ["entrance", "till"]


def test_the_next_try_does_not_take_the_reason_off_the_page(latest: LatestState) -> None:
    latest.handle(status("entrance", "offline", "wrong password", "unavailable"))
    latest.handle(status("entrance", "starting", "", "starting", NOON + 5))
    assert (entrance(latest).state, entrance(latest).reason) == ("offline", "wrong password")


def test_repeated_failures_keep_the_instant_of_the_first_and_the_reason_of_the_last(latest: LatestState) -> None:
    latest.handle(status("entrance", "online", wall_s=NOON))
    latest.handle(status("entrance", "offline", "stream ended", "ended", NOON + 60))
    latest.handle(status("entrance", "offline", "no route to host", "unavailable", NOON + 90))
    assert (entrance(latest).since_wall_s, entrance(latest).reason) == (NOON + 60, "no route to host")


def test_coming_back_online_clears_the_reason_and_starts_a_new_since(latest: LatestState) -> None:
    latest.handle(status("entrance", "offline", "stream ended", "ended", NOON))
    latest.handle(status("entrance", "online", wall_s=NOON + 30))
    assert (entrance(latest).state, entrance(latest).reason, entrance(latest).since_wall_s) == ("online", "", NOON + 30)


def test_a_restarted_worker_does_not_forget_the_last_frame(latest: LatestState) -> None:
    latest.handle(progress("entrance", NOON))
    latest.handle(progress("entrance", NOON + 9, last_frame_wall_s=0))
    assert entrance(latest).last_frame_wall_s == NOON


def test_motion_is_not_shown_once_the_camera_is_offline(latest: LatestState) -> None:
    latest.handle(status("entrance", "online"))
    latest.handle(progress("entrance"))
    assert entrance(latest).motion_ratio == pytest.approx(0.031)
    latest.handle(status("entrance", "offline", "gone", "ended"))
    latest.handle(progress("entrance"))
    assert entrance(latest).motion_ratio is None


@pytest.mark.parametrize(
    ("rejected_s", "shown"),
    [pytest.param({"unhealthy": 1.0}, None, id="it is dark"), pytest.param({}, 0.031, id="no frame in this second")],
)
def test_motion_is_not_shown_while_no_frame_counts(
    latest: LatestState, rejected_s: dict[FrameRejection, float], shown: float | None
) -> None:
    latest.handle(status("entrance", "online"))
    latest.handle(progress("entrance"))
    latest.handle(replace(progress("entrance"), observed_s=0.0, rejected_s=rejected_s, motion_ratio={}))
    assert entrance(latest).motion_ratio == shown


def test_a_snapshot_of_one_heat_leaves_the_others_standing(latest: LatestState) -> None:
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


def test_the_verdict_is_not_known_once_the_camera_is_offline(latest: LatestState) -> None:
    latest.handle(status("entrance", "online"))
    latest.handle(health("entrance", "dark", "switch the light on", NOON + 60))
    view = entrance(latest)
    assert (view.health, view.health_reason, view.health_since_wall_s) == ("dark", "switch the light on", NOON + 60)
    latest.handle(status("entrance", "offline", "gone", "ended"))
    assert (entrance(latest).health, entrance(latest).health_reason) == (None, "")
    latest.handle(status("entrance", "online"))
    assert entrance(latest).health is None, "until it is told again"


def left_out_of(wall_s: float, light_s: float, shadow_cell_s: float = 0.0, moving_cell_s: float = 0.0) -> Progress:
    return Progress(
        "entrance",
        wall_s,
        wall_s,
        frames_decoded=5,
        frames_analysed=5,
        frames_skipped=0,
        observed_s=1.0,
        cell_seconds={"all": moving_cell_s, "till": moving_cell_s},
        rejected_s={"light": light_s, "settling": 0.0},
        rejected_cell_s={"shadow": shadow_cell_s, "ghost": 0.0},
    )


def test_what_was_left_out_is_the_sum_of_the_last_hour(latest: LatestState) -> None:
    for minutes in range(-90, 0):
        latest.handle(left_out_of(NOON + 60 * minutes, 1.0, shadow_cell_s=3.0, moving_cell_s=1.0))
    left_out = latest.left_out("entrance", NOON)
    assert left_out.frames_s == {"light": pytest.approx(60, abs=1.1)}
    assert left_out.cells_ratio == {"shadow": pytest.approx(0.75)}
    assert latest.left_out("entrance", NOON + 3600).frames_s == {}, "also where nothing came since"


def test_staying_counts_beside_movement_where_shares_are_told(latest: LatestState) -> None:
    latest.handle(progress("entrance", NOON))  # 34 moving, 46 staying, 15 shadow, 5 flicker
    assert latest.left_out("entrance", NOON).cells_ratio == {
        "shadow": pytest.approx(0.15),
        "flicker": pytest.approx(0.05),
    }


def test_a_clock_that_was_set_back_leaves_nothing_from_a_later_hour(latest: LatestState) -> None:
    latest.handle(left_out_of(NOON + 86400, 50.0))
    latest.handle(left_out_of(NOON, 2.0))
    assert latest.left_out("entrance", NOON).frames_s == {"light": 2.0}


def test_passwords_are_taken_out_of_what_the_board_is_told(latest: LatestState) -> None:
    latest.handle(status("entrance", "offline", "rtsp://u:secret@10.0.0.2/1: refused", "unavailable"))
    latest.storage_problem("pictures", "smb://u:secret@nas/share: gone")
    latest.handle(health("till", "frozen", "http://10.0.0.2/?pwd=secret: the same picture for ever"))
    till = latest.cameras()[1]
    assert "secret" not in entrance(latest).reason + "".join(latest.problems()) + till.health_reason


def test_problems_are_told_only_while_they_last(latest: LatestState) -> None:
    assert latest.problems() == ()
    latest.storage_problem("pictures", "disk full")
    latest.storage_problem("heats", "disk full too")
    latest.mqtt_connected(False)
    assert len(latest.problems()) == 3
    latest.storage_problem("pictures", None)
    latest.mqtt_connected(True)
    assert latest.problems() == ("Heats cannot be saved, and a power cut would lose them: disk full too",)
    latest.storage_problem("heats", None)
    assert latest.problems() == ()


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
        assert camera.last_frame_wall_s == NOON + 299
        assert camera.pictures["day"].wall_s == NOON + 299
