"""Health verdicts on drawn shops: what must be seen, how soon, and what must not be taken for a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edgeheat.core.grid.frames import U8
from edgeheat.core.health.similarity import ReferenceImage, extract_features
from edgeheat.core.health.verdict import Health, HealthMonitor
from edgeheat.sources.base import SourceOptions
from edgeheat.sources.synthetic import open_synthetic

GRID_WH = (320, 180)
Picture = NDArray[np.float32]
Change = Callable[[Picture, float], Picture]
"""What happens to the picture (360, 640), and at which second."""


@cache
def filmed(walkers: int, layout: str) -> tuple[list[Picture], Iterator[Picture]]:
    """The pictures of a shop so far, and those to come."""
    url = f"synthetic:{layout}?size=640x360&noise=0&fps=1&walkers={walkers}&duration=600"
    frames = open_synthetic(url, SourceOptions(clock=None)).frames()
    return [], (frame.luma.astype(np.float32) for frame in frames)


def shop(walkers: int, seconds: int, layout: str = "shop") -> list[Picture]:
    """One picture a second; each is drawn once, because that takes a test's time."""
    pictures, to_come = filmed(walkers, layout)
    pictures.extend(islice(to_come, max(0, seconds - len(pictures))))
    return pictures[:seconds]


@cache
def grains() -> list[Picture]:
    """Sensor noise of one grey level; prepared, because making it is what takes a test's time."""
    random = np.random.default_rng(1)
    return [random.standard_normal((360, 640), np.float32) for _ in range(16)]


@cache
def grains_on_grid() -> list[Picture]:
    return [cv2.resize(grain, GRID_WH, interpolation=cv2.INTER_AREA).astype(np.float32) for grain in grains()]


def noise(std: float, second: float) -> Picture:
    """More noise, and other than what `as_grid` adds."""
    return std * grains()[round(7 * second) % 16][::-1]


def as_grid(picture: Picture, number: int = 0, std: float = 2.0) -> U8:
    """As a camera sends it, with its noise; brought to the grid."""
    clean = cv2.resize(picture, GRID_WH, interpolation=cv2.INTER_AREA)
    return cv2.addWeighted(clean, 1.0, grains_on_grid()[number % 16], std, 0.0, dtype=cv2.CV_8U).astype(np.uint8)


@cache
def scene() -> U8:
    return as_grid(shop(0, 1)[0], std=0)


def people_in(grid: U8) -> U8:
    """A plain stand-in for the foreground: whatever differs from the scene."""
    return np.where(cv2.absdiff(grid, scene()) > 25, 255, 0).astype(np.uint8)


def watched(change: Change, seconds: int = 70, walkers: int = 5, watch: HealthMonitor | None = None) -> list[Health]:
    """Ten undisturbed seconds, then `change` with its own seconds; what is said after each of these."""
    watch = watch or HealthMonitor()
    said = []
    for second, picture in enumerate(shop(walkers, seconds + 10)):
        seen = change(picture, second - 10.0) if second >= 10 else picture
        grid = as_grid(seen, second)
        health = watch.look(grid, scene(), people_in(grid), float(second))
        if second >= 10:
            assert health is not None
            said.append(health)
    return said


def verdicts(said: list[Health]) -> list[str]:
    return [health.verdict for health in said]


def moved_by(x_ratio: float, y_ratio: float, turn_deg: float = 0.0) -> Change:
    """The picture shifts by shares of its width, and turns."""

    def change(picture: Picture, _: float) -> Picture:
        height, width = picture.shape
        affine = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0)
        affine[:, 2] += (x_ratio * width, y_ratio * width)
        return cv2.warpAffine(picture, affine, (width, height), borderMode=cv2.BORDER_REFLECT).astype(np.float32)

    return change


def defocused(radius_px: int) -> Change:
    def change(picture: Picture, _: float) -> Picture:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1)).astype(np.float32)
        return cv2.filter2D(picture, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT).astype(np.float32)

    return change


