"""Keeps one worker per camera alive: starts it, times its stalls, kills it, waits, starts it again."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from edgeheat.daemon.messages import (
    Command,
    HeatsRestored,
    Message,
    ProgressReport,
    Reset,
    ResetDone,
    Save,
    SnapshotTaken,
    SourceFailed,
    StateSaved,
    Stop,
    TakeSnapshot,
    WorkerSpec,
)
from edgeheat.daemon.port_probe import PortProbe, host_and_port
from edgeheat.daemon.process import ManagedProcess, watch_camera
from edgeheat.daemon.restart import Backoff, RestartLimits
from edgeheat.defs.clock import Clock
from edgeheat.defs.events import CameraHealth, CameraState, CameraStatus, Event, HealthVerdict, Progress
from edgeheat.store.camera_state import CameraBackup

_log = logging.getLogger(__name__)

_INBOX_SIZE = 1024

_WORKER_ENVIRONMENT = {
    # OpenBLAS would keep a pool of threads and buffers in each worker; nothing here multiplies matrices.
    "OPENBLAS_NUM_THREADS": "1",
    # glibc keeps what was freed for reuse, in an arena for each thread; a worker gives pictures and grids back instead.
    # A grid has 58 kB: the hundreds that are held while the empty scene is learnt would leave a hole of 10 MB.
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "32768",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}

_TURN_S = 0.25
"""How often stalls and due restarts are looked at."""

_LATE_S = 2.0
"""A turn this late says that this process itself stood still, stopped or short of memory, and not the cameras."""

STOP_TIMEOUT_S = 3.0
"""How long workers get for their last snapshot before they are killed; the whole exit is held to 5 s."""


@dataclass(frozen=True, slots=True)
class _FromChild:
    camera: str
    child: ManagedProcess
    message: Message | None
    """None: the worker's end of the pipe is closed."""


@dataclass(frozen=True, slots=True)
class _ForChild:
    camera: str
    command: Command


@dataclass(frozen=True, slots=True)
class _PortOpened:
    camera: str
    probe: PortProbe


class _Camera:
    """One camera's present run, and what its next one needs."""

    def __init__(self, spec: WorkerSpec, backup: CameraBackup, shift_s: float, backoff: Backoff) -> None:
        self.spec = spec
        self.backup = backup
        self.shift_s = shift_s
        self.backoff = backoff
        self.child: ManagedProcess | None = None
        self.state: CameraState = "starting"
        self.health: HealthVerdict | None = None
        """The verdict that was told last; None: none since it came online."""
        self.first_frame_s: float | None = None
        self.alive_s = 0.0
        """Since when the stall is counted: the last decoded frame, or the start."""
        self.failure: tuple[str, str] | None = None
        self.restart_at_s = 0.0
        self.probe: PortProbe | None = None
        self.next_save_s = 0.0
        self.reset: Reset | None = None
        """What it is to forget, until a worker has said that it did, and saved what is left."""

        self.plans_told = False
        """Whether the plans have had its heats since this start."""

        self.picture_owed = backup.saved is not None
        """Whether heats of earlier runs go on and were not shown yet; the schedule's next picture may be far off."""

        self.unsaved = False
        """Whether the backup holds what `on_saved` has not been given."""


