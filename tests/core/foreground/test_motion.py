"""Movement is detected independently of the frame rate."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.foreground.motion import MotionDetector, moving_areas
from edgeheat.core.grid.frames import U8

HW = (90, 160)


def at(column: int) -> U8:
    """A block of 20 by 20 cells at a column."""
    luma = np.full(HW, 50, np.uint8)
    luma[30:50, column : column + 20] = 200
    return luma


def changed_after(fps: int, seconds: float) -> U8:
    """What changed when the block moved by 40 cells a second, at `fps` frames per second."""
    motion = MotionDetector()
    found = np.zeros(HW, np.uint8)
    for number in range(round(seconds * fps)):
        found = motion.changed(at(round(40 * number / fps)), 1 / fps, 16.0)
    return found


@pytest.mark.parametrize("fps", [5, 10, 25])
def test_a_moving_block_changes_as_many_cells_at_every_frame_rate(fps: int) -> None:
    assert np.count_nonzero(changed_after(fps, 2.0)) == pytest.approx(2 * 8 * 20, rel=0.15)


def test_nothing_changes_in_a_still_picture() -> None:
    motion = MotionDetector()
    assert not any(motion.changed(at(20), 0.2, 16.0).any() for _ in range(10))


def test_a_change_below_the_tolerance_is_noise() -> None:
    motion = MotionDetector()
    motion.changed(np.full(HW, 100, np.uint8), 0.2, 16.0)
    assert not motion.changed(np.full(HW, 116, np.uint8), 0.2, 16.0).any()
    assert motion.changed(np.full(HW, 133, np.uint8), 0.2, 16.0).all()


def test_after_a_restart_the_next_frame_is_not_compared_with_earlier_ones() -> None:
    motion = MotionDetector()
    motion.changed(at(20), 0.2, 16.0)
    motion.restart()
    assert not motion.changed(at(90), 0.2, 16.0).any()


def test_a_camera_whose_every_frame_comes_after_a_gap_keeps_two_frames_at_most() -> None:
    motion = MotionDetector()
    for number in range(50):
        motion.changed(at(number), 0.0, 16.0)
    assert motion.kept_frames <= 2


def test_a_few_cells_are_not_a_moving_person_and_a_body_is() -> None:
    speck, body = np.zeros(HW, np.uint8), np.zeros(HW, np.uint8)
    speck[40:42, 80:82] = 255
    body[30:60, 74:86] = 255
    assert not moving_areas(speck).any()
    assert (moving_areas(body)[30:60, 74:86] == 255).all()