def spot(x: float, y: float, radius: float) -> Picture:
    """A patch of light, 0..1."""
    rows, columns = np.mgrid[0:360, 0:640].astype(np.float32)
    return np.exp(-((columns / 640 - x) ** 2 + (rows / 640 - y) ** 2) / (2 * radius**2)).astype(np.float32)


def bag(picture: Picture, second: float) -> Picture:
    """A crumpled bag right before the lens: folds, but none that the lens could focus on."""
    folds = np.random.default_rng(5).normal(0, 1, picture.shape).astype(np.float32)
    folds = cv2.GaussianBlur(folds, (0, 0), 16 + np.sin(second))
    return (95 + 30 * folds / folds.std()).astype(np.float32)


def flat(level: float, std: float = 0.0) -> Change:
    return lambda picture, second: np.full_like(picture, level) + noise(std, second)


def frozen_from(number: int) -> Change:
    """The camera sends one and the same frame, noise and all."""
    still = shop(5, 20)[number] + noise(2.0, 0)
    return lambda _picture, _second: still


# What must be seen: the verdict, and by when (in seconds) it must hold at the latest.
FAULTS: list[tuple[str, Change, str, int]] = [
    ("a black picture", flat(2), "dark", 5),
    ("a black picture with noise", flat(14, 10), "dark", 5),
    ("a hand before the lens", lambda p, s: 60 + 20 * spot(0.4, 0.3, 0.3) + noise(4, s), "covered", 10),
    ("a bag over the camera", bag, "covered", 10),
    ("nine tenths sprayed over", lambda p, _: np.where(np.arange(640) < 576, 75, p), "covered", 10),
    ("one grey all over", flat(128), "covered", 6),
    ("all white", flat(255), "covered", 6),
    ("nothing but noise", flat(128, 90), "covered", 6),
    ("out of focus", defocused(4), "blurred", 36),
    ("far out of focus", defocused(14), "blurred", 36),
    ("wholly out of focus", lambda p, _: cv2.GaussianBlur(p, (0, 0), 20), "blurred", 36),
    ("out of focus in half the light", lambda p, s: defocused(5)(p, s) * 0.6, "blurred", 36),
    ("mist on the glass", lambda p, s: defocused(4)(p, s) * 0.3 + 150, "blurred", 36),
    ("moved by 1.5 %", moved_by(0.015, 0.0), "moved", 12),
    ("moved by 2 % upwards", moved_by(0.0, -0.02), "moved", 12),
    ("moved by 4 % and turned by a degree", moved_by(-0.04, 0.01, 1.0), "moved", 12),
    ("moved by a third", moved_by(0.33, 0.05), "moved", 12),
    ("moved as the lamps went off", lambda p, s: moved_by(0.03, 0.01)(p, s) * 0.35, "moved", 12),
    ("turned to another place", lambda _, s: shop(5, 95, "checkout")[int(s)], "moved", 75),
    ("hung upside down", lambda p, _: np.ascontiguousarray(p[::-1, ::-1]), "moved", 75),
]


@pytest.mark.parametrize(("change", "verdict", "by_s"), [pytest.param(*case, id=what) for what, *case in FAULTS])
def test_a_fault_is_seen_in_time_and_nothing_else_is_said(change: Change, verdict: str, by_s: int) -> None:
    said = watched(change, by_s + 10)
    assert said[2].verdict == "ok", "one glance is not enough"
    assert set(verdicts(said[:by_s])) <= {"ok", verdict}
    assert set(verdicts(said[by_s:])) == {verdict}
    assert said[-1].reason.endswith(".") and ":" in said[-1].reason
    assert len({health.reason for health in said[by_s:]}) == 1


def sweeping_shadow(picture: Picture, second: float) -> Picture:
    return picture * np.where(np.abs(np.arange(640) - 16 * second % 640) < 90, 0.5, 1.0).astype(np.float32)


