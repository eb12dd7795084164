"""Turns signs that come and go into a state that holds: seconds of signs raise it, seconds without clear it."""

from __future__ import annotations


class Hysteresis:
    """Holds after `raise_s` seconds of signs, until `clear_s` seconds without; where they mix, the two are weighed."""

    def __init__(self, raise_s: float, clear_s: float) -> None:
        self._raise_s, self._clear_s = raise_s, clear_s
        self._level = 0.0
        self.active = False

    @property
    def quiet(self) -> bool:
        """Whether there has been no sign, or none for long enough."""
        return self._level == 0.0

    @property
    def settled(self) -> bool:
        """Whether the signs and what holds agree."""
        return self._level == float(self.active)

    def update(self, sign: bool, step_s: float) -> None:
        """Take in whether there was a sign in the last `step_s` seconds."""
        level = self._level + (step_s / self._raise_s if sign else -step_s / self._clear_s)
        # Steps are sums of floats: without the slack ten steps of a tenth would fall short of one.
        self._level = 1.0 if level > 1.0 - 1e-9 else 0.0 if level < 1e-9 else level
        if self._level in (0.0, 1.0):
            self.active = bool(self._level)

    def restart(self) -> None:
        """Forget the signs, not what holds: it was raised by others than those to come."""
        self._level = 0.0

    def reset(self) -> None:
        """Forget everything."""
        self._level, self.active = 0.0, False
