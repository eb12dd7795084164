"""Says whether the shop is open now, by the wall clock, and whether its cameras are to be read."""

from __future__ import annotations

from datetime import tzinfo

from edgeheat.defs.clock import Clock
from edgeheat.defs.hours import OpeningHours
from edgeheat.local_time.opening import is_open

_START_AHEAD_S = 30.0
"""Cameras are started this long before the shop opens: a worker starts in seconds, and its background needs ten."""


class OpeningWatch:
    """Reads the clock at each call, so that a step of the wall clock takes effect at once; for any thread."""

    def __init__(self, hours: OpeningHours | None, timezone: tzinfo, clock: Clock) -> None:
        """Without `hours` the shop is always open. `timezone` is the shop's."""
        self._hours = hours
        self._timezone = timezone
        self._clock = clock

    def is_open(self) -> bool:
        """Return whether the shop is open."""
        return is_open(self._hours, self._clock.wall(), self._timezone)

    def cameras_needed(self) -> bool:
        """Return whether cameras are read: while the shop is open and shortly before, or always, by the setting."""
        if self._hours is None or self._hours.outside == "count":
            return True
        return self.is_open() or is_open(self._hours, self._clock.wall() + _START_AHEAD_S, self._timezone)
