"""Estimates from a camera's timestamps how late its packets are read, whatever its clock shows and how it drifts."""

from __future__ import annotations

import math

_DRIFT_RATIO = 0.001
"""How fast the delay-free offset may grow, in seconds per second; clocks of cameras differ by a tenth of this at most.
A real lag below this rate is forgotten, so this is not larger."""

_JUMP_BACK_S = 1.0
"""Timestamps that go back by more than this started again; pictures out of display order go back by less."""

_DISTRUST_S = 600.0
"""How long timestamps are ignored after they claimed a lag that did not exist."""


class StreamClock:
    """Compares the timestamps of one stream with the times at which its packets are read.

    The packet with the smallest difference between the two had no delay; how much larger the difference of another
    packet is, is its lag. Frequency errors of the camera's clock move the difference slowly, and are followed.

    Reference: Moon, Skelly and Towsley 1999, Estimation and Removal of Clock Skew from Network Delay Measurements.
    """

    def __init__(self) -> None:
        self.lag_s: float | None = None
        """By how much the latest packet was read too late; None where that is unknown."""

        self._offset_s: float | None = None
        """Time of reading minus timestamp, of a packet without delay."""

        self._last_stream_s = 0.0
        self._last_read_s = 0.0
        self._distrusted_until_s = -math.inf

    def update(self, stream_s: float | None, now_s: float) -> None:
        """Take the timestamp of a packet that was read at `now_s`; None: it has no timestamp, which changes nothing."""
        if stream_s is None:
            return
        offset_s = now_s - stream_s
        restarted = self._offset_s is None or stream_s < self._last_stream_s - _JUMP_BACK_S
        if restarted or now_s < self._distrusted_until_s:
            self._offset_s = offset_s
        else:
            assert self._offset_s is not None
            self._offset_s = min(offset_s, self._offset_s + _DRIFT_RATIO * (now_s - self._last_read_s))
        self._last_stream_s, self._last_read_s = stream_s, now_s
        self.lag_s = None if now_s < self._distrusted_until_s else offset_s - self._offset_s

    def arrival_s(self, stream_s: float | None, now_s: float) -> float:
        """Return when a picture with this timestamp would have been read without lag; `now_s` where that is unknown."""
        if stream_s is None or self._offset_s is None or self.lag_s is None:
            return now_s
        return min(now_s, stream_s + self._offset_s)

    def distrust(self, now_s: float) -> None:
        """Ignore the timestamps for ten minutes: the lag that they claimed did not exist."""
        self._distrusted_until_s = now_s + _DISTRUST_S
        self.lag_s = None
