"""The synthetic shop: reproducible pictures, correct ground truth, plausible people, and the URL's parameters."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import cache
from itertools import islice, pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeheat.core.grid.frames import Frame
from edgeheat.errors import SourceUnavailable
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic import SyntheticSource, open_synthetic
from edgeheat.sources.synthetic.backdrop import FLOOR_LUMA
from edgeheat.sources.synthetic.figure import BodyPart
from edgeheat.sources.synthetic.layouts import LAYOUTS
from edgeheat.sources.synthetic.scene import TRUTH_STEP_S, Scene, SceneParams
from edgeheat.sources.synthetic.walkers import Crowd, Pose

SMALL = "size=160x90"


class ManualClock:
    """A clock that advances only in `sleep` and when `now_s` is set."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return self.now_s + 1.7e9

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


class FixedPeople:
    """People in fixed poses."""

    def __init__(self, *poses: Pose) -> None:
        self._poses = list(poses)

    def poses(self, t_s: float) -> list[Pose]:
        return self._poses


def offline(url: str, **options: object) -> SyntheticSource:
    return open_synthetic(url, replace(SourceOptions(clock=None), **options))  # type: ignore[arg-type]


def lumas(source: SyntheticSource) -> list[np.ndarray]:
    return [frame.luma for frame in source.frames()]


def person(**changes: object) -> Pose:
    crowd = Crowd(LAYOUTS["shop"], seed=1, walkers=1, floor_luma=FLOOR_LUMA)
    pose = next(pose for t in range(200) for pose in crowd.poses(float(t)))
    return replace(pose, gait=0.0, reach=0.0, **changes)  # type: ignore[arg-type]


@cache
def empty_shop() -> Scene:
    """Rendered once, because that takes most of a test's time."""
    return Scene(SceneParams(noise=0.0), FixedPeople())


def scene_of(*poses: Pose, shadows: bool = False) -> Scene:
    one = copy(empty_shop())
    one.people, one.params = FixedPeople(*poses), replace(one.params, shadows=shadows)
    return one


def luma_of(bgr: np.ndarray) -> float:
    return float(bgr @ (0.114, 0.587, 0.299))


# Reproducibility


def test_the_same_url_gives_the_same_bytes() -> None:
    url = f"synthetic:shop?seed=4&{SMALL}&shadows=1&duration=2"
    first, second = list(offline(url).frames()), list(offline(url).frames())
    assert len(first) == 30
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one.luma, other.luma)
        assert np.array_equal(one.colour((160, 90)), other.colour((160, 90)))


def test_frames_can_be_read_twice_from_one_source() -> None:
    source = offline(f"synthetic:shop?{SMALL}&duration=1")
    assert np.array_equal(lumas(source), lumas(source))


def test_another_seed_gives_another_shop_and_other_people() -> None:
    one, other = (offline(f"synthetic:shop?seed={seed}&{SMALL}&noise=0", count=1) for seed in (1, 2))
    assert not np.array_equal(lumas(one)[0], lumas(other)[0])
    assert not np.array_equal(one.walker_masks(9.0).moving, other.walker_masks(9.0).moving)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_scene_does_not_depend_on_the_frame_rate(layout: str) -> None:
    url = f"synthetic:{layout}?{SMALL}&noise=0&duration=4"
    slow, fast = lumas(offline(url, fps=5.0)), lumas(offline(url, fps=15.0))
    assert np.array_equal(slow, fast[::3])
    assert not np.array_equal(fast[0], fast[1])


def test_instants_can_be_computed_in_any_order() -> None:
    crowd, again = (Crowd(LAYOUTS["shop"], 3, 5, FLOOR_LUMA) for _ in range(2))
    early = crowd.poses(10.0)
    late = crowd.poses(1e8 + 20)
    assert [(p.x, p.y) for p in again.poses(1e8 + 20)] == [(p.x, p.y) for p in late]
    assert [(p.x, p.y) for p in crowd.poses(10.0)] == [(p.x, p.y) for p in early]
    assert late


# Ground truth


def test_truth_is_the_sum_of_the_masks() -> None:
    source = offline(f"synthetic:shop?{SMALL}", count=1)
    truth = source.truth(3.0, 8.0)
    masks = [source.walker_masks(3.0 + (n + 0.5) * TRUTH_STEP_S) for n in range(round(5.0 / TRUTH_STEP_S))]
    assert truth.moving_s == pytest.approx(sum((m.moving > 0) * TRUTH_STEP_S for m in masks), abs=1e-4)
    assert truth.standing_s == pytest.approx(sum((m.standing > 0) * TRUTH_STEP_S for m in masks), abs=1e-4)
    assert truth.moving_s.dtype == np.float32
    assert truth.moving_s.shape == (90, 160)
    assert truth.moving_s.max() > 0
    assert truth.standing_s.max() > 1
    assert not any(np.any(m.moving & m.standing) for m in masks)


