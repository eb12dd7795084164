"""Abnormal pictures cause no crash and little or no heat, and the camera's health gives the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from edgeheat.core.grid.frames import U8, Frame
from tests.core.drawn import HW, Counted, Look, count, frame_of, room, walker

SECONDS = 40
FULL = SECONDS * 1.0


def pictures(draw: Callable[[int], U8], seconds: float = SECONDS) -> Iterator[Frame]:
    for number in range(round(seconds * 5)):
        luma = draw(number)
        chroma = np.full((max(1, luma.shape[0] // 2), max(1, luma.shape[1] // 2), 2), 128, np.uint8)
        yield frame_of(luma, chroma, number / 5)


def noise_of(shape_hw: tuple[int, int]) -> Callable[[int], U8]:
    random = np.random.default_rng(1)
    return lambda _: random.integers(0, 256, shape_hw, np.uint8)


def verdict_of(counted: Counted) -> tuple[str, str]:
    health = counted.pipeline.take_report().health
    assert health is not None
    return health.verdict, health.reason


def share_of_maximum(counted: Counted) -> float:
    """Return the heat as a share of its maximum: a person in every cell all the time."""
    presence = counted.presence
    assert np.isfinite(presence).all() and presence.min() >= 0
    return float(presence.sum()) / (presence.size * FULL)


@pytest.mark.parametrize(
    ("level", "verdict", "says"),
    [(0, "dark", "black"), (128, "covered", "one colour"), (255, "covered", "one colour")],
)
def test_a_picture_of_one_colour_gives_no_heat_and_says_so(level: int, verdict: str, says: str) -> None:
    counted = count(pictures(lambda _: np.full(HW, level, np.uint8)))
    assert share_of_maximum(counted) == 0.0
    found, reason = verdict_of(counted)
    assert found == verdict
    assert says in reason


def test_a_picture_that_is_all_noise_gives_little_heat_and_says_so() -> None:
    counted = count(pictures(noise_of(HW)))
    assert share_of_maximum(counted) < 0.15, "none after the first seconds"
    found, reason = verdict_of(counted)
    assert found == "covered"
    assert "noise" in reason


def test_a_lens_that_is_covered_in_mid_stream_adds_neither_traffic_nor_dwell() -> None:
    shop, noise = room(), noise_of(HW)

    def draw(number: int) -> U8:
        return shop.draw(Look((walker(number / 5),)))[0] if number < 200 else noise(number)

    counted = count(pictures(draw, 100), flush=False)
    late = counted.presence_between(52, 200)
    assert late == 0.0, "nothing can be detected in such a picture"
    assert counted.pipeline.take_report().rejected.frames_s["unhealthy"] > 30.0


@pytest.mark.parametrize(
    ("what", "shape_hw"),
    [
        ("one pixel", (1, 1)),
        ("one row", (1, 300)),
        ("two columns", (300, 2)),
        ("two rows", (2, 300)),
        ("a few", (3, 5)),
    ],
)
@pytest.mark.parametrize("noisy", [False, True])
def test_a_tiny_picture_does_no_harm(what: str, shape_hw: tuple[int, int], noisy: bool) -> None:
    draw = noise_of(shape_hw) if noisy else lambda _: np.full(shape_hw, 90, np.uint8)
    counted = count(pictures(draw))
    assert share_of_maximum(counted) < 0.3 if noisy else share_of_maximum(counted) == 0.0, what
    assert counted.pipeline.snapshot(FULL, 0.0) is not None
    # Fifteen cells of noise may correlate by chance.
    if not noisy or what != "a few":
        assert verdict_of(counted)[0] in ("covered", "dark", "frozen"), what


def test_a_picture_of_8192_by_8192_is_analysed_on_the_grid() -> None:
    big = cv2.resize(room(noise=0).draw()[0], (8192, 8192), interpolation=cv2.INTER_NEAREST)
    counted = count(frame_of(big, None, number * 1.0) for number in range(15))
    assert share_of_maximum(counted) == 0.0
    assert counted.presence.shape == (320, 320)
    assert verdict_of(counted)[0] == "ok"


def test_a_stream_that_changes_its_size_all_the_time_keeps_grid_and_heat() -> None:
    shop = room()
    sizes = [(160, 90), (320, 180), (64, 64), (640, 352), (161, 91)]

    def draw(number: int) -> U8:
        luma = shop.draw(Look((walker(number / 5),)))[0]
        return np.asarray(cv2.resize(luma, sizes[number // 10 % len(sizes)]), np.uint8)

    counted = count(pictures(draw, 60))
    assert counted.presence.shape == HW
    assert np.isfinite(counted.presence).all()
    assert counted.presence.sum() <= HW[0] * HW[1] * 60 * 0.2, "people cover a thirtieth of the picture"


def test_a_picture_that_does_not_change_is_frozen_and_gives_no_heat() -> None:
    still = room().draw(Look((walker(3.0),)))[0]
    counted = count(pictures(lambda _: still, 60))
    assert share_of_maximum(counted) == 0.0
    assert verdict_of(counted)[0] == "frozen"


def test_chroma_that_is_missing_at_times_does_no_harm() -> None:
    shop = room()

    def frames() -> Iterator[Frame]:
        for number in range(250):
            luma, chroma = shop.draw(Look((walker(number / 5),)))
            yield frame_of(luma, chroma if number // 30 % 2 == 0 else None, number / 5)

    counted = count(frames())
    assert 0.0 < counted.presence.sum() < HW[0] * HW[1] * 50 * 0.1
