"""Frames are reduced to the grid by area means, and to the analysis rate at even intervals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8, Frame, Orientation, SizeWH
from edgeheat.core.grid.sampling import FrameSampler, grid_size_wh, to_grid


def frame_of(luma: NDArray[Any], levels: tuple[int, int] = (0, 255)) -> Frame:
    return Frame(luma, 0.0, 0.0, lambda size_wh: np.zeros((size_wh[1], size_wh[0], 3), np.uint8), levels)


@pytest.mark.parametrize(
    ("what", "frame_wh", "grid_width", "grid_wh"),
    [
        ("16:9", (1920, 1080), 320, (320, 180)),
        ("4:3", (640, 480), 320, (320, 240)),
        ("portrait", (1080, 1920), 320, (320, 569)),
        ("a picture smaller than the grid", (160, 90), 320, (160, 90)),
        ("a single row", (1920, 1), 320, (320, 1)),
        ("a single column", (1, 900), 320, (1, 900)),
        ("a single pixel", (1, 1), 320, (1, 1)),
    ],
)
def test_the_grid_has_the_aspect_ratio_of_the_frame(
    what: str, frame_wh: SizeWH, grid_width: int, grid_wh: SizeWH
) -> None:
    assert grid_size_wh(frame_wh, grid_width) == grid_wh, what


@pytest.mark.parametrize("frame_wh", [(320, 180), (1280, 720), (1920, 1080), (500, 281), (641, 363)])
def test_a_cell_is_the_mean_of_its_pixels(frame_wh: SizeWH) -> None:
    luma: U8 = np.random.default_rng(1).integers(0, 256, (frame_wh[1], frame_wh[0]), np.uint8)
    grid = to_grid(frame_of(luma), (160, 90))
    assert (grid.shape, grid.dtype) == ((90, 160), np.uint8)
    columns, rows = (np.linspace(0, size, cells + 1) for size, cells in zip(frame_wh, (160, 90), strict=True))
    sums = np.pad(luma.astype(float).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    # Sums up to edges that lie within a pixel are interpolated.
    along_y = np.stack([np.interp(rows, range(frame_wh[1] + 1), column) for column in sums.T], axis=1)
    corners = np.stack([np.interp(columns, range(frame_wh[0] + 1), row) for row in along_y])
    means = np.diff(np.diff(corners, axis=0), axis=1) / ((frame_wh[0] / 160) * (frame_wh[1] / 90))
    assert np.abs(grid - means).max() <= 1.6, "rounded once for each halving"


@pytest.mark.parametrize("levels", [(0, 255), (16, 235)])
@pytest.mark.parametrize("mirrored_x", [False, True])
def test_a_turned_picture_is_upright_on_the_grid(mirrored_x: bool, levels: tuple[int, int]) -> None:
    orientation = Orientation(transposed=True, mirrored_x=mirrored_x)
    luma: U8 = np.random.default_rng(2).integers(0, 256, (640, 360), np.uint8)
    grid = to_grid(replace(frame_of(luma, levels), orientation=orientation), (160, 90))
    assert np.array_equal(grid, to_grid(frame_of(orientation.upright(luma), levels), (160, 90)))


@pytest.mark.parametrize(
    ("what", "dtype", "levels", "largest"),
    [
        ("video range", np.uint8, (16, 235), 255),
        ("full range of 10 bits", np.uint16, (0, 1023), 1023),
        ("video range of 10 bits", np.uint16, (64, 940), 1023),
    ],
)
def test_levels_are_stretched_to_the_full_range_and_clipped(
    what: str, dtype: type, levels: tuple[int, int], largest: int
) -> None:
    black, white = levels
    samples = np.array([0, black, round((black + white) / 2), white, largest])
    luma = np.repeat(samples, 20).astype(dtype)[np.newaxis, :].repeat(20, axis=0)
    grid = to_grid(frame_of(luma, levels), (5, 1))
    assert grid.dtype == np.uint8
    assert grid[0, [0, 1, 3, 4]].tolist() == [0, 0, 255, 255], what
    assert abs(int(grid[0, 2]) - 128) <= 1, what


def test_the_frame_s_own_memory_is_not_changed_and_not_shared() -> None:
    luma: U8 = np.full((90, 160), 77, np.uint8)
    luma.setflags(write=False)
    grid = to_grid(frame_of(luma), (160, 90))
    grid[:] = 0
    assert (luma == 77).all()


@pytest.mark.parametrize(
    ("stream_fps", "analysis_fps", "analysed"),
    [
        (15.0, 5.0, 50),
        (25.0, 5.0, 50),
        (30.0, 5.0, 50),
        (12.0, 5.0, 50),
        (5.0, 5.0, 50),
        (2.0, 5.0, 20),
        (60.0, 1.0, 10),
    ],
)
def test_the_analysis_rate_is_kept_whatever_the_stream_s_rate(
    stream_fps: float, analysis_fps: float, analysed: int
) -> None:
    sampler = FrameSampler(analysis_fps)
    times = np.arange(0, 10, 1 / stream_fps)
    assert abs(sum(sampler.due(float(at_s)) for at_s in times) - analysed) <= 1


@pytest.mark.parametrize("stream_fps", [5, 15])
def test_jitter_does_not_lower_the_analysis_rate(stream_fps: int) -> None:
    random, sampler = np.random.default_rng(1), FrameSampler(5.0)
    times = np.arange(0, 60, 1 / stream_fps) + random.uniform(-0.008, 0.008, 60 * stream_fps)
    assert sum(sampler.due(float(at_s)) for at_s in times) == pytest.approx(300, abs=3)


@given(
    gaps_s=st.lists(st.floats(0.001, 30.0), min_size=1, max_size=100),
    fps=st.floats(0.1, 60.0),
)
def test_frames_are_never_analysed_faster_than_the_rate(gaps_s: list[float], fps: float) -> None:
    sampler = FrameSampler(fps)
    times = [at_s for at_s in np.cumsum(gaps_s) if sampler.due(float(at_s))]
    assert times[0] == gaps_s[0], "the first frame is analysed"
    for count in range(2, len(times) + 1):
        span_s = times[count - 1] - times[0]
        assert count - 1 <= span_s * fps + 1.1


def test_after_a_gap_there_is_no_backlog() -> None:
    sampler = FrameSampler(5.0)
    assert [sampler.due(at_s) for at_s in (0.0, 100.0, 100.05, 100.1, 100.2)] == [True, True, False, False, True]
