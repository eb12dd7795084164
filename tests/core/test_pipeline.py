"""The engine as a whole, on scenes whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.core.increment import Increment
from edgeheat.core.params import HeatParams, MotionParams, PipelineParams, Style, ZoneParams
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.core.types import U8, Frame, SizeWH
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic import SyntheticSource, open_synthetic

TOTAL = (HeatParams("total", "total"),)
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def params(**more: Any) -> PipelineParams:
    return replace(PipelineParams("aisle", UTC, heats=TOTAL), **more)


def frame_of(luma: NDArray[Any], at_s: float, levels: tuple[int, int] = (0, 255)) -> Frame:
    def colour(size_wh: SizeWH) -> U8:
        grey = cv2.resize(luma.astype(np.uint8), size_wh, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)

    return Frame(luma, at_s, 1_700_000_000 + at_s, colour, levels)


def block_scene(where: Callable[[float], int | None], seconds: float, fps: float = 5.0) -> list[Frame]:
    """A grey, slightly noisy room of 320 by 180 in which a bright block stands at column `where(t)`."""
    random = np.random.default_rng(1)
    frames = []
    for number in range(round(seconds * fps)):
        at_s = number / fps
        luma = random.normal(100, 2, (180, 320)).clip(0, 255).astype(np.uint8)
        column = where(at_s)
        if column is not None:
            luma[60:140, column : column + 24] = 220
        frames.append(frame_of(luma, at_s))
    return frames


def walk(at_s: float) -> int:
    """From left to right and back again in 20 s."""
    phase = at_s % 20 / 10
    return round(10 + 260 * (phase if phase < 1 else 2 - phase))


def count(frames: Iterable[Frame], with_params: PipelineParams | None = None) -> CameraPipeline:
    pipeline = CameraPipeline(with_params or params())
    for frame in frames:
        pipeline.step(frame)
    pipeline.flush()
    return pipeline


def heat_of(pipeline: CameraPipeline, at_s: float = 0.0) -> NDArray[np.float32]:
    grid = pipeline.heat("total", at_s, 1_700_000_000 + at_s)
    assert grid is not None
    return grid.heat_s


def synthetic(url: str) -> SyntheticSource:
    return open_synthetic(url, SourceOptions(clock=None))


def test_a_walking_block_leaves_the_seconds_that_it_covered_each_cell() -> None:
    frames = block_scene(walk, 60)
    truth = sum(((f.luma > 180).astype(np.float32) * 0.2 for f in frames), np.zeros((180, 320), np.float32))
    heat = heat_of(count(frames))
    assert heat.sum() == pytest.approx(truth.sum(), rel=0.1)
    assert np.corrcoef(heat.ravel(), truth.ravel())[0, 1] > 0.97


def test_an_empty_noisy_room_stays_cold() -> None:
    assert heat_of(count(block_scene(lambda _: None, 60))).sum() == 0


def test_five_and_fifteen_frames_a_second_give_the_same_heat() -> None:
    slow, fast = (
        heat_of(count(synthetic(f"synthetic:shop?seed=3&size=320x180&duration=60&fps={fps}").frames())).sum()
        for fps in (5, 15)
    )
    assert fast == pytest.approx(slow, rel=0.05)


def test_heat_lies_where_the_synthetic_walkers_were() -> None:
    source = synthetic("synthetic:shop?seed=1&size=640x360&duration=90&fps=5")
    heat = heat_of(count(source.frames()))
    truth = source.truth(0.0, 90.0)
    blur = 0.017 * 320
    seen = cv2.GaussianBlur(heat, (0, 0), blur)
    present = cv2.resize(truth.moving_s + truth.standing_s, (320, 180), interpolation=cv2.INTER_AREA)
    wanted = cv2.GaussianBlur(present, (0, 0), blur)
    assert np.corrcoef(seen.ravel(), wanted.ravel())[0, 1] > 0.85
    nobody = cv2.dilate(present, np.ones((9, 9))) == 0
    assert heat[nobody].sum() < 0.03 * heat.sum()


def test_a_clip_shorter_than_the_bootstrap_loses_nothing() -> None:
    frames = block_scene(walk, 6)
    heat = heat_of(count(frames))
    assert heat.sum() == pytest.approx(24 * 80 * 6, rel=0.15)


def test_frames_are_held_back_in_the_bootstrap_and_counted_with_their_own_times() -> None:
    pipeline = CameraPipeline(params())
    given = [pipeline.step(frame) for frame in block_scene(walk, 12)]
    assert all(not masks for masks in given[:50])
    assert [round(mask.mono_s, 1) for mask in given[50]] == [round(0.2 * n, 1) for n in range(51)]
    assert all(len(masks) == 1 for masks in given[51:])


def test_someone_who_stands_in_the_first_frames_and_leaves_is_no_lasting_ghost() -> None:
    pipeline = count(block_scene(lambda at_s: 100 if at_s < 4 else None, 120))
    place = heat_of(pipeline)[60:140, 100:124]
    assert place.mean() == pytest.approx(4.0, abs=0.5)
    late = CameraPipeline(params())
    moving = [mask for frame in block_scene(lambda at_s: 100 if at_s < 15 else None, 120) for mask in late.step(frame)]
    assert not any(mask.cells.any() for mask in moving if mask.mono_s > 45)


def test_a_gap_adds_nothing_and_lowers_coverage() -> None:
    first = block_scene(walk, 30)
    second = [frame_of(f.luma, f.mono_s + 130) for f in block_scene(walk, 30)]
    pipeline = count([*first, *second])
    grid = pipeline.heat("total", 160.0, 1_700_000_160.0)
    assert grid is not None
    assert grid.observed_s == pytest.approx(2 * 29.8, abs=0.01)
    assert grid.coverage == pytest.approx(59.6 / 160, abs=0.01)
    assert grid.heat_s.sum() == pytest.approx(2 * heat_of(count(first)).sum(), rel=0.1)


@pytest.mark.parametrize(
    ("what", "levels", "dtype"),
    [
        ("video range", (16, 235), np.uint8),
        ("10 bit", (64, 940), np.uint16),
        ("10 bit in the high bits", (4096, 60160), np.uint16),
    ],
)
def test_the_depth_and_range_of_the_luma_change_the_heat_by_less_than_one_percent(
    what: str, levels: tuple[int, int], dtype: type[Any]
) -> None:
    full = block_scene(walk, 30)
    black, white = levels
    scaled = [frame_of(np.rint(black + f.luma / 255.0 * (white - black)).astype(dtype), f.mono_s, levels) for f in full]
    assert heat_of(count(scaled)).sum() == pytest.approx(heat_of(count(full)).sum(), rel=0.01), what


def test_a_change_of_size_in_mid_stream_keeps_grid_and_heat() -> None:
    frames = block_scene(walk, 40)
    for index in range(100, 200):
        big = cv2.resize(frames[index].luma, (1280, 720), interpolation=cv2.INTER_NEAREST)
        frames[index] = frame_of(big, frames[index].mono_s)
    heat = heat_of(count(frames))
    assert heat.shape == (180, 320)
    assert heat.sum() == pytest.approx(heat_of(count(block_scene(walk, 40))).sum(), rel=0.05)


def test_nothing_counts_in_ignored_and_private_places_nor_outside_the_included() -> None:
    for kind, hot_left, hot_right in (("ignore", False, True), ("privacy", False, True), ("include", True, False)):
        zone = ZoneParams("left", kind, LEFT)  # type: ignore[arg-type]
        heat = heat_of(count(block_scene(walk, 40), params(zones=(zone,))))
        assert (heat[:, :158].sum() > 0) == hot_left, kind
        assert (heat[:, 164:].sum() > 0) == hot_right, kind


def test_private_pixels_are_in_no_picture() -> None:
    zone = ZoneParams("till", "privacy", ((0.25, 0.2), (0.75, 0.2), (0.75, 0.8), (0.25, 0.8)))
    style = Style(overlay=True, background_dim=1.0, background="colour", legend=False, title=False, format="png")
    pipeline = count(block_scene(walk, 40), params(zones=(zone,), style=style))
    snapshot = pipeline.snapshot(40.0, 1_700_000_040.0)
    background = pipeline.background()
    assert snapshot is not None and background is not None
    assert not background[36:144, 80:240].any()
    picture = cv2.imdecode(np.frombuffer(snapshot.heats[0].image, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture[40:140, 84:236].max() <= 4  # the colormap's own black
    assert picture[:30].mean() > 50


def test_the_background_is_without_people_even_if_they_are_in_the_first_frame() -> None:
    background = count(block_scene(walk, 60)).background()
    assert background is not None
    assert abs(background.astype(int) - 100).max() < 30


def test_zone_figures_add_up() -> None:
    zones = (
        ZoneParams("left", "zone", LEFT),
        ZoneParams("right", "zone", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))),
    )
    pipeline = count(block_scene(walk, 40), params(zones=zones))
    snapshot = pipeline.snapshot(40.0, 1_700_000_040.0)
    assert snapshot is not None
    figures = {each.zone: each for each in snapshot.heats[0].zones}
    assert set(figures) == {"all", "left", "right"}
    # The column of cells on the border belongs to both.
    assert figures["left"].cell_seconds + figures["right"].cell_seconds == pytest.approx(
        figures["all"].cell_seconds, rel=0.03
    )
    activity = pipeline.take_activity()
    assert activity.cell_seconds["all"] == pytest.approx(figures["all"].cell_seconds, rel=0.01)
    assert activity.observed_s == pytest.approx(39.8)
    assert 0 < activity.motion_s["left"] < activity.motion_s["all"] <= 39.8 + 1e-6
    assert pipeline.take_activity().observed_s == 0


def test_a_saved_pipeline_goes_on_where_it_was_and_at_once() -> None:
    frames = block_scene(walk, 80)
    whole = heat_of(count(frames), 80.0)
    first = CameraPipeline(params())
    for frame in frames[:200]:
        first.step(frame)
    saved = first.save()
    first.take_increments()
    for frame in frames[200:250]:
        first.step(frame)
    journal = [Increment.unpack(each.pack()) for each in first.take_increments()]
    second = CameraPipeline(params())
    assert second.restore(saved, journal, 0.0) == []
    counted = [mask for frame in frames[250:] for mask in second.step(frame)]
    second.flush()
    assert len(counted) == 150, "the empty scene was known: nothing had to be held back"
    assert heat_of(second, 80.0).sum() == pytest.approx(whole.sum(), rel=0.03)


def test_the_empty_scene_of_an_earlier_run_is_not_trusted_when_the_scene_is_another() -> None:
    first = count(block_scene(walk, 20))
    second = CameraPipeline(params())
    second.restore(first.save(), [], 0.0)
    dark = [frame_of((f.luma // 3).astype(np.uint8), f.mono_s) for f in block_scene(walk, 30)]
    assert second.step(dark[0]) == []
    assert not second.scene_known


def test_a_state_of_another_grid_width_starts_empty_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    first = count(block_scene(walk, 20))
    second = CameraPipeline(params(motion=MotionParams(grid_width=160)))
    second.restore(first.save(), [], 0.0)
    for frame in block_scene(walk, 20):
        second.step(frame)
    second.flush()
    assert heat_of(second).shape == (90, 160)
    assert "heats start empty" in caplog.text


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 500), (3, 2), (4096, 16)])
def test_odd_sizes_do_no_harm(size_wh: SizeWH) -> None:
    random = np.random.default_rng(2)
    frames = [
        frame_of(random.integers(0, 255, size_wh[::-1], np.uint8), number / 5)  # all noise
        for number in range(80)
    ]
    pipeline = count(frames)
    assert pipeline.snapshot(16.0, 1_700_000_016.0) is not None
    assert np.isfinite(heat_of(pipeline)).all()
