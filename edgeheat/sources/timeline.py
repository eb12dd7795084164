"""Derives increasing times from a recording's timestamps, which may be missing, out of order or jump back."""

from __future__ import annotations


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
        self._offset_s: float | None = None
        self._last_pts: int | None = None
        self._last_dts: int | None = None
        self._pts_jumps = 0
        self._dts_jumps = 0
        self.next_s = start_s
        """Time of the next frame unless its timestamp says otherwise."""

    def assign_time(self, pts: int | None, dts: int | None, length: int) -> float:
        """Return the time of the next frame in seconds, always later than the previous one.

        `length` is the frame's duration in ticks, 0 if unknown. A frame with a missing or backward timestamp follows
        the end of the previous frame, and later timestamps are relative to it.
        """
        ticks = self._reliable_timestamp(pts, dts)
        if ticks is None:
            media_s = self.next_s
        else:
            stated_s = ticks * self._tick_s
            if self._offset_s is None or stated_s + self._offset_s <= self._last_s:
                self._offset_s = self.next_s - stated_s
            media_s = stated_s + self._offset_s
        self._last_s, self.next_s = media_s, media_s + (length * self._tick_s or self._frame_s)
        return media_s

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
