"""Real worker processes, killed, frozen and starved: no camera takes another along, and no heat is lost."""

from __future__ import annotations

import os
import signal
import socket
import time
from dataclasses import replace
from datetime import UTC
from multiprocessing import forkserver
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest

from edgeheat.core.floorplan.camera_heats import CameraHeats
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat import heat_file
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.heat.increment import Increment
from edgeheat.daemon.clock import SystemClock
from edgeheat.daemon.messages import ProgressReport, Reset, ResetDone, StateSaved
from edgeheat.daemon.restart import RestartLimits
from edgeheat.daemon.supervisor import Supervisor, _ForChild, _FromChild
from edgeheat.defs.events import CameraHealth, CameraStatus, Event, HealthVerdict, Progress
from edgeheat.store.camera_state import CameraBackup
from tests.daemon.conftest import HEATS, LIMITS, Ears, Start, spec
from tests.support.wait import wait_for


def online(ears: Ears, camera: str, times: int = 1) -> None:
    wait_for(lambda: ears.states(camera).count("ok") >= times, 20, f"{camera} to be online {times} times")


def worker_pid(supervisor: Supervisor, camera: str) -> int:
    def pid() -> int | None:
        return supervisor.worker_pids().get(camera)

    return wait_for(pid, 10, f"a worker of {camera}") or 0


def test_a_camera_comes_online_counts_and_gives_snapshots(start: Start, learnt: bytes) -> None:
    supervisor, ears = start(spec("aisle"), backups={"aisle": (CameraBackup(learnt), 0.0)})
    online(ears, "aisle")
    wait_for(lambda: ears.snapshots("aisle"), 20, "the picture of what was kept, which nobody asked for")
    wait_for(lambda: ears.cell_seconds("aisle") > 0, 20, "some motion")
    supervisor.take_snapshot("aisle")
    wait_for(lambda: len(ears.snapshots("aisle")) == 2, 10, "a snapshot")
    (heat,) = ears.snapshots("aisle")[-1].heats
    assert heat.image.startswith(b"\xff\xd8") or heat.image.startswith(b"\x89PNG")
    assert heat.zones[0].cell_seconds > 0
    assert sum(each.frames_decoded for each in ears.progress("aisle")) > 0


