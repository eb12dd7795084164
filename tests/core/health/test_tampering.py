"""The reference picture of the tamper detector: when it is chosen, kept and replaced, and what it detects."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edgeheat.core.grid.frames import U8
from edgeheat.core.health.tampering import TamperDetector
from tests.core.health.pictures import (
    Picture,
    as_grid,
    background,
    bag,
    defocused,
    empty_shop,
    moved_by,
    refurnished,
    screens_only,
    shop,
    spot,
)


def active(detector: TamperDetector) -> set[str]:
    """The names of the active states."""
    return {name for name in ("covered", "blurred", "shifted", "turned_away") if getattr(detector, name).active}


def observe(
    detector: TamperDetector, picture: Picture, known: U8 | None, from_s: float, seconds: int
) -> list[set[str]]:
    """Show one picture with changing noise for some seconds; return the active states after each."""
    states = []
    for second in range(seconds):
        detector.update(as_grid(picture, second), known, None, from_s + second)
        states.append(active(detector))
    return states


def undisturbed() -> TamperDetector:
    """A detector that has had 20 seconds to take its reference from the empty shop."""
    detector = TamperDetector()
    assert observe(detector, empty_shop(), background(), 0, 20) == [set()] * 20
    assert np.array_equal(detector.reference, background())
    return detector


@pytest.mark.parametrize(
    ("picture", "state"),
    [
        pytest.param(bag(empty_shop(), 0), "covered", id="a bag over the camera"),
        pytest.param(defocused(4)(empty_shop(), 0), "blurred", id="out of focus"),
        pytest.param(moved_by(0.03, 0.0)(empty_shop(), 0), "shifted", id="moved by 3 %"),
        pytest.param(shop(0, 1, "checkout")[0], "turned_away", id="turned to another place"),
    ],
)
def test_each_kind_of_tampering_activates_its_own_state_and_ends_with_it(picture: Picture, state: str) -> None:
    detector = undisturbed()
    states = observe(detector, picture, background(), 20, 75)
    assert states[-1] == {state}
    assert states[1] == set(), "two seconds are not enough"
    assert {name for names in states for name in names} == {state}
    assert observe(detector, empty_shop(), background(), 95, 40)[-1] == set()


def test_without_a_reference_nothing_is_detected() -> None:
    detector = TamperDetector()
    assert observe(detector, bag(empty_shop(), 0), None, 0, 60) == [set()] * 60
    assert detector.reference is None


def test_a_background_without_detail_does_not_become_the_reference() -> None:
    detector = TamperDetector()
    observe(detector, empty_shop(), np.full((180, 320), 120, np.uint8), 0, 20)
    assert detector.reference is None
    observe(detector, empty_shop(), background(), 20, 11)
    assert np.array_equal(detector.reference, background())


def test_the_shift_stays_constant_while_the_move_is_reported() -> None:
    detector = undisturbed()
    observe(detector, moved_by(0.03, 0.01)(empty_shop(), 0), background(), 20, 15)
    first = detector.shift_cells
    assert first == pytest.approx((9.6, 3.2), abs=0.5)
    observe(detector, moved_by(0.031, 0.01)(empty_shop(), 0), background(), 35, 15)
    assert detector.shift_cells == first


def test_a_reset_forgets_the_reference_and_takes_the_next_background() -> None:
    detector = undisturbed()
    moved = moved_by(0.03, 0.0)(empty_shop(), 0)
    assert observe(detector, moved, background(), 20, 15)[-1] == {"shifted"}
    detector.reset()
    assert (active(detector), detector.shift_cells, detector.reference) == (set(), None, None)
    new_background = as_grid(moved, std=0)
    assert observe(detector, moved, new_background, 35, 30) == [set()] * 30
    assert np.array_equal(detector.reference, new_background)


def test_a_picture_of_another_shape_starts_a_new_reference() -> None:
    detector = undisturbed()
    tall = np.ascontiguousarray(background().T)
    for second in range(20, 120):
        noisy = cv2.add(tall, np.random.default_rng(second).integers(0, 5, tall.shape, np.uint8))
        detector.update(np.asarray(noisy, np.uint8), tall, None, float(second))
        assert active(detector) == set()
    assert np.array_equal(detector.reference, tall)


def test_the_reference_follows_a_refurnished_shop() -> None:
    detector = undisturbed()
    now = refurnished(empty_shop())
    new_background = as_grid(now, std=0)
    assert observe(detector, now, new_background, 20, 700) == [set()] * 700
    assert np.array_equal(detector.reference, new_background)


def test_the_reference_does_not_adapt_to_a_blurred_picture() -> None:
    detector = undisturbed()
    now = defocused(4)(refurnished(empty_shop()), 0)
    assert observe(detector, now, as_grid(now, std=0), 20, 700)[-1] == {"blurred"}
    assert np.array_equal(detector.reference, background())


def test_a_camera_that_sinks_by_a_cell_an_hour_is_detected() -> None:
    detector = TamperDetector()
    states = []
    for hour in range(6):
        now = moved_by(0.0, 0.004 * hour)(empty_shop(), 0)
        states.append(observe(detector, now, as_grid(now, std=0), 3600.0 * hour, 20)[-1])
    assert states[0] == set() and states[-1] == {"shifted"}


def test_a_reference_taken_at_night_is_replaced_by_day() -> None:
    detector = TamperDetector()
    dark = screens_only(empty_shop(), 0)
    observe(detector, dark, as_grid(dark, std=0), 0, 20)
    assert np.array_equal(detector.reference, as_grid(dark, std=0))
    assert observe(detector, empty_shop(), background(), 20, 700) == [set()] * 700
    assert observe(detector, moved_by(0.03, 0)(empty_shop(), 0), background(), 720, 15)[-1] == {"shifted"}


def test_a_reference_taken_out_of_focus_is_replaced_by_a_sharp_one() -> None:
    detector = TamperDetector()
    soft = defocused(4)(empty_shop(), 0)
    observe(detector, soft, as_grid(soft, std=0), 0, 20)
    assert observe(detector, empty_shop(), background(), 20, 620)[-1] == set()
    assert observe(detector, soft, background(), 640, 40)[-1] == {"blurred"}


def test_the_reference_stays_while_the_light_is_poor() -> None:
    detector = undisturbed()
    dim = empty_shop() * (0.04 + 0.9 * spot(0.2, 0.2, 0.12))
    observe(detector, dim, as_grid(dim, std=0), 20, 700)
    assert np.array_equal(detector.reference, background())


def test_a_restored_reference_detects_what_happened_meanwhile() -> None:
    detector = TamperDetector()
    detector.restore_reference(background())
    now = moved_by(-0.04, 0.0)(empty_shop(), 0)
    assert observe(detector, now, as_grid(now, std=0), 1000, 12)[-1] == {"shifted"}
    assert detector.shift_cells == pytest.approx((-12.8, 0), abs=0.5)


@pytest.mark.parametrize(
    "picture",
    [np.zeros((180, 320)), np.zeros((180, 320, 3), np.uint8), np.zeros((4, 4), np.uint8)],
    ids=["floats", "colour", "tiny"],
)
def test_what_cannot_be_a_reference_is_rejected(picture: U8) -> None:
    detector = TamperDetector()
    with pytest.raises(ValueError, match="expected a reference of uint8"):
        detector.restore_reference(picture)
    assert detector.reference is None
