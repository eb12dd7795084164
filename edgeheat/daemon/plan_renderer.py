"""Starts a child process that draws the floor plans whenever their cameras have sent new heats."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from edgeheat.daemon.child_main import draw_plans
from edgeheat.daemon.managed_process import ManagedProcess, Received
from edgeheat.daemon.messages import Message, PlanDrawn, PlanJob, PlanSpec
from edgeheat.daemon.restart import RestartLimits
from edgeheat.defs.clock import Clock
from edgeheat.defs.events import CameraState, CameraStatus, Event
from edgeheat.redact import redact

_log = logging.getLogger(__name__)

_COLLECT_S = 8.0
"""How long a plan waits for the heats of its other cameras: their snapshots start within 5 s and take a few to draw."""

_DRAW_TIMEOUT_S = 30.0
"""A process that takes longer than this for one plan is killed."""

_KILL_S = 1.5
"""How long killing and joining a process may take at shutdown."""


@dataclass(slots=True)
class _Plan:
    spec: PlanSpec
    fresh: set[str] = field(default_factory=set)
    """Cameras that have sent heats since the plan was last drawn."""

    due_s: float | None = None
    """When it is to be drawn, on the monotonic clock; None while it has no new heats."""

    reported: tuple[CameraState, str] | None = None
    """State and reason of its last event."""


@dataclass(frozen=True, slots=True)
class _Heats:
    camera: str
    packed: bytes


@dataclass(frozen=True, slots=True)
class _Close:
    pass


class PlanRenderer:
    """Keeps the last heats of each camera, as bytes, and starts one process for each round of pictures.

    `publish` gets the plans' snapshots and states, under the plan's name, from this object's thread. If a process
    crashes or hangs, its plans are drawn again by another one after the delays of `limits`.
    """

    def __init__(
        self,
        plans: Sequence[PlanSpec],
        *,
        limits: RestartLimits,
        clock: Clock,
        publish: Callable[[Event], None],
        random: Random,
        collect_s: float = _COLLECT_S,
        draw_timeout_s: float = _DRAW_TIMEOUT_S,
    ) -> None:
        """A plan waits `collect_s` for the rest of its cameras; a process gets `draw_timeout_s` for each plan."""
        self._plans = {spec.params.name: _Plan(spec) for spec in plans}
        self._clock = clock
        self._publish = publish
        self._collect_s = collect_s
        self._draw_timeout_s = draw_timeout_s
        self._heats: dict[str, bytes] = {}
        self._inbox: queue.SimpleQueue[_Heats | Received | _Close] = queue.SimpleQueue()
        self._process = ManagedProcess(
            "plans", draw_plans, limits=limits, clock=clock, random=random, on_received=self._inbox.put
        )
        self._drawing: list[_Plan] = []
        """The plans that the process has yet to draw, in its order."""

        self._closing = False
        self._ends_s = 0.0
        self._thread = threading.Thread(target=self._run, name="plans", daemon=True)

    # For other threads.

    def start(self) -> None:
        """Start the renderer's thread."""
        self._thread.start()

    def add_heats(self, camera: str, packed: bytes) -> None:
        """Take the latest heats of a camera, packed by `CameraHeats.pack`; never waits."""
        self._inbox.put(_Heats(camera, packed))

    def close(self, timeout_s: float) -> None:
        """Draw the plans that have new heats, but give up after `timeout_s`; no process is left running."""
        self._ends_s = self._clock.monotonic() + timeout_s
        self._inbox.put(_Close())  # after the heats of the cameras' last snapshots
        self._thread.join(timeout_s + _KILL_S)

    @property
    def pid(self) -> int | None:
        """The id of the process that is drawing; None if there is none. For tests."""
        return self._process.pid

    # The renderer's own thread.

    def _run(self) -> None:
        try:
            for plan in self._plans.values():
                self._report(plan, "starting", "starting", "")
            while not self._closing:
                self._run_cycle()
            self._draw_remaining()
        except Exception:  # noqa: BLE001 the thread's edge: cameras continue without plans
            _log.exception("the floor plans failed and are no longer drawn; the cameras continue")
        finally:
            self._process.end()
            for plan in self._plans.values():
                self._report(plan, "offline", "stopped", "edgeheat was stopped")

    def _run_cycle(self) -> None:
        due_s = [plan.due_s for plan in self._plans.values() if plan.due_s is not None]
        if self._process.is_running:
            self._handle_next(self._process.deadline_s)
        else:
            self._handle_next(max(min(due_s), self._process.start_at_s) if due_s else None)
        now_s = self._clock.monotonic()
        if self._process.is_running:
            if now_s >= self._process.deadline_s:
                self._fail("stalled", f"not drawn within {self._draw_timeout_s:.0f} s; retrying")
        elif now_s >= self._process.start_at_s:
            self._draw([plan for plan in self._plans.values() if plan.due_s is not None and plan.due_s <= now_s])

    def _handle_next(self, until_s: float | None) -> None:
        """Wait for one item until an instant, or indefinitely, and handle it."""
        try:
            timeout_s = None if until_s is None else max(0.0, until_s - self._clock.monotonic())
            item = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            return
        match item:
            case _Heats(camera, packed):
                self._note_heats(camera, packed)
            case Received(_, _, message) if item.is_current:
                self._on_message(message)
            case _Close():
                self._closing = True

    def _note_heats(self, camera: str, packed: bytes) -> None:
        self._heats[camera] = packed
        now_s = self._clock.monotonic()
        for plan in self._plans.values():
            if camera in plan.spec.cameras:
                plan.fresh.add(camera)
                if plan.fresh.issuperset(plan.spec.cameras):
                    plan.due_s = now_s
                elif plan.due_s is None:
                    plan.due_s = now_s + self._collect_s

    def _draw(self, plans: list[_Plan]) -> None:
        if not plans:
            return
        for plan in plans:
            plan.due_s = None
            plan.fresh.clear()
        cameras = {camera for plan in plans for camera in plan.spec.cameras}
        heats = {camera: packed for camera, packed in self._heats.items() if camera in cameras}
        self._drawing = plans
        try:
            self._process.start(PlanJob(tuple(plan.spec for plan in plans), heats), self._draw_timeout_s)
        except OSError as error:  # out of memory or processes
            self._fail("crashed", f"no process could be started: {error}; retrying")

    def _on_message(self, message: Message | None) -> None:
        if isinstance(message, PlanDrawn):
            plan = self._drawing.pop(0)
            self._process.note_alive(self._clock.monotonic())
            if message.snapshot is None:
                self._report(plan, "offline", "unavailable", message.problem)
            else:
                self._report(plan, "online", "ok", message.problem)
                self._publish(message.snapshot)
        elif message is None and self._drawing:
            exit_text = self._process.end()
            died = f"died ({exit_text})" if exit_text else "died"
            self._fail("crashed", f"the process that draws it {died}; retrying")
        elif message is None:
            self._process.succeed()

    def _fail(self, code: str, reason: str) -> None:
        self._process.fail()
        failed, self._drawing = self._drawing, []
        for plan in failed:
            plan.due_s = self._process.start_at_s
            self._report(plan, "offline", code, reason)

    def _report(self, plan: _Plan, state: CameraState, code: str, reason: str) -> None:
        """Publish and log a plan's state if it differs from the last one."""
        if plan.reported == (state, reason):
            return
        name, before = plan.spec.params.name, plan.reported
        plan.reported = (state, reason)
        if reason and code != "stopped":
            _log.warning("%s: %s", name, reason)
        elif state == "online" and before is not None and before[0] == "offline":
            _log.info("%s: drawn again", name)
        self._publish(CameraStatus(name, state, redact(reason), code, self._clock.wall()))

    def _draw_remaining(self) -> None:
        while (now_s := self._clock.monotonic()) < self._ends_s:
            if not self._process.is_running:
                due = [plan for plan in self._plans.values() if plan.due_s is not None]
                if not due:
                    return
                if now_s >= self._process.start_at_s:
                    self._draw(due)
            self._handle_next(self._ends_s if self._process.is_running else min(self._ends_s, self._process.start_at_s))
        _log.warning("the last pictures of the floor plans were not drawn before shutdown")
