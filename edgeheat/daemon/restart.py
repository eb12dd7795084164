"""Time limits of the workers, and the delay before a child process is restarted, which doubles with each failure."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class RestartLimits:
    """Time limits of the workers, and the delays before any child process is restarted; all in seconds."""

    stall_timeout_s: float = 10.0
    """A worker that has been waiting for a frame of its camera for this duration is killed."""

    silent_timeout_s: float = 30.0
    """A worker that has sent no sign of life for this duration is killed; a busy machine may delay some."""

    busy_timeout_s: float = 60.0
    """A worker that has been working on one frame or command for this duration is killed: it hangs."""

    first_frame_timeout_s: float = 60.0
    """A worker's first frame may take this time, or `stall_timeout_s` if longer: a busy machine starts it slowly."""

    backoff_first_s: float = 1.0
    """The delay after a first failure; it doubles with each failure in a row."""

    backoff_max_s: float = 30.0
    """The longest delay."""

    reset_after_s: float = 60.0
    """After a run that delivered frames for this duration, the delay starts at `backoff_first_s` again."""

    stop_timeout_s: float = 3.0
    """How long workers have at shutdown for their last snapshot, which follows all that they counted."""

    last_heat_timeout_s: float = 6.0
    """How long a worker whose last increments have not arrived by then has for them, before it is killed."""


class Backoff:
    """Computes the delays before restarts of one process; jittered, so that cameras do not all reconnect at once."""

    def __init__(self, limits: RestartLimits, random: Random) -> None:
        self._limits = limits
        self._random = random
        self._next_s = limits.backoff_first_s

    def reset(self) -> None:
        """Make the next delay the shortest one."""
        self._next_s = self._limits.backoff_first_s

    def next_delay_s(self, ran_for_s: float) -> float:
        """Return the delay after a run that delivered for `ran_for_s` seconds: 0.8 to 1.2 times the current step."""
        if ran_for_s >= self._limits.reset_after_s:
            self.reset()
        step_s = self._next_s
        self._next_s = min(self._limits.backoff_max_s, step_s * 2)
        return step_s * self._random.uniform(0.8, 1.2)