def lamps(picture: Picture, second: float) -> Picture:
    return picture * (0.2 if 15 <= second < 40 else 1.0) + noise(4, second)


def night(picture: Picture, second: float) -> Picture:
    """Infra-red: other greys, a bright middle, more noise, from one second to the next."""
    if second < 15:
        return picture
    greys = 255 * (picture / 255) ** 1.6 + 20
    return greys * (0.25 + 0.75 * spot(0.5, 0.3, 0.3)) + noise(7, second)


def in_the_dark(picture: Picture, _: float) -> Picture:
    """Nothing but screens is seen, which are dark by day."""
    screens = (np.arange(640) % 160 < 40) & (np.arange(360)[:, None] % 150 < 50)
    return (picture * 0.02 + 200 * screens).astype(np.float32)


def compressed(picture: Picture, second: float) -> Picture:
    """Coarse from the 20th second on."""
    quality = 12 if second >= 15 else 90
    _, data = cv2.imencode(".jpg", picture.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)


def pallet(picture: Picture, _: float) -> Picture:
    placed = picture.copy()
    placed[140:330, 240:460] = np.tile(np.repeat([70.0, 160.0], 10), 19)[:190, None]
    return placed


def furnished_anew(picture: Picture) -> Picture:
    """Shelves in the foreground and a poster on the wall."""
    furnished = pallet(picture, 0)
    furnished[200:330, 20:200] = np.repeat([60.0, 190.0, 120.0], 60)
    furnished[200:330, 500:620] = np.repeat([40.0, 170.0], 60)
    furnished[20:90, 300:420] = 230.0
    return furnished


def crowd(picture: Picture, second: float) -> Picture:
    """People who stand so near that they hide half of the picture, and sway."""
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
    ("lamps off over half of the shop", lambda p, _: p * np.where(np.arange(640) < 320, 0.2, 1.0).astype(np.float32)),
    ("night switch", night),
    ("only the shop window is lit", lambda p, _: p * (0.04 + 0.9 * spot(0.2, 0.2, 0.12))),
    ("exposure pumping", lambda p, s: 255 * (p / 255) ** (1 + 0.5 * np.sin(s))),
    ("daylight that fades", lambda p, s: p * (1 - 0.006 * s)),
    ("a hard shadow that sweeps by", sweeping_shadow),
    ("the sun on half of the floor", lambda p, _: p * np.where(np.arange(640) < 320, 1.9, 1.0).astype(np.float32)),
    ("strong noise", lambda p, s: p + noise(15, s)),
    ("coarse compression", compressed),
    ("coarse compression in poor light", lambda p, s: compressed(p * 0.3, 20 + s)),
    ("one screen in the dark", lambda p, s: p * 0.03 + 150 * (spot(0.3, 0.3, 0.08) > 0.5) + noise(5, s)),
    ("many screens in the dark", lambda p, s: in_the_dark(p, s) + noise(5, s)),
    ("a pallet is put down", pallet),
    ("a crowd hides half of the picture", crowd),
    ("half of the lens sprayed over", lambda p, _: np.where(np.arange(640) < 320, 75, p).astype(np.float32)),
    ("a tremble of a cell", lambda p, s: moved_by(0.003 * (-1) ** int(s), 0.0)(p, s)),
    ("a black flash of 3 s", lambda p, s: p * (0.0 if 20 <= s < 23 else 1.0)),
    ("somebody holds a bag up for 4 s", lambda p, s: bag(p, s) if 20 <= s < 24 else p),
    ("focus that hunts for 20 s", lambda p, s: defocused(5)(p, s) if 20 <= s < 40 else p),
    ("a knock that swings back after 4 s", lambda p, s: moved_by(0.03, 0)(p, s) if 20 <= s < 24 else p),
    ("a picture that stands still for 20 s", lambda p, s: frozen_from(9)(p, s) if 20 <= s < 40 else p),
]


