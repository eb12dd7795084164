"""Tests the rivals on a drawn recording: each detects movement, and has its known weakness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fidelity.count import count_edgeheat, count_rivals
from benchmarks.fidelity.rivals import (
    RIVALS,
    FrameDifference,
    Mog2Count,
    Mog2OnceASecond,
    MogCount,
    Rival,
    RunningAverage,
)
from benchmarks.fidelity.scores import GRID_HW
from tests.support.media import U8, make_clip

FPS = 10
SIZE_WH = (160, 90)
each_rival = pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.name)


def floor() -> U8:
    """An uneven floor in BGR, dark to bright from left to right."""
    width, height = SIZE_WH
    ramp = np.linspace(60, 190, width).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(np.tile(ramp, (height, 1))[:, :, None], 3, axis=2))


def walker(index: int, size_wh: tuple[int, int] = SIZE_WH) -> U8:
    """After 3 s without movement a dark square moves along the upper half, repeatedly from left to right."""
    picture = floor()
    if index >= 3 * FPS:
        left = (index - 3 * FPS) * 3 % (size_wh[0] - 24)
        picture[15:39, left : left + 24] = (90, 10, 20)
    return picture


def play(rival: Rival, seconds: float, fps: float = FPS) -> Rival:
    """Feed the rival with the walker."""
    for index in range(round(seconds * fps)):
        rival.add(walker(round(index * FPS / fps)), index / fps)
    return rival


@each_rival
def test_a_rival_detects_movement(rival: type[Rival]) -> None:
    heat = play(rival(), 20).heat()
    upper, lower = np.split(heat, [heat.shape[0] // 2])
    # MOG and MOG2 classify all of the first picture as motion.
    assert upper.sum() > 2 * lower.sum()


@each_rival
def test_a_rival_without_pictures_has_no_heat(rival: type[Rival]) -> None:
    assert rival().heat().sum() == 0


@pytest.mark.parametrize("rival", [each for each in RIVALS if each.in_seconds], ids=lambda rival: rival.name)
def test_a_rival_never_counts_more_seconds_than_the_recording_has(rival: type[Rival]) -> None:
    heat = play(rival(), 12).heat()
    assert 0.4 < heat.max() <= 12.0


def test_frame_difference_adds_up_the_change_of_brightness() -> None:
    rival = FrameDifference()
    for level in (10, 30, 25):
        rival.add(np.full((2, 3, 3), level, np.uint8), 0.0)
    assert rival.heat().tolist() == [[25.0] * 3] * 2


@pytest.mark.parametrize(("rival", "full"), [(MogCount, 127.5), (Mog2Count, 255.0)])
def test_eight_bits_saturate(rival: type[Rival], full: float) -> None:
    busy = rival()
    for index in range(1500):
        level = 90 if index < 200 else index * 37 % 256
        busy.add(np.full((9, 16, 3), level, np.uint8), float(index))
    assert busy.heat().max() == full


def test_mog2_with_default_settings_counts_shadows() -> None:
    rival = Mog2Count()
    shadow = floor()
    shadow[50:70, 60:100] = np.rint(shadow[50:70, 60:100] * 0.7).astype(np.uint8)
    for index in range(100):
        rival.add(shadow if index >= 90 else floor(), index / FPS)
    first_picture_s = 1 / FPS
    assert rival.heat()[60, 80] > rival.heat()[10, 80] == pytest.approx(first_picture_s)


def test_the_running_average_counts_nothing_while_most_of_the_picture_changes() -> None:
    rival = RunningAverage()
    rng = np.random.default_rng(1)
    for index in range(40):
        rival.add(rng.integers(0, 2, 1, np.uint8) * np.uint8(200) + floor() // 8, index / 5)
    assert rival.heat().sum() == 0


def test_the_running_average_stretches_a_weak_contrast() -> None:
    def hazy(picture: U8) -> U8:
        return np.asarray(picture // 8 + 100, np.uint8)

    rival = RunningAverage()
    for index in range(120):
        rival.add(hazy(walker(index)), index / FPS)
    assert rival.heat().sum() > 0


def test_mog2_at_one_fps_processes_one_picture_a_second() -> None:
    quick, slow = play(Mog2OnceASecond(), 10, fps=8).heat(), play(Mog2OnceASecond(), 10, fps=2).heat()
    assert np.array_equal(quick, slow)
    assert 2.0 < quick.max() <= 10.0


def test_the_heats_of_rivals_are_cached_until_the_recording_changes(tmp_path: Path) -> None:
    video, kept = tmp_path / "walker.mp4", tmp_path / "walker.rivals.npz"
    make_clip(video, size_wh=SIZE_WH, fps=FPS, frames=60, painter=walker)
    found = count_rivals(video, kept, until=(3, 5))
    written = kept.stat().st_mtime_ns
    again = count_rivals(video, kept, until=(3, 5))
    assert kept.stat().st_mtime_ns == written
    assert [each.name for each in again] == [rival.name for rival in RIVALS]
    for one, other in zip(found, again, strict=True):
        assert one.heat.shape == GRID_HW
        assert np.array_equal(one.heat, other.heat)
        assert np.array_equal(one.until[5], other.until[5])
        assert one.until[3].sum() < one.until[5].sum() < one.heat.sum()
    assert count_rivals(video, kept)[0].until == {}
    make_clip(video, size_wh=SIZE_WH, fps=FPS, frames=50, painter=walker)
    assert not np.array_equal(count_rivals(video, kept)[0].heat, found[0].heat)


def test_a_recording_that_is_too_short_is_rejected(tmp_path: Path) -> None:
    video = make_clip(tmp_path / "short.mp4", size_wh=SIZE_WH, fps=FPS, frames=20)
    with pytest.raises(ValueError, match="shorter than 3 s"):
        count_rivals(video, tmp_path / "kept.npz", until=(1, 3))


def test_edgeheat_runs_with_default_settings_and_counts_seconds(tmp_path: Path) -> None:
    video = make_clip(tmp_path / "walker.mp4", size_wh=SIZE_WH, fps=FPS, frames=200, painter=walker)
    seen: list[float] = []
    heat_s = count_edgeheat(video, on_frame=lambda frame: seen.append(frame.mono_s))
    upper, lower = np.split(heat_s, 2)
    assert len(seen) == 200
    assert upper.sum() > 20 * lower.sum()
    assert 1.0 < heat_s.max() < 20.0
    assert count_edgeheat(video, until_s=12.0).sum() < 0.8 * heat_s.sum()
    with pytest.raises(ValueError, match="no frames before"):
        count_edgeheat(video, until_s=-1.0)
