"""When a failed camera is tried again: soon at first, then more and more seldom."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class RestartLimits:
    """The supervisor's patience, all in seconds."""

    stall_timeout_s: float = 10.0
    """A worker without a decoded frame for this long is killed."""

    first_frame_timeout_s: float = 60.0
    """It has at least this long for its first one: on a busy machine the start of the process takes most of it."""

    backoff_first_s: float = 1.0
    backoff_max_s: float = 30.0
    reset_after_s: float = 60.0
    """A camera that gave frames for this long has earned a quick restart again."""


class Backoff:
    """The waits between the tries of one camera; doubling, with jitter so that eight cameras do not knock at once."""

    def __init__(self, limits: RestartLimits, random: Random) -> None:
        self._limits = limits
        self._random = random
        self._next_s = limits.backoff_first_s

    def wait_s(self, frames_for_s: float) -> float:
        """Return how long to wait after a run that gave frames for so long; 0.8 to 1.2 times the step."""
        if frames_for_s >= self._limits.reset_after_s:
            self._next_s = self._limits.backoff_first_s
        step_s = self._next_s
        self._next_s = min(self._limits.backoff_max_s, step_s * 2)
        return step_s * self._random.uniform(0.8, 1.2)
