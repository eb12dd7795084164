"""Real worker processes, killed, frozen and starved: no camera affects another, and no heat is lost."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from dataclasses import replace
from datetime import UTC
from multiprocessing import forkserver
from pathlib import Path

import pytest

from edgeheat.core.floorplan.camera_heats import CameraHeats
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat import heat_file
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.heat.increment import Increment
from edgeheat.daemon import supervisor as supervisor_module
from edgeheat.daemon.supervisor import Supervisor
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.defs.events import CameraHealth, CameraStatus, Event
from edgeheat.defs.params import PipelineParams
from edgeheat.store.camera_backup import CameraBackup
from tests.daemon.conftest import (
    HEATS,
    LIMITS,
    MOTION,
    SHOP,
    Recorder,
    Start,
    observed_until_after_snapshot_s,
    spec,
    supervise,
    take_snapshot,
)
from tests.daemon.scripted_worker import follow_script, script
from tests.support.wait import DEADLINE_S, wait_for

QUICK_SILENCE = replace(LIMITS, silent_timeout_s=5.0)
"""For tests that wait until a frozen worker is killed, and do not mind another kill on a busy machine."""


def online(recorder: Recorder, camera: str, times: int = 1) -> None:
    wait_for(lambda: recorder.states(camera).count("ok") >= times, f"{camera} to be online {times} times")


def worker_pid(supervisor: Supervisor, camera: str) -> int:
    def pid() -> int | None:
        return supervisor.worker_pids().get(camera)

    return wait_for(pid, f"a worker of {camera}") or 0


def test_a_camera_comes_online_counts_and_gives_snapshots(start: Start, learned: bytes) -> None:
    supervisor, recorder = start(spec("aisle"), saved={"aisle": (CameraBackup(learned), 0.0)})
    online(recorder, "aisle")
    wait_for(lambda: recorder.snapshots("aisle"), "the first picture of the restored heats")
    wait_for(lambda: recorder.cell_seconds("aisle") > 0, "some motion")
    take_snapshot(supervisor, "aisle")
    wait_for(lambda: len(recorder.snapshots("aisle")) == 2, "a snapshot")
    (heat,) = recorder.snapshots("aisle")[-1].heats
    assert heat.image.startswith(b"\xff\xd8") or heat.image.startswith(b"\x89PNG")
    assert heat.zones[0].cell_seconds > 0
    assert sum(each.frames_decoded for each in recorder.progress("aisle")) > 0


@pytest.mark.parametrize("signum", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_crashed_worker_is_replaced_keeps_its_heat_and_affects_no_other(start: Start, signum: signal.Signals) -> None:
    supervisor, recorder = start(spec("aisle"), spec("till"))
    online(recorder, "aisle")
    online(recorder, "till")
    wait_for(lambda: recorder.observed_s("aisle") > 3, "three seconds counted")
    os.kill(worker_pid(supervisor, "aisle"), signum)
    online(recorder, "aisle", times=2)
    before_s = recorder.observed_s("aisle")
    wait_for(lambda: recorder.observed_s("aisle") > before_s + 1, "counting again")
    take_snapshot(supervisor, "aisle")
    wait_for(lambda: recorder.snapshots("aisle"), "a snapshot")
    (heat,) = recorder.snapshots("aisle")[-1].heats
    # All that was reported is in the new worker's heat: its backup is what the parent received.
    # At a crash, the increments of ticks that were not complete are lost.
    assert before_s - 2.5 <= heat.observed_s <= observed_until_after_snapshot_s(recorder, "aisle") + 0.01
    assert recorder.states("aisle")[:3] == ["ok", "crashed", "ok"]
    assert recorder.states("till") == ["ok"]


def published(recorder: Recorder) -> list[str]:
    """States and verdicts in the order in which they were published."""
    codes = [
        event.reason_code if isinstance(event, CameraStatus) else event.verdict
        for event in recorder.events
        if isinstance(event, CameraStatus | CameraHealth)
    ]
    return [code for code in codes if code != "starting"]


def test_the_health_of_a_camera_is_published_again_each_time_it_comes_online(start: Start) -> None:
    supervisor, recorder = start(spec("aisle"))
    wait_for(lambda: published(recorder) == ["ok", "ok"], "a state and a verdict")
    os.kill(worker_pid(supervisor, "aisle"), signal.SIGKILL)
    wait_for(lambda: len(published(recorder)) == 5, "the same after a crash")
    assert published(recorder) == ["ok", "ok", "crashed", "ok", "ok"]


class AdjustableClock(SystemClock):
    """The system's clock, which a test can advance."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


