"""Requests each camera's snapshots at the times of the schedule, and reschedules when the wall clock is set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from edgeheat.defs.clock import Clock
from edgeheat.schedule import ScheduleTrigger, SnapshotSchedule, stagger_s

_STEP_S = 2.0
"""A larger change of wall time against monotonic time is a step: NTP after boot, or the clock was set by hand."""


class SnapshotScheduler:
    """Requests snapshots from a thread of its own, staggered so that the cameras do not render at the same time."""

    def __init__(
        self,
        schedule: SnapshotSchedule,
        cameras: Sequence[str],
        clock: Clock,
        request_snapshot: Callable[[str], None],
        on_scheduled: Callable[[str, float], None],
    ) -> None:
        """`request_snapshot` gets a camera whose snapshot is due.

        `on_scheduled` gets a camera and the Unix time of its next snapshot.
        """
        self._clock = clock
        self._request_snapshot = request_snapshot
        self._on_scheduled = on_scheduled
        self._offset_s = clock.wall() - clock.monotonic()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._triggers = {
            camera: ScheduleTrigger(schedule, stagger_s(index, len(cameras))) for index, camera in enumerate(cameras)
        }
        for camera, trigger in self._triggers.items():
            # A late snapshot is better than none; by default APScheduler drops one that is a second late.
            self._scheduler.add_job(
                self._run_job,
                trigger,
                args=(camera,),
                id=camera,
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
            )

    def start(self) -> None:
        """Start the scheduler's thread; the first snapshots are requested at the first instant after now."""
        for camera in self._triggers:
            self._report_next(camera)
        self._scheduler.start()

    def stop(self) -> None:
        """Stop without waiting for a job in progress."""
        self._scheduler.shutdown(wait=False)

    def check_clock(self) -> None:
        """Compute all instants again after a step of the wall clock; call it every few seconds.

        APScheduler sleeps until a wall time that it computed before: after a step back it would sleep for the whole
        length of the step.
        """
        offset_s = self._clock.wall() - self._clock.monotonic()
        if abs(offset_s - self._offset_s) <= _STEP_S:
            return
        self._offset_s = offset_s
        for camera, trigger in self._triggers.items():
            self._scheduler.reschedule_job(camera, trigger=trigger)
            self._report_next(camera)

    def _run_job(self, camera: str) -> None:
        self._request_snapshot(camera)
        self._report_next(camera)

    def _report_next(self, camera: str) -> None:
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        self._on_scheduled(camera, self._triggers[camera].get_next_fire_time(None, now).timestamp())
