"""Image registration: known shifts are recovered to a fraction of a cell, whatever the light."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeheat.core.grid.frames import F32
from edgeheat.core.health.registration import correlation, edge_strength, estimate_shift

WIDTH, HEIGHT, MARGIN = 160, 90, 100


def _texture(seed: int) -> F32:
    """Blurred random rectangles, larger than the picture by a margin on each side."""
    random = np.random.default_rng(seed)
    canvas = np.full((HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN), 120.0, np.float32)
    for _ in range(220):
        x, y = random.integers(0, canvas.shape[1]), random.integers(0, canvas.shape[0])
        width, height = random.integers(8, 40, 2)
        canvas[y : y + height, x : x + width] = random.uniform(40, 220)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), 1.0), np.float32)


def picture_at(dx: float, dy: float, seed: int = 1) -> F32:
    """What a camera shows whose picture has moved by (dx, dy) cells to the right and down."""
    canvas = _texture(seed)
    shift = np.array([[1, 0, dx - MARGIN], [0, 1, dy - MARGIN]], np.float32)
    return np.asarray(cv2.warpAffine(canvas, shift, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC), np.float32)


def ramp(picture: F32) -> F32:
    """The sun on one side: from 0.3 to 1.2 of the light across the picture."""
    return np.asarray(picture * np.linspace(0.3, 1.2, WIDTH, dtype=np.float32), np.float32)


LIGHTS: list[tuple[str, Callable[[F32], F32]]] = [
    ("the same light", lambda p: p),
    ("a quarter of the light", lambda p: np.asarray(0.25 * p, np.float32)),
    ("more exposure", lambda p: np.asarray(np.minimum(1.6 * p + 20, 255), np.float32)),
    ("another gamma", lambda p: np.asarray(255 * (p / 255) ** 1.8, np.float32)),
    ("sun from one side", ramp),
    ("sensor noise", lambda p: np.asarray(p + np.random.default_rng(4).normal(0, 4, p.shape), np.float32)),
]
SHIFTS = [(0.0, 0.0), (2.0, 0.0), (-3.25, 1.5), (0.5, -4.75), (12.5, 7.25), (-17.0, -9.0)]


@pytest.mark.parametrize("light", [pytest.param(light, id=what) for what, light in LIGHTS])
@pytest.mark.parametrize("shift", SHIFTS)
def test_nearby_shifts_are_recovered_to_a_third_of_a_cell_in_any_light(
    shift: tuple[float, float], light: Callable[[F32], F32]
) -> None:
    reference, current = edge_strength(picture_at(0, 0)), edge_strength(light(picture_at(*shift)))
    found, fit = estimate_shift(reference, current)
    assert found == pytest.approx(shift, abs=0.34)
    assert fit > 0.7


@pytest.mark.parametrize("shift", [(40.0, 3.0), (-55.0, 10.0), (30.0, -30.0)])
def test_far_shifts_are_recovered_by_phase_correlation(shift: tuple[float, float]) -> None:
    found, fit = estimate_shift(edge_strength(picture_at(0, 0)), edge_strength(ramp(picture_at(*shift))))
    assert found == pytest.approx(shift, abs=1.0)
    assert fit > 0.5


def test_another_scene_does_not_correlate_at_any_shift() -> None:
    for seed in range(2, 8):
        _, fit = estimate_shift(edge_strength(picture_at(0, 0)), edge_strength(picture_at(0, 0, seed)))
        assert fit < 0.4, seed


def test_the_arguments_are_not_changed() -> None:
    """OpenCV's phase correlation may multiply its window into what it is given."""
    reference, current = edge_strength(picture_at(0, 0)), edge_strength(picture_at(50, 5))
    copies = reference.copy(), current.copy()
    estimate_shift(reference, current)
    assert np.array_equal(reference, copies[0]) and np.array_equal(current, copies[1])


def test_flat_pictures_have_no_edges_and_no_correlation() -> None:
    flat = edge_strength(np.full((HEIGHT, WIDTH), 90, np.float32))
    assert not flat.any()
    assert correlation(flat, edge_strength(picture_at(0, 0))) == 0.0
    _, fit = estimate_shift(flat, edge_strength(picture_at(0, 0)))
    assert fit <= 0.0


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    gain=st.floats(0.1, 10) | st.floats(-10, -0.1),
    offset=st.floats(-100, 100),
)
def test_correlation_equals_numpys_and_ignores_gain_and_offset(seed: int, gain: float, offset: float) -> None:
    random = np.random.default_rng(seed)
    first, second = (random.normal(0, 50, (20, 30)).astype(np.float32) for _ in range(2))
    expected = np.corrcoef(first.ravel(), second.ravel())[0, 1]
    assert correlation(first, second) == pytest.approx(expected, abs=1e-4)
    changed = (gain * second + offset).astype(np.float32)
    assert correlation(first, changed) == pytest.approx(np.sign(gain) * expected, abs=1e-3)
