"""Similarity measures: which change of the picture moves which measure, and which leaves it alone."""

from __future__ import annotations

import numpy as np
import pytest

from edgeheat.core.grid.frames import U8
from edgeheat.core.health.similarity import (
    ReferenceImage,
    Similarity,
    extract_features,
    is_large_enough,
    limit_width,
    make_thumbnail,
    shared_signal,
)
from tests.core.health.pictures import (
    Picture,
    as_grid,
    background,
    defocused,
    empty_shop,
    moved_by,
    noise,
    shop,
)


def compare(picture: Picture, people: U8 | None = None) -> Similarity:
    """Compare two noisy pictures of the same content with the empty shop."""
    current, previous = (extract_features(as_grid(picture, number)) for number in (1, 2))
    return ReferenceImage(background().copy()).compare(current, previous, people)


def test_the_same_scene_is_similar_in_every_measure() -> None:
    same = compare(empty_shop())
    assert same.edge_correlation > 0.9
    assert (same.shift_cells, same.registered_correlation) == ((0.0, 0.0), same.edge_correlation)
    assert same.lost_detail_ratio == 0.0
    assert same.detail_ratio == pytest.approx(1, abs=0.05)
    assert same.brightness_ratio == pytest.approx(1, abs=0.02)
    assert same.sharpness_ratio == pytest.approx(1, abs=0.1)


def test_less_light_lowers_brightness_and_detail_only() -> None:
    dim = compare(empty_shop() * 0.6)
    assert dim.brightness_ratio == pytest.approx(0.6, abs=0.02)
    assert dim.detail_ratio == pytest.approx(0.36, abs=0.03)
    assert dim.edge_correlation > 0.9
    assert dim.lost_detail_ratio == 0.0
    assert dim.sharpness_ratio == pytest.approx(1, abs=0.15)


def test_darkness_is_not_lost_detail_and_has_no_sharpness() -> None:
    dark = compare(empty_shop() * 0.05)
    assert dark.lost_detail_ratio == 0.0
    assert dark.sharpness_ratio is None


def test_defocus_lowers_sharpness_and_keeps_the_scene_in_place() -> None:
    values = [compare(defocused(radius)(empty_shop(), 0)).sharpness_ratio for radius in (0, 2, 4, 8)]
    assert all(value is not None for value in values)
    assert values == sorted(values, key=lambda value: -(value or 0))
    assert (values[0] or 0) > 0.9 and (values[2] or 1) < 0.35
    soft = compare(defocused(4)(empty_shop(), 0))
    assert soft.edge_correlation > 0.3
    assert soft.brightness_ratio == pytest.approx(1, abs=0.02)


def test_a_shift_is_measured_in_cells() -> None:
    moved = compare(moved_by(0.05, -0.02)(empty_shop(), 0))
    assert moved.shift_cells == pytest.approx((16, -6.4), abs=0.5)
    assert moved.registered_correlation > 0.8
    assert moved.edge_correlation < 0.3
    assert moved.sharpness_ratio == pytest.approx(1, abs=0.3)


def test_a_cover_removes_the_detail_of_the_blocks_behind_it() -> None:
    half = compare(np.where(np.arange(640) < 320, 75, empty_shop()).astype(np.float32))
    assert half.lost_detail_ratio == pytest.approx(0.5, abs=0.15)
    assert compare(np.full_like(empty_shop(), 75)).lost_detail_ratio > 0.95


def test_blocks_under_people_are_not_compared_unless_they_are_nearly_all() -> None:
    left_covered = np.where(np.arange(640) < 320, 75, empty_shop()).astype(np.float32)
    people = np.zeros((180, 320), np.uint8)
    people[:, :160] = 255
    assert compare(left_covered).lost_detail_ratio > 0.3
    assert compare(left_covered, people).lost_detail_ratio < 0.05
    assert compare(left_covered, np.full_like(people, 255)).lost_detail_ratio > 0.3


def test_another_scene_is_not_similar_at_any_shift() -> None:
    other = compare(shop(0, 1, "checkout")[0])
    assert other.edge_correlation < 0.2
    assert other.registered_correlation < 0.4


def test_noise_cancels_out_between_two_pictures() -> None:
    strong = [extract_features(as_grid(empty_shop() + noise(12, second), second)) for second in (1, 2)]
    reference = ReferenceImage(background().copy())
    two, one = reference.compare(strong[0], strong[1], None), reference.compare(strong[0], strong[0], None)
    assert abs(two.detail_ratio - 1) < abs(one.detail_ratio - 1)
    assert two.edge_correlation > one.edge_correlation


def test_comparing_leaves_the_reference_as_it_was() -> None:
    """OpenCV's phase correlation may write its window into what it is given."""
    reference = ReferenceImage(background().copy())
    now = extract_features(as_grid(moved_by(0.3, 0.0)(empty_shop(), 0)))
    first = reference.compare(now, now, None)
    assert first.shift_cells == pytest.approx((96, 0), abs=1)
    assert all(reference.compare(now, now, None) == first for _ in range(5))


def test_the_reference_knows_how_much_of_it_has_detail() -> None:
    assert ReferenceImage(background().copy()).detailed_ratio > 0.3
    assert ReferenceImage(np.full((180, 320), 120, np.uint8)).detailed_ratio == 0.0


@pytest.mark.parametrize(
    ("size_wh", "reduced_wh", "thumbnail_wh", "large_enough"),
    [
        ((320, 180), (320, 180), (160, 90), True),
        ((640, 360), (320, 180), (160, 90), True),
        ((48, 48), (48, 48), (24, 24), True),
        ((47, 100), (47, 100), (23, 50), False),
        ((1000, 40), (320, 13), (160, 6), False),
        ((1, 1), (1, 1), (1, 1), False),
    ],
)
def test_sizes_are_limited(
    size_wh: tuple[int, int], reduced_wh: tuple[int, int], thumbnail_wh: tuple[int, int], large_enough: bool
) -> None:
    grid = np.full(size_wh[::-1], 77, np.uint8)
    reduced, thumbnail = limit_width(grid), make_thumbnail(grid)
    assert (reduced.shape[::-1], thumbnail.shape[::-1]) == (reduced_wh, thumbnail_wh)
    assert not np.shares_memory(reduced, grid)
    assert (reduced == 77).all() and (thumbnail == 77).all()
    assert is_large_enough(reduced) == large_enough


def test_the_shared_signal_is_what_two_noisy_pictures_have_in_common() -> None:
    random = np.random.default_rng(2)
    signal = np.clip(128 + random.normal(0, 10, (90, 160)), 0, 255)
    noisy = [np.clip(signal + random.normal(0, 10, signal.shape), 0, 255).astype(np.uint8) for _ in range(2)]
    levels, correlation = shared_signal(*noisy)
    assert levels == pytest.approx(10, rel=0.05)
    assert correlation == pytest.approx(0.5, abs=0.05)
    plain = [np.clip(128 + random.normal(0, 30, signal.shape), 0, 255).astype(np.uint8) for _ in range(2)]
    assert shared_signal(*plain)[1] < 0.05
    assert shared_signal(np.full((9, 16), 80, np.uint8), np.full((9, 16), 80, np.uint8)) == (0.0, 0.0)
