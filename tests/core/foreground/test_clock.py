"""The camera's own clock is found by when it changes; people, screens and the video's own rhythm are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from edgeheat.core.foreground.clock import Clock as Found
from edgeheat.core.foreground.clock import changes_between, find_clocks
from edgeheat.core.grid.frames import U8
from tests.core import drawn
from tests.core.clocks import HW, Clock, frames, passer_by
from tests.core.drawn import Look


def found_in(grids: Iterable[U8], fps: float = 5.0) -> list[Found]:
    """Return the clocks in pictures that follow one another."""
    history, previous = [], None
    for number, grid in enumerate(grids):
        changes = None if previous is None else changes_between(previous, grid, 100.0 + number / fps)
        if changes is not None:
            history.append(changes)
        previous = grid
    assert previous is not None
    return find_clocks(history, previous)


def lumas(
    seconds: float, clock: Clock | None, looks: Callable[[float], Look] = lambda _: Look(), fps: float = 5.0
) -> Iterator[U8]:
    return (np.asarray(frame.luma, np.uint8) for frame in frames(seconds, clock, looks, fps=fps))


CLOCKS = [
    ("white with an outline, below", Clock(), 5.0),
    ("black, at the top", Clock(bottom=16, level=0, outline=None), 5.0),
    ("in a box, at the right edge", Clock(left=150, bottom=16, scale=0.45, box=30, outline=None), 5.0),
    ("small", Clock(scale=0.3, left=200, bottom=30, outline=None), 5.0),
    ("large, as on a sub stream", Clock(scale=0.8, bottom=30), 5.0),
    ("twelve hours", Clock(text="{:%m/%d/%Y %I:%M:%S %p}"), 5.0),
    ("time first", Clock(text="{:%H:%M:%S %d.%m.%Y}"), 5.0),
    ("with hundredths", Clock(text="{:%H:%M:%S}.{hundredths:02}", left=60), 5.0),
    ("at four frames a second", Clock(), 4.0),
    ("at seven and a half frames a second", Clock(), 7.5),
    ("changing with the first frame", Clock(phase_s=0.0), 5.0),
    ("changing between two frames", Clock(phase_s=0.91), 5.0),
]


@pytest.mark.parametrize(("what", "clock", "fps"), CLOCKS, ids=[what for what, _, _ in CLOCKS])
def test_a_clock_is_found_within_ten_seconds_as_one_line_of_text(what: str, clock: Clock, fps: float) -> None:
    (found,) = found_in(lumas(9.6, clock, fps=fps), fps)
    left, top, right, bottom = found.box
    inside = np.zeros(HW, bool)
    inside[top:bottom, left:right] = True
    text = replace(clock, box=None).place() > 0
    assert (text & inside).sum() > 0.97 * text.sum(), "with the date"
    rows = np.flatnonzero(text.any(axis=1))
    assert bottom - top <= rows[-1] - rows[0] + 9, "text height plus margin"
    assert found.certain


def test_a_clock_is_found_while_a_person_walks_behind_it() -> None:
    (found,) = found_in(lumas(9.6, Clock(), passer_by))
    assert found.box[3] - found.box[1] < 24


def test_a_counter_that_changes_with_the_clock_is_found_too() -> None:
    rate = Clock(left=220, bottom=16, text="{:%S}7 kb/s")
    both = (rate.draw(luma, number / 5) for number, luma in enumerate(lumas(9.6, Clock())))
    assert len(found_in(both)) == 2


def test_a_counter_that_changes_with_every_frame_is_found_beside_a_clock_and_busy_hands_are_not() -> None:
    both = []
    for number, luma in enumerate(lumas(9.6, Clock(), at_the_till)):
        shown = f"{1000 + 137 * number % 4000} kb/s"
        both.append(cv2.putText(luma, shown, (220, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255,), 1, cv2.LINE_AA))
    boxes = sorted(found.box for found in found_in(both))
    assert len(boxes) == 2
    assert boxes[1][0] < 222 and boxes[1][1] < 6 and boxes[1][3] < 24


def pumping(seconds: float) -> Iterable[U8]:
    """A video of poor quality: once a second a key frame makes edges all over the picture sharp."""
    shelves = np.random.default_rng(5).integers(0, 2, (45, 80)).astype(np.uint8) * 90 + 60
    sharp = np.asarray(cv2.resize(shelves, HW[::-1], interpolation=cv2.INTER_NEAREST))
    random = np.random.default_rng(6)
    for number in range(round(seconds * 5)):
        blur = 0.3 + 0.7 * (number % 5)
        noise = random.normal(0, 8, HW) if number % 5 == 0 else 0.0
        yield np.clip(cv2.GaussianBlur(sharp, (0, 0), blur) + noise, 0, 255).astype(np.uint8)


def queue_number(at_s: float) -> Look:
    """A display that shows the next number every few seconds."""
    number = int(at_s / 3.7)
    return Look((drawn.Block(100, 30, 10, 16, luma=60 + 120 * (number % 2), pattern=number),))


def blinking(at_s: float) -> Look:
    """A lamp that is on for half of each second."""
    return Look((drawn.Block(100, 30, 10, 16, luma=60 if at_s % 1 < 0.5 else 220, pattern=-1),))


def crowd(at_s: float) -> Look:
    people = [drawn.walker(at_s + 3.1 * number, width=320, luma=40 + 30 * number) for number in range(6)]
    return Look(
        [drawn.Block(each.left, 20 + 20 * number, 14, 50, luma=each.luma) for number, each in enumerate(people)]
    )


def at_the_till(at_s: float) -> Look:
    """A person whose hands move all the time."""
    return Look((drawn.Block(100, 60, 22, 70, luma=60), drawn.Block(98 + int(7 * at_s) % 9, 84, 9, 8, luma=200)))


NO_CLOCK = [
    ("an empty shop", lumas(10, None)),
    ("a crowd", lumas(10, None, crowd)),
    ("a person behind the till", lumas(10, None, at_the_till)),
    ("a television", lumas(10, None, lambda at_s: Look((drawn.television(at_s),)))),
    ("a display of numbers", lumas(10, None, queue_number)),
    ("a lamp that blinks", lumas(10, None, blinking)),
    ("key frames once a second", pumping(10)),
    ("too few frames", lumas(10, Clock(), fps=2.0)),
    ("too short a time", lumas(6, Clock())),
]


@pytest.mark.parametrize(("what", "grids"), NO_CLOCK, ids=[what for what, _ in NO_CLOCK])
def test_nothing_else_is_a_clock(what: str, grids: Iterable[U8]) -> None:
    fps = 2.0 if what == "too few frames" else 5.0
    assert found_in(grids, fps) == [], what


def test_frames_in_which_the_light_changes_are_ignored() -> None:
    dark, light = (np.full(HW, level, np.uint8) for level in (40, 200))
    assert changes_between(dark, light, 1.0) is None
    changes = changes_between(dark, dark, 1.0)
    assert changes is not None and not len(changes.cells)


def test_without_any_change_nothing_is_found() -> None:
    assert find_clocks([], np.zeros(HW, np.uint8)) == []
    assert found_in([np.zeros(HW, np.uint8)] * 50) == []
    assert found_in([np.zeros((1, 1), np.uint8), np.full((1, 1), 255, np.uint8)] * 25) == []