class Supervisor:
    """The one place that starts, judges, kills and restarts; everything happens in the thread that calls `run`.

    `emit` gets every event, in order. `backups` gives each camera's heats of earlier runs and the shift of their times.
    `on_saved` gets a camera's backup every `save_every_s` and at the end, if anything was counted since the last time:
    a camera that is away for weeks must not wear out the card.
    `on_plan_heats` gets a camera's packed heats where a floor plan wants them: right after each snapshot, and once when
    heats of earlier runs go on.
    """

    def __init__(
        self,
        *,
        specs: Sequence[WorkerSpec],
        backups: Mapping[str, tuple[CameraBackup, float]],
        limits: RestartLimits,
        save_every_s: float,
        clock: Clock,
        emit: Callable[[Event], None],
        on_saved: Callable[[str, CameraBackup], None],
        random: Random,
        on_plan_heats: Callable[[str, bytes], None] = lambda camera, packed: None,
    ) -> None:
        self._limits = limits
        self._save_every_s = save_every_s
        self._clock = clock
        self._emit = emit
        self._on_saved = on_saved
        self._on_plan_heats = on_plan_heats
        self._inbox: queue.Queue[_FromChild | _ForChild | _PortOpened] = queue.Queue(_INBOX_SIZE)
        self._stop = threading.Event()
        self.last_turn_s = clock.monotonic()
        """When the loop last went round, for the watchdog."""
        self._cameras: dict[str, _Camera] = {}
        for spec in specs:
            backup, shift_s = backups.get(spec.camera, (CameraBackup(), 0.0))
            self._cameras[spec.camera] = _Camera(spec, backup, shift_s, Backoff(limits, random))
        for name, value in _WORKER_ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["edgeheat.daemon.preload"])

    # For other threads.

    def take_snapshot(self, camera: str) -> None:
        """Ask one camera for a snapshot; it comes as an event. A camera without a worker gives none."""
        self._inbox.put(_ForChild(camera, TakeSnapshot()))

    def reset(self, camera: str, reset: Reset) -> None:
        """Have one camera forget something, as soon as it is online; a worker that dies of it leaves it to the next."""
        self._inbox.put(_ForChild(camera, reset))

    def camera_state(self, camera: str) -> CameraState | None:
        """Return the state of one camera; None for one that is not known."""
        found = self._cameras.get(camera)
        return found.state if found is not None else None

    def worker_pids(self) -> dict[str, int]:
        """Return the process id of each camera that has a worker now."""
        children = {name: camera.child for name, camera in self._cameras.items()}
        return {name: child.pid for name, child in children.items() if child is not None and child.pid is not None}

    def stop(self) -> None:
        """Make `run` end."""
        self._stop.set()

    # The supervisor's own thread.

    def run(self) -> None:
        """Run all cameras until `stop`; at the end no worker is left and every backup went to `on_saved`."""
        try:
            for camera in self._cameras.values():
                self._start(camera)
            while not self._stop.is_set():
                self._turn()
            self._shut_down()
        finally:
            # Workers ignore SIGTERM: one left over by a fault would hold up the end of this process for ever.
            for camera in self._cameras.values():
                if camera.child is not None:
                    camera.child.end()

    def _turn(self) -> None:
        try:
            self._take(self._inbox.get(timeout=_TURN_S))
            while True:
                self._take(self._inbox.get_nowait())
        except queue.Empty:
            pass
        now_s = self._clock.monotonic()
        if now_s - self.last_turn_s > _LATE_S:
            for camera in self._cameras.values():
                camera.alive_s = now_s
        self.last_turn_s = now_s
        for camera in self._cameras.values():
            if camera.child is None:
                if now_s >= camera.restart_at_s:
                    self._start(camera)
            elif now_s - camera.alive_s > self._stall_s(camera):
                self._kill_stalled(camera)
            elif now_s >= camera.next_save_s:
                camera.next_save_s = now_s + self._save_every_s
                camera.child.send(Save())
                # One a turn: each of the states that arrive stands in memory beside the one before it.
                break

    def _take(self, item: _FromChild | _ForChild | _PortOpened) -> None:
        camera = self._cameras[item.camera]
        match item:
            case _FromChild(_, child, message):
                if child is camera.child:
                    self._on_message(camera, child, message)
            case _ForChild(_, Reset() as reset):
                camera.reset = reset if camera.reset is None else camera.reset | reset
                self._tell_reset(camera)
            case _ForChild(_, command):
                if camera.child is not None:
                    camera.child.send(command)
            case _PortOpened(_, probe):
                if probe is camera.probe and camera.child is None:
                    self._start(camera)

    def _on_message(self, camera: _Camera, child: ManagedProcess, message: Message | None) -> None:
        match message:
            case ProgressReport():
                self._note_counted(camera, child, message)
            case StateSaved(saved):
                camera.backup.replace(saved)
                camera.shift_s = 0.0
                camera.unsaved = camera.unsaved or camera.first_frame_s is not None
                self._save(camera)
            case SnapshotTaken(snapshot, plan_heats):
                self._emit(snapshot)
                if plan_heats:
                    self._tell_plans(camera, plan_heats)
            case HeatsRestored(plan_heats):
                # Once: a camera that stays away would else have the plans drawn at each try.
                if not camera.plans_told:
                    self._tell_plans(camera, plan_heats)
            case ResetDone(reset):
                # Another was asked for meanwhile where they differ: its own answer is yet to come.
                if reset == camera.reset:
                    camera.reset = None
            case SourceFailed(code, reason):
                camera.failure = (code, reason)
            case None:
                child.end()
                died = f"the camera's process died ({child.exit_words()}); its heat is kept"
                self._mark_offline(camera, *(camera.failure or ("crashed", died)))

    def _note_counted(self, camera: _Camera, child: ManagedProcess, counted: ProgressReport) -> None:
        progress, last_frame_mono_s = counted.progress, counted.last_frame_mono_s
        camera.backup.increments.extend(counted.increments)
        camera.unsaved = camera.unsaved or bool(counted.increments)
        if progress.frames_decoded and last_frame_mono_s is not None:
            camera.alive_s = max(camera.alive_s, last_frame_mono_s)
            if camera.first_frame_s is None:
                camera.first_frame_s = last_frame_mono_s
                self._set_state(camera, "online", "ok", "")
                self._tell_reset(camera)
        if camera.first_frame_s is not None:
            self._report_health(camera, progress)
        if camera.picture_owed and progress.observed_s > 0:
            camera.picture_owed = False
            child.send(TakeSnapshot())
        self._emit(progress)

    def _tell_reset(self, camera: _Camera) -> None:
        if camera.reset is not None and camera.child is not None and camera.state == "online":
            camera.child.send(camera.reset)

    def _tell_plans(self, camera: _Camera, packed: bytes) -> None:
        camera.plans_told = True
        self._on_plan_heats(camera.spec.camera, packed)

    def _save(self, camera: _Camera) -> None:
        if camera.unsaved:
            camera.unsaved = False
            self._on_saved(camera.spec.camera, camera.backup)

    def _start(self, camera: _Camera) -> None:
        self._stop_probe(camera)
        camera.failure = None
        camera.first_frame_s = None
        camera.health = None
        camera.alive_s = self._clock.monotonic()
        camera.next_save_s = camera.alive_s + self._save_every_s
        spec = replace(camera.spec, backup=camera.backup.copy(), shift_s=camera.shift_s)
        name = camera.spec.camera

        def on_message(child: ManagedProcess, message: Message | None) -> None:
            self._inbox.put(_FromChild(name, child, message))

        try:
            camera.child = ManagedProcess(self._context, name, watch_camera, spec, on_message)
        except OSError as error:  # out of memory or processes: the other cameras go on, this one is tried again
            self._mark_offline(camera, "crashed", f"no process could be started for the camera: {error}")

    def _kill_stalled(self, camera: _Camera) -> None:
        assert camera.child is not None
        camera.child.end()
        self._mark_offline(camera, "stalled", f"no frame for {self._stall_s(camera):.0f} s")

    def _stall_s(self, camera: _Camera) -> float:
        """Return how long the present worker may be without a frame."""
        limits = self._limits
        running = camera.first_frame_s is not None
        return limits.stall_timeout_s if running else max(limits.stall_timeout_s, limits.first_frame_timeout_s)

    def _mark_offline(self, camera: _Camera, code: str, reason: str) -> None:
        now_s = self._clock.monotonic()
        camera.child = None
        frames_for_s = now_s - camera.first_frame_s if camera.first_frame_s is not None else 0.0
        wait_s = camera.backoff.wait_s(frames_for_s)
        camera.restart_at_s = now_s + wait_s
        self._set_state(camera, "offline", code, reason)
        address = host_and_port(camera.spec.url)
        if address is not None:
            name = camera.spec.camera
            camera.probe = PortProbe(address, lambda probe: self._inbox.put(_PortOpened(name, probe)))

    def _stop_probe(self, camera: _Camera) -> None:
        if camera.probe is not None:
            camera.probe.stop()
            camera.probe = None

    def _set_state(self, camera: _Camera, state: CameraState, code: str, reason: str) -> None:
        name = camera.spec.camera
        if state == "online":
            _log.info("%s: online", name)
        elif state != camera.state or code == "crashed":
            _log.warning("%s: offline: %s; trying again for ever", name, reason)
        camera.state = state
        self._emit(CameraStatus(name, state, reason, code, self._clock.wall()))

    def _report_health(self, camera: _Camera, progress: Progress) -> None:
        """Tell the verdict on the camera's picture if it is another than before."""
        if progress.health is None or progress.health == camera.health:
            return
        if progress.health != "ok":
            _log.warning("%s: %s", camera.spec.camera, progress.health_reason)
        elif camera.health is not None:
            _log.info("%s: the picture is in order again", camera.spec.camera)
        camera.health = progress.health
        self._emit(CameraHealth(camera.spec.camera, progress.health, progress.health_reason, progress.wall_s))

    def _shut_down(self) -> None:
        deadline_s = self._clock.monotonic() + STOP_TIMEOUT_S
        for camera in self._cameras.values():
            self._stop_probe(camera)
            if camera.child is not None:
                camera.child.send(Stop())
        while any(camera.child for camera in self._cameras.values()):
            left_s = deadline_s - self._clock.monotonic()
            if left_s <= 0:
                break
            try:
                item = self._inbox.get(timeout=left_s)
            except queue.Empty:
                break
            match item:
                case _FromChild():
                    self._take_farewell(item)
                case _ForChild(_, Reset() as reset):
                    self._cameras[item.camera].reset = reset
        for camera in self._cameras.values():
            if camera.child is not None:
                camera.child.end()
                camera.child = None
                _log.warning("%s: did not stop in time and was killed; its heat is kept", camera.spec.camera)
            if camera.reset is not None:
                _log.warning("%s: was asked to %s and did not come to it: ask again", camera.spec.camera, camera.reset)
            self._save(camera)
            self._emit(
                CameraStatus(camera.spec.camera, "offline", "edgeheat was stopped", "stopped", self._clock.wall())
            )

    def _take_farewell(self, item: _FromChild) -> None:
        camera = self._cameras[item.camera]
        if item.child is not camera.child:
            return
        if item.message is not None:
            self._on_message(camera, item.child, item.message)
            return
        item.child.end()
        camera.child = None
