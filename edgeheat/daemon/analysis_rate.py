"""Lowers a camera's analysis rate while this machine cannot keep up with its stream, and restores it afterwards."""

from __future__ import annotations

import math

_REPEATED_WITHIN_S = 60.0
"""A stream that falls behind twice within this time is more than this machine can do now, and not a single burst."""

_SETTLE_S = 10.0
"""A lowered rate gets this time to take effect before it is lowered again."""

_CALM_S = 300.0
"""Time without falling behind after which the rate is doubled again."""

_LOWEST_FPS = 1.0
"""Lowest reduced rate, unless `analysis_fps` is lower; with a short `max_gap` it is higher."""


class AnalysisRate:
    """The rate of one worker; in it a configured rate is halved step by step, and doubled step by step."""

    def __init__(self, configured_fps: float, max_gap_s: float) -> None:
        # With one frame for each max_gap nothing would be observed.
        self._lowest_fps = min(configured_fps, max(_LOWEST_FPS, 2.0 / max_gap_s))
        self._configured_fps = configured_fps
        self._overloads = 0
        self._overloaded_s = -math.inf
        self._calm_since_s = -math.inf
        self._lowered_s = -math.inf
        self.fps = configured_fps
        """Frames to analyse per second now."""

    @property
    def ratio(self) -> float:
        """The rate as a fraction of the configured one, above 0 and at most 1."""
        return self.fps / self._configured_fps

    def update(self, overloads: int, now_s: float) -> bool:
        """Return whether the rate changed; `overloads` is how often the stream fell behind since the start."""
        before_fps = self.fps
        if overloads > self._overloads:
            if now_s - self._overloaded_s <= _REPEATED_WITHIN_S and now_s - self._lowered_s >= _SETTLE_S:
                self.fps = max(self._lowest_fps, self.fps / 2)
                self._lowered_s = now_s
            self._overloads, self._overloaded_s, self._calm_since_s = overloads, now_s, now_s
        elif now_s - self._calm_since_s >= _CALM_S:
            self.fps = min(self._configured_fps, self.fps * 2)
            self._calm_since_s = now_s
        return self.fps != before_fps
