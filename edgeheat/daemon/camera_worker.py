"""A camera's process: one thread decodes and counts, the main thread answers the parent, one sends signs of life."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from typing import Literal

from edgeheat.core.floorplan.camera_heats import CameraHeats
from edgeheat.core.heat.increment import Increment
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.core.pipeline_report import PipelineReport
from edgeheat.core.pipeline_state import StoredTiles
from edgeheat.core.render.encode import encode_backdrop
from edgeheat.daemon.analysis_rate import AnalysisRate
from edgeheat.daemon.backdrop_schedule import BackdropSchedule
from edgeheat.daemon.clock_sync import ClockSync
from edgeheat.daemon.logs import set_up_logging
from edgeheat.daemon.malloc import release_free_memory
from edgeheat.daemon.messages import (
    BackdropTaken,
    Heartbeat,
    HeatsRestored,
    Message,
    ProgressReport,
    ResetDone,
    SnapshotTaken,
    SourceFailed,
    StateSaved,
    WorkerSpec,
)
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.defs.clock import Clock
from edgeheat.defs.commands import Command, Reset, SaveState, Stop, TakeSnapshot
from edgeheat.defs.events import Progress
from edgeheat.defs.history import EpochBackdrop
from edgeheat.errors import EdgeheatError, SourceEnded
from edgeheat.redact import redact
from edgeheat.sources import open_source
from edgeheat.sources.base import SourceOptions, StreamStatistics
from edgeheat.store.camera_backup import CameraBackup

_log = logging.getLogger(__name__)

_REPORT_EVERY_S = 1.0
"""Interval of the progress reports."""

_HEARTBEAT_EVERY_S = 1.0
"""Interval of the signs of life."""

_CLOSE_SOURCE_S = 1.0
"""How long the source gets to close its stream before the process ends without it."""


_PARENT_ENDED = (BrokenPipeError, EOFError, ConnectionResetError)


def run_camera_worker(connection: Connection, spec: WorkerSpec) -> None:
    """Run one camera until it fails, the parent stops it, or the parent has ended; the process ends with this call.

    Signals are left to the parent: it stops its workers itself, so that the last snapshot is not lost.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    set_up_logging("warning", spec.camera)
    clock = SystemClock()
    worker = CameraWorker(connection, spec, clock)
    threading.Thread(target=_send_heartbeats, args=(worker, clock), name="heartbeat", daemon=True).start()
    with suppress(*_PARENT_ENDED):
        worker.run()
    # The source may hang in native code indefinitely; nothing it holds outlives the process.
    os._exit(0)


def _send_heartbeats(worker: CameraWorker, clock: Clock) -> None:
    with suppress(*_PARENT_ENDED):
        while True:
            worker.send_heartbeat()
            clock.sleep(_HEARTBEAT_EVERY_S)


