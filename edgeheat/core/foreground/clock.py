"""Finds the camera's own clock in some seconds of changes: small places that change once a second, on the second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F64, U8
from edgeheat.core.grid.masks import square_kernel

# How the limits were measured: docs/design/text.md.

_CHANGE_LEVELS = 12
"""Grey levels by which a cell must change from one frame to the next."""

_MAX_CHANGED_RATIO = 0.25
"""A frame in which more of the grid changes is ignored: light, or a person close to the lens."""

_MIN_FPS = 3.0
"""Below this rate the frames do not show when within a second something changed."""

_MIN_SECONDS = 7.0
"""A shorter time is not searched."""

_PAUSE_S = 0.45
"""A change ends if the cell does not change again for so long."""

_MAX_BRIEF_FRAMES = 2
"""A digit changes within so many frames: the encoder sends it coarsely first."""

_MIN_CELL_CHANGES = 3
"""Changes of a cell from which its phase is known."""

_MIN_CELL_COHERENCE = 0.7
"""Mean resultant length of the phases of a cell's changes: 1 if all are at the same fraction of a second."""

_MAX_NET_RATIO = 0.5
"""A digit's cell changes to and fro: the sum of its changes is below this fraction of the sum of their magnitudes.

The pumping of key frames is a jump in one direction, which the frames between them undo slowly.
"""

_MIN_COHERENCE = 0.75
"""The same as `_MIN_CELL_COHERENCE` for all changes of a digit."""

_MIN_SECONDS_RATIO = 0.8
"""A digit changes in at least this fraction of the seconds."""

_IN_PHASE_S = 0.2
"""A change belongs to its second if it is not farther than this from the phase of the digit."""

_MIN_DIGIT_CELLS = 12
"""Cells of a digit that change; a smaller one is too small to be taken for a person."""

_MIN_HEIGHT_CELLS = 4
"""A digit is at least this high."""

_MIN_CELL_RATE = 0.42
"""Changes of a digit's cell in a second, on average: people who pass by chance with the second change less."""

_MAX_CELL_RATE = 0.86
"""Changes of a digit's cell in a second, on average: digits share strokes, the pictures of a screen share nothing."""

_MIN_FILL_RATIO = 0.42
"""A digit's box is filled with changing cells to at least this fraction; the noise of a key frame is scattered."""

_MAX_HEIGHT_RATIO = 0.14
"""Text is at most this high, as a fraction of the picture's height."""

_MAX_WIDTH_RATIO = 0.2
"""What changes every second is at most this wide, as a fraction of the picture's width."""

_MAX_PLACES = 4
"""If more places change on the second, the video itself has a period of a second, and none of them is a clock."""

_TIME_HEIGHTS = 6.5
"""Hours, minutes and tens of seconds to the left of a digit, as a multiple of its height."""

_FRACTIONS_HEIGHTS = 4.0
"""Fractions of a second to the right of a digit reach so far at most, as a multiple of its height."""

_LINE_HEIGHTS = 22.0
"""The rest of the line, such as the date, reaches so far from the digit at most, as a multiple of its height."""

_SPACE_HEIGHTS = 1.5
"""Widest space between the words of a line, as a multiple of the height of its digits."""

_MIN_LINE_CONTRAST = 0.5
"""A column of a line has at least this fraction of the contrast of the time."""

_BUSY_RATIO = 0.25
"""The digits of fractions of a second change in at least this fraction of the frames."""

_MAX_QUIET_RATE = 0.03
"""Around a counter that changes with every frame cells change in at most this fraction of the frames, on average."""

_COUNTER_EDGE_RATIO = 0.2
"""Such a counter is not farther from the upper or lower edge of the picture, as a fraction of its height."""

_COUNTER_HEIGHTS = 1.5
"""It is as high as the clock's digits, within this factor."""

_MARGIN_CELLS = 2
"""Added around the text, for the artefacts of the encoder."""

_CERTAIN_LEVELS = 25.0
"""Mean grey levels of a digit's changes from which one search is enough; artefacts of the encoder have less."""

