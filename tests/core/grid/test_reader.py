"""Frames of any size come to one grid, with the time since the frame before and without private places."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.core.grid.reader import GridReader

SHAPE_HW = (18, 32)


def frame(at_s: float, size_wh: SizeWH = (64, 36), level: int = 90) -> Frame:
    def colour(size: SizeWH) -> U8:
        return np.zeros((size[1], size[0], 3), np.uint8)

    def chroma(size: SizeWH) -> U8:
        return np.full((size[1], size[0], 2), 150, np.uint8)

    luma = np.full((size_wh[1], size_wh[0]), level, np.uint8)
    return Frame(luma, at_s, 1000.0 + at_s, colour, chroma=chroma)


def test_every_size_comes_to_the_same_grid() -> None:
    reader = GridReader(SHAPE_HW, None, 2.0)
    for number, size_wh in enumerate([(64, 36), (1280, 720), (33, 19)]):
        read = reader.read(frame(number, size_wh), None)
        assert read.grid.shape == SHAPE_HW and (read.grid == 90).all()
        assert read.chroma is not None and read.chroma.shape == (9, 16, 2)


def test_cells_beside_a_picture_of_another_shape_keep_their_last_values() -> None:
    reader = GridReader(SHAPE_HW, None, 2.0)
    reader.read(frame(0.0, level=90), None)
    read = reader.read(frame(0.2, (48, 36), level=200), None)
    assert read.chroma is not None and read.chroma.shape == (9, 16, 2)
    assert (read.grid[:, 4:28] == 200).all()
    assert (read.grid[:, :4] == 90).all() and (read.grid[:, 28:] == 90).all()


@pytest.mark.parametrize(("gap_s", "dt_s"), [(0.2, 0.2), (2.0, 2.0), (2.1, 0.0), (3600.0, 0.0)])
def test_a_pause_longer_than_the_gap_is_no_time(gap_s: float, dt_s: float) -> None:
    reader = GridReader(SHAPE_HW, None, 2.0)
    assert reader.read(frame(10.0), None).dt_s == 0.0, "nothing is known before the first frame"
    assert reader.read(frame(10.0 + gap_s), None).dt_s == pytest.approx(dt_s)
    assert reader.read(frame(10.2 + gap_s), None).dt_s == pytest.approx(0.2)


def test_cells_of_privacy_zones_are_black_and_have_no_colour() -> None:
    privacy = np.zeros(SHAPE_HW, np.uint8)
    privacy[:, 16:] = 255
    read = GridReader(SHAPE_HW, privacy, 2.0).read(frame(0.0), None)
    assert read.chroma is not None
    assert not read.grid[:, 16:].any() and (read.grid[:, :16] == 90).all()
    assert (read.chroma[:, 8:] == 128).all() and (read.chroma[:, :8] == 150).all()


def test_times_and_picture_are_the_frames_own() -> None:
    picture = np.zeros((36, 64, 3), np.uint8)
    read = GridReader(SHAPE_HW, None, 2.0).read(frame(7.0), picture)
    assert (read.mono_s, read.wall_s) == (7.0, 1007.0)
    assert read.picture is picture
