"""Keeps one worker process per camera running: starts it, kills it when it stalls, and restarts it after a delay."""

from __future__ import annotations

import logging
import math
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from edgeheat.daemon.alive_check import AliveCheck
from edgeheat.daemon.camera_listener import CameraListener
from edgeheat.daemon.child_main import watch_camera
from edgeheat.daemon.managed_process import ManagedProcess, Received
from edgeheat.daemon.messages import Heartbeat, Message, ProgressReport, SourceFailed, WorkerSpec
from edgeheat.daemon.port_probe import PortProbe, host_and_port
from edgeheat.daemon.restart import RestartLimits
from edgeheat.defs.clock import Clock
from edgeheat.defs.commands import Command, Stop
from edgeheat.defs.events import CameraState

_log = logging.getLogger(__name__)

_INBOX_SIZE = 1024
"""Queue size for the messages of all cameras; when it is full, the threads that read the pipes block."""

_CYCLE_S = 0.25
"""How often stalls and due restarts are checked."""

_LATE_S = 2.0
"""A cycle this late means that this process itself was suspended or starved, and not that the cameras stalled."""

_OVERLOAD_REMEDY = "the machine may be overloaded or short of memory: see `top` and `dmesg`"


@dataclass(frozen=True, slots=True)
class _PortOpened:
    camera: _Camera
    probe: PortProbe


@dataclass(frozen=True, slots=True)
class _AliveChanged:
    camera: _Camera
    check: AliveCheck
    problem: str
    """Why the camera does not answer, in one sentence; empty if it does again."""


class _Camera:
    """One camera: its process, its state and what is known about its failure."""

    def __init__(self, name: str, process: ManagedProcess[WorkerSpec]) -> None:
        self.name = name
        self.process = process
        self.state: CameraState = "starting"
        self.first_frame_s: float | None = None
        """When the running process decoded its first frame, on the monotonic clock."""

        self.waiting_s = 0.0
        """For how long the running process has been waiting for a frame, by its last heartbeat."""

        self.busy_s = 0.0
        """For how long it has been working on one frame or command, by its last heartbeat."""

        self.reported_s = 0.0
        """When its last report arrived, on the monotonic clock."""

        self.uncounted_s = 0.0
        """Seconds of frames that it had not counted when it made its last report."""

        self.has_all_heat = False
        """Whether its last report was the last one: it will count nothing more."""

        self.failure: tuple[str, str] | None = None
        """Reason code and reason that the process gave before it ended."""

        self.address: tuple[str, int] | None = None
        """Host and port of a network camera; None for other sources."""

        self.probe: PortProbe | None = None

        self.is_paused = False
        """Whether it has no process, or one that is stopping, because the shop is closed."""

        self.stops_by_s = 0.0
        """When a process that is stopping because the shop is closed is killed, on the monotonic clock."""

        self.check: AliveCheck | None = None
        """Checks a paused camera without a process."""


