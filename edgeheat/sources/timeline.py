"""Derives increasing times from a recording's timestamps, which may be missing, repeated, out of order or wrong."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

_LOOKAHEAD = 3
"""Frames after the current one whose timestamps are known; more would cost memory, since they are decoded."""

_OFF_S = 1.0
"""A frame this far before or after both neighbours' time has a wrong timestamp."""

_FAR_S = 60.0
"""The first or last frame, which has one neighbour only, is this far from it at least if its timestamp is wrong."""

_FAR_FACTOR = 10
"""Number of usual frame intervals that are far, in recordings with a frame every few minutes."""

_MIN_LENGTH_RATIO = 0.1
"""A stated duration of a frame below this fraction of the mean frame interval is an error."""


class Stamped(Protocol):
    """A decoded picture, as PyAV's VideoFrame."""

    @property
    def pts(self) -> int | None:
        """Presentation timestamp in ticks."""
        ...

    @property
    def dts(self) -> int | None:
        """Decoding timestamp in ticks."""
        ...

    @property
    def duration(self) -> int:
        """Duration in ticks, 0 if unknown."""
        ...


F = TypeVar("F", bound=Stamped)


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[F]):
    """A frame and what its container states of it."""

    frame: F
    stated_s: float | None
    length_s: float


class Timeline:
    """Assigns times to the frames of one pass through a recording, in display order.

    Some containers (AVI) store frames in coding order, for which FFmpeg invents presentation timestamps that jump back
    and forth. Of a frame's two timestamps, the one that has jumped back less often so far is used.

    Reference: FFmpeg, libavcodec/decode.c, `guess_correct_pts`.
    """

    def __init__(self, tick_s: float, frame_s: float, start_s: float = 0.0) -> None:
        """`tick_s` is the timestamps' unit, `frame_s` the mean frame interval, `start_s` the first frame's time."""
        self._tick_s = tick_s
        self._frame_s = frame_s
        self._last_s = start_s - frame_s
        self.first_stated_s = 0.0
        """Timestamp of the first frame that has one, in seconds."""
        self._last_stated_s: float | None = None
        self._interval_s = frame_s
        self._offset_s: float | None = None
        self._last_pts: int | None = None
        self._last_dts: int | None = None
        self._pts_jumps = 0
        self._dts_jumps = 0
        self.next_s = start_s
        """Time of the next frame unless its timestamp says otherwise."""
        self.dropped = 0
        """Number of frames that were dropped because of their timestamps."""

    def times(self, frames: Iterable[F]) -> Iterator[tuple[F, float]]:
        """Yield each frame with its time in seconds, always later than the previous one.

        A jump forward is a gap. After a jump back time continues, and later timestamps are relative to it, as in
        recordings that were joined. A single frame whose timestamp is wrong, while those around it agree with one
        another, is dropped. Frames of one timestamp are spread evenly. A frame without one follows the end of the
        previous frame.
        """
        waiting: deque[_Waiting[F]] = deque()
        for frame in frames:
            ticks = self._reliable_timestamp(frame.pts, frame.dts)
            length_s = frame.duration * self._tick_s
            if length_s < _MIN_LENGTH_RATIO * self._frame_s:
                length_s = self._frame_s
            waiting.append(_Waiting(frame, None if ticks is None else ticks * self._tick_s, length_s))
            if len(waiting) > _LOOKAHEAD:
                yield from self._place(waiting)
        while waiting:
            yield from self._place(waiting)

    def _place(self, waiting: deque[_Waiting[F]]) -> Iterator[tuple[F, float]]:
        """Yield the first of the waiting frames with its time, unless it is dropped."""
        first = waiting.popleft()
        later_s = [frame.stated_s for frame in waiting if frame.stated_s is not None]
        if first.stated_s is not None and self._is_wrong(first.stated_s, later_s):
            self.dropped += 1
            return
        media_s = self._assign_time(first.stated_s, later_s)
        self._last_s, self.next_s = media_s, media_s + first.length_s
        yield first.frame, media_s

    def _is_wrong(self, stated_s: float, later_s: list[float]) -> bool:
        last_s = self._last_stated_s
        if last_s is None:
            if len(later_s) < 2:
                return False
            far_s = max(_FAR_S, _FAR_FACTOR * (later_s[1] - later_s[0]))
            return later_s[1] > later_s[0] and all(abs(later - stated_s) > far_s for later in later_s)
        ahead_s = stated_s - last_s
        if abs(ahead_s) <= _OFF_S:
            return False
        if not later_s:
            return abs(ahead_s) > max(_FAR_S, _FAR_FACTOR * self._interval_s)
        # A later frame continues where the last one was.
        return any(last_s < later < stated_s for later in later_s) if ahead_s > 0 else max(later_s) > last_s

    def _assign_time(self, stated_s: float | None, later_s: list[float]) -> float:
        if stated_s is None:
            return self.next_s
        last_stated_s, self._last_stated_s = self._last_stated_s, stated_s
        if last_stated_s is None:
            self.first_stated_s = stated_s
        if last_stated_s is not None and stated_s > last_stated_s:
            self._interval_s = stated_s - last_stated_s
        if self._offset_s is not None and stated_s == last_stated_s:
            repeats = next((index for index, later in enumerate(later_s) if later > stated_s), None)
            until_s = self._last_s if repeats is None else later_s[repeats] + self._offset_s
            if repeats is not None and until_s > self._last_s:
                return self._last_s + (until_s - self._last_s) / (repeats + 2)
        if self._offset_s is None or stated_s + self._offset_s <= self._last_s:
            self._offset_s = self.next_s - stated_s
        return stated_s + self._offset_s

    def _reliable_timestamp(self, pts: int | None, dts: int | None) -> int | None:
        if pts is not None:
            self._pts_jumps += self._last_pts is not None and pts <= self._last_pts
            self._last_pts = pts
        if dts is not None:
            self._dts_jumps += self._last_dts is not None and dts <= self._last_dts
            self._last_dts = dts
        if pts is None or (self._pts_jumps > self._dts_jumps and self._last_dts is not None):
            return dts
        return pts
