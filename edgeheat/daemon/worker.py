"""One camera's process: a thread that decodes and counts, and a main thread that answers the parent."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from edgeheat.core.floorplan.camera_heats import CameraHeats
from edgeheat.core.heat.increment import Increment
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.daemon.clock import SystemClock
from edgeheat.daemon.logs import set_up_logging
from edgeheat.daemon.memory import give_back
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
from edgeheat.defs.clock import Clock
from edgeheat.defs.events import Progress
from edgeheat.errors import EdgeheatError, SourceEnded
from edgeheat.redact import redact
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions
from edgeheat.store.camera_state import CameraBackup

_log = logging.getLogger(__name__)

_TELL_EVERY_S = 1.0
_FAREWELL_S = 1.0
"""How long the source gets to close its stream before the process ends without it."""


def run_worker(connection: Connection, spec: WorkerSpec) -> None:
    """Run one camera until it fails or the parent says stop or is gone; the process ends with this call.

    Signals are the parent's business: it tells its workers itself, so that the last snapshot is not lost.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    set_up_logging("warning", spec.camera)
    with suppress(BrokenPipeError, EOFError, ConnectionResetError):  # the parent is gone: nobody left to tell
        Worker(connection, spec, SystemClock()).run()
    # The source may hang in native code for ever; nothing it holds outlives the process.
    os._exit(0)