class Supervisor:
    """Runs the cameras' processes in the thread that calls `run`, and reports every change to its listeners, in order.

    `spec_of` returns what the next process of a camera is started with; it is called at each start. While
    `cameras_needed` returns False, because the shop is closed, no camera has a process, and it is only checked that
    each is there.
    """

    def __init__(
        self,
        cameras: Sequence[str],
        spec_of: Callable[[str], WorkerSpec],
        *,
        limits: RestartLimits,
        clock: Clock,
        random: Random,
        cameras_needed: Callable[[], bool] = lambda: True,
    ) -> None:
        self._spec_of = spec_of
        self._cameras_needed = cameras_needed
        self._limits = limits
        self._clock = clock
        self._listeners: list[CameraListener] = []
        self._inbox: queue.Queue[Received | _PortOpened | _AliveChanged] = queue.Queue(_INBOX_SIZE)
        self._stop = threading.Event()
        self.last_cycle_s = clock.monotonic()
        """When stalls and restarts were last checked, on the monotonic clock; for the watchdog."""

        self._resumed_s = -math.inf
        """When this process last continued after it was suspended or starved: no camera stalled before that."""

        self._cameras = {
            name: _Camera(
                name,
                ManagedProcess(
                    name, watch_camera, limits=limits, clock=clock, random=random, on_received=self._inbox.put
                ),
            )
            for name in cameras
        }

    def subscribe(self, *listeners: CameraListener) -> None:
        """Add listeners, to be called in the order in which they were added; call it before `run`."""
        self._listeners.extend(listeners)

    # For any thread.

    def send(self, camera: str, command: Command) -> None:
        """Send a command to a camera's process; does nothing if it has none. Never blocks."""
        self._cameras[camera].process.send(command)

    def camera_state(self, camera: str) -> CameraState | None:
        """Return the state of one camera; None if there is no camera of that name."""
        supervised = self._cameras.get(camera)
        return supervised.state if supervised is not None else None

    def worker_pids(self) -> dict[str, int]:
        """Return the process id of each camera that has a running process; for tests."""
        pids = {name: camera.process.pid for name, camera in self._cameras.items()}
        return {name: pid for name, pid in pids.items() if pid is not None}

    def stop(self) -> None:
        """Make `run` stop all cameras and return."""
        self._stop.set()

    # The supervisor's own thread.

    def run(self) -> None:
        """Run all cameras until `stop`; when it returns or raises, no worker process is left."""
        try:
            needed = self._cameras_needed()
            for camera in self._cameras.values():
                if not self._stop.is_set():
                    self._start(camera) if needed else self._pause(camera)
            while not self._stop.is_set():
                self._run_cycle()
            self._shut_down()
        finally:
            # Workers ignore SIGTERM: one left running would keep this process from exiting.
            for camera in self._cameras.values():
                camera.process.end()

    def _run_cycle(self) -> None:
        try:
            self._handle(self._inbox.get(timeout=_CYCLE_S))
            while True:
                self._handle(self._inbox.get_nowait())
        except queue.Empty:
            pass
        now_s = self._clock.monotonic()
        if now_s - self.last_cycle_s > _LATE_S:
            self._resumed_s = now_s
            for camera in self._cameras.values():
                camera.process.note_alive(now_s)
                camera.waiting_s = camera.busy_s = 0.0
        self.last_cycle_s = now_s
        needed = self._cameras_needed()
        for camera in self._cameras.values():
            if camera.is_paused or not needed:
                self._keep_paused(camera, now_s, needed)
            elif camera.process.is_running:
                failure = self._failure_of(camera, now_s)
                if failure is not None:
                    self._mark_offline(camera, *failure)
            elif now_s >= camera.process.start_at_s:
                self._start(camera)
        for listener in self._listeners:
            listener.on_cycle()

    def _keep_paused(self, camera: _Camera, now_s: float, needed: bool) -> None:
        if not camera.is_paused:
            self._pause(camera)
        elif camera.process.is_running:
            if now_s > camera.stops_by_s:
                self._end_stopping(camera, self._limits.busy_timeout_s)
                self._mark_closed(camera)
        elif needed:
            self._start(camera)

    def _failure_of(self, camera: _Camera, now_s: float) -> tuple[str, str] | None:
        """Return reason code and reason if a running process has to be killed: its camera is silent, or it is."""
        limits = self._limits
        if now_s > camera.process.deadline_s:
            silent_s = camera.process.timeout_s
            return "unresponsive", f"the camera's process gave no sign of life for {silent_s:.0f} s; {_OVERLOAD_REMEDY}"
        frame_timeout_s = limits.stall_timeout_s
        if camera.first_frame_s is None:
            frame_timeout_s = max(frame_timeout_s, limits.first_frame_timeout_s)
        if camera.waiting_s > frame_timeout_s:
            return "stalled", f"no frame for {frame_timeout_s:.0f} s"
        if camera.busy_s > limits.busy_timeout_s:
            busy_s = limits.busy_timeout_s
            return "unresponsive", f"its process worked on one frame or picture for {busy_s:.0f} s; {_OVERLOAD_REMEDY}"
        return None

    def _handle(self, item: Received | _PortOpened | _AliveChanged) -> None:
        match item:
            case Received(process, _, message) if item.is_current:
                self._on_message(self._cameras[process.name], message)
            case _PortOpened(camera, probe) if probe is camera.probe and not camera.process.is_running:
                self._start(camera)
            case _AliveChanged(camera, check, problem) if check is camera.check:
                if problem:
                    self._report_offline(camera, "unavailable", problem)
                else:
                    self._report_closed(camera)

    def _on_message(self, camera: _Camera, message: Message | None) -> None:
        if message is None:
            exit_text = camera.process.end()
            if camera.is_paused:
                self._mark_closed(camera)
                return
            died = f"died ({exit_text})" if exit_text else "died"
            crashed = ("crashed", f"the camera's process {died}; its heat is kept")
            self._mark_offline(camera, *(camera.failure or crashed))
            return
        now_s = self._clock.monotonic()
        camera.process.note_alive(now_s, self._limits.silent_timeout_s)
        match message:
            case Heartbeat(waiting_s, busy_s):
                passed_s = now_s - self._resumed_s
                camera.waiting_s, camera.busy_s = min(waiting_s, passed_s), min(busy_s, passed_s)
                return
            case ProgressReport(progress, _, last_frame_s):
                camera.reported_s, camera.uncounted_s = now_s, message.uncounted_s
                camera.has_all_heat = message.is_last
                if progress.frames_decoded and last_frame_s is not None and camera.first_frame_s is None:
                    self._mark_online(camera, last_frame_s)
            case SourceFailed(code, reason):
                camera.failure = (code, reason)
        for listener in self._listeners:
            listener.on_message(camera.name, message)

    def _mark_online(self, camera: _Camera, first_frame_s: float) -> None:
        camera.first_frame_s = first_frame_s
        camera.state = "online"
        _log.info("%s: online", camera.name)
        for listener in self._listeners:
            listener.on_online(camera.name)

    def _start(self, camera: _Camera) -> None:
        self._stop_probes(camera)
        camera.is_paused = False
        camera.failure = None
        camera.first_frame_s = None
        camera.waiting_s = camera.busy_s = camera.uncounted_s = 0.0
        camera.has_all_heat = False
        for listener in self._listeners:
            listener.on_starting(camera.name)
        spec = self._spec_of(camera.name)
        camera.address = host_and_port(spec.url)
        try:
            camera.process.start(spec, max(self._limits.silent_timeout_s, self._limits.first_frame_timeout_s))
        except OSError as error:  # out of memory or processes: the other cameras continue
            self._mark_offline(camera, "crashed", f"no process could be started for the camera: {error}")

    def _mark_offline(self, camera: _Camera, code: str, reason: str) -> None:
        first_frame_s = camera.first_frame_s
        camera.process.fail(self._clock.monotonic() - first_frame_s if first_frame_s is not None else 0.0)
        self._report_offline(camera, code, reason)
        if camera.address is not None:
            camera.probe = PortProbe(camera.address, lambda probe: self._inbox.put(_PortOpened(camera, probe)))

    def _report_offline(self, camera: _Camera, code: str, reason: str) -> None:
        if camera.state != "offline" or code == "crashed":
            follows = "checked every minute" if camera.is_paused else "retrying"
            _log.warning("%s: offline: %s; %s", camera.name, reason, follows)
        camera.state = "offline"
        for listener in self._listeners:
            listener.on_offline(camera.name, code, reason)

    def _pause(self, camera: _Camera) -> None:
        """Let a camera's process send all that it counted and a last picture, and end."""
        self._stop_probes(camera)
        camera.is_paused = True
        if camera.process.is_running:
            camera.process.send(Stop())
            camera.stops_by_s = self._clock.monotonic() + self._limits.busy_timeout_s
        else:
            self._mark_closed(camera)

    def _mark_closed(self, camera: _Camera) -> None:
        camera.process.succeed()
        self._report_closed(camera)
        url = self._spec_of(camera.name).url
        camera.check = AliveCheck(url, lambda check, problem: self._inbox.put(_AliveChanged(camera, check, problem)))

    def _report_closed(self, camera: _Camera) -> None:
        camera.state = "closed"
        _log.info("%s: not read while the shop is closed", camera.name)
        for listener in self._listeners:
            listener.on_closed(camera.name)

    def _stop_probes(self, camera: _Camera) -> None:
        if camera.probe is not None:
            camera.probe.stop()
        if camera.check is not None:
            camera.check.stop()
        camera.probe = camera.check = None

    def _shut_down(self) -> None:
        began_s = self._clock.monotonic()
        for camera in self._cameras.values():
            self._stop_probes(camera)
            camera.process.send(Stop())
        # What was counted matters more than the last picture: only a camera that still has heat to send gets longer.
        self._receive_until(began_s + self._limits.stop_timeout_s)
        for camera in self._cameras.values():
            if camera.has_all_heat:
                self._end_stopping(camera, self._limits.stop_timeout_s)
        self._receive_until(began_s + self._limits.last_heat_timeout_s)
        for camera in self._cameras.values():
            self._end_stopping(camera, self._limits.last_heat_timeout_s)
            camera.state = "offline"
            for listener in self._listeners:
                listener.on_stopped(camera.name)

    def _receive_until(self, deadline_s: float) -> None:
        """Receive what the stopping processes send, until none is left or the time is over."""
        while any(camera.process.is_running for camera in self._cameras.values()):
            try:
                item = self._inbox.get(timeout=max(0.0, deadline_s - self._clock.monotonic()))
            except queue.Empty:
                return
            if isinstance(item, Received) and item.is_current:
                if item.message is None:
                    item.process.end()
                else:
                    self._on_message(self._cameras[item.process.name], item.message)

    def _end_stopping(self, camera: _Camera, after_s: float) -> None:
        """Kill a process that has not ended by itself, and log what is lost."""
        if not camera.process.is_running:
            return
        lost = "its last picture is lost, its heat is complete"
        if camera.first_frame_s is not None and not camera.has_all_heat:
            lost_s = camera.uncounted_s + self._clock.monotonic() - camera.reported_s
            lost = (
                f"up to {lost_s:.0f} s of what it saw, the time of people who were standing still, and its last picture"
                " are lost; all heat that it counted before is kept"
            )
        camera.process.end()
        _log.warning("%s: did not stop within %g s and was killed; %s", camera.name, after_s, lost)
