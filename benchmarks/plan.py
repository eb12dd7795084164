"""How often and for how long everything is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """The same for all figures. A window of a clip's length shows every reader the same pictures."""

    runs: int = 3
    warm_up_s: float = 15.0
    """The background is learned meanwhile, and everything that is loaded late is loaded."""

    window_s: float = 60.0


QUICK = Plan(runs=1, warm_up_s=12.0, window_s=15.0)
"""To see whether it works; not to be published."""
