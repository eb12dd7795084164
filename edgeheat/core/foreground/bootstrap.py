"""The first seconds of a camera: frames are kept until the background is known, and evaluated then."""

from __future__ import annotations

from collections.abc import Sequence

from edgeheat.core.foreground.background import (
    BackgroundModel,
    observed_agreement_s,
    tint_of,
)
from edgeheat.core.foreground.first_background import first_background
from edgeheat.core.foreground.learning import SceneLearner
from edgeheat.core.grid.frames import GridFrame
from edgeheat.defs.params import MotionParams


class Bootstrap:
    """Collects frames for `params.bootstrap_s` and learns the first background from them."""

    def __init__(self, params: MotionParams) -> None:
        self._params = params
        self._frames: list[GridFrame] = []

    def add(self, frame: GridFrame) -> bool:
        """Keep a frame; returns whether enough time has passed to learn the background."""
        self._frames.append(frame)
        return frame.mono_s - self._frames[0].mono_s >= self._params.bootstrap_s

    @property
    def frames(self) -> Sequence[GridFrame]:
        """The kept frames, in order."""
        return self._frames

    def take(self) -> list[GridFrame]:
        """Return the kept frames, in order, and keep none of them any longer."""
        frames, self._frames = self._frames, []
        return frames

    def learn(self) -> SceneLearner:
        """Return what the kept frames, of which there is at least one, show of the scene."""
        frames = self._frames
        length_s = max(self._params.bootstrap_s, frames[-1].mono_s - frames[0].mono_s)
        grids = [frame.grid for frame in frames]
        first = first_background(grids, [frame.chroma for frame in frames if frame.chroma is not None])
        tint = tint_of(first.chroma, 1.0) if first.chroma is not None else None
        observed_s = observed_agreement_s(grids, first.luma, length_s)
        return SceneLearner(self._params, BackgroundModel(first.luma, tint, observed_s, first.noise))

    def __len__(self) -> int:
        """How many frames are kept."""
        return len(self._frames)