Box = tuple[int, int, int, int]
"""Left, top, right and bottom of cells of the grid; right and bottom are not included."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Text that changes on the second."""

    box: Box
    certain: bool
    """Whether its contrast is so high that it cannot be anything else; else it should be found twice."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The cells that changed with one frame."""

    mono_s: float
    cells: NDArray[np.intp]
    """Their numbers in the flattened grid."""

    levels: NDArray[np.int16]
    """By how much each became brighter."""


def changes_between(previous: U8, grid: U8, mono_s: float) -> Changes | None:
    """Return the cells that differ clearly between two frames; None: so many that they say nothing."""
    changed = cv2.absdiff(grid, previous) > _CHANGE_LEVELS
    cells = np.flatnonzero(changed)
    if len(cells) > _MAX_CHANGED_RATIO * grid.size:
        return None
    levels = grid.ravel()[cells].astype(np.int16) - previous.ravel()[cells]
    return Changes(mono_s, cells, levels)


def find_clocks(history: Sequence[Changes], grid: U8) -> list[Clock]:
    """Return the text that changes on the second, from the changes of consecutive frames, of which `grid` is the last.

    Reference: phase coherence as the mean resultant length of circular statistics, Mardia and Jupp 2000.
    """
    length_s = history[-1].mono_s - history[0].mono_s if history else 0.0
    if length_s < _MIN_SECONDS or len(history) < _MIN_FPS * length_s:
        return []
    search = _Search(history, grid)
    # The limit is for all that might be digits: where the video pumps, some of them pass by chance.
    places = [place for place in search.places() if place.seconds_ratio >= _MIN_SECONDS_RATIO]
    if len(places) > _MAX_PLACES:
        return []
    digits = [place for place in places if place.is_digit(grid.shape)]
    found = [Clock(search.text_around(place.box), place.levels >= _CERTAIN_LEVELS) for place in digits]
    if digits:
        height = max(place.box[3] - place.box[1] for place in digits)
        certain = any(clock.certain for clock in found)
        found += [Clock(search.text_around(box), certain) for box in search.counters(height)]
    return _merged(found)


def _merged(clocks: Sequence[Clock]) -> list[Clock]:
    """Return one for each group that overlaps: two digits, or a counter beside its clock."""
    merged: list[Clock] = []
    for clock in clocks:
        group = [clock, *(each for each in merged if overlap(each.box, clock.box))]
        left, top, right, bottom = zip(*(each.box for each in group), strict=True)
        box = min(left), min(top), max(right), max(bottom)
        merged = [*(each for each in merged if each not in group), Clock(box, any(each.certain for each in group))]
    return merged


def overlap(first: Box, second: Box) -> bool:
    """Return whether two boxes have cells in common."""
    across = min(first[2], second[2]) - max(first[0], second[0])
    return across > 0 and min(first[3], second[3]) - max(first[1], second[1]) > 0


@dataclass(frozen=True, slots=True)
class _Place:
    """Cells next to one another that change at the same fraction of a second."""

    box: Box
    cells: int
    """Those of them in the box."""
    coherence: float
    """Mean resultant length of all their changes, 0..1."""
    seconds_ratio: float
    """Fraction of the seconds in which they changed, 0..1."""
    levels: float
    """Mean magnitude of their changes, in grey levels."""
    cell_rate: float
    """Changes of each cell in a second, on average."""

    def is_digit(self, shape_hw: tuple[int, ...]) -> bool:
        left, top, right, bottom = self.box
        return (
            self.coherence >= _MIN_COHERENCE
            and self.cells >= _MIN_DIGIT_CELLS
            and _MIN_CELL_RATE <= self.cell_rate <= _MAX_CELL_RATE
            and _MIN_HEIGHT_CELLS <= bottom - top <= _MAX_HEIGHT_RATIO * shape_hw[0]
            and right - left <= _MAX_WIDTH_RATIO * shape_hw[1]
            and self.cells >= _MIN_FILL_RATIO * (right - left) * (bottom - top)
        )


