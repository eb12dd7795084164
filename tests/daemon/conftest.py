"""Fixtures: supervisors with real worker processes on synthetic cameras, and recorders of their events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC
from random import Random
from typing import Any

import pytest

from edgeheat.core.pipeline import CameraPipeline
from edgeheat.daemon import wiring
from edgeheat.daemon.messages import WorkerSpec
from edgeheat.daemon.reset_dispatcher import ResetDispatcher
from edgeheat.daemon.restart import RestartLimits
from edgeheat.daemon.supervisor import Supervisor
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.defs.commands import TakeSnapshot
from edgeheat.defs.events import CameraStatus, Event, Progress, Snapshot
from edgeheat.defs.params import HeatParams, MotionParams, PipelineParams
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic import open_synthetic
from edgeheat.store.camera_backup import CameraBackup
from tests.support.wait import DEADLINE_S, wait_for

LIMITS = RestartLimits(
    stall_timeout_s=DEADLINE_S,
    silent_timeout_s=DEADLINE_S,
    busy_timeout_s=DEADLINE_S,
    first_frame_timeout_s=DEADLINE_S,
    backoff_first_s=0.2,
    backoff_max_s=1.0,
    reset_after_s=5.0,
    stop_timeout_s=DEADLINE_S,
    last_heat_timeout_s=DEADLINE_S,
)
"""Quick restarts, and timeouts that no healthy camera reaches on a machine with ten times more work than it can do."""

HEATS = (HeatParams("total", "total"),)
MOTION = MotionParams(bootstrap_s=1.0, grid_width=160)
SHOP = "synthetic:shop?seed=1&size=320x180"


class Recorder:
    """Collects the events and backups that a supervisor publishes."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.saved: dict[str, CameraBackup] = {}
        self.plan_heats: list[tuple[str, bytes]] = []
        self.resets: ResetDispatcher
        """Where the supervisor's resets are requested."""

    def on_saved(self, camera: str, backup: CameraBackup) -> None:
        self.saved[camera] = CameraBackup(backup.saved, list(backup.increments))

    def states(self, camera: str) -> list[str]:
        return [e.reason_code for e in self.events if isinstance(e, CameraStatus) and e.camera == camera]

    def progress(self, camera: str) -> list[Progress]:
        return [e for e in self.events if isinstance(e, Progress) and e.camera == camera]

    def snapshots(self, camera: str) -> list[Snapshot]:
        return [e for e in self.events if isinstance(e, Snapshot) and e.camera == camera]

    def observed_s(self, camera: str) -> float:
        return sum(each.observed_s for each in self.progress(camera))

    def cell_seconds(self, camera: str) -> float:
        return sum(sum(each.cell_seconds.values()) for each in self.progress(camera))


def spec(camera: str, url: str = SHOP, **more: Any) -> WorkerSpec:
    values: dict[str, Any] = {
        "camera": camera,
        "url": url,
        "rtsp_transport": "tcp",
        "loop": False,
        "fps": None,
        "timeout_s": 2.0,
        "params": PipelineParams(camera, UTC, MOTION, HEATS),
        "backup": CameraBackup(),
        "shift_s": 0.0,
    }
    return WorkerSpec(**values | more)


@pytest.fixture(scope="session")
def learned() -> bytes:
    """The state of a worker of SHOP that knows the background and counted nothing: it counts people at once."""
    pipeline = CameraPipeline(spec("aisle").params)
    for frame in open_synthetic(f"{SHOP}&fps=5&duration=60", SourceOptions(clock=None)).frames():
        pipeline.step(frame)
    pipeline.reset(flicker=False, moved=False, heat=True)
    return pipeline.save()


def supervise(*specs: WorkerSpec, **more: Any) -> tuple[Supervisor, Recorder]:
    """Return a supervisor of these cameras, not running, and what will record its events."""
    recorder = Recorder()
    values: dict[str, Any] = {
        "saved": {},
        "limits": LIMITS,
        "write_every_s": lambda: 60.0,
        "clock": SystemClock(),
        "publish": recorder.events.append,
        "on_saved": recorder.on_saved,
        "on_plan_heats": lambda camera, packed: recorder.plan_heats.append((camera, packed)),
        "random": Random(1),
    }
    supervisor, recorder.resets = wiring.make_supervisor_from_specs(specs, **values | more)
    return supervisor, recorder


def take_snapshot(supervisor: Supervisor, camera: str) -> None:
    supervisor.send(camera, TakeSnapshot())


def observed_until_after_snapshot_s(recorder: Recorder, camera: str) -> float:
    """Return the seconds reported up to the first report after the camera's last snapshot, which that may hold."""
    place = recorder.events.index(recorder.snapshots(camera)[-1])

    def is_report(event: Event) -> bool:
        return isinstance(event, Progress) and event.camera == camera

    wait_for(lambda: any(map(is_report, recorder.events[place:])), "a report after the snapshot")
    last = next(index for index, event in enumerate(recorder.events) if index > place and is_report(event))
    return sum(e.observed_s for e in recorder.events[: last + 1] if isinstance(e, Progress) and e.camera == camera)


Start = Callable[..., tuple[Supervisor, Recorder]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start supervisors that are stopped at the end of the test; returns each with its recorder."""
    running: list[tuple[Supervisor, threading.Thread]] = []

    def start_one(*specs: WorkerSpec, **more: Any) -> tuple[Supervisor, Recorder]:
        supervisor, recorder = supervise(*specs, **more)
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        running.append((supervisor, thread))
        return supervisor, recorder

    yield start_one
    for supervisor, thread in running:
        supervisor.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive(), "a supervisor did not stop"
