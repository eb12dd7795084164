"""All time zones of the tz database, 2020 to 2028: names with the same clock are tested once."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from numpy.typing import NDArray

from edgeheat.defs.history import FIVE_MINUTES_S
from edgeheat.local_time.instants import offset_segments

START_S = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
END_S = int(datetime(2029, 1, 1, tzinfo=UTC).timestamp())

Segments = tuple[tuple[int, int, int], ...]


class Clock(NamedTuple):
    """A local clock and the names of the time zones that have it."""

    segments: Segments
    names: list[str]

    @property
    def timezone(self) -> ZoneInfo:
        return ZoneInfo(self.names[0])

    @property
    def changes_s(self) -> list[int]:
        """When the clock changes, to the next multiple of 5 minutes."""
        return [start_s for start_s, _, _ in self.segments[1:]]

    def local_s(self) -> NDArray[np.int64]:
        """What the clock shows at the start of every 5 minutes, as seconds since 1970 without time zone."""
        tiles = [np.arange(start, end, FIVE_MINUTES_S) + offset for start, end, offset in self.segments]
        return np.concatenate(tiles)


@cache
def all_clocks() -> tuple[Clock, ...]:
    names: dict[Segments, list[str]] = {}
    for name in sorted(available_timezones()):
        names.setdefault(tuple(offset_segments(START_S, END_S, ZoneInfo(name))), []).append(name)
    return tuple(Clock(*item) for item in names.items())
