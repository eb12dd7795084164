"""Has the floor plans drawn, by a process of its own, whenever their cameras have sent their heats."""

from __future__ import annotations

import logging
import multiprocessing
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from edgeheat.daemon.messages import Message, PlanDrawn, PlanJob, PlanSpec
from edgeheat.daemon.process import ManagedProcess, draw_plans
from edgeheat.daemon.restart import Backoff, RestartLimits
from edgeheat.defs.clock import Clock
from edgeheat.defs.events import CameraState, CameraStatus, Event
from edgeheat.redact import redact

_log = logging.getLogger(__name__)

_WAIT_S = 8.0
"""How long a plan waits for the rest of its cameras: they are asked within 5 s, and each draws its own pictures first.
"""

_PATIENCE_S = 30.0
"""A process that has not drawn its next plan after so long is killed."""

_KILL_S = 1.5
"""For killing and collecting a process at the end."""


@dataclass(slots=True)
class _Plan:
    spec: PlanSpec
    fresh: set[str] = field(default_factory=set)
    """Cameras that have sent heats since the plan was last drawn."""

    due_s: float | None = None
    told: tuple[CameraState, str] | None = None
    """State and reason, as they were told last."""


@dataclass(frozen=True, slots=True)
class _Heats:
    camera: str
    packed: bytes


@dataclass(frozen=True, slots=True)
class _Heard:
    child: ManagedProcess
    message: Message | None