class _Search:
    """The changes of some seconds, by cell."""

    def __init__(self, history: Sequence[Changes], grid: U8) -> None:
        self._grid = grid
        self._times_s: F64 = np.array([each.mono_s for each in history])
        self._phasors = np.exp(2j * np.pi * self._times_s)
        cells = np.concatenate([each.cells for each in history])
        frames = np.repeat(np.arange(len(history)), [len(each.cells) for each in history])
        levels = np.concatenate([each.levels for each in history])
        self._counts = np.bincount(cells, minlength=grid.size)
        """How often each cell changed."""
        often = self._counts[cells] >= _MIN_CELL_CHANGES
        self._cells, self._frames, self._levels = self._isolated(cells[often], frames[often], levels[often])

    def _isolated(
        self, cells: NDArray[np.intp], frames: NDArray[np.intp], levels: NDArray[np.int16]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int64]]:
        """Return cell, first frame and levels of each brief change: what passes by changes a cell again and again."""
        order = np.argsort(cells, kind="stable")
        cells, frames, levels = cells[order], frames[order], levels[order]
        if not len(cells):
            return cells, frames, levels.astype(np.int64)
        pauses = np.diff(self._times_s[frames]) > _PAUSE_S
        starts = np.flatnonzero(np.concatenate([[True], pauses | (np.diff(cells) != 0)]))
        lengths = np.diff(np.append(starts, len(cells)))
        brief = lengths <= _MAX_BRIEF_FRAMES
        return cells[starts][brief], frames[starts][brief], np.add.reduceat(levels, starts, dtype=np.int64)[brief]

    def places(self) -> list[_Place]:
        """Return the places whose cells change at one fraction of a second each."""
        coherent = self._coherent()
        joined = cv2.dilate(coherent, square_kernel(3))
        count, labels = cv2.connectedComponents(joined, connectivity=8)
        labels[coherent == 0] = 0
        sizes = np.bincount(labels.ravel(), minlength=count)
        label_of_change = labels.ravel()[self._cells]
        return [
            self._place(labels == label, label_of_change == label)
            for label in range(1, count)
            if sizes[label] >= _MIN_DIGIT_CELLS
        ]

    def counters(self, digit_height: int) -> list[Box]:
        """Return what changes with every frame, is as high as the digits of the clock, and has nothing around it."""
        frames, grid_height = len(self._times_s), self._grid.shape[0]
        counts = self._counts.reshape(self._grid.shape)
        busy = (counts >= _BUSY_RATIO * frames).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(busy, square_kernel(5)))
        found = []
        for left, top, width, height, _ in stats[1:]:
            # Without what the dilation added.
            box = int(left) + 2, int(top) + 2, int(left + width) - 2, int(top + height) - 2
            high = digit_height / _COUNTER_HEIGHTS <= height - 4 <= digit_height * _COUNTER_HEIGHTS
            edge = min(box[1], grid_height - box[3]) <= _COUNTER_EDGE_RATIO * grid_height
            if high and edge and busy[box[1] : box[3], box[0] : box[2]].sum() >= _MIN_DIGIT_CELLS:
                ring = counts[max(0, top - 4) : top + height + 4, max(0, left - 4) : left + width + 4]
                within = counts[top : top + height, left : left + width]
                quiet = (ring.sum() - within.sum()) / max(1, ring.size - within.size)
                if quiet <= _MAX_QUIET_RATE * frames:
                    found.append(box)
        return found

    def text_around(self, digit: Box) -> Box:
        """Return the box of the line of text to which a digit that changes every second belongs."""
        left, top, right, bottom = digit
        height = bottom - top
        right += self._fractions_width(digit)
        left = max(0, left - round(_TIME_HEIGHTS * height))
        contrasts = np.ptp(self._grid[top:bottom], axis=0)
        written = contrasts >= _MIN_LINE_CONTRAST * np.median(contrasts[digit[0] : digit[2]])
        farthest, widest = round(_LINE_HEIGHTS * height), round(_SPACE_HEIGHTS * height)
        left -= _reach(written[max(0, digit[0] - farthest) : left][::-1], widest)
        right += _reach(written[right : digit[2] + farthest], widest)
        top, bottom = top - _MARGIN_CELLS, bottom + _MARGIN_CELLS
        # A row or two between the text and the edge of the picture show artefacts of the encoder only.
        return (
            max(0, left - _MARGIN_CELLS),
            top if top > _MARGIN_CELLS else 0,
            min(self._grid.shape[1], right + _MARGIN_CELLS),
            bottom if bottom < self._grid.shape[0] - _MARGIN_CELLS else self._grid.shape[0],
        )

    def _coherent(self) -> U8:
        """Return 1 in the cells that change at one fraction of a second, to and fro, else 0."""
        size = self._grid.size
        counts = np.bincount(self._cells, minlength=size)
        phasors = self._phasors[self._frames]
        real, imaginary = (np.bincount(self._cells, part, minlength=size) for part in (phasors.real, phasors.imag))
        net = np.bincount(self._cells, self._levels, minlength=size)
        whole = np.bincount(self._cells, np.abs(self._levels), minlength=size)
        coherent = (counts >= _MIN_CELL_CHANGES) & (np.hypot(real, imaginary) >= _MIN_CELL_COHERENCE * counts)
        coherent &= np.abs(net) <= _MAX_NET_RATIO * whole
        return np.asarray(coherent, np.uint8).reshape(self._grid.shape)

    def _place(self, inside: NDArray[np.bool_], chosen: NDArray[np.bool_]) -> _Place:
        """Return the place of the cells `inside` the grid, to which the `chosen` changes belong."""
        rows, columns = (np.flatnonzero(inside.sum(axis=axis) > 1) for axis in (1, 0))
        if not len(rows) or not len(columns):
            return _Place((0, 0, 0, 0), 0, 0.0, 0.0, 0.0, 0.0)
        box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
        changed = np.bincount(self._frames[chosen], minlength=len(self._times_s))
        resultant = complex((changed * self._phasors).sum())
        phase_s = np.angle(resultant) / (2 * np.pi)
        second = np.round(self._times_s - phase_s)
        in_phase = np.abs(self._times_s - phase_s - second) <= _IN_PHASE_S
        clear = in_phase & (changed >= max(2, 0.1 * inside.sum()))
        seconds = max(1, len(np.unique(second[in_phase])))
        ratio = len(np.unique(second[clear])) / seconds
        in_box = inside[box[1] : box[3], box[0] : box[2]]
        changes, levels = int(changed.sum()), float(np.abs(self._levels[chosen]).mean())
        cell_rate = changes / int(inside.sum()) / seconds
        return _Place(box, int(in_box.sum()), abs(resultant) / changes, ratio, levels, cell_rate)

    def _fractions_width(self, digit: Box) -> int:
        """Return how far fractions of a second reach to the right of a digit; 0: there are none."""
        _, top, right, bottom = digit
        height = bottom - top
        busy = (self._counts >= _BUSY_RATIO * len(self._times_s)).reshape(self._grid.shape)
        strip = slice(right, right + round(_FRACTIONS_HEIGHTS * height))
        around = busy[max(0, top - height) : max(0, top - 2), strip], busy[bottom + 2 : bottom + height, strip]
        columns = np.flatnonzero(busy[top:bottom, strip].sum(axis=0) > 1)
        if not len(columns) or columns[0] > height or any(each.mean() > 0.05 for each in around if each.size):
            return 0
        return int(columns[-1]) + 1


def _reach(written: NDArray[np.bool_], widest_space: int) -> int:
    """Return how many columns a line goes on, from its first column: until a space that is too wide for one."""
    columns = np.flatnonzero(written)
    ends = np.flatnonzero(np.diff(columns, prepend=-1) > widest_space)
    kept = columns[: ends[0]] if len(ends) else columns
    return int(kept[-1]) + 1 if len(kept) else 0
