"""Draws a camera's own clock into pictures, as cameras do: over everything else, in several formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np

from edgeheat.core.grid.frames import U8, Frame
from tests.core import drawn
from tests.core.drawn import Look

HW = (180, 320)
START = datetime(2026, 1, 31, 11, 59, 20, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock in a camera's picture; its text begins at `left`, on the line `bottom`."""

    left: int = 4
    bottom: int = 172
    scale: float = 0.5
    level: int = 255
    outline: int | None = 0
    """Grey level of its outline; None: it has none."""
    box: int | None = None
    """Grey level of the box behind it; None: it has none."""
    text: str = "{:%Y-%m-%d %H:%M:%S}"
    phase_s: float = 0.37
    """What the clock shows of a second at 0 s."""

    def at(self, at_s: float) -> str:
        """Return what it shows."""
        now = START + timedelta(seconds=at_s + self.phase_s)
        return self.text.format(now, hundredths=now.microsecond // 10_000)

    def draw(self, luma: U8, at_s: float) -> U8:
        """Draw it into a picture and return that."""
        text, font = self.at(at_s), cv2.FONT_HERSHEY_SIMPLEX
        (width, height), base = cv2.getTextSize(text, font, self.scale, 1)
        if self.box is not None:
            corner = self.left + width + 2, self.bottom + base
            cv2.rectangle(luma, (self.left - 2, self.bottom - height - 3), corner, (self.box,), cv2.FILLED)
        if self.outline is not None:
            cv2.putText(luma, text, (self.left, self.bottom), font, self.scale, (self.outline,), 3, cv2.LINE_AA)
        cv2.putText(luma, text, (self.left, self.bottom), font, self.scale, (self.level,), 1, cv2.LINE_AA)
        return luma

    def place(self, until_s: float = 60.0) -> U8:
        """Return 255 where it ever differs from the picture."""
        blank = np.full(HW, 128, np.uint8)
        place = np.zeros(HW, np.uint8)
        for second in range(round(until_s)):
            place |= (self.draw(blank.copy(), float(second)) != blank).astype(np.uint8) * np.uint8(255)
        return place


def frames(
    until_s: float,
    clock: Clock | None = None,
    looks: Callable[[float], Look] = lambda _: Look(),
    *,
    fps: float = drawn.FPS,
    from_s: float = 0.0,
    noise: float = 1.5,
) -> Iterator[Frame]:
    """Yield the frames of a shop in which the clock, if there is one, is switched on at `from_s`."""
    room = drawn.room(HW, noise=noise)
    for number in range(round(until_s * fps)):
        at_s = number / fps
        luma, chroma = room.draw(looks(at_s))
        if clock is not None and at_s >= from_s:
            clock.draw(luma, at_s)
        yield drawn.frame_of(luma, chroma, at_s)


def passer_by(at_s: float) -> Look:
    """A person who walks to and fro at the lower edge of the picture, behind the clock."""
    person = drawn.walker(at_s, width=HW[1], luma=60)
    return Look((drawn.Block(person.left, 110, 22, 70, luma=60),))