class Worker:
    """The two threads' shared state; `_lock` guards the pipeline and the figures."""

    def __init__(self, connection: Connection, spec: WorkerSpec, clock: Clock) -> None:
        self._connection = connection
        self._spec = spec
        self._clock = clock
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._pipeline = CameraPipeline(spec.params)
        self._decoded = 0
        self._step_s: list[float] = []
        self._last_frame: tuple[float, float] | None = None
        self._scene_known = False
        self._failure: SourceFailed | None = None
        self._ended_reader, self._ended_writer = os.pipe()

    def run(self) -> None:
        """Count until the source ends or the parent says stop."""
        self._restore(self._spec.backup)
        threading.Thread(target=self._count_frames, name="source", daemon=True).start()
        next_tell_s = self._clock.monotonic() + _TELL_EVERY_S
        while self._failure is None:
            ready = wait([self._connection, self._ended_reader], max(0.0, next_tell_s - self._clock.monotonic()))
            if self._connection in ready and not self._execute(self._connection.recv()):
                return
            if self._clock.monotonic() >= next_tell_s:
                next_tell_s += _TELL_EVERY_S
                self._report()
        with self._lock:
            self._pipeline.flush()
        self._report()
        self._send(self._failure)

    # The source's thread.

    def _count_frames(self) -> None:
        spec = self._spec
        options = SourceOptions(
            clock=self._clock,
            rtsp_transport=spec.rtsp_transport,
            open_timeout_s=spec.timeout_s,
            read_timeout_s=spec.timeout_s,
            loop=spec.loop,
            fps=spec.fps,
        )
        try:
            for frame in open_source(spec.url, options).frames():
                started_s = self._clock.monotonic()
                with self._lock:
                    self._decoded += 1
                    self._last_frame = (frame.mono_s, frame.wall_s)
                    if self._pipeline.step(frame):
                        self._step_s.append(self._clock.monotonic() - started_s)
                if self._stopping.is_set():
                    break
            else:
                raise SourceEnded("the recording has ended; set loop = true to play it again and again")
        except SourceEnded as error:
            self._failure = SourceFailed("ended", str(error))
        except EdgeheatError as error:
            self._failure = SourceFailed("unavailable", str(error))
        except Exception as error:  # noqa: BLE001 the thread's edge: whatever happened must reach the page and the log
            _log.exception("the source failed in a way edgeheat does not know")
            self._failure = SourceFailed("unavailable", redact(f"unexpected {type(error).__name__}: {error}"))
        finally:
            os.close(self._ended_writer)

    # The parent's side.

    def _execute(self, command: Command) -> bool:
        """Do what the parent says; False when the worker is to end."""
        match command:
            case TakeSnapshot():
                self._take_snapshot()
            case Save():
                self._save()
            case Reset():
                self._reset(command)
            case Stop():
                self._shut_down()
                return False
        return True

    def _shut_down(self) -> None:
        self._stopping.set()
        wait([self._ended_reader], _FAREWELL_S)
        with self._lock:
            self._pipeline.flush()
        self._report()
        self._save()
        self._take_snapshot()

    def _take_snapshot(self) -> None:
        with self._lock:
            mono_s, wall_s = self._clock.monotonic(), self._clock.wall()
            snapshot = self._pipeline.snapshot(mono_s, wall_s)
            plan_heats = self._plan_heats(mono_s, wall_s)
        if snapshot is not None:
            self._send(SnapshotTaken(snapshot, plan_heats.pack() if plan_heats.grids else b""))
        give_back()

    def _plan_heats(self, mono_s: float, wall_s: float) -> CameraHeats:
        """Return what the plans want, at an instant."""
        grids = {name: self._pipeline.heat(name, mono_s, wall_s) for name in self._spec.plan_heats}
        known = {name: grid for name, grid in grids.items() if grid is not None}
        return CameraHeats(known, mono_s, wall_s, self._pipeline.epoch)

    def _save(self) -> None:
        with self._lock:
            saved = self._pipeline.save()
            if saved is not None:
                # It holds them: sent after it, they would be counted twice.
                self._pipeline.take_increments()
        if saved is not None:
            self._send(StateSaved(saved))
        give_back()

    def _reset(self, reset: Reset) -> None:
        with self._lock:
            self._pipeline.reset(flicker=reset.flicker, moved=reset.moved, heat=reset.heat)
        # At once: the parent's backup would bring back what was forgotten.
        self._save()
        self._send(ResetDone(reset))

    def _report(self) -> None:
        with self._lock:
            activity = self._pipeline.take_activity()
            increments = tuple(increment.pack() for increment in self._pipeline.take_increments())
            decoded, self._decoded = self._decoded, 0
            step_s, self._step_s = tuple(self._step_s), []
            skipped, self._pipeline.frames_skipped = self._pipeline.frames_skipped, 0
            last_mono_s, last_wall_s = self._last_frame or (None, 0.0)
            scene_known = self._pipeline.scene_known
            left_out = self._pipeline.take_left_out()
            ended_epochs = self._pipeline.take_ended_epochs()
        progress = Progress(
            camera=self._spec.camera,
            wall_s=self._clock.wall(),
            last_frame_wall_s=last_wall_s,
            frames_decoded=decoded,
            frames_analysed=decoded - skipped,
            frames_skipped=skipped,
            observed_s=activity.observed_s,
            motion_s=activity.motion_s,
            cell_seconds=activity.cell_seconds,
            dwell_cell_s=activity.dwell_cell_s,
            active_s=activity.active_s,
            entries=activity.entries,
            motion_ratio=activity.motion_ratio,
            step_s=step_s,
            rejected_s=left_out.rejected_s,
            rejected_cell_s=left_out.rejected_cell_s,
            masked_ratio=left_out.masked_ratio,
            health=left_out.health.verdict if left_out.health is not None else None,
            health_reason=left_out.health.reason if left_out.health is not None else "",
        )
        for snapshot in ended_epochs:
            self._send(SnapshotTaken(snapshot))
        self._send(ProgressReport(progress, increments, last_mono_s))
        if scene_known and not self._scene_known:
            # From here on a restart can go on at once, without learning the empty scene again.
            self._scene_known = True
            self._save()

    def _send(self, message: Message) -> None:
        self._connection.send(message)

    def _restore(self, backup: CameraBackup) -> None:
        """Take up the heats of earlier runs, and tell the parent at once what they are from now on."""
        if backup == CameraBackup():
            return
        try:
            increments = [Increment.unpack(packed) for packed in backup.increments]
            empty = self._pipeline.restore(backup.saved, increments, self._spec.shift_s)
        except ValueError as error:
            _log.warning("the heats of earlier runs cannot be used and start empty: %s", error)
            self._send(StateSaved(None))
            return
        finally:
            backup.clear()
        if empty:
            _log.warning("heats that are new or were changed start empty: %s", ", ".join(empty))
        self._save()
        if self._spec.plan_heats:
            self._send(HeatsRestored(self._plan_heats(self._clock.monotonic(), self._clock.wall()).pack()))
