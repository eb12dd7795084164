"""Tests that the fidelity scenes can be drawn, are reproducible, and are kept and encoded correctly."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from benchmarks.fidelity import scene_setups, scenes
from benchmarks.fidelity.encode import Rate, encode
from benchmarks.fidelity.people import Itinerary, ScriptedPeople, Stop
from benchmarks.fidelity.results import DISTURBANCES, SITUATIONS
from benchmarks.fidelity.scene_setups import PICTURE_WH, SceneSetup
from benchmarks.fidelity.scenes import SCENES, FidelityScene, make
from edgeheat.sources.synthetic.effects import Moment
from edgeheat.sources.synthetic.layouts import SHOP
from edgeheat.sources.synthetic.scene import Scene, SceneParams

WIDTH, HEIGHT = PICTURE_WH


@lru_cache
def setup_of(number: int) -> SceneSetup:
    scene = SCENES[number - 1]
    return scene.build(scene.duration_s, 100 + number)


def picture(setup: SceneSetup, t_s: float, frame: int = 0) -> np.ndarray:
    return setup.scene.bgr(setup.scene.moment(t_s, frame))


def people_in(setup: SceneSetup, t_s: float) -> np.ndarray:
    masks = setup.scene.masks(t_s)
    return (masks.moving | masks.standing) > 0


@pytest.fixture
def short() -> FidelityScene:
    """The plain aisle, very short."""
    return replace(SCENES[0], duration_s=0.4)


# All of them


def test_the_scenes_are_numbered_and_last_three_to_ten_minutes() -> None:
    assert [scene.number for scene in SCENES] == [*DISTURBANCES, *SITUATIONS]
    assert len({scene.name for scene in SCENES}) == len(SCENES)
    assert all(180 <= scene.duration_s <= 600 for scene in SCENES)


@pytest.mark.parametrize("number", range(1, 25), ids=lambda n: SCENES[n - 1].name)
def test_each_scene_shows_people_where_its_truth_has_them(number: int) -> None:
    setup = setup_of(number)
    t_s = next(t for t in np.arange(30.0, 200.0, 7.0) if people_in(setup, t).sum() > 1500)
    bgr = picture(setup, t_s)
    assert bgr.shape == (HEIGHT, WIDTH, 3)
    people, setup.scene.people = setup.scene.people, ScriptedPeople(SHOP, 1, [])
    nobody = picture(setup, t_s)
    setup.scene.people = people
    changed = np.abs(bgr.astype(int) - nobody).max(axis=2) > 8
    assert changed[people_in(setup, t_s)].mean() > 0.6


def test_frames_come_in_order_and_end_with_the_scene() -> None:
    for scene in SCENES:
        times_s = setup_of(scene.number).times_s
        assert times_s[0] == 0.0
        assert scene.duration_s - 1.0 < times_s[-1] < scene.duration_s
        assert (np.diff(times_s) > 0).all()


def test_frames_of_the_irregular_scene_come_at_1_to_15_a_second_with_no_gap_of_2_s() -> None:
    gaps_s = np.diff(setup_of(14).times_s)
    assert gaps_s.max() < 2.0
    assert (gaps_s > 1.0).sum() > 10
    assert np.percentile(gaps_s, 30) < 0.1


# Single scenes


def test_people_stand_for_three_minutes_and_move_a_little() -> None:
    masks = [setup_of(9).scene.masks(t).standing > 0 for t in (130.0, 160.0, 190.0, 204.0)]
    always = np.logical_and.reduce(masks)
    assert always.sum() > 3000
    assert (masks[0] != masks[1]).sum() > 300


def test_people_are_there_from_the_first_frame_and_have_left_after_a_minute() -> None:
    scene = setup_of(10).scene
    assert (scene.masks(0.0).standing > 0).sum() > 6000
    assert not people_in(setup_of(10), 70.0).any()


def test_a_pallet_stays_a_stand_leaves_and_neither_is_ground_truth() -> None:
    setup = setup_of(11)
    setup = replace(
        setup, scene=Scene(SceneParams(noise=0.0), ScriptedPeople(SHOP, 1, []), SHOP, setup.scene.effects[:2])
    )
    before, between, after = (picture(setup, t_s).astype(int) for t_s in (5.0, 70.0, 300.0))
    arrived, gone = (np.abs(a - b).max(axis=2) > 20 for a, b in ((before, between), (between, after)))
    assert arrived.sum() > 5000
    assert gone.sum() > 3000
    assert not np.any(arrived & gone)
    assert not people_in(setup, 300.0).any()


def test_the_truth_follows_the_bumped_camera() -> None:
    bump = setup_of(12).scene.effects[0]
    width, height = setup_of(12).scene.params.size_wh
    mask = np.zeros((height, width), np.uint8)
    mask[200:210, 300:310] = 255
    places = []
    for t_s in (91.9, 92.06, 93.0, 200.0):
        moved = bump.on_mask(mask, t_s)
        picture_too = bump.on_picture(cv2.merge([mask] * 3), Moment(t_s, 0, []))
        assert moved.shape == (HEIGHT, WIDTH)
        assert np.abs(picture_too[..., 0].astype(int) - moved).sum() < 0.5 * moved.sum()
        places.append(np.array(np.nonzero(moved)).mean(axis=1) / (HEIGHT, WIDTH))
    shift = np.abs(places[2] - places[0])
    assert (shift >= 0.02).all()
    assert (shift <= 0.04).all()
    assert np.array_equal(places[2], places[3])
    assert not np.array_equal(places[1], places[0])


def test_the_gain_falls_when_people_come_close() -> None:
    gains = setup_of(6).scene.effects[0].gains  # type: ignore[attr-defined]
    assert gains.max() > 0.97
    assert 0.4 <= gains.min() < 0.55
    assert np.abs(np.diff(gains)).max() < 0.15


# Recordings


def test_a_clip_is_drawn_once_and_again_after_its_code_has_changed(
    short: FidelityScene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make(short, tmp_path)
    drawn = first.video.stat().st_mtime_ns
    again = make(short, tmp_path)
    assert again.video.stat().st_mtime_ns == drawn
    assert np.array_equal(again.truth.moving_s, first.truth.moving_s)
    assert first.truth.standing_s.shape == (HEIGHT, WIDTH)
    monkeypatch.setattr(scenes, "_DRAWING", ("geometry.py",))
    assert make(short, tmp_path).video.stat().st_mtime_ns > drawn
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01-plain-aisle.mp4", "01-plain-aisle.npz"]


def test_another_seed_gives_other_people_in_a_separate_file(short: FidelityScene, tmp_path: Path) -> None:
    first, other = make(short, tmp_path), make(short, tmp_path, seed_offset=7)
    assert first.video != other.video
    assert not np.array_equal(first.truth.moving_s, other.truth.moving_s)
    assert make(short, tmp_path).truth.moving_s.tolist() == first.truth.moving_s.tolist()


def test_a_clip_is_identical_when_it_is_drawn_again(short: FidelityScene, tmp_path: Path) -> None:
    first, second = (make(short, tmp_path / name) for name in ("a", "b"))
    assert first.video.read_bytes() == second.video.read_bytes()
    assert first.truth.moving_s.any() or first.truth.standing_s.any()


def test_the_encoder_holds_the_rate_the_times_and_the_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    times_s = np.cumsum(rng.uniform(0.05, 0.4, 60)) - 0.05
    times_s[0] = 0.0
    noise = rng.integers(70, 170, (60, 90, 160, 3), np.uint8)
    encode(tmp_path / "a.mp4", (160, 90), Rate(10, 200_000), zip(times_s, noise, strict=True))
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [float(p.pts * p.time_base) for p in packets] == pytest.approx(list(times_s), abs=1e-4)
    assert all(packet.pts == packet.dts for packet in packets)
    assert sum(packet.size for packet in packets) * 8 < 200_000 * (times_s[-1] + 1) * 1.1
    assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == [0, 20, 40]


def test_a_person_with_an_itinerary_reaches_the_stop_on_time() -> None:
    itinerary = Itinerary((Stop(4.8, 4.0, 4.8, 5.0, for_s=20.0),), 10.0, at_first_stop=True)
    script = ScriptedPeople(SHOP, 3, [itinerary])
    assert not script.poses(-60.0)
    for t_s in (11.0, 20.0, 28.0):
        (pose,) = script.poses(t_s)
        assert pose.standing
        assert np.hypot(pose.x - 4.8, pose.y - 4.0) < 0.1
    assert not script.poses(33.0)[0].standing
    assert not script.poses(90.0)


def test_a_queue_moves_up_one_place_at_a_time() -> None:
    itineraries = scene_setups.queue([(4.8, 3.0), (4.8, 3.7), (4.8, 4.4)], (4.0, 3.0), 5, present=3, until_s=200.0)
    script = ScriptedPeople(SHOP, 5, itineraries)
    counts = [sum(abs(pose.x - 4.8) < 0.3 and 2.8 < pose.y < 4.6 for pose in script.poses(t)) for t in range(200)]
    assert np.mean(counts) > 1.5
    assert max(counts) <= 4
    first_place = [pose for t in range(200) for pose in script.poses(t) if np.hypot(pose.x - 4.8, pose.y - 3.0) < 0.15]
    assert len({id(pose.appearance) for pose in first_place}) > 4