def test_truths_of_adjacent_intervals_add_up() -> None:
    source = offline(f"synthetic:checkout?{SMALL}", count=1)
    whole, first, second = source.truth(1.0, 3.0), source.truth(1.0, 1.73), source.truth(1.73, 3.0)
    assert whole.moving_s == pytest.approx(first.moving_s + second.moving_s, abs=1e-4)
    assert whole.standing_s == pytest.approx(first.standing_s + second.standing_s, abs=1e-4)
    assert not source.truth(5.0, 5.0).moving_s.any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_picture_differs_from_the_empty_shop_exactly_where_the_truth_says(layout: str) -> None:
    source = offline(f"synthetic:{layout}?size=640x360&noise=0&fps=0.2&duration=60", count=12)
    empty = lumas(offline(f"synthetic:{layout}?size=640x360&noise=0&walkers=0", count=1))[0]
    seen = covered = 0
    for frame in source.frames():
        masks = source.walker_masks(frame.mono_s)
        truth = (masks.moving | masks.standing) > 0
        changed = frame.luma != empty
        assert not np.any(changed & ~truth)
        seen, covered = seen + np.count_nonzero(changed), covered + np.count_nonzero(truth)
    assert covered > 12 * 500
    assert seen / covered > 0.95


def test_shadows_darken_the_floor_and_are_not_truth() -> None:
    pose = person(x=4.9, y=3.5)
    plain, shaded = (scene_of(pose, shadows=on) for on in (False, True))
    assert np.array_equal(plain.masks(0.0).standing, shaded.masks(0.0).standing)
    masks = plain.masks(0.0)
    outside = (masks.moving | masks.standing) == 0
    darker = plain.luma(plain.moment(0.0, 0)).astype(int) - shaded.luma(shaded.moment(0.0, 0))
    assert darker[outside].min() >= 0
    assert np.count_nonzero(outside & (darker > 25)) > 300
    assert not darker[shaded.backdrop.floor == 0][outside[shaded.backdrop.floor == 0]].any()


def test_shelves_occlude_walkers_behind_them() -> None:
    (free,) = scene_of(person(x=4.9, y=4.0)).sprites(0.0)
    (behind,) = scene_of(person(x=7.2, y=7.0)).sprites(0.0)
    assert {BodyPart.SHOE, BodyPart.TROUSERS, BodyPart.HAIR} <= set(np.unique(free.labels))
    assert BodyPart.HAIR in behind.labels
    assert BodyPart.SHOE not in behind.labels


def test_a_pixel_belongs_to_the_nearest_walker() -> None:
    near, far = person(x=4.9, y=3.5, standing=True), person(x=4.9, y=4.2, standing=False)
    both, alone = scene_of(near, far).masks(0.0), scene_of(far).masks(0.0)
    assert np.array_equal(both.standing, scene_of(near).masks(0.0).standing)
    assert np.array_equal(both.moving, alone.moving & ~both.standing)
    assert np.count_nonzero(both.moving) < np.count_nonzero(alone.moving)


# The people


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), layout=st.sampled_from(sorted(LAYOUTS)))
def test_walkers_never_enter_furniture_or_walls(seed: int, layout: str) -> None:
    crowd = Crowd(LAYOUTS[layout], seed, 6, FLOOR_LUMA)
    at = np.array([(pose.x, pose.y) for t in np.arange(0, 240, 0.2) for pose in crowd.poses(float(t))])
    for box in LAYOUTS[layout].boxes:
        if box.z[0] < 1.9:
            gap = np.hypot(
                np.maximum(0, np.maximum(box.x[0] - at[:, 0], at[:, 0] - box.x[1])),
                np.maximum(0, np.maximum(box.y[0] - at[:, 1], at[:, 1] - box.y[1])),
            )
            assert gap.min() > 0.2, (box, at[gap.argmin()])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_walker_arrives_at_the_entry_and_leaves_at_the_exit_without_jumps(layout: str, seed: int) -> None:
    crowd = Crowd(LAYOUTS[layout], seed, 1, FLOOR_LUMA)
    seen = [next(iter(crowd.poses(float(t))), None) for t in np.arange(0, 500, 0.1)]
    entries = exits = 0
    for before, now in pairwise(seen):
        if before is None and now is not None:
            assert np.hypot(now.x - LAYOUTS[layout].entry[0], now.y - LAYOUTS[layout].entry[1]) < 0.6
            entries += 1
        elif before is not None and now is None:
            assert np.hypot(before.x - LAYOUTS[layout].exit[0], before.y - LAYOUTS[layout].exit[1]) < 0.6
            exits += 1
        elif before is not None and now is not None:
            assert np.hypot(now.x - before.x, now.y - before.y) < 0.15
    assert min(entries, exits) >= 3