@pytest.mark.parametrize("change", [pytest.param(change, id=what) for what, change in HARMLESS])
def test_what_is_no_fault_raises_no_verdict(change: Change) -> None:
    assert set(verdicts(watched(change))) == {"ok"}


def test_many_people_are_no_fault() -> None:
    assert set(verdicts(watched(lambda p, _: p, walkers=40))) == {"ok"}


def test_a_frozen_picture_is_seen_after_half_a_minute_though_the_cameras_clock_goes_on() -> None:
    def stopped(_: Picture, second: float) -> Picture:
        still = frozen_from(9)(_, second).astype(np.uint8)
        cv2.putText(still, f"{int(second):02}", (600, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255,), 2)
        return still.astype(np.float32)

    watch = HealthMonitor()
    said = [watch.look(as_grid(stopped(shop(0, 1)[0], s), std=0), scene(), None, float(s)) for s in range(60)]
    said_verdicts = [health.verdict for health in said if health is not None]
    assert said_verdicts.index("frozen") == pytest.approx(27, abs=3)
    assert said_verdicts[-1] == "frozen"
    live = [watch.look(as_grid(shop(0, 1)[0], s), scene(), None, 60.0 + s) for s in range(4)]
    assert live[-1] == Health("ok", ""), "the first changes are enough"