def test_a_crash_after_a_long_run_is_followed_by_the_shortest_delay(start: Start) -> None:
    limits = replace(LIMITS, backoff_first_s=10_000.0, backoff_max_s=1e6, reset_after_s=10_000.0)
    longer_than_the_shortest_s = 13_000.0
    clock = AdjustableClock()
    supervisor, recorder = start(spec("aisle"), limits=limits, clock=clock)
    online(recorder, "aisle")
    os.kill(worker_pid(supervisor, "aisle"), signal.SIGKILL)
    wait_for(lambda: recorder.states("aisle")[-1:] == ["crashed"], "the first crash")
    clock.ahead_s += longer_than_the_shortest_s
    online(recorder, "aisle", times=2)
    clock.ahead_s += limits.reset_after_s
    os.kill(worker_pid(supervisor, "aisle"), signal.SIGKILL)
    wait_for(lambda: recorder.states("aisle")[-1:] == ["crashed"], "the second crash")
    clock.ahead_s += longer_than_the_shortest_s
    online(recorder, "aisle", times=3)


def test_a_frozen_worker_is_detected_killed_and_replaced(start: Start) -> None:
    supervisor, recorder = start(spec("aisle"), limits=QUICK_SILENCE)
    online(recorder, "aisle")
    frozen = worker_pid(supervisor, "aisle")
    os.kill(frozen, signal.SIGSTOP)
    online(recorder, "aisle", times=2)
    assert "unresponsive" in recorder.states("aisle")
    assert any("gave no sign of life for 5 s" in getattr(event, "reason", "") for event in recorder.events)
    assert not Path(f"/proc/{frozen}").exists()


