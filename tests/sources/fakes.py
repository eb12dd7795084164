"""A controllable clock, a simulated USB camera, and short forms of source options."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeheat.daemon.system_clock import SystemClock
from edgeheat.sources.base import SourceOptions
from tests.support.wait import DEADLINE_S


class FakeClock:
    """A clock that advances only in `sleep` and when `now_s` is set."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept_s: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept_s.append(seconds)
        self.now_s += seconds


class FakeCapture:
    """A USB camera that returns a number of pictures and is then unplugged."""

    def __init__(self, pictures: int, size_wh: tuple[int, int] = (160, 120)) -> None:
        self._left = pictures
        self._size_wh = size_wh
        self.released = False

    def read(self) -> tuple[bool, NDArray[Any] | None]:
        assert not self.released
        if self._left == 0:
            return False, None
        self._left -= 1
        width, height = self._size_wh
        return True, np.full((height, width, 3), (10, 20, 200), np.uint8)

    def release(self) -> None:
        self.released = True


def live(**settings: Any) -> SourceOptions:
    """Options of a live run on the real clock; the timeouts suit a busy machine, so tests of timeouts set their own."""
    timeouts = {"open_timeout_s": DEADLINE_S, "read_timeout_s": DEADLINE_S}
    return SourceOptions(**{"clock": SystemClock(), **timeouts, **settings})


def offline(**settings: Any) -> SourceOptions:
    """Options of an offline run."""
    return SourceOptions(clock=None, **settings)
