"""Decides which packets of a camera are discarded, so that a reader that fell behind continues with the newest picture.

docs/design/sources.md gives the reasons.
"""

from __future__ import annotations

from typing import Protocol

from av import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edgeheat.sources.base import StreamStatistics
from edgeheat.sources.stream_clock import StreamClock

_MAX_STREAM_LAG_S = 2.5
"""A reader that is further behind skips to the newest picture. With `_CAUGHT_UP_S` it is so far above the default of
`max_gap` that what was skipped counts as not observed."""

_CAUGHT_UP_S = 0.25
"""Lag at which skipping ends."""

_FUTILE_AFTER_S = 2.0
"""Packets that were waiting are read in a fraction of the time that they cover. If this long a time of reading without
decoding does not reduce the lag by half of it, none were waiting, and the camera's clock is slow."""

_SHORT_OF_CPU_RATIO = 0.5
"""A reader that waited for data in less than this fraction of the time before a lag fell behind by itself."""

_LOAD_MEMORY_S = 10.0
"""How long before a lag began that time starts at most; longer, the waiting of a good hour would hide an overload."""


class Backlog(Protocol):
    """What was sent by a camera and not yet read, and the times of what is read."""

    def discards(self, packet: Packet[VideoStream], now_s: float, waited_s: float) -> bool:
        """Return whether to discard a packet because newer ones are waiting; `waited_s`: how long reading it took."""
        ...

    def arrival_s(self, picture: VideoFrame, now_s: float) -> float:
        """Return when a picture arrived at this machine; `now_s`, the time at which it was read, is the latest."""
        ...


class TimedBacklog:
    """The backlog of a stream with timestamps, of which as much is waiting as they are behind."""

    def __init__(self, statistics: StreamStatistics) -> None:
        self._statistics = statistics
        self._stream_clock = StreamClock()
        self._skipping_since_s: float | None = None
        self._lag_before_s = 0.0
        self._needs_key_frame = False
        self._waited_s = 0.0
        self._keeping_up_since_s: float | None = None

    def discards(self, packet: Packet[VideoStream], now_s: float, waited_s: float) -> bool:
        """See `Backlog.discards`; after a backlog, packets are discarded up to the next key frame."""
        self._stream_clock.update(_stream_s(packet), now_s)
        lag_s = self._statistics.lag_s = self._stream_clock.lag_s
        self._waited_s += waited_s
        if self._keeping_up_since_s is None:
            self._keeping_up_since_s = now_s
        if now_s - self._keeping_up_since_s > _LOAD_MEMORY_S and (lag_s is None or lag_s <= _CAUGHT_UP_S):
            self._waited_s, self._keeping_up_since_s = 0.0, now_s
        if self._skipping_since_s is None and lag_s is not None and lag_s > _MAX_STREAM_LAG_S:
            self._start_skipping(lag_s, now_s)
        if self._skipping_since_s is not None and self._has_caught_up(lag_s, now_s):
            self._skipping_since_s = None
        if self._skipping_since_s is None and packet.is_keyframe:
            self._needs_key_frame = False
        if self._needs_key_frame:
            self._waited_s, self._keeping_up_since_s = 0.0, now_s
        return self._needs_key_frame

    def arrival_s(self, picture: VideoFrame, now_s: float) -> float:
        """See `Backlog.arrival_s`."""
        return self._stream_clock.arrival_s(_stream_s(picture), now_s)

    def _start_skipping(self, lag_s: float, now_s: float) -> None:
        self._skipping_since_s, self._lag_before_s = now_s, lag_s
        self._needs_key_frame = True
        assert self._keeping_up_since_s is not None
        if self._waited_s < _SHORT_OF_CPU_RATIO * (now_s - self._keeping_up_since_s):
            self._statistics.overloads += 1

    def _has_caught_up(self, lag_s: float | None, now_s: float) -> bool:
        assert self._skipping_since_s is not None
        if lag_s is None or lag_s <= _CAUGHT_UP_S:
            return True
        skipping_s = now_s - self._skipping_since_s
        if skipping_s < _FUTILE_AFTER_S or self._lag_before_s - lag_s >= skipping_s / 2:
            return False
        self._stream_clock.distrust(now_s)
        return True


def _stream_s(stamped: Packet[VideoStream] | VideoFrame) -> float | None:
    """Return a timestamp in seconds; None if there is none."""
    ticks = stamped.pts if stamped.pts is not None else stamped.dts
    return None if ticks is None or not stamped.time_base else ticks * float(stamped.time_base)
