"""Estimates the background from the first seconds of a camera, in which people may stand or walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeheat.core.foreground.background import Noise
from edgeheat.core.foreground.illumination import MAX_CHANGED_RATIO, Comparison
from edgeheat.core.grid.frames import F32, U8
from edgeheat.core.grid.masks import (
    absolute_difference,
    as_mask,
    enlarged,
    exceeds,
    half_hw,
    halved,
    opened,
    ratio_of,
    square_kernel,
    square_kernel_at_half,
)

_MIN_CHANGE = 16.0
"""Grey levels by which a cell changes between two frames if something moves there; more where the picture is noisy."""

_NOISE_MULTIPLE = 5.0
"""Multiple of the mean change between frames above which a cell changes."""

_ACTIVITY_CELLS = 21
"""Width in cells of the square around a cell in which movement is summed."""

_QUIET_RATIO = 0.02
"""A cell is quiet in a frame if at most this share of the square around it changed."""

_SELECTED_SHARE = 1 / 3
"""Share of the frames, those with the least movement around it, from which each cell is estimated."""

_MIN_SELECTED = 3
"""At least so many frames, if there are as many."""

_MAX_FRAMES = 60
"""Of more frames so many are used, evenly spaced: it takes memory and time, and more would not change the result."""

_MIN_STATE_SHARE = 1 / 8
"""A state is what a cell shows in at least this share of its selected frames."""

_MIN_PLACE_CELLS = 6
"""A place with two states has at least so many cells of half the grid; smaller ones are noise."""

_RIM_CELLS = 5
"""The rim of a place with two states is within a square this wide around it, in cells of half the grid."""

_OUTLINE_RATIO = 1.15
"""The outline of an object shows as an edge, by this factor stronger than without the object."""


@dataclass(frozen=True, slots=True)
class FirstBackground:
    """The scene without people, as far as some frames show it; all arrays are owned by the caller."""

    luma: U8
    """Brightness, uint8 (height, width)."""

    chroma: U8 | None
    """Colour, uint8 (h, w, 2) at half the grid; None where the frames are grey."""

    noise: Noise | None
    """How much the frames deviate from it; None: too few frames to tell."""


def first_background(grids: Sequence[U8], chromas: Sequence[U8]) -> FirstBackground:
    """Return the scene without people, as far as `grids` show it.

    `grids`: at least one, uint8 (height, width), up to a second apart. `chromas`: of the same frames, uint8 (h, w, 2)
    at half the grid; if there are not as many, the colour is None.
    Each cell is the median of the frames in which least moves around it. Where these show two different states, the
    background is the one without the outline of an object. If the light changed all over, only the frames after it
    count.
    Reference: Laugraud, Pierard and Van Droogenbroeck 2016, LaBGen-P (median of the frames with the least motion).
    """
    step = -(-len(grids) // _MAX_FRAMES)
    frames = np.stack(grids[::step])
    colours = np.stack(chromas[::step]) if len(chromas) == len(grids) else None
    start = _start_of_light(frames)
    frames, colours = frames[start:], None if colours is None else colours[start:]
    if len(frames) <= _MIN_SELECTED:
        everywhere: Selection = np.ones((len(frames), *half_hw(frames.shape[1:])), np.bool_)
        return FirstBackground(*_medians(frames, colours, everywhere), None)
    used = _selected(frames)
    luma, chroma = _medians(frames, colours, used)
    noise = Noise(_deviation(frames, luma, _at_whole_grid(used, luma.shape)), np.zeros(used.shape[1:], np.float32))
    if colours is not None and chroma is not None:
        noise.tint[:] = _deviation(colours, chroma, used[..., None]).sum(axis=2)
    return FirstBackground(luma, chroma, noise)


Selection = NDArray[np.bool_]
"""Which frames a cell is estimated from: (frames, height, width) at half the grid."""


def _start_of_light(frames: NDArray[np.uint8]) -> int:
    """Return the number of the first frame in the last light; 0 where too few follow."""
    for number in range(len(frames) - _MIN_SELECTED, 0, -1):
        before, now = frames[number - 1], frames[number]
        changed = exceeds(absolute_difference(now, before), _MIN_CHANGE)
        if ratio_of(changed) > MAX_CHANGED_RATIO and not Comparison(before, now, changed).shows_people():
            return number
    return 0


def _selected(frames: NDArray[np.uint8]) -> Selection:
    """Select the frames with the least movement around each cell, of one state of the cell."""
    change = _change_level(frames)
    activity = _activity(frames, change)
    order = _by_activity(activity)
    used = np.zeros(activity.shape, np.bool_)
    np.put_along_axis(used, order, True, axis=0)
    half = np.stack([halved(grid) for grid in frames])
    chosen = np.take_along_axis(half, order, axis=0)
    two, cut = _two_states(chosen, change)
    if not two.any():
        return used
    quiet = activity <= np.maximum(np.take_along_axis(activity, order[-1:], axis=0), np.float32(_QUIET_RATIO))
    usual = np.median(chosen, axis=0).astype(np.float32)
    count, labels = cv2.connectedComponents(two.astype(np.uint8), connectivity=8)
    for label in range(1, count):
        cells = labels == label
        if np.count_nonzero(cells) >= _MIN_PLACE_CELLS:
            state = _background_state(half[:, cells], quiet[:, cells], cut[cells], cells, usual)
            used[:, cells] = state
            # The rim, in which the states differ less, is decided like the place itself.
            rim = (cv2.dilate(cells.astype(np.uint8), square_kernel(_RIM_CELLS)) > 0) & ~two
            usable = quiet & (state.mean(axis=1) > 0.5)[:, None, None]
            rim &= usable.any(axis=0)
            used[:, rim] = usable[:, rim]
    return used


def _change_level(frames: NDArray[np.uint8]) -> float:
    """Return by how many grey levels a cell changes from frame to frame if something moves there."""
    changes = [cv2.norm(now, before, cv2.NORM_L1) / now.size for now, before in pairwise(frames)]
    return max(_MIN_CHANGE, _NOISE_MULTIPLE * float(np.median(changes)))


def _activity(frames: NDArray[np.uint8], change: float) -> F32:
    """Return how much moves around each cell of half the grid in each frame, (frames, height, width), 0..1."""
    side = square_kernel_at_half(_ACTIVITY_CELLS, frames.shape[2]).shape
    moved = np.zeros((len(frames) + 1, *half_hw(frames.shape[1:])), np.float32)
    for number, (before, now) in enumerate(pairwise(frames), start=1):
        changed = exceeds(absolute_difference(now, before), change)
        moved[number] = cv2.blur(halved(changed).astype(np.float32), side)
    moved /= np.float32(255.0)
    # A frame is active if it differs from the one before it or from the one after it.
    return np.maximum(moved[:-1], moved[1:])


def _by_activity(activity: F32) -> NDArray[np.intp]:
    """Return the numbers of the frames with the least activity, cell by cell, the most active of them last."""
    count = len(activity)
    # Frames that are equally quiet are taken from the whole time: in the order of the reversed bits of their numbers.
    spread = np.argsort([int(f"{number:08b}"[::-1], 2) for number in range(count)])
    steps = np.floor(activity[spread] / np.float32(_QUIET_RATIO / 2))
    least = max(_MIN_SELECTED, round(count * _SELECTED_SHARE))
    return np.asarray(spread[np.argsort(steps, axis=0, kind="stable")[:least]], np.intp)


def _two_states(chosen: NDArray[np.uint8], change: float) -> tuple[NDArray[np.bool_], NDArray[np.int16]]:
    """Return which cells show two states in their `chosen` frames, and the grey level between the two."""
    values = np.sort(chosen, axis=0).astype(np.int16)
    least = max(1, round(len(values) * _MIN_STATE_SHARE))
    gaps = np.diff(values, axis=0)[least - 1 : len(values) - least]
    at = gaps.argmax(axis=0)[None]
    gap = np.take_along_axis(gaps, at, axis=0)[0]
    below = np.take_along_axis(values, at + least - 1, axis=0)[0]
    return opened((gap > change).astype(np.uint8), square_kernel(3)) > 0, below + gap // 2


def _background_state(
    values: NDArray[np.uint8], quiet: NDArray[np.bool_], cut: NDArray[np.int16], cells: NDArray[np.bool_], usual: F32
) -> NDArray[np.bool_]:
    """Return in which frames each cell of a place with two states shows the background, (frames, number of cells).

    `values`, `quiet`: of these cells in all frames; `cut`: the level between the states; `usual`: the median picture.
    """
    bright = values > cut
    first = np.take_along_axis(bright, quiet.argmax(axis=0)[None], axis=0)
    early: NDArray[np.bool_] = quiet & (bright == first)
    late: NDArray[np.bool_] = quiet & (bright != first)
    outlines = [_outline_strength(cells, _median_where(values, state), usual) for state in (early, late)]
    if max(outlines) > _OUTLINE_RATIO * min(outlines):
        return early if outlines[0] < outlines[1] else late
    return early if np.count_nonzero(early) >= np.count_nonzero(late) else late


def _outline_strength(cells: NDArray[np.bool_], values: U8, usual: F32) -> float:
    """Return the mean gradient along the outline of a place that shows `values`, in grey levels."""
    picture, kernel = usual.copy(), square_kernel(3)
    picture[cells] = values
    outline = np.asarray(cv2.morphologyEx(as_mask(cells), cv2.MORPH_GRADIENT, kernel), np.uint8)
    return float(cv2.mean(cv2.morphologyEx(picture, cv2.MORPH_GRADIENT, kernel), mask=outline)[0])


def _medians(frames: NDArray[np.uint8], colours: NDArray[np.uint8] | None, used: Selection) -> tuple[U8, U8 | None]:
    luma = _median_where(frames, _at_whole_grid(used, frames.shape[1:]))
    return luma, None if colours is None else _median_where(colours, used[..., None])


def _at_whole_grid(used: Selection, shape_hw: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.stack([enlarged(each.astype(np.uint8), shape_hw) for each in used]) > 0


def _median_where(values: NDArray[np.uint8], used: NDArray[np.bool_]) -> U8:
    """Return the median along the first axis of the values that are `used`; of all, where none is."""
    shown = used | ~used.any(axis=0)
    # Sorted with what is not shown last, the median is in the middle of the rest.
    ordered = np.sort(np.where(shown, values, np.uint8(255)), axis=0)
    middle = np.broadcast_to(np.count_nonzero(shown, axis=0) // 2, values.shape[1:])
    return np.asarray(np.take_along_axis(ordered, middle[None], axis=0)[0], np.uint8)


def _deviation(values: NDArray[np.uint8], median: U8, used: NDArray[np.bool_]) -> F32:
    """Return the mean absolute deviation from the median of the values that are `used`; 0 where none is."""
    total = sum((np.where(shown, cv2.absdiff(each, median), 0) for each, shown in zip(values, used, strict=True)), 0.0)
    return np.asarray(total / np.maximum(np.count_nonzero(used, axis=0), 1), np.float32)
