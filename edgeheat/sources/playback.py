"""Stamps the frames of recordings: offline with the recording's times, live with the clock's, paced like a camera."""

from __future__ import annotations

from edgeheat.defs.clock import Clock

_MAX_PAUSE_S = 5.0
"""Longest gap in a recording that is waited for; well below the stall timeout, so that no gap is taken for a stall."""

_MAX_LAG_S = 1.0
"""Longest delay of a reader that is caught up; after a longer one, playback continues from the current frame."""


class Playback:
    """Stamps the frames of one recording, over all its repetitions.

    `clock` is None offline; `recorded_wall_s` is the Unix time at the recording's start.
    """

    def __init__(self, clock: Clock | None, recorded_wall_s: float) -> None:
        self._clock = clock
        self._recorded_wall_s = recorded_wall_s
        self._zero_s: float | None = None

    def stamp(self, media_s: float) -> tuple[float, float]:
        """Return the (monotonic, wall) time of the frame at `media_s`; live, wait until that frame is due.

        Live, gaps longer than 5 s are skipped, and a reader that is more than 1 s late does not catch up.
        """
        if self._clock is None:
            return media_s, self._recorded_wall_s + media_s
        now_s = self._clock.monotonic()
        wait_s = 0.0 if self._zero_s is None else self._zero_s + media_s - now_s
        if self._zero_s is None or not -_MAX_LAG_S <= wait_s <= _MAX_PAUSE_S:
            self._zero_s, wait_s = now_s - media_s, 0.0
        if wait_s > 0:
            self._clock.sleep(wait_s)
        return self._clock.monotonic(), self._clock.wall()
