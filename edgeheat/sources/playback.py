"""The time of recordings: their own offline; at the injected clock's pace when they play the part of a camera."""

from __future__ import annotations

from edgeheat.defs.clock import Clock

_LONGEST_PAUSE_S = 5.0  # well below the stall timeout: a hole in a recording is not a camera that hangs
_MOST_BEHIND_S = 1.0


class Playback:
    """Stamps the frames of one recording, or of one that is repeated."""

    def __init__(self, clock: Clock | None, recorded_wall_s: float) -> None:
        self._clock = clock
        self._recorded_wall_s = recorded_wall_s
        self._zero_s: float | None = None

    def stamp(self, media_s: float) -> tuple[float, float]:
        """The (monotonic, wall) time of the frame at `media_s`; live, return only when that frame is due.

        A live pause longer than 5 s is left out, and who is more than 1 s late does not catch up.
        """
        if self._clock is None:
            return media_s, self._recorded_wall_s + media_s
        now_s = self._clock.monotonic()
        wait_s = 0.0 if self._zero_s is None else self._zero_s + media_s - now_s
        if self._zero_s is None or not -_MOST_BEHIND_S <= wait_s <= _LONGEST_PAUSE_S:
            self._zero_s, wait_s = now_s - media_s, 0.0
        if wait_s > 0:
            self._clock.sleep(wait_s)
        return self._clock.monotonic(), self._clock.wall()