def test_walkers_pause_and_hardly_move_meanwhile() -> None:
    crowd = Crowd(LAYOUTS["shop"], 5, 1, FLOOR_LUMA)
    poses = [next(iter(crowd.poses(float(t))), None) for t in np.arange(0, 300, 0.1)]
    pauses: list[list[Pose]] = [[]]
    for pose in poses:
        if pose is not None and pose.standing:
            pauses[-1].append(pose)
        elif pauses[-1]:
            pauses.append([])
    lengths = [len(pause) for pause in pauses if pause]
    assert sum(length > 35 for length in lengths) >= 6
    for pause in pauses:
        calm = pause[6:-6]  # after the last step is done and before the next begins
        if calm:
            match_channels = np.ptp([(pose.x, pose.y) for pose in calm], axis=0)
            assert 0.0 < match_channels.max() < 0.15


def test_some_walkers_have_little_contrast_to_the_floor_and_many_have_much() -> None:
    crowd = Crowd(LAYOUTS["shop"], 8, 10, FLOOR_LUMA)
    appearances = {
        id(pose.appearance): pose.appearance for t in range(0, 1200, 20) for pose in crowd.poses(float(t))
    }.values()
    contrast = np.array(
        [abs(luma_of(appearance.palette_bgr[BodyPart.SHIRT]) - FLOOR_LUMA) for appearance in appearances]
    )
    assert len(contrast) > 60
    assert np.mean(contrast < 15) > 0.2
    assert np.mean(contrast > 50) > 0.3


def test_the_number_of_walkers_is_limited() -> None:
    crowd = Crowd(LAYOUTS["shop"], 2, 4, FLOOR_LUMA)
    counts = [len(crowd.poses(float(t))) for t in range(300)]
    assert max(counts) == 4
    assert np.mean(counts) > 2


# The picture


def test_colour_and_luma_show_the_same_picture() -> None:
    frame = next(offline("synthetic:shop?noise=0&shadows=1", count=1).frames())
    grey = cv2.cvtColor(frame.colour((640, 360)), cv2.COLOR_BGR2GRAY)
    assert np.abs(grey.astype(int) - frame.luma).max() <= 3
    assert frame.levels == (0, 255)
    assert np.ptp(frame.colour((640, 360)).astype(int), axis=2).max() > 100


def test_colour_has_the_requested_size() -> None:
    frame = next(offline(f"synthetic:shop?{SMALL}", count=1).frames())
    assert frame.colour((80, 50)).shape == (50, 80, 3)


def test_noise_has_the_requested_strength() -> None:
    still = f"synthetic:shop?walkers=0&{SMALL}"
    clean = lumas(offline(f"{still}&noise=0", count=1))[0].astype(int)
    noise = np.array(lumas(offline(f"{still}&noise=4", count=20))) - clean
    assert noise.std() == pytest.approx(4, rel=0.05)
    assert noise.mean() == pytest.approx(0, abs=0.1)
    assert np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1] < 0.1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_floor_is_about_as_bright_as_clothes_are_matched_to(layout: str) -> None:
    backdrop = Scene(SceneParams(layout=layout, size_wh=(320, 180))).backdrop
    assert np.median(backdrop.luma[backdrop.floor > 0]) == pytest.approx(FLOOR_LUMA, abs=8)


@pytest.mark.parametrize("size_wh", [(16, 16), (17, 4), (333, 201), (360, 640), (1280, 720)])
def test_any_size_works(size_wh: tuple[int, int]) -> None:
    size_wh = (size_wh[0], max(16, size_wh[1]))
    source = offline(f"synthetic:checkout?size={size_wh[0]}x{size_wh[1]}&walkers=20&shadows=1&fps=1", count=5)
    for frame in source.frames():
        assert frame.size_wh == size_wh
        assert frame.luma.dtype == np.uint8
        assert frame.colour(size_wh).shape == (size_wh[1], size_wh[0], 3)
    assert source.truth(0, 1).moving_s.shape == (size_wh[1], size_wh[0])