@pytest.mark.parametrize("signum", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_crashed_worker_is_replaced_keeps_its_heat_and_harms_no_other(start: Start, signum: signal.Signals) -> None:
    supervisor, ears = start(spec("aisle"), spec("till"))
    online(ears, "aisle")
    online(ears, "till")
    wait_for(lambda: ears.observed_s("aisle") > 3, 20, "three seconds counted")
    os.kill(worker_pid(supervisor, "aisle"), signum)
    online(ears, "aisle", times=2)
    before_s = ears.observed_s("aisle")
    wait_for(lambda: ears.observed_s("aisle") > before_s + 1, 20, "counting again")
    supervisor.take_snapshot("aisle")
    wait_for(lambda: ears.snapshots("aisle"), 10, "a snapshot")
    (heat,) = ears.snapshots("aisle")[-1].heats
    # All that was reported is in the new worker's heat: its backup is what the parent was told.
    assert heat.observed_s == pytest.approx(ears.observed_s("aisle"), abs=1.5)
    assert ears.states("aisle")[:3] == ["ok", "crashed", "ok"]
    assert ears.states("till") == ["ok"]


def told(ears: Ears) -> list[str]:
    """States and verdicts in the order in which they were told."""
    codes = [
        event.reason_code if isinstance(event, CameraStatus) else event.verdict
        for event in ears.events
        if isinstance(event, CameraStatus | CameraHealth)
    ]
    return [code for code in codes if code != "starting"]


def test_the_verdict_on_a_picture_is_told_anew_each_time_its_camera_comes_online(start: Start) -> None:
    supervisor, ears = start(spec("aisle"))
    wait_for(lambda: told(ears) == ["ok", "ok"], 20, "a state and a verdict")
    os.kill(worker_pid(supervisor, "aisle"), signal.SIGKILL)
    wait_for(lambda: len(told(ears)) == 5, 20, "the same after a crash")
    assert told(ears) == ["ok", "ok", "crashed", "ok", "ok"]


def supervisor_without_a_loop(ears: Ears) -> Supervisor:
    """One whose turns the test takes itself."""
    return Supervisor(
        specs=[spec("aisle")],
        backups={},
        limits=LIMITS,
        save_every_s=60,
        clock=SystemClock(),
        emit=ears.events.append,
        on_saved=ears.on_saved,
        random=Random(1),
    )


def test_a_verdict_is_told_once_when_it_changes_and_not_before_the_first_frame() -> None:
    ears = Ears()
    supervisor = supervisor_without_a_loop(ears)

    def on_message(wall_s: float, health: HealthVerdict, frames: int = 15) -> None:
        reason = "" if health == "ok" else f"the picture is {health}"
        progress = Progress("aisle", wall_s, wall_s, frames, 5, 10, 1.0, health=health, health_reason=reason)
        supervisor._take(_FromChild("aisle", None, ProgressReport(progress, (), wall_s if frames else None)))  # type: ignore[arg-type]

    on_message(1.0, "ok", frames=0)
    assert not any(isinstance(event, CameraHealth) for event in ears.events)
    for wall_s, health in enumerate(("ok", "ok", "dark", "dark", "covered", "ok", "ok"), start=2):
        on_message(wall_s, health)  # type: ignore[arg-type]
    assert [event for event in ears.events if isinstance(event, CameraHealth)] == [
        CameraHealth("aisle", "ok", "", 2.0),
        CameraHealth("aisle", "dark", "the picture is dark", 4.0),
        CameraHealth("aisle", "covered", "the picture is covered", 6.0),
        CameraHealth("aisle", "ok", "", 7.0),
    ]


def test_a_frozen_worker_is_noticed_killed_and_replaced(start: Start) -> None:
    supervisor, ears = start(spec("aisle"))
    online(ears, "aisle")
    frozen = worker_pid(supervisor, "aisle")
    os.kill(frozen, signal.SIGSTOP)
    online(ears, "aisle", times=2)
    assert "stalled" in ears.states("aisle")
    assert not Path(f"/proc/{frozen}").exists()


def test_a_worker_that_is_only_starting_has_longer_for_its_first_frame(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, as a camera that is slow to send
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/video"
        limits = replace(LIMITS, stall_timeout_s=1.0, first_frame_timeout_s=3.0)
        _, ears = start(spec("slow", url, timeout_s=30.0), limits=limits)
        wait_for(lambda: ears.states("slow"), 20, "the end of the patience")
        (status, *_) = (event for event in ears.events if isinstance(event, CameraStatus))
        assert (status.reason_code, status.reason) == ("stalled", "no frame for 3 s")


FLICKER, MOVED = Reset(flicker=True, moved=False, heat=False), Reset(flicker=False, moved=True, heat=False)
ONLINE = ProgressReport(Progress("aisle", 1.0, 1.0, 15, 5, 10, 1.0), (), 1.0)


@pytest.mark.parametrize(
    ("happened", "pending"),
    [
        pytest.param([ONLINE, FLICKER, StateSaved(b"as it was")], FLICKER, id="a periodic save is no answer"),
        pytest.param([ONLINE, FLICKER, StateSaved(b"emptied"), ResetDone(FLICKER)], None, id="its own answer is"),
        pytest.param([ONLINE, FLICKER, MOVED, ResetDone(FLICKER)], FLICKER | MOVED, id="one more was asked meanwhile"),
        pytest.param(
            [ONLINE, FLICKER, MOVED, ResetDone(FLICKER), ResetDone(FLICKER | MOVED)], None, id="both answered"
        ),
        pytest.param([FLICKER, ONLINE, ResetDone(FLICKER)], None, id="asked while it was away"),
    ],
)
def test_a_reset_is_done_when_the_worker_says_so(
    happened: list[ProgressReport | StateSaved | Reset | ResetDone],
    pending: Reset | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    supervisor = supervisor_without_a_loop(Ears())
    sent: list[object] = []
    child = SimpleNamespace(send=sent.append, end=lambda: None)
    supervisor._cameras["aisle"].child = child  # type: ignore[assignment]
    for each in happened:
        item = _ForChild("aisle", each) if isinstance(each, Reset) else _FromChild("aisle", child, each)  # type: ignore[arg-type]
        supervisor._take(item)
    supervisor._inbox.put(_FromChild("aisle", child, None))  # type: ignore[arg-type]
    supervisor._shut_down()
    assert [each for each in sent if isinstance(each, Reset)][-1] == (FLICKER | MOVED if MOVED in happened else FLICKER)
    told = [f"aisle: was asked to {pending} and did not come to it: ask again"] if pending else []
    assert [message for message in caplog.messages if "was asked to" in message] == told


def test_the_plans_get_once_what_goes_on_of_a_camera_that_is_away(start: Start) -> None:
    first, ears = start(spec("aisle"))
    wait_for(lambda: ears.observed_s("aisle") > 2, 20, "two seconds counted")
    first.stop()
    wait_for(lambda: ears.states("aisle")[-1:] == ["stopped"], 10, "the end")
    taken: list[tuple[str, bytes]] = []
    _, later = start(
        spec("aisle", "/no/such/file.mp4", plan_heats=("total",)),
        backups={"aisle": (ears.saved["aisle"], 0.0)},
        on_plan_heats=lambda camera, packed: taken.append((camera, packed)),
    )
    wait_for(lambda: later.states("aisle").count("unavailable") >= 3, 20, "three tries")
    ((camera, packed),) = taken
    assert camera == "aisle"
    assert CameraHeats.unpack(packed).grids["total"].observed_s == pytest.approx(ears.observed_s("aisle"), abs=0.01)


def fork_server_pid() -> int:
    return int(forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]


def test_a_fork_server_that_dies_while_it_starts_a_worker_is_replaced(start: Start) -> None:
    supervisor, ears = start(spec("aisle"))
    online(ears, "aisle")
    os.kill(fork_server_pid(), signal.SIGSTOP)
    os.kill(worker_pid(supervisor, "aisle"), signal.SIGKILL)
    wait_for(lambda: standing_s(supervisor) > 2.0, 10, "the supervisor to wait for the fork server")
    os.kill(fork_server_pid(), signal.SIGKILL)
    online(ears, "aisle", times=2)


def test_the_time_in_which_the_supervisor_itself_stood_still_is_no_stall(start: Start) -> None:
    supervisor, ears = start(spec("aisle"), spec("till"))
    online(ears, "aisle")
    online(ears, "till")
    os.kill(fork_server_pid(), signal.SIGSTOP)
    os.kill(worker_pid(supervisor, "aisle"), signal.SIGKILL)
    wait_for(lambda: standing_s(supervisor) > LIMITS.stall_timeout_s + 0.5, 10, "the supervisor to stand still")
    os.kill(fork_server_pid(), signal.SIGCONT)
    online(ears, "aisle", times=2)
    assert ears.states("aisle") == ["ok", "crashed", "ok"]
    assert ears.states("till") == ["ok"]


def standing_s(supervisor: Supervisor) -> float:
    return time.monotonic() - supervisor.last_turn_s


def test_a_frozen_worker_is_killed_even_when_its_fork_server_is_dead(start: Start) -> None:
    supervisor, ears = start(spec("aisle"), spec("till"))
    online(ears, "aisle")
    online(ears, "till")
    frozen = worker_pid(supervisor, "aisle")
    os.kill(frozen, signal.SIGSTOP)
    os.kill(fork_server_pid(), signal.SIGKILL)
    os.kill(worker_pid(supervisor, "till"), signal.SIGKILL)
    online(ears, "till", times=2)
    online(ears, "aisle", times=2)
    wait_for(lambda: not Path(f"/proc/{frozen}").exists(), 5, "the frozen worker to be gone")


def test_a_fault_in_the_supervisor_leaves_no_worker_behind() -> None:
    pids: set[int] = set()

    def fail(_: Event) -> None:
        pids.update(supervisor.worker_pids().values())
        raise ZeroDivisionError

    supervisor = Supervisor(
        specs=[spec("aisle")],
        backups={},
        limits=LIMITS,
        save_every_s=60,
        clock=SystemClock(),
        emit=fail,
        on_saved=Ears().on_saved,
        random=Random(1),
    )
    with pytest.raises(ZeroDivisionError):
        supervisor.run()
    assert pids
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_camera_that_cannot_be_opened_is_tried_again_for_ever_and_says_why(start: Start) -> None:
    _, ears = start(spec("gone", "/no/such/file.mp4"), spec("aisle"))
    wait_for(lambda: ears.states("gone").count("unavailable") >= 3, 20, "three tries")
    online(ears, "aisle")
    reason = next(e.reason for e in ears.events if isinstance(e, CameraStatus) and e.reason_code == "unavailable")
    assert "/no/such/file.mp4" in reason


def test_a_recording_that_ends_is_offline_with_the_remedy(start: Start) -> None:
    _, ears = start(spec("short", "synthetic:shop?seed=1&size=160x90&duration=2"))
    wait_for(lambda: "ended" in ears.states("short"), 20, "the end")
    assert any("loop = true" in getattr(event, "reason", "") for event in ears.events)


def test_what_was_counted_before_the_end_of_a_run_is_not_lost(start: Start) -> None:
    _, ears = start(spec("short", "synthetic:shop?seed=1&size=160x90&fps=10&duration=3"))
    wait_for(lambda: "ended" in ears.states("short"), 20, "the end")
    assert ears.observed_s("short") == pytest.approx(2.8, abs=0.35)


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
    patient = RestartLimits(backoff_first_s=60.0, backoff_max_s=60.0)
    supervisor, ears = start(spec("short", "synthetic:shop?seed=1&size=160x90&fps=10&duration=4"), limits=patient)
    wait_for(lambda: "ended" in ears.states("short"), 20, "the end")
    supervisor.stop()
    wait_for(lambda: "stopped" in ears.states("short"), 10, "the supervisor's end")
    assert saved_observed_s(ears.saved["short"]) == pytest.approx(ears.observed_s("short"), abs=0.01)


def test_a_camera_that_stays_away_does_not_wear_out_the_disk(start: Start) -> None:
    supervisor, ears = start(spec("aisle"))
    online(ears, "aisle")
    wait_for(lambda: ears.saved, 20, "the first state")
    supervisor.stop()
    wait_for(lambda: "stopped" in ears.states("aisle"), 10, "the supervisor's end")
    _, later = start(spec("aisle", "/no/such/file.mp4"), backups={"aisle": (ears.saved["aisle"], 0.0)})
    wait_for(lambda: later.states("aisle").count("unavailable") >= 3, 20, "three tries")
    assert later.saved == {}


def test_stopping_saves_the_heat_takes_a_last_snapshot_and_leaves_no_process(start: Start) -> None:
    supervisor, ears = start(spec("aisle"), spec("till"))
    online(ears, "aisle")
    online(ears, "till")
    pids = [worker_pid(supervisor, name) for name in ("aisle", "till")]
    began_s = time.monotonic()
    supervisor.stop()
    wait_for(lambda: ears.states("till")[-1:] == ["stopped"], 10, "the end")
    assert time.monotonic() - began_s < 5
    assert ears.snapshots("aisle") and ears.snapshots("till")
    assert ears.saved["aisle"].saved and ears.saved["till"].saved
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_stopping_with_a_frozen_camera_keeps_its_heat(start: Start) -> None:
    supervisor, ears = start(spec("aisle"))
    online(ears, "aisle")
    wait_for(lambda: ears.observed_s("aisle") > 2, 20, "two seconds counted")
    pid = worker_pid(supervisor, "aisle")
    os.kill(pid, signal.SIGSTOP)
    supervisor.stop()
    wait_for(lambda: ears.states("aisle")[-1:] == ["stopped"], 10, "the end")
    assert not Path(f"/proc/{pid}").exists()
    backup = ears.saved["aisle"]
    assert backup.saved is not None or backup.increments


def test_a_later_supervisor_goes_on_with_what_an_earlier_one_saved(start: Start) -> None:
    first, ears = start(spec("aisle"))
    wait_for(lambda: ears.observed_s("aisle") > 3, 20, "three seconds counted")
    first.stop()
    wait_for(lambda: ears.states("aisle")[-1:] == ["stopped"], 10, "the end")
    counted_s = ears.observed_s("aisle")
    assert len(ears.snapshots("aisle")) == 1, "the last, and none of heats that only begin"
    second, later = start(spec("aisle"), backups={"aisle": (ears.saved["aisle"], 0.0)})
    wait_for(lambda: later.snapshots("aisle"), 20, "a snapshot that nobody asked for")
    assert later.snapshots("aisle")[0].heats[0].observed_s >= counted_s - 0.01
    os.kill(worker_pid(second, "aisle"), signal.SIGKILL)
    online(later, "aisle", times=2)
    before_s = later.observed_s("aisle")
    wait_for(lambda: later.observed_s("aisle") > before_s + 1, 20, "counting again")
    assert len(later.snapshots("aisle")) == 1, "one after the start, and not after each crash"


def test_a_backup_that_cannot_be_used_does_not_stop_the_camera(start: Start) -> None:
    _, ears = start(spec("aisle"), backups={"aisle": (CameraBackup(b"rubbish", [b"more"]), 0.0)})
    online(ears, "aisle")
    wait_for(lambda: ears.observed_s("aisle") > 1, 20, "counting")
    wait_for(lambda: ears.saved.get("aisle") and ears.saved["aisle"].saved not in (None, b"rubbish"), 20, "a backup")
    assert saved_observed_s(ears.saved["aisle"]) > 0


def test_workers_end_by_themselves_when_the_parent_is_gone(tmp_path: Path) -> None:
    import subprocess
    import sys

    script = tmp_path / "parent.py"
    script.write_text(
        "from tests.daemon.conftest import Ears, LIMITS, spec\n"
        "from edgeheat.daemon.clock import SystemClock\n"
        "from edgeheat.daemon.supervisor import Supervisor\n"
        "from random import Random\n"
        "import threading\n"
        "if __name__ == '__main__':\n"
        "    ears = Ears()\n"
        "    s = Supervisor(specs=[spec('aisle')], backups={}, limits=LIMITS, save_every_s=60, clock=SystemClock(),\n"
        "        emit=ears.events.append, on_saved=ears.on_saved, random=Random(1))\n"
        "    threading.Thread(target=s.run).start()\n"
        "    import time\n"
        "    while 'ok' not in ears.states('aisle'): time.sleep(0.05)\n"
        "    print(s.worker_pids()['aisle'], flush=True)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(Path.cwd())}
    )
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for(lambda: not Path(f"/proc/{worker}").exists(), 5, "the worker to end")
