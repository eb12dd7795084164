"""The number of runs and the lengths of the measured intervals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """The same for all figures. With a window of the clip's length every reader gets the same pictures."""

    runs: int = 3
    warm_up_s: float = 20.0
    """Time for learning the background, catching up on its frames and loading modules before the measurement."""

    window_s: float = 60.0
    """Length of one measurement."""


CAMERAS = 8
"""Number of cameras of the figures that compare several cameras with one."""


QUICK = Plan(runs=1, warm_up_s=16.0, window_s=15.0)
"""A short run that shows whether the benchmark works; its figures are not published."""