class PlanRenderer:
    """Keeps the last heats of each camera, as bytes, and starts a process for each round of pictures.

    `emit` gets the plans' snapshots and states, under the plan's name, from this object's thread. A process that dies
    or hangs takes a round of pictures with it, which is drawn again after the pauses of `limits`.
    """

    def __init__(
        self,
        plans: Sequence[PlanSpec],
        *,
        limits: RestartLimits,
        clock: Clock,
        emit: Callable[[Event], None],
        random: Random,
        wait_s: float = _WAIT_S,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._plans = {spec.params.name: _Plan(spec) for spec in plans}
        self._limits = limits
        self._clock = clock
        self._emit = emit
        self._random = random
        self._wait_s = wait_s
        self._patience_s = patience_s
        self._heats: dict[str, bytes] = {}
        self._inbox: queue.SimpleQueue[_Heats | _Heard | None] = queue.SimpleQueue()
        self._child: ManagedProcess | None = None
        self._drawing: list[_Plan] = []
        """What the child has yet to draw, in its order."""

        self._give_up_s = 0.0
        self._not_before_s = 0.0
        self._backoff = Backoff(limits, random)
        self._closing = False
        self._ends_s = 0.0
        self._context = multiprocessing.get_context("forkserver")
        self._thread = threading.Thread(target=self._run, name="plans", daemon=True)

    # For other threads.

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def take(self, camera: str, packed: bytes) -> None:
        """Take the latest heats of a camera; never waits."""
        self._inbox.put(_Heats(camera, packed))

    def close(self, timeout_s: float) -> None:
        """Draw once more what is newer than the last pictures, and give up after `timeout_s`; no process is left."""
        self._ends_s = self._clock.monotonic() + timeout_s
        self._inbox.put(None)  # behind the heats of the cameras' last snapshots
        self._thread.join(timeout_s + _KILL_S)

    @property
    def pid(self) -> int | None:
        """The process that is drawing, for tests; None where none is."""
        child = self._child
        return child.pid if child is not None else None

    # The keeper's own thread.

    def _run(self) -> None:
        try:
            for plan in self._plans.values():
                self._report(plan, "starting", "starting", "")
            while not self._closing:
                self._turn()
            self._draw_last()
        except Exception:  # noqa: BLE001 the thread's edge: cameras count on without plans
            _log.exception("the floor plans failed; the cameras go on")
        finally:
            if self._child is not None:
                self._child.end()
            for plan in self._plans.values():
                self._report(plan, "offline", "stopped", "edgeheat was stopped")

    def _turn(self) -> None:
        due_s = [plan.due_s for plan in self._plans.values() if plan.due_s is not None]
        wake_s = self._give_up_s if self._child else max(min(due_s), self._not_before_s) if due_s else None
        self._take(wake_s)
        now_s = self._clock.monotonic()
        if self._child is not None:
            if now_s >= self._give_up_s:
                self._fail("stalled", f"not drawn within {self._patience_s:.0f} s; trying again")
        elif now_s >= self._not_before_s:
            self._draw([plan for plan in self._plans.values() if plan.due_s is not None and plan.due_s <= now_s])

    def _take(self, until_s: float | None) -> None:
        """Wait for one item, until an instant, and take it."""
        try:
            timeout_s = None if until_s is None else max(0.0, until_s - self._clock.monotonic())
            item = self._inbox.get(timeout=timeout_s)
        except queue.Empty:
            return
        match item:
            case _Heats(camera, packed):
                self._note(camera, packed)
            case _Heard(child, message):
                if child is self._child:
                    self._on_message(child, message)
            case None:
                self._closing = True

    def _note(self, camera: str, packed: bytes) -> None:
        self._heats[camera] = packed
        now_s = self._clock.monotonic()
        for plan in self._plans.values():
            if camera in plan.spec.cameras:
                plan.fresh.add(camera)
                if plan.fresh.issuperset(plan.spec.cameras):
                    plan.due_s = now_s
                elif plan.due_s is None:
                    plan.due_s = now_s + self._wait_s

    def _draw(self, plans: list[_Plan]) -> None:
        if not plans:
            return
        for plan in plans:
            plan.due_s = None
            plan.fresh.clear()
        wanted = {camera for plan in plans for camera in plan.spec.cameras}
        heats = {camera: packed for camera, packed in self._heats.items() if camera in wanted}
        self._drawing = plans
        self._give_up_s = self._clock.monotonic() + self._patience_s
        job = PlanJob(tuple(plan.spec for plan in plans), heats)
        try:
            self._child = ManagedProcess(self._context, "plans", draw_plans, job, self._put_heard)
        except OSError as error:  # out of memory or processes: the cameras go on, the plans are tried again
            self._fail("crashed", f"no process could be started: {error}")

    def _put_heard(self, child: ManagedProcess, message: Message | None) -> None:
        self._inbox.put(_Heard(child, message))

    def _on_message(self, child: ManagedProcess, message: Message | None) -> None:
        if isinstance(message, PlanDrawn):
            plan = self._drawing.pop(0)
            self._give_up_s = self._clock.monotonic() + self._patience_s
            if message.snapshot is None:
                self._report(plan, "offline", "unavailable", message.trouble)
            else:
                self._report(plan, "online", "ok", message.trouble)
                self._emit(message.snapshot)
        elif message is None and self._drawing:
            child.end()
            self._fail("crashed", f"the process that draws it died ({child.exit_words()}); trying again")
        elif message is None:
            child.end()
            self._child = None
            self._backoff = Backoff(self._limits, self._random)

    def _fail(self, code: str, reason: str) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None
        self._not_before_s = self._clock.monotonic() + self._backoff.wait_s(0.0)
        failed, self._drawing = self._drawing, []
        for plan in failed:
            plan.due_s = self._not_before_s
            self._report(plan, "offline", code, reason)

    def _report(self, plan: _Plan, state: CameraState, code: str, reason: str) -> None:
        """Emit and log a plan's state if it is another than before."""
        if plan.told == (state, reason):
            return
        name, before = plan.spec.params.name, plan.told
        plan.told = (state, reason)
        if reason and code != "stopped":
            _log.warning("%s: %s", name, reason)
        elif state == "online" and before is not None and before[0] == "offline":
            _log.info("%s: drawn again", name)
        self._emit(CameraStatus(name, state, redact(reason), code, self._clock.wall()))

    def _draw_last(self) -> None:
        while (now_s := self._clock.monotonic()) < self._ends_s:
            if self._child is None:
                due = [plan for plan in self._plans.values() if plan.due_s is not None]
                if not due:
                    return
                if now_s >= self._not_before_s:
                    self._draw(due)
            self._take(self._ends_s if self._child is not None else min(self._ends_s, self._not_before_s))
        _log.warning("the last pictures of the floor plans were not drawn in time")
