"""Health verdicts on synthetic shops: what must be detected, how soon, and what must not be mistaken for a problem."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8
from edgeheat.core.health.verdict import Health, HealthMonitor
from tests.core.health.pictures import (
    Change,
    Picture,
    as_grid,
    background,
    bag,
    defocused,
    empty_shop,
    moved_by,
    noise,
    pallet,
    people_in,
    screens_only,
    shop,
    spot,
)


def healths_during(
    change: Change, seconds: int = 70, walkers: int = 5, monitor: HealthMonitor | None = None
) -> list[Health]:
    """The health at each second of `change`, which starts after ten undisturbed seconds."""
    monitor = monitor or HealthMonitor()
    healths = []
    for second, picture in enumerate(shop(walkers, seconds + 10)):
        seen = change(picture, second - 10.0) if second >= 10 else picture
        grid = as_grid(seen, second)
        health = monitor.update(grid, background(), people_in(grid), float(second))
        if second >= 10:
            assert health is not None
            healths.append(health)
    return healths


def verdicts(healths: list[Health]) -> list[str]:
    return [health.verdict for health in healths]


def flat(level: float, std: float = 0.0) -> Change:
    return lambda picture, second: np.full_like(picture, level) + noise(std, second)


def frozen_from(number: int) -> Change:
    """The camera sends the same frame, noise included, again and again."""
    still = shop(5, 20)[number] + noise(2.0, 0)
    return lambda _picture, _second: still


# What is wrong, the verdict, and by when (in seconds) it must be given at the latest.
PROBLEMS: list[tuple[str, Change, str, int]] = [
    ("a black picture", flat(2), "dark", 5),
    ("a black picture with noise", flat(14, 10), "dark", 5),
    ("a hand in front of the lens", lambda p, s: 60 + 20 * spot(0.4, 0.3, 0.3) + noise(4, s), "covered", 10),
    ("a bag over the camera", bag, "covered", 10),
    ("nine tenths of the lens sprayed over", lambda p, _: np.where(np.arange(640) < 576, 75, p), "covered", 10),
    ("one grey everywhere", flat(128), "covered", 6),
    ("all white", flat(255), "covered", 6),
    ("nothing but noise", flat(128, 90), "covered", 6),
    ("out of focus", defocused(4), "blurred", 36),
    ("strongly out of focus", defocused(14), "blurred", 36),
    ("completely out of focus", lambda p, _: cv2.GaussianBlur(p, (0, 0), 20), "blurred", 36),
    ("out of focus in half the light", lambda p, s: defocused(5)(p, s) * 0.6, "blurred", 36),
    ("condensation on the glass", lambda p, s: defocused(4)(p, s) * 0.3 + 150, "blurred", 36),
    ("moved by 1.5 %", moved_by(0.015, 0.0), "moved", 12),
    ("moved by 2 % upwards", moved_by(0.0, -0.02), "moved", 12),
    ("moved by 4 % and turned by a degree", moved_by(-0.04, 0.01, 1.0), "moved", 12),
    ("moved by a third", moved_by(0.33, 0.05), "moved", 12),
    ("moved as the lamps were switched off", lambda p, s: moved_by(0.03, 0.01)(p, s) * 0.35, "moved", 12),
    ("turned to another place", lambda _, s: shop(5, 95, "checkout")[int(s)], "moved", 75),
    ("mounted upside down", lambda p, _: np.ascontiguousarray(p[::-1, ::-1]), "moved", 75),
]


@pytest.mark.parametrize(("change", "verdict", "by_s"), [pytest.param(*case, id=what) for what, *case in PROBLEMS])
def test_each_problem_is_detected_in_time_and_no_other_is_reported(change: Change, verdict: str, by_s: int) -> None:
    healths = healths_during(change, by_s + 10)
    assert healths[2].verdict == "ok", "two seconds are not enough"
    assert set(verdicts(healths[:by_s])) <= {"ok", verdict}
    assert set(verdicts(healths[by_s:])) == {verdict}
    assert healths[-1].reason.endswith(".") and ":" in healths[-1].reason
    assert len({health.reason for health in healths[by_s:]}) == 1


def sweeping_shadow(picture: Picture, second: float) -> Picture:
    return picture * np.where(np.abs(np.arange(640) - 16 * second % 640) < 90, 0.5, 1.0).astype(np.float32)


def lamps(picture: Picture, second: float) -> Picture:
    return picture * (0.2 if 15 <= second < 40 else 1.0) + noise(4, second)


def night(picture: Picture, second: float) -> Picture:
    """Sudden infra-red: other grey levels, a bright centre, more noise."""
    if second < 15:
        return picture
    greys = 255 * (picture / 255) ** 1.6 + 20
    return greys * (0.25 + 0.75 * spot(0.5, 0.3, 0.3)) + noise(7, second)


def compressed(picture: Picture, second: float) -> Picture:
    """Strong from the 15th second on."""
    quality = 12 if second >= 15 else 90
    _, data = cv2.imencode(".jpg", picture.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)


def crowd(picture: Picture, second: float) -> Picture:
    """People so close that they hide half of the picture, swaying."""
    filled = picture.copy()
    for person in range(6):
        sway = 8 * np.sin(second / 2 + person)
        centre = (round(60 + 104 * person + sway), 260)
        cv2.ellipse(filled, centre, (42, 150), 0, 0, 360, 40.0 + 30 * person, -1)
        cv2.ellipse(filled, (centre[0], 95), (22, 28), 0, 0, 360, 170.0, -1)
    return filled


HARMLESS: list[tuple[str, Change]] = [
    ("an ordinary day", lambda p, _: p),
    ("lamps off and on", lamps),
    ("lamps off in half of the shop", lambda p, _: p * np.where(np.arange(640) < 320, 0.2, 1.0).astype(np.float32)),
    ("switch to night mode", night),
    ("only the shop window is lit", lambda p, _: p * (0.04 + 0.9 * spot(0.2, 0.2, 0.12))),
    ("oscillating exposure", lambda p, s: 255 * (p / 255) ** (1 + 0.5 * np.sin(s))),
    ("fading daylight", lambda p, s: p * (1 - 0.006 * s)),
    ("a hard shadow that passes", sweeping_shadow),
    ("the sun on half of the floor", lambda p, _: p * np.where(np.arange(640) < 320, 1.9, 1.0).astype(np.float32)),
    ("strong noise", lambda p, s: p + noise(15, s)),
    ("strong compression", compressed),
    ("strong compression in poor light", lambda p, s: compressed(p * 0.3, 20 + s)),
    ("one screen in the dark", lambda p, s: p * 0.03 + 150 * (spot(0.3, 0.3, 0.08) > 0.5) + noise(5, s)),
    ("many screens in the dark", lambda p, s: screens_only(p, s) + noise(5, s)),
    ("a pallet is placed", pallet),
    ("a crowd hides half of the picture", crowd),
    ("half of the lens sprayed over", lambda p, _: np.where(np.arange(640) < 320, 75, p).astype(np.float32)),
    ("vibration by a cell", lambda p, s: moved_by(0.003 * (-1) ** int(s), 0.0)(p, s)),
    ("a black flash of 3 s", lambda p, s: p * (0.0 if 20 <= s < 23 else 1.0)),
    ("a bag held in front of the lens for 4 s", lambda p, s: bag(p, s) if 20 <= s < 24 else p),
    ("hunting autofocus for 20 s", lambda p, s: defocused(5)(p, s) if 20 <= s < 40 else p),
    ("a camera that swings back after 4 s", lambda p, s: moved_by(0.03, 0)(p, s) if 20 <= s < 24 else p),
    ("a picture frozen for 20 s", lambda p, s: frozen_from(9)(p, s) if 20 <= s < 40 else p),
]


@pytest.mark.parametrize("change", [pytest.param(change, id=what) for what, change in HARMLESS])
def test_harmless_events_raise_no_verdict(change: Change) -> None:
    assert set(verdicts(healths_during(change))) == {"ok"}


def test_a_crowd_raises_no_verdict() -> None:
    assert set(verdicts(healths_during(lambda p, _: p, walkers=40))) == {"ok"}


def test_a_frozen_picture_is_detected_after_half_a_minute_although_the_cameras_clock_keeps_running() -> None:
    def stopped(_: Picture, second: float) -> Picture:
        still = frozen_from(9)(_, second).astype(np.uint8)
        cv2.putText(still, f"{int(second):02}", (600, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255,), 2)
        return still.astype(np.float32)

    monitor = HealthMonitor()
    healths = [
        monitor.update(as_grid(stopped(empty_shop(), s), std=0), background(), None, float(s)) for s in range(60)
    ]
    names = [health.verdict for health in healths if health is not None]
    assert names.index("frozen") == pytest.approx(27, abs=3)
    assert names[-1] == "frozen"
    live = [monitor.update(as_grid(empty_shop(), s), background(), None, 60.0 + s) for s in range(4)]
    assert live[-1] == Health("ok", ""), "the first changes clear it"


@pytest.mark.parametrize(("known", "verdict"), [(True, "frozen"), (False, "ok")])
def test_artefacts_of_the_encoder_around_the_cameras_clock_do_not_hide_that_the_picture_is_frozen(
    known: bool, verdict: str
) -> None:
    random, monitor = np.random.default_rng(1), HealthMonitor()
    still = as_grid(frozen_from(9)(empty_shop(), 0.0), std=0)
    text = np.zeros_like(still)
    text[8:22, 20:180] = 255
    for second in range(60):
        grid = still.copy()
        grid[2:28, 14:186] += random.integers(0, 2, (26, 172)).astype(np.uint8)
        health = monitor.update(grid, background(), None, float(second), text if known else None)
    assert health is not None and health.verdict == verdict


def test_a_picture_without_noise_in_which_only_a_small_person_moves_is_not_frozen() -> None:
    monitor = HealthMonitor()
    for second in range(60):
        grid, people = background().copy(), np.zeros_like(background())
        body = (slice(40, 48), slice(100 + second // 10, 103 + second // 10))
        grid[body], people[body] = 30, 255
        health = monitor.update(grid, background(), people, float(second))
        assert health is None or health.verdict == "ok"


@pytest.mark.parametrize(("x_ratio", "y_ratio"), [(0.02, 0.0), (-0.031, 0.024), (0.1, -0.05)])
def test_the_direction_and_distance_of_a_move_are_reported(x_ratio: float, y_ratio: float) -> None:
    last = healths_during(moved_by(x_ratio, y_ratio), seconds=20)[-1]
    assert last.shift_cells == pytest.approx((320 * x_ratio, 320 * y_ratio), abs=0.6)
    assert f"{100 * np.hypot(*last.shift_cells or (0, 0)) / 320:.1f} %" in last.reason


def test_a_move_is_detected_whatever_the_foreground_and_the_background_model_make_of_it() -> None:
    """After a move everything may be foreground, and the background model may adapt at once."""
    shifted = moved_by(0.03, 0.01)
    everything = np.full_like(background(), 255)
    for people, follows in ((everything, False), (None, True), (None, False)):
        monitor = HealthMonitor()
        for second in range(30):
            picture = shop(5, 100)[second]
            seen = shifted(picture, 0) if second >= 10 else picture
            grid = as_grid(seen, second)
            new_background = as_grid(shifted(empty_shop(), 0), std=0) if follows and second >= 12 else background()
            health = monitor.update(grid, new_background, people if second >= 10 else None, float(second))
        assert health is not None and health.verdict == "moved", (people is None, follows)


def test_a_camera_that_swings_back_is_ok_again() -> None:
    healths = healths_during(lambda p, s: moved_by(0.03, 0)(p, s) if s < 20 else p)
    assert healths[19].verdict == "moved"
    assert healths[-1].verdict == "ok"


def test_a_camera_that_is_being_turned_is_moved_once_it_stops() -> None:
    healths = healths_during(lambda p, s: moved_by(0.008 * min(s, 15), 0)(p, s), seconds=30)
    assert set(verdicts(healths[:16])) == {"ok"}
    assert healths[-1].shift_cells == pytest.approx((0.12 * 320, 0), abs=1.0)


def observe(monitor: HealthMonitor, picture: Picture, new_background: U8 | None, from_s: float, seconds: int) -> Health:
    health = None
    for second in range(seconds):
        health = monitor.update(as_grid(picture, second), new_background, None, from_s + second)
    assert health is not None
    return health


def moved_monitor() -> tuple[HealthMonitor, Picture]:
    """A monitor that has detected a move, and the picture after it."""
    monitor, empty = HealthMonitor(), empty_shop()
    assert observe(monitor, empty, background(), 0, 20).verdict == "ok"
    assert not monitor.move_detected
    now = moved_by(0.03, 0.01)(empty, 0)
    assert observe(monitor, now, background(), 20, 15).verdict == "moved"
    return monitor, now


def test_an_accepted_move_is_reported_for_a_day_and_later_moves_are_measured_from_it() -> None:
    monitor, now = moved_monitor()
    assert monitor.move_detected
    monitor.accept_move(35.0)
    assert not monitor.move_detected
    health = observe(monitor, now, None, 35, 5)
    assert health.verdict == "moved" and health.shift_cells == pytest.approx((9.6, 3.2), abs=0.5)
    new_background = as_grid(now, std=0)
    assert observe(monitor, now, new_background, 40, 60) == health
    assert not monitor.move_detected, "against the new reference nothing has moved"
    again = observe(monitor, moved_by(-0.05, 0)(now, 0), new_background, 100, 15)
    assert monitor.move_detected
    assert again.shift_cells == pytest.approx((-16, 0), abs=0.5)
    monitor.accept_move(115.0)
    late = moved_by(-0.05, 0)(now, 0)
    assert observe(monitor, late, as_grid(late, std=0), 115 + 86_300, 20).verdict == "moved"
    assert observe(monitor, late, as_grid(late, std=0), 115 + 86_400, 5).verdict == "ok"


def test_an_accepted_move_gets_a_new_reference_although_the_lens_is_out_of_focus() -> None:
    monitor, empty = HealthMonitor(), empty_shop()
    observe(monitor, empty, background(), 0, 20)
    soft = defocused(4)(empty, 0)
    assert observe(monitor, soft, background(), 20, 40).verdict == "blurred"
    now = moved_by(0.03, 0)(soft, 0)
    assert observe(monitor, now, background(), 60, 15).verdict == "moved"
    monitor.accept_move(75.0)
    new_background = as_grid(now, std=0)
    observe(monitor, now, new_background, 75, 10)
    assert np.array_equal(monitor.state()["reference"], new_background)


def test_an_accepted_move_can_be_cleared_and_more_severe_verdicts_come_first() -> None:
    monitor, now = moved_monitor()
    monitor.accept_move(35.0)
    new_background = as_grid(now, std=0)
    assert observe(monitor, now, new_background, 35, 10).verdict == "moved"
    assert observe(monitor, np.zeros_like(now), new_background, 45, 8).verdict == "dark"
    assert observe(monitor, now, new_background, 53, 8).verdict == "moved"
    monitor.clear_moved()
    assert observe(monitor, now, new_background, 61, 1) == Health("ok", "")


def test_a_camera_moved_while_the_program_was_stopped_is_detected_from_the_saved_state() -> None:
    first, empty = HealthMonitor(), empty_shop()
    observe(first, empty, background(), 0, 20)
    second = HealthMonitor()
    second.restore(first.state(), 1000.0)
    now = moved_by(-0.04, 0.0)(empty, 0)
    health = observe(second, now, as_grid(now, std=0), 1100, 12)
    assert health.verdict == "moved" and health.shift_cells == pytest.approx((-12.8, 0), abs=0.5)


def test_an_accepted_move_survives_a_restart() -> None:
    first, now = moved_monitor()
    first.accept_move(35.0)
    health = observe(first, now, as_grid(now, std=0), 35, 10)
    second = HealthMonitor()
    second.restore(first.state(), -1000.0)
    assert observe(second, now, None, -950, 10) == health
    assert observe(second, now, None, 35 - 1000 + 86_400, 1).verdict == "ok"
    assert sum(array.nbytes for array in first.state().values()) < 60_000


DAMAGED_STATES: list[tuple[str, dict[str, NDArray[Any]]]] = [
    ("nothing", {}),
    ("no reference", {"moved": np.zeros(0)}),
    ("no move", {"reference": np.zeros((0, 0), np.uint8)}),
    ("a reference of floats", {"reference": np.zeros((180, 320)), "moved": np.zeros(0)}),
    ("a reference in colour", {"reference": np.zeros((180, 320, 3), np.uint8), "moved": np.zeros(0)}),
    ("a tiny reference", {"reference": np.zeros((4, 4), np.uint8), "moved": np.zeros(0)}),
    ("a move of two numbers", {"reference": np.zeros((0, 0), np.uint8), "moved": np.zeros(2)}),
    ("a move at no time", {"reference": np.zeros((0, 0), np.uint8), "moved": np.full(3, np.nan)}),
    ("a move as text", {"reference": np.zeros((0, 0), np.uint8), "moved": np.array(["a", "b", "c"])}),
]


@pytest.mark.parametrize("state", [pytest.param(state, id=what) for what, state in DAMAGED_STATES])
def test_a_damaged_state_is_rejected_and_changes_nothing(state: dict[str, NDArray[Any]]) -> None:
    monitor = HealthMonitor()
    with pytest.raises(ValueError, match="camera health: expected"):
        monitor.restore(state, 0.0)
    assert observe(monitor, empty_shop(), None, 0, 10).verdict == "ok"


def test_the_state_of_a_new_monitor_can_be_restored() -> None:
    monitor = HealthMonitor()
    monitor.restore(HealthMonitor().state(), 5.0)
    assert observe(monitor, empty_shop(), background(), 0, 10).verdict == "ok"


@pytest.mark.parametrize(
    ("what", "level", "spread", "reason"),
    [
        ("one colour", 128, 0, "of one colour"),
        ("all noise", 128, 80, "nothing but noise"),
        ("black", 0, 0, "black"),
    ],
)
@pytest.mark.parametrize("size_wh", [(16, 9), (320, 2), (47, 47), (48, 48), (50, 320), (640, 360), (1000, 40)])
def test_a_picture_without_content_is_detected_at_any_size(
    what: str, level: int, spread: int, reason: str, size_wh: tuple[int, int]
) -> None:
    monitor, healths = HealthMonitor(), []
    random = np.random.default_rng(3)
    shape = size_wh[::-1]
    for second in range(60):
        grid = (level + random.uniform(-spread, spread, shape)).astype(np.uint8)
        healths.append(monitor.update(grid, np.full(shape, 90, np.uint8), np.zeros(shape, np.uint8), float(second)))
    last = healths[-1]
    assert last is not None
    assert last.verdict != "ok" and reason in last.reason


def test_a_gradient_without_edges_is_covered() -> None:
    """Phase correlation has no edges to work with here."""
    slope = np.tile(np.linspace(60, 200, 320), (180, 1)).astype(np.uint8)
    monitor = HealthMonitor()
    observe(monitor, empty_shop(), background(), 0, 20)
    for second in range(20, 30):
        health = monitor.update(slope, background(), None, float(second))
    assert health is not None and health.verdict == "covered"


def test_a_picture_of_a_single_cell_works() -> None:
    monitor = HealthMonitor()
    for second in range(60):
        cell = np.full((1, 1), 100 + second, np.uint8)
        health = monitor.update(cell, cell, np.zeros_like(cell), float(second))
    assert health == Health("covered", health.reason) and "one colour" in health.reason


def test_verdicts_do_not_depend_on_the_update_rate() -> None:
    empty, now = empty_shop(), moved_by(0.03, 0.0)(empty_shop(), 0)
    for every_s in (0.2, 1.0, 2.0):
        monitor = HealthMonitor()
        moved_at_s = []
        for number in range(round(60 / every_s)):
            at_s = number * every_s
            health = monitor.update(as_grid(now if at_s >= 20 else empty, number), background(), None, at_s)
            if health is not None and health.verdict == "moved":
                moved_at_s.append(at_s)
        assert 25 <= moved_at_s[0] <= 32, every_s


def test_without_a_background_only_verdicts_that_need_none_are_given() -> None:
    monitor, empty = HealthMonitor(), empty_shop()
    assert monitor.update(as_grid(empty), None, None, 0.0) is None, "too early for a verdict"
    assert observe(monitor, empty, None, 1, 20).verdict == "ok"
    assert observe(monitor, defocused(6)(empty, 0), None, 21, 60).verdict == "ok"
    assert observe(monitor, np.zeros_like(empty), None, 81, 6).verdict == "dark"


def test_a_long_gap_does_not_count_as_observed_time() -> None:
    monitor, empty = HealthMonitor(), empty_shop()
    observe(monitor, empty, background(), 0, 20)
    still = as_grid(empty, std=0)
    assert monitor.update(still, background(), None, 20.0) == Health("ok", "")
    assert monitor.update(still, background(), None, 500.0) == Health("ok", "")
    assert monitor.update(as_grid(moved_by(0.03, 0)(empty, 0)), background(), None, 1000.0) == Health("ok", "")
