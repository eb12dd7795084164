"""One growing time out of a recording's timestamps, which may be missing, in the wrong order or jump back."""

from __future__ import annotations


class Timeline:
    """Places the frames of one pass through a recording, in the order in which they are shown.

    Some containers (AVI) keep frames in coding order, and FFmpeg then makes up presentation timestamps that go to and
    fro. Which of the two timestamps of a frame to trust is decided as `guess_correct_pts` in libavcodec/decode.c does:
    the one that went back less often so far.
    """

    def __init__(self, tick_s: float, frame_s: float, starts_s: float = 0.0) -> None:
        """`tick_s` is the unit of the timestamps, `frame_s` a mean frame's length; the first frame is at `starts_s`."""
        self._tick_s = tick_s
        self._frame_s = frame_s
        self._last_s = starts_s - frame_s
        self._offset_s: float | None = None
        self._last_pts: int | None = None
        self._last_dts: int | None = None
        self._faulty_pts = 0
        self._faulty_dts = 0
        self.next_s = starts_s
        """Where the frame after the last one begins if nothing says otherwise."""

    def place(self, pts: int | None, dts: int | None, length: int) -> float:
        """The time of the next frame in seconds, always later than the one before; `length` is in ticks, 0 if unknown.

        A missing or backward timestamp places the frame at the end of the one before; later ones count from there.
        """
        ticks = self._trusted(pts, dts)
        if ticks is None:
            media_s = self.next_s
        else:
            told_s = ticks * self._tick_s
            if self._offset_s is None or told_s + self._offset_s <= self._last_s:
                self._offset_s = self.next_s - told_s
            media_s = told_s + self._offset_s
        self._last_s, self.next_s = media_s, media_s + (length * self._tick_s or self._frame_s)
        return media_s

    def _trusted(self, pts: int | None, dts: int | None) -> int | None:
        if pts is not None:
            self._faulty_pts += self._last_pts is not None and pts <= self._last_pts
            self._last_pts = pts
        if dts is not None:
            self._faulty_dts += self._last_dts is not None and dts <= self._last_dts
            self._last_dts = dts
        if pts is None or (self._faulty_pts > self._faulty_dts and self._last_dts is not None):
            return dts
        return pts