# As a recording and as a camera


def test_offline_frames_have_the_scenes_time() -> None:
    source = offline(f"synthetic:shop?{SMALL}&fps=4&duration=2")
    assert [frame.mono_s for frame in source.frames()] == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
    assert source.frame_count() == 8


def test_offline_start_step_and_count_select_frames() -> None:
    source = offline(f"synthetic:shop?{SMALL}&fps=4&duration=60", start=2, step=3, count=3)
    assert [frame.mono_s for frame in source.frames()] == [0.5, 1.25, 2.0]
    assert source.frame_count() == 3
    ends = offline(f"synthetic:shop?{SMALL}&fps=4&duration=1", start=2, step=3, count=3)
    assert [frame.mono_s for frame in ends.frames()] == [0.5]


def test_live_frames_arrive_when_they_are_due() -> None:
    clock = ManualClock()
    frames = open_synthetic(f"synthetic:shop?{SMALL}&fps=10", SourceOptions(clock=clock)).frames()
    stamps = [frame.mono_s for frame in islice(frames, 4)]
    assert stamps == pytest.approx([1000.0, 1000.1, 1000.2, 1000.3])
    assert clock.slept == pytest.approx([0.1, 0.1, 0.1])


def test_a_slow_reader_misses_frames_and_gets_no_burst() -> None:
    clock = ManualClock()
    recorded = lumas(offline(f"synthetic:shop?{SMALL}&fps=10", count=30))
    frames = open_synthetic(f"synthetic:shop?{SMALL}&fps=10", SourceOptions(clock=clock)).frames()
    next(frames)
    clock.now_s += 1.55
    late: list[Frame] = list(islice(frames, 3))
    assert [frame.mono_s for frame in late] == pytest.approx([1001.55, 1001.6, 1001.7])
    for frame, number in zip(late, (15, 16, 17), strict=True):
        assert np.array_equal(frame.luma, recorded[number])


def test_a_duration_ends_a_live_scene() -> None:
    source = open_synthetic(f"synthetic:shop?{SMALL}&fps=10&duration=0.5", SourceOptions(clock=ManualClock()))
    assert len(list(source.frames())) == 5
    assert source.frame_count() is None


EXAMPLE = "synthetic:shop?seed=1&size=640x360&fps=15&walkers=5&shadows=1&noise=3"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("synthetic:shp", "synthetic: unknown layout 'shp'; did you mean shop?"),
        ("synthetic:zoo", f"synthetic: unknown layout 'zoo'; use one of shop, checkout, as in {EXAMPLE}"),
        ("synthetic:shop?walker=3", "synthetic: unknown parameter 'walker'; did you mean walkers?"),
        ("synthetic:shop?fps=5&fps=6", "synthetic: fps is given twice; remove one"),
        ("synthetic:shop?fps=0", "synthetic: fps='0' must be a number from 0.1 to 120"),
        ("synthetic:shop?fps=nan", "synthetic: fps='nan' must be a number from 0.1 to 120"),
        ("synthetic:shop?noise=-1", "synthetic: noise='-1' must be a number from 0 to 50"),
        ("synthetic:shop?noise=", "synthetic: noise='' must be a number from 0 to 50"),
        ("synthetic:shop?walkers=2.5", "synthetic: walkers='2.5' must be an integer from 0 to 100"),
        ("synthetic:shop?shadows=yes", "synthetic: shadows='yes' must be an integer from 0 to 1"),
        (
            "synthetic:shop?size=640",
            "synthetic: size='640' must be WIDTHxHEIGHT as in 640x360, each from 16 to 4096",
        ),
        (
            "synthetic:shop?size=8x8000",
            "synthetic: size='8x8000' must be WIDTHxHEIGHT as in 640x360, each from 16 to 4096",
        ),
        (
            "synthetic:shop",
            "synthetic: the scene has no end; add a duration in seconds, as in synthetic:shop?duration=60, or --frames",
        ),
    ],
)
def test_a_malformed_url_is_rejected_with_the_right_form(url: str, message: str) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        offline(url)
    assert str(caught.value) == message


def test_an_empty_url_is_the_shop_with_defaults() -> None:
    source = open_synthetic("synthetic:", SourceOptions(clock=ManualClock()))
    assert source.params.scene == SceneParams("shop", seed=1, size_wh=(640, 360), walkers=5, shadows=False, noise=3.0)
    assert source.params.fps == 15.0
