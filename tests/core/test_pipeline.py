"""The whole pipeline, on scenes with known truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.core.foreground.rejections import RejectedTime
from edgeheat.core.grid.frames import U8, Frame, SizeWH
from edgeheat.core.grid.zones import ZoneMasks
from edgeheat.core.heat import heat_file
from edgeheat.core.heat.heat_set import HeatSet
from edgeheat.core.heat.increment import Increment
from edgeheat.core.pipeline import CameraPipeline
from edgeheat.defs.params import HeatParams, MotionParams, PipelineParams, Style, ZoneParams
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic import SyntheticSource, open_synthetic
from tests.core import drawn
from tests.core.drawn import Look, bumped, room

TOTAL = (HeatParams("total", "total"),)
EMPTY = np.minimum(room((180, 320), coloured=False).luma, 150.0)
LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def params(**more: Any) -> PipelineParams:
    return replace(PipelineParams("aisle", UTC, heats=TOTAL), **more)


def frame_of(luma: NDArray[Any], at_s: float, levels: tuple[int, int] = (0, 255)) -> Frame:
    def colour(size_wh: SizeWH) -> U8:
        grey = cv2.resize(luma.astype(np.uint8), size_wh, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)

    return Frame(luma, at_s, 1_700_000_000 + at_s, colour, levels)


def block_scene(where: Callable[[float], int | None], seconds: float, fps: float = 5.0) -> list[Frame]:
    """A slightly noisy room of 320 by 180 with shelves, with a bright block at column `where(t)`."""
    random = np.random.default_rng(1)
    frames = []
    for number in range(round(seconds * fps)):
        at_s = number / fps
        luma = random.normal(EMPTY, 2).clip(0, 255).astype(np.uint8)
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


@cache
def walking() -> list[Frame]:
    """Return eighty seconds of the moving block; made once, because drawing the noise takes long."""
    frames = block_scene(walk, 80)
    for frame in frames:
        frame.luma.setflags(write=False)
    return frames


def walk_of(seconds: float) -> list[Frame]:
    return walking()[: round(seconds * 5)]


@cache
def walk_heat(seconds: float) -> NDArray[np.float32]:
    """Return the heat of the walk with default parameters."""
    return heat_of(count(walk_of(seconds)))


@cache
def saved_after_a_walk() -> bytes:
    return count(walk_of(20)).save()


def shop(fps: int) -> SyntheticSource:
    """Return a minute of the synthetic shop, with one pixel per cell."""
    return open_synthetic(f"synthetic:shop?seed=1&size=320x180&duration=60&fps={fps}", SourceOptions(clock=None))


@cache
def shop_heat(fps: int) -> NDArray[np.float32]:
    return heat_of(count(shop(fps).frames()))


def test_a_walking_block_leaves_the_seconds_that_it_covered_each_cell() -> None:
    frames = walk_of(60)
    truth = sum(((f.luma > 180).astype(np.float32) * 0.2 for f in frames), np.zeros((180, 320), np.float32))
    heat = walk_heat(60)
    assert heat.sum() == pytest.approx(truth.sum(), rel=0.1)
    assert np.corrcoef(heat.ravel(), truth.ravel())[0, 1] > 0.97


def test_an_empty_noisy_room_gives_no_heat() -> None:
    assert heat_of(count(block_scene(lambda _: None, 60))).sum() == 0


def test_five_and_fifteen_frames_a_second_give_the_same_heat() -> None:
    assert shop_heat(15).sum() == pytest.approx(shop_heat(5).sum(), rel=0.05)


@pytest.mark.parametrize("fps", [10, 25])
def test_a_walking_person_is_moving_at_every_analysis_rate(fps: int) -> None:
    frames = drawn.room().frames(lambda at_s: Look((drawn.walker(at_s),)), 30, fps=fps)
    counted = drawn.count(frames, drawn.params(analysis_fps=float(fps)))
    assert counted.heat("traffic").sum() > 0.95 * counted.presence.sum() > 0.0


def test_heat_lies_where_the_synthetic_walkers_were() -> None:
    heat, truth = shop_heat(5), shop(5).truth(0.0, 60.0)
    blur = 0.017 * 320
    seen = cv2.GaussianBlur(heat, (0, 0), blur)
    present = truth.moving_s + truth.standing_s
    wanted = cv2.GaussianBlur(present, (0, 0), blur)
    assert np.corrcoef(seen.ravel(), wanted.ravel())[0, 1] > 0.85
    nobody = cv2.dilate(present, np.ones((9, 9))) == 0
    assert heat[nobody].sum() < 0.03 * heat.sum()


def test_a_clip_shorter_than_the_bootstrap_loses_nothing() -> None:
    heat = walk_heat(6)
    assert heat.sum() == pytest.approx(24 * 80 * 6, rel=0.15)


def test_frames_are_kept_during_the_bootstrap_and_counted_with_their_own_times() -> None:
    pipeline = CameraPipeline(params())
    given = [pipeline.step(frame) for frame in walk_of(30)]
    assert all(not masks for masks in given[:50])
    times_s = [round(mask.mono_s, 1) for masks in given for mask in masks]
    assert times_s == [round(0.2 * n, 1) for n in range(150)]


def test_the_frames_of_a_bootstrap_are_caught_up_soon_and_never_many_in_one_step() -> None:
    pipeline = CameraPipeline(params(motion=MotionParams(bootstrap_s=20.0)))
    given = [pipeline.step(frame) for frame in walk_of(40)]
    assert max(map(len, given)) <= 3
    assert all(len(masks) == 1 for masks in given[155:]), "in half the length of the bootstrap"
    assert not pipeline.has_waiting_frames


def test_what_is_not_in_an_increment_yet_is_reported() -> None:
    pipeline = CameraPipeline(params())
    frames = iter(walk_of(40))
    for _, frame in zip(range(51), frames, strict=False):
        pipeline.step(frame)
    report = pipeline.take_report()
    counted_s = sum(each.observed_ms for each in report.increments) / 1000
    assert report.uncounted_s == pytest.approx(10.0 - counted_s), "nearly all of the bootstrap still waits"
    while pipeline.has_waiting_frames:
        pipeline.step(next(frames))
    assert pipeline.take_report().uncounted_s <= 1.0, "only the unfinished second"
    pipeline.flush()
    assert pipeline.take_report().uncounted_s == 0.0


@pytest.mark.parametrize("seconds", [4, 12, 30])
def test_catching_up_at_the_end_in_slices_counts_the_same_as_a_flush(seconds: float) -> None:
    pipeline = CameraPipeline(params())
    for frame in walk_of(seconds):
        pipeline.step(frame)
    while pipeline.has_waiting_frames:
        assert len(pipeline.catch_up()) <= 3
    pipeline.flush()
    assert heat_of(pipeline).tobytes() == walk_heat(seconds).tobytes()


def test_a_person_who_stands_in_the_first_frames_and_leaves_is_no_lasting_ghost() -> None:
    pipeline = count(block_scene(lambda at_s: 100 if at_s < 4 else None, 60))
    place = heat_of(pipeline)[60:140, 100:124]
    assert place.mean() == pytest.approx(4.0, abs=0.5)
    late = CameraPipeline(params())
    moving = [mask for frame in block_scene(lambda at_s: 100 if at_s < 15 else None, 80) for mask in late.step(frame)]
    # The floor becomes background once it outvoted the person, and was visible for as long as the person and 20 s.
    assert not any(mask.cells.any() for mask in moving if mask.mono_s > 15 + 2 * 15 + 20)
    late.flush()
    assert heat_of(late)[60:140, 100:124].mean() < 15.5, "the ghost itself gives no heat"


def test_a_gap_adds_nothing_and_lowers_coverage() -> None:
    first = walk_of(30)
    second = [frame_of(f.luma, f.mono_s + 130) for f in first]
    pipeline = count([*first, *second])
    grid = pipeline.heat("total", 160.0, 1_700_000_160.0)
    assert grid is not None
    assert grid.observed_s == pytest.approx(2 * 29.8, abs=0.01)
    assert grid.coverage == pytest.approx(59.6 / 160, abs=0.01)
    assert grid.heat_s.sum() == pytest.approx(2 * walk_heat(30).sum(), rel=0.1)


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
    full = walk_of(30)
    black, white = levels
    scaled = [frame_of(np.rint(black + f.luma / 255.0 * (white - black)).astype(dtype), f.mono_s, levels) for f in full]
    assert heat_of(count(scaled)).sum() == pytest.approx(walk_heat(30).sum(), rel=0.01), what


def test_a_change_of_size_in_mid_stream_keeps_grid_and_heat() -> None:
    frames = walk_of(40)
    for index in range(100, 200):
        big = cv2.resize(frames[index].luma, (1280, 720), interpolation=cv2.INTER_NEAREST)
        frames[index] = frame_of(big, frames[index].mono_s)
    heat = heat_of(count(frames))
    assert heat.shape == (180, 320)
    assert heat.sum() == pytest.approx(walk_heat(40).sum(), rel=0.05)


def _resized(frame: Frame, size_wh: SizeWH) -> Frame:
    return frame_of(np.asarray(cv2.resize(frame.luma, size_wh, interpolation=cv2.INTER_AREA), np.uint8), frame.mono_s)


@cache
def detailed_walk(seconds: float) -> list[Frame]:
    """Return the walk in front of fine patterns, which a smaller picture does not show."""
    random = np.random.default_rng(4)
    pattern = cv2.GaussianBlur(random.normal(0, 1, (180, 320)), (0, 0), 1.0)
    scene = 110 + 35 * pattern / pattern.std()
    frames = []
    for number in range(round(seconds * 5)):
        luma = random.normal(scene, 2).clip(0, 255).astype(np.uint8)
        luma[60:140, walk(number / 5) : walk(number / 5) + 24] = 240
        frames.append(frame_of(luma, number / 5))
    return frames


@cache
def detailed_heat(seconds: float) -> NDArray[np.float32]:
    return heat_of(count(detailed_walk(seconds)))


def test_a_picture_that_becomes_smaller_than_the_grid_keeps_the_heat_and_adds_nothing_false() -> None:
    frames = [frame if frame.mono_s < 20 else _resized(frame, (96, 54)) for frame in detailed_walk(40)]
    heat = heat_of(count(frames))
    assert heat.shape == (180, 320)
    assert heat.sum() == pytest.approx(detailed_heat(40).sum(), rel=0.15)


def test_a_picture_that_gets_another_shape_is_not_stretched() -> None:
    frames = list(detailed_walk(40))
    for index in range(100, 200):
        frames[index] = frame_of(np.ascontiguousarray(frames[index].luma[:, 40:280]), frames[index].mono_s)
    heat, whole = heat_of(count(frames)), detailed_heat(40)
    assert heat.shape == (180, 320)
    assert heat.sum() == pytest.approx(whole.sum(), rel=0.1)
    assert np.corrcoef(heat[:, 40:280].ravel(), whole[:, 40:280].ravel())[0, 1] > 0.95


def test_single_pictures_of_another_shape_are_not_used() -> None:
    frames = list(detailed_walk(40))
    for index in range(60, 200, 20):
        frames[index] = _resized(frames[index], (320, 240))
    assert heat_of(count(frames)).sum() == pytest.approx(detailed_heat(40).sum(), rel=0.05)


def test_a_restart_with_a_smaller_picture_keeps_the_heat(caplog: pytest.LogCaptureFixture) -> None:
    second = CameraPipeline(params())
    second.restore(saved_after_a_walk(), [], 0.0)
    before = heat_of(count(walk_of(20))).sum()
    for frame in walk_of(40)[100:]:
        second.step(_resized(frame, (160, 90)))
    second.flush()
    heat = heat_of(second)
    assert heat.shape == (180, 320)
    assert heat.sum() == pytest.approx(walk_heat(40).sum(), rel=0.35)
    assert heat.sum() > before
    assert "heats start empty" not in caplog.text


def test_nothing_counts_in_ignore_and_privacy_zones_nor_outside_include_zones() -> None:
    for kind, hot_left, hot_right in (("ignore", False, True), ("privacy", False, True), ("include", True, False)):
        zone = ZoneParams("left", kind, LEFT)  # type: ignore[arg-type]
        heat = heat_of(count(walk_of(40), params(zones=(zone,))))
        assert (heat[:, :158].sum() > 0) == hot_left, kind
        assert (heat[:, 164:].sum() > 0) == hot_right, kind


def test_pixels_of_privacy_zones_are_in_no_picture() -> None:
    zone = ZoneParams("till", "privacy", ((0.25, 0.2), (0.75, 0.2), (0.75, 0.8), (0.25, 0.8)))
    style = Style(overlay=True, background_dim=1.0, background="colour", legend=False, title=False, format="png")
    pipeline = count(walk_of(40), params(zones=(zone,), style=style))
    snapshot = pipeline.snapshot(40.0, 1_700_000_040.0)
    background = pipeline.backdrop()
    assert snapshot is not None and background is not None
    assert not background[36:144, 80:240].any()
    picture = cv2.imdecode(np.frombuffer(snapshot.heats[0].image, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture[40:140, 84:236].max() <= 4  # the colormap's own black
    assert picture[:30].mean() > 50


def test_the_backdrop_is_without_people_even_if_they_are_in_the_first_frame() -> None:
    background = count(walk_of(60)).backdrop()
    assert background is not None
    empty = cv2.resize(EMPTY, background.shape[1::-1])[..., None]
    assert np.abs(background - empty).max() < 30


def test_zone_figures_add_up() -> None:
    zones = (
        ZoneParams("left", "zone", LEFT),
        ZoneParams("right", "zone", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))),
    )
    pipeline = count(walk_of(40), params(zones=zones))
    snapshot = pipeline.snapshot(40.0, 1_700_000_040.0)
    assert snapshot is not None
    figures = {each.zone: each for each in snapshot.heats[0].zones}
    assert set(figures) == {"all", "left", "right"}
    # The column of cells on the border belongs to both.
    assert figures["left"].cell_seconds + figures["right"].cell_seconds == pytest.approx(
        figures["all"].cell_seconds, rel=0.03
    )
    activity = pipeline.take_report().activity
    for zone, figure in figures.items():
        both = activity.traffic_cell_s[zone] + activity.dwell_cell_s[zone]
        assert both == pytest.approx(figure.cell_seconds, rel=0.01), zone
    assert activity.observed_s == pytest.approx(39.8)
    assert 0 < activity.motion_s["left"] < activity.motion_s["all"] <= 39.8 + 1e-6
    assert pipeline.take_report().activity.observed_s == 0


def test_a_restored_pipeline_continues_without_a_bootstrap() -> None:
    frames, whole = walk_of(80), walk_heat(80)
    first = CameraPipeline(params())
    for frame in frames[:200]:
        first.step(frame)
    saved = first.save()
    for frame in frames[200:250]:
        first.step(frame)
    journal = [Increment.unpack(each.pack()) for each in first.take_report().increments]
    second = CameraPipeline(params())
    assert second.restore(saved, journal, 0.0) == []
    counted = [mask for frame in frames[250:] for mask in second.step(frame)]
    second.flush()
    assert len(counted) == 150, "the background was restored: no bootstrap is necessary"
    assert heat_of(second, 80.0).sum() == pytest.approx(whole.sum(), rel=0.03)


def test_restored_increments_get_the_time_of_the_present_clock() -> None:
    """The machine was started again: its monotonic clock, which stood at 5000 s, begins at 0."""
    lately = (HeatParams("lately", "window", 60.0),)
    before = Increment(np.full((180, 320), 500, np.uint16), None, 1000, 5000.0, 1_700_000_000.0)
    pipeline = CameraPipeline(params(heats=lately))
    pipeline.restore(None, [before], -4990.0)
    seconds = {}
    for at_s in (11.0, 65.0, 75.0):
        grid = pipeline.heat("lately", at_s, 1_700_000_000.0 + at_s)
        assert grid is not None
        seconds[at_s] = float(grid.heat_s.max())
    assert seconds == {11.0: 0.5, 65.0: 0.5, 75.0: 0.0}, "counted at 10 s, so the window has left it after 70 s"


def test_the_background_of_an_earlier_run_is_not_used_if_the_camera_shows_another_scene() -> None:
    second = CameraPipeline(params())
    second.restore(saved_after_a_walk(), [], 0.0)
    turned = [frame_of(np.ascontiguousarray(f.luma[::-1, ::-1]), f.mono_s) for f in walk_of(1)]
    assert second.step(turned[0]) == []
    assert not second.take_report().background_known


def test_the_background_of_an_earlier_run_is_used_in_another_exposure() -> None:
    second = CameraPipeline(params())
    second.restore(saved_after_a_walk(), [], 0.0)
    darker = [frame_of((0.6 * f.luma).astype(np.uint8), f.mono_s) for f in walk_of(1)]
    assert len(second.step(darker[0])) == 1
    assert second.take_report().background_known


def test_a_state_of_another_grid_width_starts_empty_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    second = CameraPipeline(params(motion=MotionParams(grid_width=160)))
    second.restore(saved_after_a_walk(), [], 0.0)
    for frame in walk_of(20):
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


# What is saved besides the heats, and restored.


def with_television(seconds: float, zones: tuple[ZoneParams, ...] = ()) -> CameraPipeline:
    frames = drawn.room().frames(lambda at_s: Look((drawn.television(at_s),)), seconds)
    return drawn.count(frames, replace(drawn.params(), zones=zones), flush=False).pipeline


def on_air(seconds: float, start_s: float) -> list[Frame]:
    frames = drawn.room().frames(lambda at_s: Look((drawn.television(at_s),)), seconds)
    return [replace(frame, mono_s=frame.mono_s + start_s) for frame in frames]


def test_background_and_flicker_mask_survive_a_restart() -> None:
    first = with_television(100)
    before = first.take_report()
    assert before.masked_ratio > 0
    second = CameraPipeline(drawn.params())
    second.restore(first.save(), [], 0.0)
    masks = [mask for frame in on_air(5, 100.0) for mask in second.step(frame)]
    assert len(masks) == 25, "the background and its certainty were restored: no bootstrap is necessary"
    assert second.take_report().masked_ratio == pytest.approx(before.masked_ratio, rel=0.2)
    assert not any(mask.moving[14:30, 102:126].any() for mask in masks)


def walk_after_restart(observed_s: float) -> list[bool]:
    """Return for each frame whether anything counts as moving, when a person comes in after a restart.

    `observed_s`: for how long the empty shop was observed before it.
    """
    shop, with_params = drawn.room(), drawn.params(bootstrap_s=3.0)
    first = drawn.count(shop.frames(lambda _: Look(), observed_s), with_params, flush=False).pipeline
    second = CameraPipeline(with_params)
    second.restore(first.save(), [], 0.0)
    frames = shop.frames(lambda at_s: Look((drawn.walker(at_s),)), 3)
    later = [replace(frame, mono_s=frame.mono_s + observed_s) for frame in frames]
    return [bool(mask.moving.any()) for frame in later for mask in second.step(frame)]


def test_people_count_at_once_after_a_restart_where_the_place_was_observed_empty() -> None:
    assert all(walk_after_restart(30.0)[5:])


def test_a_background_that_was_observed_briefly_is_not_more_certain_after_a_restart() -> None:
    moving = walk_after_restart(4.0)
    assert len(moving) == 15, "the background itself is known"
    assert not any(moving), "as in the run before, time stays pending until the place was observed empty for 15 s"


@pytest.mark.parametrize("shape_hw", [(4, 5), (45, 79)])
def test_an_inconsistent_saved_background_is_learned_anew(shape_hw: tuple[int, int]) -> None:
    pipeline = CameraPipeline(drawn.params())
    state: dict[str, NDArray[Any]] = {
        "background": np.full(drawn.HW, 90, np.uint8),
        "observed_s": np.zeros(shape_hw, np.float16),
    }
    heats = HeatSet(drawn.MEASURES, ZoneMasks.from_params((), drawn.HW[::-1]), UTC)
    pipeline.restore(heat_file.save(heats, state), [], 0.0)
    for frame in drawn.room().frames(lambda _: Look(), 2):
        assert pipeline.step(frame) == []
    assert not pipeline.take_report().background_known


# What was rejected, and resets.


def test_rejected_time_is_reported_once() -> None:
    pipeline = with_television(100)
    first = pipeline.take_report()
    assert first.rejected.cells_s["flicker"] > 0
    assert first.health is not None and first.health.verdict == "ok"
    second = pipeline.take_report()
    assert second.rejected == RejectedTime()
    assert second.masked_ratio == first.masked_ratio


def test_cells_outside_the_counted_area_are_not_reported_as_rejected() -> None:
    everywhere = ZoneParams("all of it", "ignore", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    assert with_television(100, zones=(everywhere,)).take_report().rejected.cells_s == {}


def test_pending_time_from_before_a_reset_does_not_count_afterwards() -> None:
    sitter = drawn.Block(60, 30, 16, 40, luma=200, cb=90, cr=160)
    frames = list(drawn.room().frames(lambda at_s: Look((sitter,)) if 20 < at_s < 50 else Look(), 60))
    pipeline = CameraPipeline(drawn.params())
    for frame in frames:
        if frame.mono_s == 45.0:
            pipeline.reset(flicker=False, moved=False, heat=True)
        pipeline.step(frame)
    pipeline.flush()
    last = frames[-1]
    dwell = pipeline.heat("dwell", last.mono_s, last.wall_s)
    assert dwell is not None and dwell.heat_s[sitter.place].max() < 6.0


@pytest.mark.parametrize(("before", "after"), [(False, True), (True, False)])
def test_a_change_of_feet_starts_a_new_epoch_and_is_reported(
    before: bool, after: bool, caplog: pytest.LogCaptureFixture
) -> None:
    saved = count(walk_of(20), params(motion=MotionParams(feet=before))).save()
    same, changed = (CameraPipeline(params(motion=MotionParams(feet=feet))) for feet in (before, after))
    for pipeline in (same, changed):
        assert pipeline.restore(saved, [], 0.0) == []
    assert (same.epoch, heat_of(same, 20.0).any(), caplog.messages) == (1, True, caplog.messages)
    assert (changed.epoch, heat_of(changed, 20.0).any()) == (2, False)
    assert [each for each in caplog.messages if "feet was changed" in each] == caplog.messages
    assert len(caplog.messages) == 1
    assert len(changed.step(walk_of(20)[-1])) == 1, "the background is still known"
    again = CameraPipeline(params(motion=MotionParams(feet=after)))
    again.restore(changed.save(), [], 0.0)
    assert again.epoch == 2


def test_the_peak_of_a_zone_that_was_drawn_later_is_no_older_than_the_zone() -> None:
    drawn_later = params(zones=(ZoneParams("left", "zone", LEFT),))
    pipeline = CameraPipeline(drawn_later)
    pipeline.restore(saved_after_a_walk(), [], 0.0)
    snapshot = pipeline.snapshot(21.0, 1_700_000_021.0)
    assert snapshot is None, "its size is known from the first frame on"
    pipeline.step(walk_of(21)[-1])
    snapshot = pipeline.snapshot(21.0, 1_700_000_021.0)
    assert snapshot is not None
    whole, left = snapshot.heats[0].zones
    assert whole.peak_s > 0.5 and left.peak_s <= 0.2 and left.cell_seconds <= 24 * 80 * 0.2


def test_a_state_that_cannot_be_restored_completely_is_not_restored_in_part() -> None:
    saved = saved_after_a_walk()
    other = Increment(np.zeros((9, 16), np.uint16), None, 1000, 21.0, 21.0)
    pipeline = CameraPipeline(params())
    with pytest.raises(ValueError, match="grid"):
        pipeline.restore(saved, [other], 0.0)
    assert pipeline.save() is None
    for frame in walk_of(2):
        assert pipeline.step(frame) == [], "no background was restored"


def test_nothing_is_rejected_before_the_first_frame() -> None:
    report = CameraPipeline(drawn.params()).take_report()
    assert (report.rejected, report.masked_ratio) == (RejectedTime(), 0.0)
    assert report.health is None


def test_each_reset_clears_only_its_own_part() -> None:
    frames = drawn.room().frames(lambda at_s: Look((drawn.television(at_s), drawn.walker(at_s))), 100)
    pipeline = drawn.count(frames, flush=False).pipeline
    for name in ("flicker", "heat"):
        what = {"flicker": False, "moved": False, "heat": False, name: True}
        masked, heat = pipeline.take_report().masked_ratio, pipeline.heat("traffic", 100.0, 0.0)
        pipeline.reset(**what)
        now = pipeline.heat("traffic", 100.0, 0.0)
        assert heat is not None and now is not None
        assert (pipeline.take_report().masked_ratio == 0.0) == (name == "flicker" or masked == 0.0)
        assert (now.heat_s.sum() == 0.0) == (name == "heat")
        assert pipeline.take_report().background_known
    assert pipeline.take_report().increments == (), "increments from before a reset would restore the heat"


def test_the_frame_that_starts_an_epoch_adds_no_heat_to_it() -> None:
    """It is compared with the background of the old epoch, from which it differs nearly everywhere."""
    pipeline = CameraPipeline(drawn.params())
    for frame in bumped(120, 40.0):
        masks = pipeline.step(frame)
        if pipeline.epoch == 2:
            break
    assert masks == [], "it is the first frame of a new bootstrap"
    for name in ("traffic", "dwell"):
        heat = pipeline.heat(name, frame.mono_s, frame.wall_s)
        assert heat is not None
        assert heat.heat_s.sum() == 0.0 and heat.observed_s == 0.0


def test_a_new_epoch_is_not_drawn_over_the_place_of_the_old_one() -> None:
    pipeline = CameraPipeline(drawn.params())
    old_place = None
    for frame in bumped(120, 40.0):
        pipeline.step(frame)
        if pipeline.epoch == 2:
            break
        old_place = pipeline.backdrop()
    (ended,) = pipeline.take_report().ended_epochs
    assert old_place is not None and ended.backdrop is old_place, "the last heats of the old epoch still need it"
    assert pipeline.backdrop() is None


def test_a_frozen_picture_is_no_backdrop_and_the_first_frame_after_it_is_one() -> None:
    """A stream that froze shows another place, freezes there, and runs again within the ten seconds between samples."""
    room, again_s = drawn.room((90, 172), coloured=False), 65.0
    still = room.draw()[0]
    pipeline = CameraPipeline(drawn.params())
    known_s = []
    for number in range(70 * 5):
        at_s, left = number / 5, 0 if number < 200 else 6
        luma = still if at_s < again_s else room.draw()[0]
        pipeline.step(drawn.frame_of(np.ascontiguousarray(luma[:, left : left + 160]), None, at_s))
        if pipeline.epoch == 2 and pipeline.backdrop() is not None:
            known_s.append(at_s)
    assert known_s and again_s < known_s[0] < again_s + 3.0


def test_a_camera_that_was_moved_is_reported_as_moved_after_a_restart_too() -> None:
    first, second = CameraPipeline(drawn.params()), CameraPipeline(drawn.params())
    for frame in bumped(75, 40.0):
        first.step(frame)
    second.restore(first.save(), [], -75.0)
    for frame in bumped(10, 0.0):
        second.step(frame)
    health = second.take_report().health
    assert health is not None and health.verdict == "moved"


def test_time_that_is_confirmed_late_counts_only_where_heat_counts() -> None:
    """Of a static object that an ignored zone cuts between two cells of the grid, and that is taken away."""
    edge = 75
    ignored = ZoneParams("left", "ignore", ((0.0, 0.0), (edge / 160, 0.0), (edge / 160, 1.0), (0.0, 1.0)))
    box = drawn.Block(60, 40, 31, 26, luma=215, cb=165, cr=110)
    frames = drawn.room().frames(lambda at_s: Look((box,) if 40 <= at_s < 130 else ()), 160)
    with_params = replace(drawn.params(furniture_s=30.0), zones=(ignored,))
    counted = drawn.count(frames, with_params)
    zones = ZoneMasks.from_params((ignored,), drawn.HW[::-1])
    assert not zones.counted[:, : edge - 1].any() and zones.counted[:, edge + 1 :].all()
    assert counted.presence[46:60, edge + 2 : 88].mean() == pytest.approx(90.0, rel=0.15)
    assert counted.presence[zones.counted == 0].sum() == 0.0
    late = [mask.dwell_ms for mask in counted.masks if mask.dwell_ms is not None]
    assert late and not any(each[zones.counted == 0].any() for each in late)


def test_a_moved_camera_starts_an_epoch_and_reports_the_last_heats_of_the_old_one() -> None:
    pipeline = CameraPipeline(drawn.params())
    for frame in bumped(120, 40.0):
        pipeline.step(frame)
    assert pipeline.epoch == 2
    report = pipeline.take_report()
    ended, health = report.ended_epochs, report.health
    assert [each.draw(drawn.params()).epoch for each in ended] == [1]
    assert pipeline.take_report().ended_epochs == ()
    assert health is not None and health.verdict == "moved"
    heat = pipeline.heat("traffic", 120.0, 0.0)
    assert heat is not None and 0.0 < heat.observed_s < 80.0, "observed since it was moved"
    again = CameraPipeline(drawn.params())
    again.restore(pipeline.save(), [], 0.0)
    assert again.epoch == 2
    pipeline.reset(flicker=False, moved=True, heat=False)
    for frame in bumped(10, 0.0):
        pipeline.step(replace(frame, mono_s=frame.mono_s + 120))
    health = pipeline.take_report().health
    assert health is not None and health.verdict == "ok", "a person has checked the zones"


def test_a_recording_of_a_camera_that_was_moved_stays_in_one_epoch() -> None:
    pipeline = CameraPipeline(replace(drawn.params(), new_epoch_when_moved=False))
    for frame in bumped(100, 40.0):
        pipeline.step(frame)
    assert pipeline.epoch == 1 and pipeline.take_report().ended_epochs == ()
    heat = pipeline.heat("traffic", 100.0, 0.0)
    assert heat is not None and heat.observed_s > 80.0


@pytest.mark.parametrize("seconds", [8.0, 9.5])
def test_a_move_that_the_frames_of_an_unfinished_bootstrap_show_loses_none_of_their_heat(seconds: float) -> None:
    """The camera shows another part of the room than in the run before, and the run ends before it is learned."""
    rough = np.random.default_rng(0).integers(40, 200, (30, 60)).astype(np.uint8)
    wide = np.asarray(cv2.resize(rough, (240, 130), interpolation=cv2.INTER_CUBIC), np.uint8)
    here, there = wide[:90, :160], wide[6:96, 16:176]
    first, second = CameraPipeline(drawn.params()), CameraPipeline(drawn.params())
    for number in range(300):
        first.step(drawn.frame_of(here, None, number / 5))
    second.restore(first.save(), [], 0.0)
    frames = [drawn.frame_of(there, None, 100 + number / 5) for number in range(round(seconds * 5))]
    assert [mask for frame in frames for mask in second.step(frame)] == [], "all frames are kept for the bootstrap"
    masks = second.flush()
    assert second.epoch == 2
    heat = second.heat("traffic", frames[-1].mono_s, 0.0)
    assert heat is not None and heat.observed_s > seconds - 3.5, "all but the 3 s in which the move was noticed"
    assert len(masks) >= 5 * heat.observed_s


def test_increments_are_reported_if_the_state_that_would_hold_them_cannot_be_saved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline = count(walk_of(20))

    def fail(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(heat_file, "save", fail)
    with pytest.raises(MemoryError):
        pipeline.save()
    assert pipeline.take_report().increments != ()


def test_people_who_cross_a_place_all_the_time_count_though_it_is_hardly_ever_seen_empty() -> None:
    """Another person every two seconds: for a long time no place on their way is observed empty for 15 s."""

    def look(at_s: float) -> drawn.Look:
        people = []
        for number in range(4):
            turn, left = divmod(at_s * 25 + 50 * number, 200)
            luma = 60 + 37 * (int(turn) + 2 * number) % 170
            people.append(drawn.Block(round(left) - 20, 24, 14, 44, luma, 150, 100, pattern=1 + number + int(turn)))
        return drawn.Look(people)

    counted = drawn.count(drawn.room().frames(look, 120))
    truth = drawn.truth_of(look, 120)
    assert counted.presence[30:60, 40:120].sum() > 0.85 * truth[30:60, 40:120].sum()
