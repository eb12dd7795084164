"""Floor plans drawn by real processes, killed, frozen and starved: the plan comes again, and no camera notices."""

from __future__ import annotations

import multiprocessing
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
from edgeheat.daemon.clock import SystemClock
from edgeheat.daemon.messages import PlanSpec
from edgeheat.daemon.plan_renderer import PlanRenderer
from edgeheat.defs.events import CameraStatus, Snapshot
from edgeheat.defs.params import HeatParams, PlanParams, Style
from edgeheat.store.camera_state import CameraBackup
from tests.daemon.conftest import HEATS, LIMITS, Ears, Start, spec
from tests.support.floor import GRID_WH, SIZE_M, back, front
from tests.support.wait import wait_for

PLAN = PlanParams("floor", SIZE_M, (front(), back()), HEATS, UTC, Style(max_width=320))
SLOW = PlanParams("floor", SIZE_M, (front(), back()), HEATS, UTC, Style(max_width=2400, format="png"))
"""Takes about a second to draw: long enough to be killed meanwhile."""

Keep = Callable[..., tuple[PlanRenderer, Ears]]


@pytest.fixture
def keep() -> Iterator[Keep]:
    """Start keepers that are closed at the end of the test; each returns with its ears."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(["edgeheat.daemon.preload"])
    running: list[PlanRenderer] = []

    def keep_one(
        params: PlanParams = PLAN, image: str = "", more: Sequence[PlanParams] = (), **options: Any
    ) -> tuple[PlanRenderer, Ears]:
        ears = Ears()
        plans = [PlanSpec(params, image), *(PlanSpec(each, "") for each in more)]
        values: dict[str, Any] = {"limits": LIMITS, "wait_s": 60.0}
        keeper = PlanRenderer(plans, clock=SystemClock(), emit=ears.events.append, random=Random(1), **values | options)
        keeper.start()
        running.append(keeper)
        return keeper, ears

    yield keep_one
    for keeper in running:
        keeper.close(5.0)
        assert keeper.pid is None or not Path(f"/proc/{keeper.pid}").exists()


def heats(value: float = 30.0, mono_s: float = 100.0) -> bytes:
    grid = HeatGrid(np.full(GRID_WH[::-1], value, np.float32), 60.0, 60.0)
    return CameraHeats({"total": grid}, mono_s, 1.8e9 + mono_s).pack()


def send_both(keeper: PlanRenderer, mono_s: float = 100.0) -> None:
    keeper.take("front", heats(mono_s=mono_s))
    keeper.take("back", heats(mono_s=mono_s))


def pictures(ears: Ears, times: int = 1) -> list[Snapshot]:
    def enough() -> bool:
        return len(ears.snapshots("floor")) >= times

    wait_for(enough, 20, f"{times} pictures of the plan")
    return ears.snapshots("floor")


def drawing_pid(keeper: PlanRenderer) -> int:
    return wait_for(lambda: keeper.pid, 10, "a process that draws") or 0


def test_two_cameras_become_one_plan(start: Start, keep: Keep, learnt: bytes) -> None:
    keeper, plan_ears = keep()
    cameras, ears = start(
        spec("front", plan_heats=("total",)),
        spec("back", plan_heats=("total",)),
        on_plan_heats=keeper.take,
        backups={name: (CameraBackup(learnt), 0.0) for name in ("front", "back")},
    )
    for name in ("front", "back"):
        wait_for(lambda name=name: ears.cell_seconds(name) > 0, 60, f"some motion of {name}")  # type: ignore[misc]
        cameras.take_snapshot(name)
    snapshot = wait_for(lambda: with_heat(plan_ears.snapshots("floor")), 20, "a picture of the plan with that motion")
    assert snapshot is not None
    (heat,) = snapshot.heats
    assert snapshot.plan is not None and snapshot.plan.seen_ratio > 0.9
    assert cv2.imdecode(np.frombuffer(heat.image, np.uint8), cv2.IMREAD_COLOR) is not None
    assert heat.observed_s > 0
    assert plan_ears.states("floor") == ["starting", "ok"]


def with_heat(snapshots: Sequence[Snapshot]) -> Snapshot | None:
    return next((each for each in snapshots if each.heats[0].zones[0].cell_seconds > 0), None)


def test_a_camera_that_no_plan_shows_sends_no_heats(start: Start) -> None:
    taken: list[str] = []
    cameras, ears = start(
        spec("aisle"), spec("till", plan_heats=("total",)), on_plan_heats=lambda camera, packed: taken.append(camera)
    )
    for name in ("aisle", "till"):
        wait_for(lambda name=name: "ok" in ears.states(name), 20, f"{name} to be online")  # type: ignore[misc]
        cameras.take_snapshot(name)
    wait_for(lambda: ears.snapshots("aisle") and ears.snapshots("till") and taken, 10, "both snapshots")
    assert set(taken) == {"till"}


def test_a_plan_is_drawn_once_all_its_cameras_have_sent_theirs(keep: Keep) -> None:
    keeper, ears = keep()
    send_both(keeper, mono_s=100.0)
    assert pictures(ears)[0].wall_s == 1.8e9 + 100.0
    send_both(keeper, mono_s=200.0)
    assert [each.wall_s for each in pictures(ears, times=2)] == [1.8e9 + 100.0, 1.8e9 + 200.0]


def test_a_plan_does_not_wait_for_ever_for_a_camera_that_is_away(keep: Keep) -> None:
    keeper, ears = keep(wait_s=0.3)
    keeper.take("front", heats())
    (heat,) = pictures(ears)[0].heats
    assert 0 < heat.coverage < 1


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSEGV])
def test_a_plan_whose_process_dies_is_drawn_by_another_and_says_so_meanwhile(
    keep: Keep, signum: signal.Signals
) -> None:
    keeper, ears = keep(SLOW)
    send_both(keeper)
    os.kill(drawing_pid(keeper), signum)
    pictures(ears)
    states = [event for event in ears.events if isinstance(event, CameraStatus)]
    assert [(each.state, each.reason_code) for each in states] == [
        ("starting", "starting"),
        ("offline", "crashed"),
        ("online", "ok"),
    ]
    assert states[1].reason == f"the process that draws it died (signal {signum.name}); trying again"


def test_a_process_that_hangs_is_killed_and_replaced(keep: Keep) -> None:
    keeper, ears = keep(SLOW, patience_s=3.0)
    send_both(keeper)
    frozen = drawing_pid(keeper)
    os.kill(frozen, signal.SIGSTOP)
    wait_for(lambda: "stalled" in ears.states("floor"), 20, "the hang to be noticed")
    pictures(ears)
    assert not Path(f"/proc/{frozen}").exists()


def test_heats_that_cannot_be_read_do_not_end_the_keeper(keep: Keep) -> None:
    keeper, ears = keep()
    keeper.take("front", heats())
    keeper.take("back", b"rubbish")
    wait_for(lambda: "crashed" in ears.states("floor"), 20, "the process to fail")
    keeper.take("back", heats())
    pictures(ears)


def test_no_process_is_left_between_pictures(keep: Keep) -> None:
    keeper, ears = keep()
    send_both(keeper)
    pictures(ears)
    wait_for(lambda: keeper.pid is None, 5, "the process to end")


def test_closing_draws_what_is_newer_than_the_last_pictures(keep: Keep) -> None:
    keeper, ears = keep()
    keeper.take("front", heats())
    keeper.close(10.0)
    assert len(ears.snapshots("floor")) == 1
    assert ears.states("floor") == ["starting", "ok", "stopped"]


def test_closing_draws_what_a_process_took_with_it_when_it_died(keep: Keep) -> None:
    keeper, ears = keep(SLOW)
    send_both(keeper)
    os.kill(drawing_pid(keeper), signal.SIGKILL)
    keeper.close(20.0)
    assert len(ears.snapshots("floor")) == 1
    assert ears.states("floor") == ["starting", "crashed", "ok", "stopped"]


def test_closing_leaves_a_process_that_hangs_no_longer_than_it_was_given(keep: Keep) -> None:
    keeper, ears = keep(SLOW)
    send_both(keeper)
    frozen = drawing_pid(keeper)
    os.kill(frozen, signal.SIGSTOP)
    keeper.close(0.2)
    assert not Path(f"/proc/{frozen}").exists()
    assert ears.states("floor")[-1] == "stopped"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"nothing to see", "is not a picture"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x09\x00\x00\x00\x09", "is damaged"),
    ],
    ids=["gone", "no picture", "cut off"],
)
def test_a_plan_whose_own_picture_was_spoilt_is_drawn_without_it_and_says_so(
    tmp_path: Path, keep: Keep, content: bytes | None, words: str
) -> None:
    file = tmp_path / "floor.png"
    if content is not None:
        file.write_bytes(content)
    keeper, ears = keep(image=str(file))
    send_both(keeper)
    pictures(ears)
    (state,) = [e for e in ears.events if isinstance(e, CameraStatus) and e.state == "online"]
    assert state.reason.startswith("drawn without the plan's picture") and words in state.reason


def test_a_plan_that_cannot_be_drawn_says_why_and_takes_no_other_along(keep: Keep) -> None:
    a, b, _, c, d = front().points
    exchanged = replace(front(), points=((*a[:2], *b[2:]), (*b[:2], *a[2:]), c, d))
    keeper, ears = keep(replace(PLAN, name="crossed", views=(exchanged,)), more=[replace(PLAN, views=(front(),))])
    keeper.take("front", heats())
    pictures(ears)
    reasons = [e.reason for e in ears.events if isinstance(e, CameraStatus) and e.reason_code == "unavailable"]
    assert reasons == ["camera front: the points lie on both sides of a horizon; edgeheat doctor says more"]


def test_the_plan_s_own_picture_lies_under_the_heat(tmp_path: Path, keep: Keep) -> None:
    file = tmp_path / "floor.png"
    cv2.imwrite(str(file), np.full((300, 330, 3), 255, np.uint8))
    keeper, ears = keep(replace(PLAN, style=Style(max_width=640)), image=str(file))
    send_both(keeper)
    assert pictures(ears)[0].heats[0].size_wh == (330, 300)


def test_cameras_of_different_heats_are_not_mixed_up(keep: Keep) -> None:
    dwell = HeatParams("stay", "window", 60.0, measure="dwell")
    params = PlanParams("floor", SIZE_M, (front(),), (HEATS[0], dwell), UTC, Style(max_width=320))
    keeper, ears = keep(params)
    grids = {
        name: HeatGrid(np.full(GRID_WH[::-1], value, np.float32), 60.0, 60.0)
        for name, value in (("total", 10.0), ("stay", 40.0))
    }
    keeper.take("front", CameraHeats(grids, 100.0, 1.8e9).pack())
    found = {heat.heat: (heat.measure, heat.zones[0].mean_s) for heat in pictures(ears)[0].heats}
    assert found == {"total": ("presence", pytest.approx(10.0)), "stay": ("dwell", pytest.approx(40.0))}
