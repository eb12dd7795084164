"""The first frames are kept until the background model can be learned from them."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.foreground.bootstrap import Bootstrap
from edgeheat.core.grid.frames import GridFrame
from edgeheat.core.grid.masks import half_hw
from edgeheat.defs.params import MotionParams
from tests.core.drawn import HW, Look, room, walker


def frames(seconds: float, *, coloured: bool = True, fps: float = 5.0) -> list[GridFrame]:
    """A shop with a person who walks through it."""
    shop = room(coloured=coloured)
    found = []
    for number in range(round(seconds * fps) + 1):
        luma, chroma = shop.draw(Look((walker(number / fps),)))
        found.append(GridFrame(luma, chroma, None, 1 / fps, number / fps, number / fps))
    return found


def test_frames_are_kept_for_the_configured_time() -> None:
    bootstrap = Bootstrap(MotionParams(bootstrap_s=4.0))
    complete = [bootstrap.add(frame) for frame in frames(4.0)]
    assert complete == [False] * 20 + [True]


def test_kept_frames_are_returned_in_order_and_released() -> None:
    bootstrap, given = Bootstrap(MotionParams()), frames(2.0)
    for frame in given:
        bootstrap.add(frame)
    assert len(bootstrap) == 11
    assert [each.mono_s for each in bootstrap.take()] == [each.mono_s for each in given]
    assert len(bootstrap) == 0 and bootstrap.take() == []


def test_the_background_is_without_the_person_who_walked_through() -> None:
    bootstrap = Bootstrap(MotionParams())
    for frame in frames(10.0):
        bootstrap.add(frame)
    background = bootstrap.learn().background
    assert np.abs(background.luma.astype(int) - room(noise=0).draw()[0]).mean() < 1.0
    assert background.tint is not None and background.tint.shape == (2, *half_hw(HW))
    assert background.observed_s.max() == pytest.approx(10.0, abs=0.1)
    assert background.observed_s.min() < 9.5, "a person walked there"
    assert background.noise.luma.max() < 4.0 and background.noise.tint.mean() == pytest.approx(1.1, abs=0.3)


def test_without_colours_in_every_frame_there_are_none_in_the_background() -> None:
    bootstrap = Bootstrap(MotionParams())
    for frame in frames(2.0, coloured=False):
        bootstrap.add(frame)
    assert bootstrap.learn().background.tint is None
