"""Debounces a noisy yes/no signal: a state is raised after enough seconds of yes and cleared after enough of no."""

from __future__ import annotations


class Hysteresis:
    """A two-threshold switch: `active` from `raise_s` seconds of positive samples until `clear_s` seconds of negative.

    Samples are integrated: positive time raises a level, negative time lowers it, so mixed samples offset one another.

    Reference: Schmitt 1938, "A thermionic trigger" (two thresholds); here applied to an integrated level.
    """

    def __init__(self, raise_s: float, clear_s: float) -> None:
        """Both in seconds, > 0."""
        self._raise_s, self._clear_s = raise_s, clear_s
        self._level = 0.0
        self.active = False

    @property
    def idle(self) -> bool:
        """Whether no positive sample is remembered: there was none, or enough negative time passed since."""
        return self._level == 0.0

    @property
    def stable(self) -> bool:
        """Whether recent samples agree with `active`, so that no change is under way."""
        return self._level == float(self.active)

    def update(self, positive: bool, step_s: float) -> None:
        """Add a sample that stands for the last `step_s` seconds."""
        level = self._level + (step_s / self._raise_s if positive else -step_s / self._clear_s)
        # Steps are sums of floats: without this tolerance ten steps of 0.1 would fall short of 1.
        self._level = 1.0 if level > 1.0 - 1e-9 else 0.0 if level < 1e-9 else level
        if self._level in (0.0, 1.0):
            self.active = bool(self._level)

    def restart(self) -> None:
        """Drop the remembered samples but keep `active`; use it when later samples are about something else."""
        self._level = 0.0

    def reset(self) -> None:
        """Return to the initial state."""
        self._level, self.active = 0.0, False
