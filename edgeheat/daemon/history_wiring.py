"""Creates and connects the parts of the daemon that store the history; nothing of it where history is disabled."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from edgeheat.config import Config
from edgeheat.daemon.camera_listener import CameraListener
from edgeheat.daemon.clock_sync import ClockSync, initial_clock_error
from edgeheat.daemon.history_forwarder import HistoryForwarder
from edgeheat.daemon.history_maintenance import HistoryMaintenance
from edgeheat.daemon.history_start import read_history_start, read_recent_tiles
from edgeheat.daemon.history_writer import HistoryWriter
from edgeheat.daemon.managed_process import Received
from edgeheat.daemon.messages import HistoryJob, PlanSpec, ReportJob, WorkerSpec
from edgeheat.defs.clock import Clock, WallClockError
from edgeheat.defs.events import ReportWritten
from edgeheat.defs.history import REPORTS_FOLDER, HistoryStatus
from edgeheat.sinks.metrics import MetricsSink
from edgeheat.store.camera_backup import CameraBackup, boot_id
from edgeheat.store.history.store import HISTORY_FILE
from edgeheat.web.latest_state import LatestState

_log = logging.getLogger(__name__)


class History:
    """The history of all cameras; its methods do nothing where it is disabled."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        metrics: MetricsSink,
        latest_state: LatestState,
        publish: Callable[[ReportWritten], None],
    ) -> None:
        """Read what is stored already; the writer is not started yet. `publish` gets each report that was written."""
        self._writer: HistoryWriter | None = None
        if not config.history.enabled:
            return
        self._path = path = config.storage_path / "state" / HISTORY_FILE
        boot = boot_id()
        stored = read_history_start(path, boot)
        # Without the id of the boot, tiles could not be re-dated later.
        is_right = stored.clock_is_right or not boot
        self._clock_error = WallClockError() if is_right else initial_clock_error(clock)
        if self._clock_error.wrong_offset_s is not None:
            _log.warning(
                "no time server has set the clock of this machine yet: history is stored, but gets its dates only once "
                "the clock was set, or a day after the machine was started"
            )
        self._highest_epochs = stored.highest_epochs
        self._clock_sync = ClockSync(clock, self._clock_error)
        job = HistoryJob(
            path,
            config.timezone,
            keep_s=config.history.keep_s,
            max_bytes=config.history.max_size_bytes,
            boot_id=boot,
            check=True,
            now_s=None,
            reports=_report_job(config),
        )

        def make_maintenance(on_received: Callable[[Received], None]) -> HistoryMaintenance:
            return HistoryMaintenance(job, clock=clock, random=Random(), on_received=on_received)  # noqa: S311 jitter

        def on_status(status: HistoryStatus) -> None:
            metrics.set_history(status)
            latest_state.set_history(status)

        self._writer = HistoryWriter(
            path,
            camera_count=len(config.camera),
            boot_id=boot,
            clock=clock,
            clock_sync=self._clock_sync,
            make_maintenance=make_maintenance,
            on_status=on_status,
            on_report=lambda name: publish(ReportWritten(name, clock.wall())),
        )

    def spec(self, spec: WorkerSpec) -> WorkerSpec:
        """Return the spec of a worker that makes tiles, in epochs above those of which there are some."""
        if self._writer is None:
            return spec
        first_epoch = max(0, self._highest_epochs.get(spec.camera, 0)) + 1  # imported ones are below 0
        params = replace(spec.params, history=True, first_epoch=first_epoch)
        return replace(spec, params=params, wrong_clock_offset_s=self._clock_error.wrong_offset_s)

    @property
    def is_dated(self) -> bool:
        """Whether what is stored now has its right date; also where nothing is stored."""
        return self._writer is None or self._clock_sync.is_right

    def add_recent_tiles(self, backups: Mapping[str, tuple[CameraBackup, float]]) -> None:
        """Add to each camera's backup the tiles since it was written: after a power cut its heats continue with them.

        `backups` are those that checkpoints hold, as `load_backups` returns them.
        """
        for camera, (backup, _) in backups.items():
            if self._writer is not None and backup.saved is not None:
                backup.stored_tiles = read_recent_tiles(self._path, camera, backup.saved_wall_s)

    def listeners(self) -> Sequence[CameraListener]:
        """Return the listeners that must be called before what writes checkpoints."""
        return [] if self._writer is None else [HistoryForwarder(self._writer)]

    def flush(self) -> None:
        """Return once the tiles that came so far are stored, or cannot be stored now; after some seconds anyway."""
        if self._writer is not None:
            self._writer.flush()

    def start(self) -> None:
        """Start the writer's thread."""
        if self._writer is not None:
            self._writer.start()

    def close(self, timeout_s: float) -> None:
        """Store what is waiting, but give up after `timeout_s`."""
        if self._writer is not None:
            self._writer.close(timeout_s)


def _report_job(config: Config) -> ReportJob | None:
    """Return which reports are written; None where none are."""
    reports = config.reports.params()
    if not reports.kinds:
        return None
    return ReportJob(
        site=config.site.name,
        cameras=tuple(camera.pipeline_params(config.timezone) for camera in config.camera),
        plans=tuple(
            PlanSpec(params, plan.image) for plan, params in zip(config.plan, config.plan_params(), strict=True)
        ),
        reports=reports,
        folder=config.storage_path / REPORTS_FOLDER,
        opening=config.hours.opening_hours(),
    )