def test_somebody_small_who_walks_in_a_picture_without_noise_keeps_it_from_being_called_frozen() -> None:
    watch = HealthMonitor()
    for second in range(60):
        grid, people = scene().copy(), np.zeros_like(scene())
        body = (slice(40, 48), slice(100 + second // 10, 103 + second // 10))
        grid[body], people[body] = 30, 255
        health = watch.look(grid, scene(), people, float(second))
        assert health is None or health.verdict == "ok"


@pytest.mark.parametrize(("x_ratio", "y_ratio"), [(0.02, 0.0), (-0.031, 0.024), (0.1, -0.05)])
def test_a_moved_camera_says_by_how_much_and_whither(x_ratio: float, y_ratio: float) -> None:
    last = watched(moved_by(x_ratio, y_ratio), seconds=20)[-1]
    assert last.shift_cells == pytest.approx((320 * x_ratio, 320 * y_ratio), abs=0.6)
    assert f"{100 * np.hypot(*last.shift_cells or (0, 0)) / 320:.1f} %" in last.reason


def test_a_move_is_seen_whatever_the_pipeline_makes_of_it() -> None:
    """After a knock the foreground may call everything people, and the scene may follow at once."""
    shifted = moved_by(0.03, 0.01)
    everything = np.full_like(scene(), 255)
    for people, follows in ((everything, False), (None, True), (None, False)):
        watch = HealthMonitor()
        for second in range(30):
            picture = shop(5, 100)[second]
            seen = shifted(picture, 0) if second >= 10 else picture
            grid = as_grid(seen, second)
            known = as_grid(shifted(shop(0, 1)[0], 0), std=0) if follows and second >= 12 else scene()
            health = watch.look(grid, known, people if second >= 10 else None, float(second))
        assert health is not None and health.verdict == "moved", (people is None, follows)


def test_a_camera_that_swings_back_is_well_again() -> None:
    said = watched(lambda p, s: moved_by(0.03, 0)(p, s) if s < 20 else p)
    assert said[19].verdict == "moved"
    assert said[-1].verdict == "ok"


def test_a_camera_that_is_being_turned_is_called_moved_once_it_stands_still() -> None:
    said = watched(lambda p, s: moved_by(0.008 * min(s, 15), 0)(p, s), seconds=30)
    assert set(verdicts(said[:16])) == {"ok"}
    assert said[-1].shift_cells == pytest.approx((0.12 * 320, 0), abs=1.0)


def look_at(watch: HealthMonitor, picture: Picture, known: U8 | None, from_s: float, seconds: int) -> Health:
    health = None
    for second in range(seconds):
        health = watch.look(as_grid(picture, second), known, None, from_s + second)
    assert health is not None
    return health


def knocked() -> tuple[HealthMonitor, Picture]:
    """A watch that has seen a camera being moved, and what the camera shows now."""
    watch, empty = HealthMonitor(), shop(0, 1)[0]
    assert look_at(watch, empty, scene(), 0, 20).verdict == "ok"
    assert not watch.move_pending
    now = moved_by(0.03, 0.01)(empty, 0)
    assert look_at(watch, now, scene(), 20, 15).verdict == "moved"
    return watch, now


def test_an_accepted_move_stands_for_a_day_and_is_measured_from_anew() -> None:
    watch, now = knocked()
    assert watch.move_pending
    watch.accepted_move(35.0)
    assert not watch.move_pending
    health = look_at(watch, now, None, 35, 5)
    assert health.verdict == "moved" and health.shift_cells == pytest.approx((9.6, 3.2), abs=0.5)
    known = as_grid(now, std=0)
    assert look_at(watch, now, known, 40, 60) == health
    assert not watch.move_pending, "against the new scene nothing has moved"
    again = look_at(watch, moved_by(-0.05, 0)(now, 0), known, 100, 15)
    assert watch.move_pending
    assert again.shift_cells == pytest.approx((-16, 0), abs=0.5)
    watch.accepted_move(115.0)
    late = moved_by(-0.05, 0)(now, 0)
    assert look_at(watch, late, as_grid(late, std=0), 115 + 86_300, 20).verdict == "moved"
    assert look_at(watch, late, as_grid(late, std=0), 115 + 86_400, 5).verdict == "ok"


def test_a_lens_out_of_focus_does_not_keep_an_accepted_move_from_a_new_reference() -> None:
    watch, empty = HealthMonitor(), shop(0, 1)[0]
    look_at(watch, empty, scene(), 0, 20)
    soft = defocused(4)(empty, 0)
    assert look_at(watch, soft, scene(), 20, 40).verdict == "blurred"
    now = moved_by(0.03, 0)(soft, 0)
    assert look_at(watch, now, scene(), 60, 15).verdict == "moved"
    watch.accepted_move(75.0)
    known = as_grid(now, std=0)
    look_at(watch, now, known, 75, 10)
    assert np.array_equal(watch.state()["reference"], known)


def test_an_accepted_move_can_be_cleared_and_gives_way_to_what_is_worse() -> None:
    watch, now = knocked()
    watch.accepted_move(35.0)
    known = as_grid(now, std=0)
    assert look_at(watch, now, known, 35, 10).verdict == "moved"
    assert look_at(watch, np.zeros_like(now), known, 45, 8).verdict == "dark"
    assert look_at(watch, now, known, 53, 8).verdict == "moved"
    watch.clear_moved()
    assert look_at(watch, now, known, 61, 1) == Health("ok", "")


def test_a_camera_that_was_moved_while_nobody_looked_is_found_out_from_the_saved_state() -> None:
    first, empty = HealthMonitor(), shop(0, 1)[0]
    look_at(first, empty, scene(), 0, 20)
    second = HealthMonitor()
    second.restore(first.state(), 1000.0)
    now = moved_by(-0.04, 0.0)(empty, 0)
    health = look_at(second, now, as_grid(now, std=0), 1100, 12)
    assert health.verdict == "moved" and health.shift_cells == pytest.approx((-12.8, 0), abs=0.5)


def test_an_accepted_move_outlives_the_process() -> None:
    first, now = knocked()
    first.accepted_move(35.0)
    health = look_at(first, now, as_grid(now, std=0), 35, 10)
    second = HealthMonitor()
    second.restore(first.state(), -1000.0)
    assert look_at(second, now, None, -950, 10) == health
    assert look_at(second, now, None, 35 - 1000 + 86_400, 1).verdict == "ok"
    assert sum(array.nbytes for array in first.state().values()) < 60_000


NO_STATES: list[tuple[str, dict[str, NDArray[Any]]]] = [
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


@pytest.mark.parametrize("state", [pytest.param(state, id=what) for what, state in NO_STATES])
def test_a_damaged_state_is_refused_and_leaves_the_watch_as_it_was(state: dict[str, NDArray[Any]]) -> None:
    watch = HealthMonitor()
    with pytest.raises(ValueError, match="camera health: expected"):
        watch.restore(state, 0.0)
    assert look_at(watch, shop(0, 1)[0], None, 0, 10).verdict == "ok"


def test_a_fresh_state_can_be_taken_up() -> None:
    watch = HealthMonitor()
    watch.restore(HealthMonitor().state(), 5.0)
    assert look_at(watch, shop(0, 1)[0], scene(), 0, 10).verdict == "ok"


@pytest.mark.parametrize(
    ("what", "level", "spread", "reason"),
    [
        ("one colour", 128, 0, "of one colour"),
        ("all noise", 128, 80, "nothing but noise"),
        ("black", 0, 0, "black"),
    ],
)
@pytest.mark.parametrize("size_wh", [(16, 9), (320, 2), (47, 47), (48, 48), (50, 320), (640, 360), (1000, 40)])
def test_a_picture_that_shows_nothing_is_told_at_any_size(
    what: str, level: int, spread: int, reason: str, size_wh: tuple[int, int]
) -> None:
    watch, said = HealthMonitor(), []
    random = np.random.default_rng(3)
    shape = size_wh[::-1]
    for second in range(60):
        grid = (level + random.uniform(-spread, spread, shape)).astype(np.uint8)
        said.append(watch.look(grid, np.full(shape, 90, np.uint8), np.zeros(shape, np.uint8), float(second)))
    last = said[-1]
    assert last is not None
    assert last.verdict != "ok" and reason in last.reason


def test_a_smooth_slope_of_grey_does_no_harm() -> None:
    """Brightness but no edge: there is nothing that phase correlation could work on."""
    slope = np.tile(np.linspace(60, 200, 320), (180, 1)).astype(np.uint8)
    watch = HealthMonitor()
    look_at(watch, shop(0, 1)[0], scene(), 0, 20)
    for second in range(20, 30):
        health = watch.look(slope, scene(), None, float(second))
    assert health is not None and health.verdict == "covered"


def test_a_single_cell_does_no_harm() -> None:
    watch = HealthMonitor()
    for second in range(60):
        cell = np.full((1, 1), 100 + second, np.uint8)
        health = watch.look(cell, cell, np.zeros_like(cell), float(second))
    assert health == Health("covered", health.reason) and "one colour" in health.reason


def test_a_camera_of_another_shape_starts_a_new_reference() -> None:
    watch = HealthMonitor()
    look_at(watch, shop(0, 1)[0], scene(), 0, 20)
    tall = np.ascontiguousarray(scene().T)
    for second in range(20, 120):
        noisy = cv2.add(tall, np.random.default_rng(second).integers(0, 5, tall.shape, np.uint8))
        health = watch.look(np.asarray(noisy, np.uint8), tall, None, float(second))
        assert health is not None and health.verdict == "ok"


def test_five_looks_a_second_and_one_in_two_seconds_say_the_same() -> None:
    empty, now = shop(0, 1)[0], moved_by(0.03, 0.0)(shop(0, 1)[0], 0)
    for every_s in (0.2, 1.0, 2.0):
        watch = HealthMonitor()
        held_s = []
        for number in range(round(60 / every_s)):
            at_s = number * every_s
            health = watch.look(as_grid(now if at_s >= 20 else empty, number), scene(), None, at_s)
            if health is not None and health.verdict == "moved":
                held_s.append(at_s)
        assert 25 <= held_s[0] <= 32, every_s


def test_without_a_scene_only_what_needs_none_is_said() -> None:
    watch, empty = HealthMonitor(), shop(0, 1)[0]
    assert watch.look(as_grid(empty), None, None, 0.0) is None, "too soon to tell"
    assert look_at(watch, empty, None, 1, 20).verdict == "ok"
    assert look_at(watch, defocused(6)(empty, 0), None, 21, 60).verdict == "ok"
    assert look_at(watch, np.zeros_like(empty), None, 81, 6).verdict == "dark"


def test_a_long_gap_is_no_time_in_which_anything_was_seen() -> None:
    watch, empty = HealthMonitor(), shop(0, 1)[0]
    look_at(watch, empty, scene(), 0, 20)
    still = as_grid(empty, std=0)
    assert watch.look(still, scene(), None, 20.0) == Health("ok", "")
    assert watch.look(still, scene(), None, 500.0) == Health("ok", "")
    assert watch.look(as_grid(moved_by(0.03, 0)(empty, 0)), scene(), None, 1000.0) == Health("ok", "")


def test_the_reference_follows_a_shop_that_is_furnished_anew() -> None:
    watch, empty = HealthMonitor(), shop(0, 1)[0]
    look_at(watch, empty, scene(), 0, 20)
    now = furnished_anew(empty)
    known = as_grid(now, std=0)
    assert look_at(watch, now, known, 20, 700).verdict == "ok"
    assert np.array_equal(watch.state()["reference"], known)


def test_the_reference_does_not_learn_a_fault() -> None:
    watch, empty = HealthMonitor(), shop(0, 1)[0]
    look_at(watch, empty, scene(), 0, 20)
    now = defocused(4)(furnished_anew(empty), 0)
    assert look_at(watch, now, as_grid(now, std=0), 20, 700).verdict == "blurred"


def test_a_camera_that_sinks_by_a_cell_an_hour_is_found_out() -> None:
    watch, empty = HealthMonitor(), shop(0, 1)[0]
    said = []
    for hour in range(6):
        now = moved_by(0.0, 0.004 * hour)(empty, 0)
        said.append(look_at(watch, now, as_grid(now, std=0), 3600.0 * hour, 20).verdict)
    assert said[0] == "ok" and said[-1] == "moved"


def test_a_reference_taken_at_night_gives_way_to_the_day() -> None:
    watch, empty = HealthMonitor(), shop(0, 1)[0]
    dark = in_the_dark(empty, 0)
    look_at(watch, dark, as_grid(dark, std=0), 0, 20)
    for from_s in range(20, 720, 20):
        assert look_at(watch, empty, scene(), from_s, 20).verdict == "ok"
    assert look_at(watch, moved_by(0.03, 0)(empty, 0), scene(), 720, 15).verdict == "moved"


def test_a_reference_taken_out_of_focus_gives_way_to_a_sharp_one() -> None:
    watch, empty = HealthMonitor(), shop(0, 1)[0]
    soft = defocused(4)(empty, 0)
    look_at(watch, soft, as_grid(soft, std=0), 0, 20)
    assert look_at(watch, empty, scene(), 20, 620).verdict == "ok"
    assert look_at(watch, soft, scene(), 640, 40).verdict == "blurred"


def test_the_reference_stays_while_the_light_is_poor() -> None:
    watch, empty = HealthMonitor(), shop(0, 1)[0]
    look_at(watch, empty, scene(), 0, 20)
    dim = empty * (0.04 + 0.9 * spot(0.2, 0.2, 0.12))
    look_at(watch, dim, as_grid(dim, std=0), 20, 700)
    assert np.array_equal(watch.state()["reference"], scene())


def test_comparing_leaves_the_reference_as_it_was() -> None:
    """OpenCV's phase correlation may write its window into what it is given."""
    reference = ReferenceImage(scene().copy())
    now = extract_features(as_grid(moved_by(0.3, 0.0)(shop(0, 1)[0], 0)))
    first = reference.compare(now, now, None)
    assert first.shift_cells == pytest.approx((96, 0), abs=1)
    assert all(reference.compare(now, now, None) == first for _ in range(5))
