"""A supervisor with real worker processes on synthetic cameras, and ears for what it says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC
from random import Random
from typing import Any

import pytest

from edgeheat.core.pipeline import CameraPipeline
from edgeheat.daemon.clock import SystemClock
from edgeheat.daemon.messages import WorkerSpec
from edgeheat.daemon.restart import RestartLimits
from edgeheat.daemon.supervisor import Supervisor
from edgeheat.defs.events import CameraStatus, Event, Progress, Snapshot
from edgeheat.defs.params import HeatParams, MotionParams, PipelineParams
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic import open_synthetic
from edgeheat.store.camera_state import CameraBackup

LIMITS = RestartLimits(stall_timeout_s=5.0, backoff_first_s=0.2, backoff_max_s=1.0, reset_after_s=5.0)
HEATS = (HeatParams("total", "total"),)
MOTION = MotionParams(bootstrap_s=1.0, grid_width=160)
SHOP = "synthetic:shop?seed=1&size=320x180"


class Ears:
    """Collects everything a supervisor says."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.saved: dict[str, CameraBackup] = {}

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
def learnt() -> bytes:
    """The state of a worker of SHOP that knows the floor and counted nothing: from here, who walks counts at once."""
    pipeline = CameraPipeline(spec("aisle").params)
    for frame in open_synthetic(f"{SHOP}&fps=5&duration=60", SourceOptions(clock=None)).frames():
        pipeline.step(frame)
    pipeline.reset(flicker=False, moved=False, heat=True)
    return pipeline.save()


Start = Callable[..., tuple[Supervisor, Ears]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start supervisors that are stopped at the end of the test; each returns with its ears."""
    running: list[tuple[Supervisor, threading.Thread]] = []

    def start_one(*specs: WorkerSpec, **more: Any) -> tuple[Supervisor, Ears]:
        ears = Ears()
        values: dict[str, Any] = {"backups": {}, "limits": LIMITS, "save_every_s": 60.0}
        supervisor = Supervisor(
            specs=specs,
            clock=SystemClock(),
            emit=ears.events.append,
            on_saved=ears.on_saved,
            random=Random(1),
            **values | more,
        )
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        running.append((supervisor, thread))
        return supervisor, ears

    yield start_one
    for supervisor, thread in running:
        supervisor.stop()
        thread.join(10)
        assert not thread.is_alive(), "a supervisor did not stop"
