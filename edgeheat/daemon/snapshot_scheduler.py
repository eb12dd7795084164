"""Asks every camera for its pictures at the instants of the schedule, also when the wall clock is set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

from edgeheat.defs.clock import Clock
from edgeheat.schedule import FirstInstantTrigger, NextInstant, stagger_s

_STEP_S = 2.0
"""A change of wall time against monotonic time beyond this is a step: NTP after start, or somebody set the clock."""


class SnapshotScheduler:
    """One job per camera, a moment after one another, so that renders do not fall together."""

    def __init__(
        self,
        instants: NextInstant,
        cameras: Sequence[str],
        clock: Clock,
        take: Callable[[str], None],
        on_next: Callable[[str, float], None],
    ) -> None:
        """`take` is called with a camera when its pictures are due, `on_next` with the Unix time of the next ones."""
        self._clock = clock
        self._take = take
        self._on_next = on_next
        self._offset_s = clock.wall() - clock.monotonic()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._triggers = {
            camera: FirstInstantTrigger(instants, stagger_s(index, len(cameras)))
            for index, camera in enumerate(cameras)
        }
        for camera, trigger in self._triggers.items():
            # A late picture is better than none; APScheduler's default drops what is a second late.
            self._scheduler.add_job(
                self._due, trigger, args=(camera,), id=camera, misfire_grace_time=None, coalesce=True, max_instances=1
            )

    def start(self) -> None:
        """Begin; the first pictures come at the first instant after now."""
        for camera in self._triggers:
            self._announce(camera)
        self._scheduler.start()

    def stop(self) -> None:
        """End at once."""
        self._scheduler.shutdown(wait=False)

    def check_clock(self) -> None:
        """Reckon all instants anew after a step of the wall clock; call it every few seconds.

        APScheduler sleeps until a wall time that it worked out before: after a step back it would sleep for the whole
        length of the step.
        """
        offset_s = self._clock.wall() - self._clock.monotonic()
        if abs(offset_s - self._offset_s) <= _STEP_S:
            return
        self._offset_s = offset_s
        for camera, trigger in self._triggers.items():
            self._scheduler.reschedule_job(camera, trigger=trigger)
            self._announce(camera)

    def _due(self, camera: str) -> None:
        self._take(camera)
        self._announce(camera)

    def _announce(self, camera: str) -> None:
        now = datetime.fromtimestamp(self._clock.wall(), UTC)
        self._on_next(camera, self._triggers[camera].get_next_fire_time(None, now).timestamp())
