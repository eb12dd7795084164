"""Floor plans drawn by real processes, killed, frozen and starved: each plan is drawn again, and no camera suffers."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import pytest

from edgeheat.core.floorplan.camera_heats import CameraHeats
from edgeheat.core.heat.base import HeatGrid
from edgeheat.daemon.managed_process import ManagedProcess
from edgeheat.daemon.messages import PlanSpec
from edgeheat.daemon.plan_renderer import PlanRenderer
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.defs.events import CameraStatus, Snapshot
from edgeheat.defs.params import HeatParams, PlanParams, Style
from edgeheat.store.camera_backup import CameraBackup
from tests.daemon.conftest import HEATS, LIMITS, Recorder, Start, spec, take_snapshot
from tests.support.floor import GRID_WH, SIZE_M, back, front
from tests.support.wait import DEADLINE_S, wait_for

PLAN = PlanParams("floor", SIZE_M, (front(), back()), HEATS, UTC, Style(max_width=320))
SLOW = PlanParams("floor", SIZE_M, (front(), back()), HEATS, UTC, Style(max_width=2400, format="png"))
"""Takes about a second to draw: long enough to be killed meanwhile."""

StartRenderer = Callable[..., tuple[PlanRenderer, Recorder]]


@pytest.fixture
def start_renderer() -> Iterator[StartRenderer]:
    """Start renderers that are closed at the end of the test; each returns with its recorder."""
    running: list[PlanRenderer] = []

    def start_one(
        params: PlanParams = PLAN, image: str = "", more: Sequence[PlanParams] = (), **options: Any
    ) -> tuple[PlanRenderer, Recorder]:
        recorder = Recorder()
        plans = [PlanSpec(params, image), *(PlanSpec(each, "") for each in more)]
        values: dict[str, Any] = {"limits": LIMITS, "collect_s": 60.0}
        renderer = PlanRenderer(
            plans, clock=SystemClock(), publish=recorder.events.append, random=Random(1), **values | options
        )
        renderer.start()
        running.append(renderer)
        return renderer, recorder

    yield start_one
    for renderer in running:
        renderer.close(DEADLINE_S)
        assert renderer.pid is None or not Path(f"/proc/{renderer.pid}").exists()


def heats(value: float = 30.0, mono_s: float = 100.0) -> bytes:
    grid = HeatGrid(np.full(GRID_WH[::-1], value, np.float32), 60.0, 60.0)
    return CameraHeats({"total": grid}, mono_s, 1.8e9 + mono_s).pack()


def send_both(renderer: PlanRenderer, mono_s: float = 100.0) -> None:
    renderer.add_heats("front", heats(mono_s=mono_s))
    renderer.add_heats("back", heats(mono_s=mono_s))


def pictures(recorder: Recorder, times: int = 1) -> list[Snapshot]:
    def enough() -> bool:
        return len(recorder.snapshots("floor")) >= times

    wait_for(enough, f"{times} pictures of the plan")
    return recorder.snapshots("floor")


def drawing_pid(renderer: PlanRenderer) -> int:
    return wait_for(lambda: renderer.pid, "a process that draws") or 0


def test_two_cameras_become_one_plan(start: Start, start_renderer: StartRenderer, learned: bytes) -> None:
    renderer, plan_recorder = start_renderer()
    cameras, recorder = start(
        spec("front", plan_heats=("total",)),
        spec("back", plan_heats=("total",)),
        on_plan_heats=renderer.add_heats,
        saved={name: (CameraBackup(learned), 0.0) for name in ("front", "back")},
    )
    for name in ("front", "back"):
        wait_for(lambda name=name: recorder.cell_seconds(name) > 0, f"some motion of {name}")  # type: ignore[misc]
        take_snapshot(cameras, name)
    snapshot = wait_for(lambda: with_heat(plan_recorder.snapshots("floor")), "a picture of that motion")
    assert snapshot is not None
    (heat,) = snapshot.heats
    assert snapshot.plan is not None and snapshot.plan.seen_ratio > 0.9
    assert cv2.imdecode(np.frombuffer(heat.image, np.uint8), cv2.IMREAD_COLOR) is not None
    assert heat.observed_s > 0
    assert plan_recorder.states("floor") == ["starting", "ok"]


def with_heat(snapshots: Sequence[Snapshot]) -> Snapshot | None:
    return next((each for each in snapshots if each.heats[0].zones[0].cell_seconds > 0), None)


def test_a_camera_that_no_plan_shows_sends_no_heats(start: Start) -> None:
    taken: list[str] = []
    cameras, recorder = start(
        spec("aisle"), spec("till", plan_heats=("total",)), on_plan_heats=lambda camera, packed: taken.append(camera)
    )
    for name in ("aisle", "till"):
        wait_for(lambda name=name: "ok" in recorder.states(name), f"{name} to be online")  # type: ignore[misc]
        take_snapshot(cameras, name)
    wait_for(lambda: recorder.snapshots("aisle") and recorder.snapshots("till") and taken, "both snapshots")
    assert set(taken) == {"till"}


def test_a_plan_is_drawn_once_all_its_cameras_have_sent_theirs(start_renderer: StartRenderer) -> None:
    renderer, recorder = start_renderer()
    send_both(renderer, mono_s=100.0)
    assert pictures(recorder)[0].wall_s == 1.8e9 + 100.0
    send_both(renderer, mono_s=200.0)
    assert [each.wall_s for each in pictures(recorder, times=2)] == [1.8e9 + 100.0, 1.8e9 + 200.0]


def test_a_plan_does_not_wait_indefinitely_for_an_offline_camera(start_renderer: StartRenderer) -> None:
    renderer, recorder = start_renderer(collect_s=0.3)
    renderer.add_heats("front", heats())
    (heat,) = pictures(recorder)[0].heats
    assert 0 < heat.coverage < 1


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSEGV])
def test_a_plan_whose_process_dies_is_offline_until_another_has_drawn_it(
    start_renderer: StartRenderer, signum: signal.Signals
) -> None:
    renderer, recorder = start_renderer(SLOW)
    send_both(renderer)
    os.kill(drawing_pid(renderer), signum)
    pictures(recorder)
    states = [event for event in recorder.events if isinstance(event, CameraStatus)]
    assert [(each.state, each.reason_code) for each in states] == [
        ("starting", "starting"),
        ("offline", "crashed"),
        ("online", "ok"),
    ]
    assert states[1].reason == f"the process that draws it died (signal {signum.name}); retrying"


def test_a_process_that_hangs_is_killed_and_replaced(start_renderer: StartRenderer) -> None:
    renderer, recorder = start_renderer(SLOW, draw_timeout_s=10.0)
    send_both(renderer)
    frozen = drawing_pid(renderer)
    os.kill(frozen, signal.SIGSTOP)
    wait_for(lambda: "stalled" in recorder.states("floor"), "the hang to be noticed")
    pictures(recorder)
    assert not Path(f"/proc/{frozen}").exists()


def test_heats_that_cannot_be_read_do_not_end_the_renderer(start_renderer: StartRenderer) -> None:
    renderer, recorder = start_renderer()
    renderer.add_heats("front", heats())
    renderer.add_heats("back", b"unreadable")
    wait_for(lambda: "crashed" in recorder.states("floor"), "the process to fail")
    renderer.add_heats("back", heats())
    pictures(recorder)


def test_a_plan_for_which_no_process_can_be_started_is_drawn_later(
    start_renderer: StartRenderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_process = ManagedProcess.start
    tries: list[str] = []

    def fail_once(process: ManagedProcess[Any], job: object, timeout_s: float) -> None:
        tries.append(process.name)
        if len(tries) == 1:
            raise OSError("out of memory")
        start_process(process, job, timeout_s)

    monkeypatch.setattr(ManagedProcess, "start", fail_once)
    renderer, recorder = start_renderer()
    send_both(renderer)
    pictures(recorder)
    states = [event for event in recorder.events if isinstance(event, CameraStatus)]
    assert [each.reason_code for each in states] == ["starting", "crashed", "ok"]
    assert states[1].reason == "no process could be started: out of memory; retrying"


def test_no_process_is_left_between_pictures(start_renderer: StartRenderer) -> None:
    renderer, recorder = start_renderer()
    send_both(renderer)
    pictures(recorder)
    wait_for(lambda: renderer.pid is None, "the process to end")


def test_closing_draws_what_is_newer_than_the_last_pictures(start_renderer: StartRenderer) -> None:
    renderer, recorder = start_renderer()
    renderer.add_heats("front", heats())
    renderer.close(DEADLINE_S)
    assert len(recorder.snapshots("floor")) == 1
    assert recorder.states("floor") == ["starting", "ok", "stopped"]


def test_closing_draws_the_plan_of_a_process_that_died(start_renderer: StartRenderer) -> None:
    renderer, recorder = start_renderer(SLOW)
    send_both(renderer)
    os.kill(drawing_pid(renderer), signal.SIGKILL)
    renderer.close(DEADLINE_S)
    assert len(recorder.snapshots("floor")) == 1
    assert recorder.states("floor") == ["starting", "crashed", "ok", "stopped"]


def test_closing_kills_a_process_that_hangs_after_the_timeout(start_renderer: StartRenderer) -> None:
    renderer, recorder = start_renderer(SLOW)
    send_both(renderer)
    frozen = drawing_pid(renderer)
    os.kill(frozen, signal.SIGSTOP)
    renderer.close(0.2)
    assert not Path(f"/proc/{frozen}").exists()
    assert recorder.states("floor")[-1] == "stopped"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"nothing to see", "is not a picture"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x09\x00\x00\x00\x09", "is damaged"),
    ],
    ids=["gone", "no picture", "cut off"],
)
def test_a_plan_with_an_unreadable_picture_is_drawn_without_it_and_the_reason_is_published(
    tmp_path: Path, start_renderer: StartRenderer, content: bytes | None, words: str
) -> None:
    file = tmp_path / "floor.png"
    if content is not None:
        file.write_bytes(content)
    renderer, recorder = start_renderer(image=str(file))
    send_both(renderer)
    pictures(recorder)
    (state,) = [e for e in recorder.events if isinstance(e, CameraStatus) and e.state == "online"]
    assert state.reason.startswith("drawn without the plan's picture") and words in state.reason


def test_a_plan_that_cannot_be_drawn_is_offline_and_affects_no_other(
    start_renderer: StartRenderer,
) -> None:
    a, b, _, c, d = front().points
    exchanged = replace(front(), points=((*a[:2], *b[2:]), (*b[:2], *a[2:]), c, d))
    renderer, recorder = start_renderer(
        replace(PLAN, name="crossed", views=(exchanged,)), more=[replace(PLAN, views=(front(),))]
    )
    renderer.add_heats("front", heats())
    pictures(recorder)
    reasons = [e.reason for e in recorder.events if isinstance(e, CameraStatus) and e.reason_code == "unavailable"]
    assert reasons == ["camera front: the points lie on both sides of a horizon; run edgeheat doctor for details"]


def test_the_plan_s_own_picture_lies_under_the_heat(tmp_path: Path, start_renderer: StartRenderer) -> None:
    file = tmp_path / "floor.png"
    cv2.imwrite(str(file), np.full((300, 330, 3), 255, np.uint8))
    renderer, recorder = start_renderer(replace(PLAN, style=Style(max_width=640)), image=str(file))
    send_both(renderer)
    assert pictures(recorder)[0].heats[0].size_wh == (330, 300)


def test_cameras_of_different_heats_are_not_mixed_up(start_renderer: StartRenderer) -> None:
    dwell = HeatParams("stay", "window", 60.0, measure="dwell")
    params = PlanParams("floor", SIZE_M, (front(),), (HEATS[0], dwell), UTC, Style(max_width=320))
    renderer, recorder = start_renderer(params)
    grids = {
        name: HeatGrid(np.full(GRID_WH[::-1], value, np.float32), 60.0, 60.0)
        for name, value in (("total", 10.0), ("stay", 40.0))
    }
    renderer.add_heats("front", CameraHeats(grids, 100.0, 1.8e9).pack())
    found = {heat.heat: (heat.measure, heat.zones[0].mean_s) for heat in pictures(recorder)[0].heats}
    assert found == {"total": ("presence", pytest.approx(10.0)), "stay": ("dwell", pytest.approx(40.0))}