class CameraWorker:
    """One run of one camera; `_lock` guards the pipeline and the counters, which both threads use."""

    def __init__(self, connection: Connection, spec: WorkerSpec, clock: Clock) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._spec = spec
        self._clock = clock
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._pipeline = CameraPipeline(spec.params)
        self._pipeline.wall_clock.wrong_offset_s = spec.wrong_clock_offset_s
        self._clock_sync = ClockSync(clock, self._pipeline.wall_clock)
        self._backdrops = BackdropSchedule()
        self._stream = StreamStatistics()
        self._reported_stream = StreamStatistics()
        self._rate = AnalysisRate(spec.params.motion.analysis_fps, spec.params.motion.max_gap_s)
        self._frames_decoded = 0
        self._step_s: list[float] = []
        self._last_frame: tuple[float, float] | None = None
        self._background_saved = False
        self._failure: SourceFailed | None = None
        self._source_activity: tuple[Literal["waiting", "evaluating"], float] = "waiting", clock.monotonic()
        """What the source's thread is doing, and since when."""
        self._command_since_s: float | None = None
        """When the main thread began with what it is doing; None while it waits."""
        self._source_ended_reader, self._source_ended_writer = os.pipe()

    def run(self) -> None:
        """Count until the source ends or the parent sends Stop."""
        self._restore(self._spec.backup)
        next_report_s = self._clock.monotonic() + _REPORT_EVERY_S
        threading.Thread(target=self._count_frames, name="source", daemon=True).start()
        while self._failure is None:
            timeout_s = max(0.0, next_report_s - self._clock.monotonic())
            self._command_since_s = None
            ready = wait([self._connection, self._source_ended_reader], timeout_s)
            self._command_since_s = self._clock.monotonic()
            if self._connection in ready and not self._execute(self._connection.recv()):
                return
            if self._clock.monotonic() >= next_report_s:
                next_report_s += _REPORT_EVERY_S
                self._report()
        self._flush()
        self._send(self._failure)

    # Runs in a thread of its own.

    def send_heartbeat(self) -> None:
        """Send a sign of life, which says how long the process has been waiting or busy; waits for neither."""
        now_s = self._clock.monotonic()
        activity, since_s = self._source_activity
        waiting_s = now_s - since_s if activity == "waiting" else 0.0
        evaluating_s = now_s - since_s if activity == "evaluating" else 0.0
        command_since_s = self._command_since_s
        command_s = now_s - command_since_s if command_since_s is not None else 0.0
        self._send(Heartbeat(waiting_s, max(evaluating_s, command_s)))

    def _send(self, message: Message) -> None:
        with self._sending:
            self._connection.send(message)

    # Runs in the source's thread.

    def _count_frames(self) -> None:
        spec = self._spec
        options = SourceOptions(
            clock=self._clock,
            rtsp_transport=spec.rtsp_transport,
            open_timeout_s=spec.timeout_s,
            read_timeout_s=spec.timeout_s,
            loop=spec.loop,
            fps=spec.fps,
            statistics=self._stream,
        )
        try:
            for frame in open_source(spec.url, options).frames():
                started_s = self._clock.monotonic()
                self._source_activity = "evaluating", started_s
                with self._lock:
                    if self._stopping.is_set():  # asked with the lock: nothing is counted after the last report
                        break
                    self._frames_decoded += 1
                    self._last_frame = (frame.mono_s, frame.wall_s)
                    if self._pipeline.step(frame):
                        self._step_s.append(self._clock.monotonic() - started_s)
                    self._adapt_rate()
                self._source_activity = "waiting", self._clock.monotonic()
            else:
                raise SourceEnded("the recording has ended; set loop = true to repeat it")
        except SourceEnded as error:
            self._failure = SourceFailed("ended", str(error))
        except EdgeheatError as error:
            self._failure = SourceFailed("unavailable", str(error))
        except Exception as error:  # noqa: BLE001 the thread's edge: whatever happened must reach the page and the log
            _log.exception("the source failed with an unexpected error")
            self._failure = SourceFailed("unavailable", redact(f"unexpected {type(error).__name__}: {error}"))
        finally:
            os.close(self._source_ended_writer)

    def _adapt_rate(self) -> None:
        if not self._rate.update(self._stream.overloads, self._clock.monotonic()):
            return
        self._pipeline.set_analysis_fps(self._rate.fps)
        if self._rate.ratio < 1.0:
            _log.warning(
                "this machine is too slow for this camera now: analysing %.3g frames per second instead of %.3g; use "
                "the camera's sub stream, or set a lower analysis_fps",
                self._rate.fps,
                self._spec.params.motion.analysis_fps,
            )
        else:
            _log.warning("analysing %.3g frames per second again", self._rate.fps)

    # Runs in the main thread.

    def _execute(self, command: Command) -> bool:
        """Carry out a command of the parent; returns False after Stop."""
        match command:
            case TakeSnapshot():
                self._report()  # before it is drawn, which takes a while: what the parent has is safe
                self._take_snapshot()
            case SaveState():
                self._save()
            case Reset():
                self._reset(command)
            case Stop():
                self._shut_down()
                return False
        return True

    def _shut_down(self) -> None:
        """Send what was counted first, and the picture last: the parent does not wait long."""
        self._stopping.set()
        self._flush()
        self._save()
        wait([self._source_ended_reader], _CLOSE_SOURCE_S)
        self._take_snapshot()

    def _flush(self) -> None:
        """Count the frames that still wait, a few at a time, each time sending what was counted."""
        while self._pipeline.has_waiting_frames:
            self._report()
            with self._lock:
                self._pipeline.catch_up()
        with self._lock:
            self._pipeline.flush()
        self._report(is_last=True)

    def _take_snapshot(self) -> None:
        with self._lock:
            mono_s, wall_s = self._clock.monotonic(), self._clock.wall()
            snapshot = self._pipeline.snapshot(mono_s, wall_s)
            plan_heats = self._plan_heats(mono_s, wall_s)
        if snapshot is not None:
            self._send(SnapshotTaken(snapshot, plan_heats.pack() if plan_heats.grids else b""))
        release_free_memory()

    def _plan_heats(self, mono_s: float, wall_s: float) -> CameraHeats:
        """Return the heats that the floor plans need, at an instant."""
        grids = {name: self._pipeline.heat(name, mono_s, wall_s) for name in self._spec.plan_heats}
        known_grids = {name: grid for name, grid in grids.items() if grid is not None}
        return CameraHeats(known_grids, mono_s, wall_s, self._pipeline.epoch)

    def _save(self, *, is_urgent: bool = False) -> None:
        with self._lock:
            saved, tiles = self._pipeline.save(), self._pipeline.take_tiles()
        if saved is not None:
            self._send(StateSaved(saved, tiles, is_urgent))
        release_free_memory()

    def _reset(self, reset: Reset) -> None:
        with self._lock:
            self._pipeline.reset(flicker=reset.flicker, moved=reset.moved, heat=reset.heat)
        # At once: the parent's backup would bring back what was reset.
        self._save(is_urgent=True)
        self._send(ResetDone(reset))

    def _report(self, *, is_last: bool = False) -> None:
        self._clock_sync.update()
        with self._lock:
            self._pipeline.close_tile_if_due(self._clock.wall())
            report = self._pipeline.take_report()
            decoded, self._frames_decoded = self._frames_decoded, 0
            step_s, self._step_s = tuple(self._step_s), []
            last_mono_s, last_wall_s = self._last_frame or (None, 0.0)
        progress = self._progress(report, decoded, last_wall_s, step_s)
        increments = tuple(increment.pack() for increment in report.increments)
        self._send(ProgressReport(progress, increments, last_mono_s, report.uncounted_s, is_last, report.tiles))
        if report.ended_epochs or (report.background_known and not self._background_saved):
            # A restarted worker then continues the new epoch, and knows the background from its first frame on.
            self._background_saved = report.background_known
            self._save(is_urgent=bool(report.ended_epochs))
        if self._spec.params.history:
            self._send_backdrop_if_due(report.backdrop_complete)
        for ended in report.ended_epochs:
            try:
                self._send(SnapshotTaken(ended.draw(self._spec.params)))
            except ValueError as error:
                _log.warning("the last picture of the place that the camera showed before cannot be drawn: %s", error)

    def _send_backdrop_if_due(self, is_complete: bool | None) -> None:
        with self._lock:
            epoch, picture = self._pipeline.epoch, self._pipeline.backdrop()
            if picture is None or not self._backdrops.is_due(epoch, is_complete, self._clock.monotonic()):
                return
            picture = picture.copy()
        try:
            jpeg = encode_backdrop(picture)
        except ValueError as error:
            _log.warning("the background for pictures of the history cannot be encoded: %s", error)
            return
        self._send(BackdropTaken(EpochBackdrop(self._spec.camera, epoch, self._clock.wall(), jpeg)))

    def _progress(
        self, report: PipelineReport, decoded: int, last_wall_s: float, step_s: tuple[float, ...]
    ) -> Progress:
        activity, health = report.activity, report.health
        stream, before = replace(self._stream), self._reported_stream
        self._reported_stream = stream
        return Progress(
            camera=self._spec.camera,
            wall_s=self._clock.wall(),
            last_frame_wall_s=last_wall_s,
            frames_decoded=decoded,
            frames_analysed=decoded - report.frames_skipped,
            frames_skipped=report.frames_skipped,
            observed_s=activity.observed_s,
            motion_s=activity.motion_s,
            cell_seconds=activity.traffic_cell_s,
            dwell_cell_s=activity.dwell_cell_s,
            active_s=activity.active_s,
            entries=activity.entries,
            motion_ratio=activity.motion_ratio,
            step_s=step_s,
            rejected_s=report.rejected.frames_s,
            rejected_cell_s=report.rejected.cells_s,
            masked_ratio=report.masked_ratio,
            screen_text_ratio=report.screen_text_ratio,
            health=health.verdict if health is not None else None,
            health_reason=health.reason if health is not None else "",
            frames_late=stream.frames_late - before.frames_late,
            frames_damaged=stream.frames_damaged - before.frames_damaged,
            lag_s=stream.lag_s,
            analysis_rate_ratio=self._rate.ratio,
            is_open=report.is_open,
        )

    def _restore(self, backup: CameraBackup) -> None:
        """Restore the heats of earlier runs, and send the resulting state to the parent at once."""
        if backup == CameraBackup():
            return
        try:
            increments = [Increment.unpack(packed) for packed in backup.increments]
            later = StoredTiles(backup.stored_tiles, self._clock.monotonic() - self._clock.wall())
            empty_heats = self._pipeline.restore(backup.saved, increments, self._spec.shift_s, later)
        except ValueError as error:
            _log.warning("the heats of earlier runs cannot be used and start empty: %s", error)
            self._send(StateSaved(None))
            return
        finally:
            backup.clear()
        if empty_heats:
            _log.warning("heats that are new or were changed start empty: %s", ", ".join(empty_heats))
        self._save()
        if self._spec.plan_heats:
            plan_heats = self._plan_heats(self._clock.monotonic(), self._clock.wall())
            self._send(HeatsRestored(plan_heats.pack()))
