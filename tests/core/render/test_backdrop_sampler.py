"""The backdrop is made of few frames, more of them at the start, and never of frames that cannot be trusted."""

from __future__ import annotations

import numpy as np

from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.core.render.backdrop_sampler import BackdropSampler

SIZE_WH = (32, 18)
NOBODY: U8 = np.zeros((9, 16), np.uint8)


def frame(at_s: float) -> Frame:
    def colour(size_wh: SizeWH) -> U8:
        return np.full((size_wh[1], size_wh[0], 3), 120, np.uint8)

    return Frame(np.zeros((18, 32), np.uint8), at_s, at_s, colour)


def converted(sampler: BackdropSampler, seconds: int, start_s: int = 0, *, bootstrapping: bool) -> list[int]:
    """The instants at which a frame is converted, one a second; each is added."""
    instants = []
    for at_s in range(start_s, start_s + seconds):
        picture = sampler.convert_if_due(frame(at_s), bootstrapping=bootstrapping)
        if picture is not None:
            sampler.add(picture, NOBODY)
            instants.append(at_s)
    return instants


def test_five_frames_are_converted_in_the_bootstrap_and_one_in_ten_seconds_after() -> None:
    sampler = BackdropSampler(SIZE_WH, None, bootstrap_s=10.0)
    assert converted(sampler, 10, bootstrapping=True) == [0, 2, 4, 6, 8]
    assert converted(sampler, 31, start_s=10, bootstrapping=False) == [10, 20, 30, 40]


def test_private_pixels_are_black() -> None:
    privacy_mask = np.zeros(SIZE_WH[::-1], np.uint8)
    privacy_mask[:, :10] = 255
    sampler = BackdropSampler(SIZE_WH, privacy_mask, bootstrap_s=10.0)
    converted(sampler, 1, bootstrapping=False)
    picture = sampler.picture()
    assert picture is not None
    assert not picture[:, :10].any() and (picture[:, 10:] == 120).all()


def test_after_a_discarded_frame_the_next_is_tried_while_there_is_no_backdrop() -> None:
    sampler = BackdropSampler(SIZE_WH, None, bootstrap_s=10.0)
    assert sampler.convert_if_due(frame(0), bootstrapping=False) is not None
    sampler.discard(0.0)
    assert converted(sampler, 3, start_s=1, bootstrapping=False) == [1]
    sampler.discard(1.0)
    assert converted(sampler, 8, start_s=4, bootstrapping=False) == [11]


def test_a_restart_forgets_it() -> None:
    sampler = BackdropSampler(SIZE_WH, None, bootstrap_s=10.0)
    converted(sampler, 1, bootstrapping=False)
    assert sampler.picture() is not None
    sampler.restart()
    assert sampler.picture() is None