def test_a_worker_that_is_only_starting_has_longer_for_its_first_frame(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, as a camera that is slow to send
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/video"
        limits = replace(LIMITS, stall_timeout_s=1.0, first_frame_timeout_s=3.0)
        _, recorder = start(spec("slow", url, timeout_s=DEADLINE_S), limits=limits)
        wait_for(lambda: recorder.states("slow"), "the end of the patience")
        (status, *_) = (event for event in recorder.events if isinstance(event, CameraStatus))
        assert (status.reason_code, status.reason) == ("stalled", "no frame for 3 s")


STUBBORN = {"stop_timeout_s": 0.5, "last_heat_timeout_s": 1.0}
"""Limits for workers that do not stop."""


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers follow the scripts that are their URLs."""
    monkeypatch.setattr(supervisor_module, "watch_camera", follow_script)


def first_failure(recorder: Recorder, camera: str) -> tuple[str, str]:
    wait_for(lambda: set(recorder.states(camera)) - {"ok"}, f"{camera} to fail")
    return next(
        (event.reason_code, event.reason)
        for event in recorder.events
        if isinstance(event, CameraStatus) and event.camera == camera and event.reason_code != "ok"
    )


@pytest.mark.usefixtures("scripted")
def test_the_reason_of_a_failure_tells_a_silent_camera_from_a_silent_and_from_a_hanging_process(start: Start) -> None:
    limits = replace(LIMITS, stall_timeout_s=10.0, silent_timeout_s=2.0, busy_timeout_s=60.0)
    limits = replace(limits, **STUBBORN)
    scripts = {
        "camera": script(waiting_s=10.5),
        "process": script(beats=False),
        "hanging": script(busy_s=61.0),
        "busy": script(busy_s=59.0),
    }
    _, recorder = start(*(spec(name, url) for name, url in scripts.items()), limits=limits)
    assert first_failure(recorder, "camera") == ("stalled", "no frame for 10 s")
    code, reason = first_failure(recorder, "process")
    assert code == "unresponsive" and reason.startswith(
        "the camera's process gave no sign of life for 2 s; the machine"
    )
    code, reason = first_failure(recorder, "hanging")
    assert code == "unresponsive" and reason.startswith("its process worked on one frame or picture for 60 s; the")
    assert "stalled" not in recorder.states("busy"), "a process that works on a frame does not wait for the camera"


@pytest.mark.usefixtures("scripted")
def test_stopping_waits_longer_for_heat_than_for_a_picture_and_says_which_was_lost(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    limits = replace(LIMITS, **STUBBORN)
    supervisor, recorder = start(spec("done", script(is_last=True)), spec("late", script()), limits=limits)
    online(recorder, "done")
    online(recorder, "late")
    supervisor.stop()
    wait_for(lambda: recorder.states("late")[-1:] == ["stopped"], "the end")
    first, second = (each for each in caplog.messages if "was killed" in each)
    assert first.startswith("done: did not stop within 0.5 s") and first.endswith("heat is complete")
    assert second.startswith("late: did not stop within 1 s")
    lost = re.search(r"up to (\d+) s of what it saw", second)
    assert lost and int(lost[1]) >= 8, "the 7 s that the worker had not counted, and those since its report"


def test_seven_cameras_start_together_and_stay_online_beyond_their_bootstrap(start: Start) -> None:
    """A sample of `make soak`, without its busy machine and its limits."""
    names = [f"camera-{number}" for number in range(7)]
    _, recorder = start(*(spec(name, f"{SHOP}&fps=5") for name in names))
    for name in names:
        wait_for(lambda name=name: recorder.observed_s(name) > 3, f"{name} to count")
    assert {name: recorder.states(name) for name in names} == {name: ["ok"] for name in names}


def test_the_plans_get_the_restored_heats_of_an_offline_camera_once(start: Start) -> None:
    first, recorder = start(spec("aisle"))
    wait_for(lambda: recorder.observed_s("aisle") > 2, "two seconds counted")
    first.stop()
    wait_for(lambda: recorder.states("aisle")[-1:] == ["stopped"], "the end")
    _, later = start(
        spec("aisle", "/no/such/file.mp4", plan_heats=("total",)), saved={"aisle": (recorder.saved["aisle"], 0.0)}
    )
    wait_for(lambda: later.states("aisle").count("unavailable") >= 3, "three tries")
    ((camera, packed),) = later.plan_heats
    assert camera == "aisle"
    assert CameraHeats.unpack(packed).grids["total"].observed_s == pytest.approx(recorder.observed_s("aisle"), abs=0.01)


def fork_server_pid() -> int:
    return int(forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]


def test_a_fork_server_that_dies_while_it_starts_a_worker_is_replaced(start: Start) -> None:
    supervisor, recorder = start(spec("aisle"))
    online(recorder, "aisle")
    os.kill(fork_server_pid(), signal.SIGSTOP)
    os.kill(worker_pid(supervisor, "aisle"), signal.SIGKILL)
    wait_for(lambda: blocked_s(supervisor) > 2.0, "the supervisor to wait for the fork server")
    os.kill(fork_server_pid(), signal.SIGKILL)
    online(recorder, "aisle", times=2)


class JumpingClock(SystemClock):
    """The clock of a supervisor that was suspended: it jumps, and the last signs of life of its workers are old."""

    jumped_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.jumped_s


def test_the_time_in_which_the_supervisor_itself_was_blocked_is_no_stall(start: Start) -> None:
    clock = JumpingClock()
    supervisor, recorder = start(spec("aisle"), clock=clock)
    online(recorder, "aisle")
    pid = worker_pid(supervisor, "aisle")
    clock.jumped_s = 10 * LIMITS.stall_timeout_s
    for _ in range(3):  # one that began before the jump, one after it, and one more, so that its check is over
        cycle_s = supervisor.last_cycle_s
        wait_for(lambda cycle_s=cycle_s: supervisor.last_cycle_s > cycle_s, "a cycle")  # type: ignore[misc]
    assert (recorder.states("aisle"), worker_pid(supervisor, "aisle")) == (["ok"], pid)


def blocked_s(supervisor: Supervisor) -> float:
    return time.monotonic() - supervisor.last_cycle_s


def test_a_frozen_worker_is_killed_even_if_its_fork_server_has_ended(start: Start) -> None:
    supervisor, recorder = start(spec("aisle"), spec("till"), limits=QUICK_SILENCE)
    online(recorder, "aisle")
    online(recorder, "till")
    frozen = worker_pid(supervisor, "aisle")
    os.kill(frozen, signal.SIGSTOP)
    os.kill(fork_server_pid(), signal.SIGKILL)
    os.kill(worker_pid(supervisor, "till"), signal.SIGKILL)
    online(recorder, "till", times=2)
    online(recorder, "aisle", times=2)
    wait_for(lambda: not Path(f"/proc/{frozen}").exists(), "the frozen worker to be gone")


def test_an_error_in_the_supervisor_leaves_no_worker_behind() -> None:
    pids: set[int] = set()

    def fail(_: Event) -> None:
        pids.update(supervisor.worker_pids().values())
        raise ZeroDivisionError

    supervisor, _ = supervise(spec("aisle"), publish=fail)
    with pytest.raises(ZeroDivisionError):
        supervisor.run()
    assert pids
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_camera_that_cannot_be_opened_is_retried_and_the_reason_is_published(start: Start) -> None:
    _, recorder = start(spec("gone", "/no/such/file.mp4"), spec("aisle"))
    wait_for(lambda: recorder.states("gone").count("unavailable") >= 3, "three tries")
    online(recorder, "aisle")
    reason = next(e.reason for e in recorder.events if isinstance(e, CameraStatus) and e.reason_code == "unavailable")
    assert "/no/such/file.mp4" in reason


def test_a_recording_that_ends_is_offline_with_the_remedy(start: Start) -> None:
    _, recorder = start(spec("short", "synthetic:shop?seed=1&size=160x90&duration=2"))
    wait_for(lambda: "ended" in recorder.states("short"), "the end")
    assert any("loop = true" in getattr(event, "reason", "") for event in recorder.events)


def test_what_was_counted_before_the_end_of_a_run_is_not_lost(start: Start) -> None:
    still_learning = PipelineParams("short", UTC, replace(MOTION, bootstrap_s=10.0), HEATS)
    _, recorder = start(spec("short", "synthetic:shop?seed=1&size=160x90&fps=10&duration=3", params=still_learning))
    wait_for(lambda: "ended" in recorder.states("short"), "the end")
    assert 1.0 < recorder.observed_s("short") <= 3.0, "counted at the end only"


def counted_heats(recorder: Recorder, camera: str) -> bool:
    """Whether a backup that a worker saved has arrived."""
    saved = recorder.saved[camera].saved if camera in recorder.saved else None
    if saved in (None, b"unreadable"):
        return False
    return saved_observed_s(recorder.saved[camera]) > 0.0


def saved_observed_s(backup: CameraBackup) -> float:
    increments = [Increment.unpack(packed) for packed in backup.increments]
    assert backup.saved is not None
    height, width = heat_file.saved_shape_hw(backup.saved)
    heats = HeatSet(HEATS, ZoneMasks.from_params((), (width, height)), UTC)
    heat_file.restore(heats, backup.saved, 0.0)
    for increment in increments:
        heats.add(increment)
    return heats.read("total", 1e9, 0.0).observed_s


def test_stopping_saves_the_heat_of_a_camera_that_is_offline(start: Start) -> None:
    patient = replace(LIMITS, backoff_first_s=600.0, backoff_max_s=600.0)
    supervisor, recorder = start(spec("short", "synthetic:shop?seed=1&size=160x90&fps=10&duration=4"), limits=patient)
    wait_for(lambda: "ended" in recorder.states("short"), "the end")
    supervisor.stop()
    wait_for(lambda: "stopped" in recorder.states("short"), "the supervisor's end")
    assert saved_observed_s(recorder.saved["short"]) == pytest.approx(recorder.observed_s("short"), abs=0.01)


def test_a_camera_that_stays_offline_does_not_wear_out_the_disk(start: Start) -> None:
    supervisor, recorder = start(spec("aisle"))
    online(recorder, "aisle")
    wait_for(lambda: recorder.saved, "the first state")
    supervisor.stop()
    wait_for(lambda: "stopped" in recorder.states("aisle"), "the supervisor's end")
    _, later = start(spec("aisle", "/no/such/file.mp4"), saved={"aisle": (recorder.saved["aisle"], 0.0)})
    wait_for(lambda: later.states("aisle").count("unavailable") >= 3, "three tries")
    assert later.saved == {}


def test_stopping_saves_the_heat_takes_a_last_snapshot_and_leaves_no_process(start: Start) -> None:
    supervisor, recorder = start(spec("aisle"), spec("till"))
    online(recorder, "aisle")
    online(recorder, "till")
    pids = [worker_pid(supervisor, name) for name in ("aisle", "till")]
    supervisor.stop()
    wait_for(lambda: recorder.states("till")[-1:] == ["stopped"], "the end")
    assert recorder.snapshots("aisle") and recorder.snapshots("till")
    assert recorder.saved["aisle"].saved and recorder.saved["till"].saved
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_stopping_with_a_frozen_camera_keeps_its_heat_and_logs_what_is_lost(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor, recorder = start(spec("aisle"), limits=replace(LIMITS, stop_timeout_s=0.5, last_heat_timeout_s=1.0))
    online(recorder, "aisle")
    wait_for(lambda: recorder.observed_s("aisle") > 2, "two seconds counted")
    pid = worker_pid(supervisor, "aisle")
    os.kill(pid, signal.SIGSTOP)
    supervisor.stop()
    wait_for(lambda: recorder.states("aisle")[-1:] == ["stopped"], "the end")
    assert not Path(f"/proc/{pid}").exists()
    backup = recorder.saved["aisle"]
    assert backup.saved is not None or backup.increments
    (message,) = (each for each in caplog.messages if each.startswith("aisle: did not stop within 1 s and was killed"))
    assert re.search(r"up to \d+ s of what it saw, .* are lost; all heat that it counted before is kept", message)


def test_a_running_camera_saves_its_state_again_and_again(start: Start, learned: bytes) -> None:
    saved: list[str] = []
    start(
        spec("aisle"),
        saved={"aisle": (CameraBackup(learned), 0.0)},
        write_every_s=lambda: 0.5,
        on_saved=lambda camera, backup: saved.append(camera),
    )
    # Without being asked, a worker sends its state once, when it knows the background.
    wait_for(lambda: len(saved) >= 3, "a state by the interval, and another one")


def test_a_later_supervisor_continues_with_what_an_earlier_one_saved(start: Start) -> None:
    first, recorder = start(spec("aisle"))
    wait_for(lambda: recorder.observed_s("aisle") > 3, "three seconds counted")
    first.stop()
    wait_for(lambda: recorder.states("aisle")[-1:] == ["stopped"], "the end")
    counted_s = recorder.observed_s("aisle")
    assert len(recorder.snapshots("aisle")) == 1, "the last, and none of heats that only begin"
    second, later = start(spec("aisle"), saved={"aisle": (recorder.saved["aisle"], 0.0)})
    wait_for(lambda: later.snapshots("aisle"), "the first picture of the restored heats")
    assert later.snapshots("aisle")[0].heats[0].observed_s >= counted_s - 0.01
    os.kill(worker_pid(second, "aisle"), signal.SIGKILL)
    online(later, "aisle", times=2)
    before_s = later.observed_s("aisle")
    wait_for(lambda: later.observed_s("aisle") > before_s + 1, "counting again")
    assert len(later.snapshots("aisle")) == 1, "one after the start, and not after each crash"


def test_a_backup_that_cannot_be_used_does_not_stop_the_camera(start: Start) -> None:
    _, recorder = start(spec("aisle"), saved={"aisle": (CameraBackup(b"unreadable", [b"more"]), 0.0)})
    online(recorder, "aisle")
    wait_for(lambda: recorder.observed_s("aisle") > 1, "counting")
    wait_for(lambda: counted_heats(recorder, "aisle"), "a backup of what was counted since")


def test_workers_end_by_themselves_when_the_parent_is_gone(tmp_path: Path) -> None:
    import subprocess
    import sys

    script = tmp_path / "parent.py"
    script.write_text(
        "from tests.daemon.conftest import spec, supervise\n"
        "import threading\n"
        "if __name__ == '__main__':\n"
        "    supervisor, recorder = supervise(spec('aisle'))\n"
        "    threading.Thread(target=supervisor.run).start()\n"
        "    import time\n"
        "    while 'ok' not in recorder.states('aisle'): time.sleep(0.05)\n"
        "    print(supervisor.worker_pids()['aisle'], flush=True)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not Path(f"/proc/{worker}").exists(), "the worker to end")
