"""Finds the fewest stored tiles that add up to a period, its times of day and its weekdays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
from numpy.typing import NDArray

from edgeheat.defs.history import Level
from edgeheat.defs.hours import DAY_MIN, ClockRange
from edgeheat.local_time.instants import offset_segments
from edgeheat.local_time.period import ALL_WEEKDAYS, WHOLE_DAY, Period

Intervals = NDArray[np.int64]
"""Stretches of time, shape (N, 2): start and end in Unix seconds, the end not included; in order, not overlapping."""

LookUp = Callable[[Level, Intervals], Intervals]
"""Returns start and end of the stored tiles of a level that may lie in, or contain, some of the intervals.

They are of one camera and epoch, in order of their start. The intervals are what longer tiles have left over, in order
and without touching one another.
"""

_DAY_S = 86400

_THURSDAY = 3
"""The weekday of 1 January 1970, Monday 0."""


@dataclass(frozen=True, slots=True)
class Cover:
    """The tiles to read for some intervals, and what is not stored of these; together exactly the intervals."""

    tiles: Mapping[Level, Intervals]
    """Start and end of the tiles to read, for each level; no instant is in two of them."""

    too_coarse: Intervals
    """Parts of the intervals of which only longer tiles are stored, which count time outside the intervals as well."""

    missing: Intervals
    """Parts of the intervals of which nothing is stored."""


def selected_intervals(
    period: Period, timezone: tzinfo, hours: ClockRange = WHOLE_DAY, weekdays: frozenset[int] = ALL_WEEKDAYS
) -> Intervals:
    """Return the parts of the period at which the local clock shows one of the times of day and weekdays.

    `weekdays` are 0 Monday to 6 Sunday. Hours across midnight belong to the weekday on which they start: 22 to 6 on a
    Friday ends on Saturday. Hours that the clock repeats are selected twice; what it skips is not selected. The
    intervals start and end at multiples of 5 minutes and do not touch one another.
    """
    if hours == WHOLE_DAY and weekdays == ALL_WEEKDAYS:
        return np.array([[period.start_s, period.end_s]], np.int64)
    crosses_midnight = hours.end_min < hours.start_min
    found = []
    for start_s, end_s, offset_s in offset_segments(period.start_s, period.end_s, timezone):
        # A day earlier: its hours across midnight may end in this segment.
        days = np.arange((start_s + offset_s) // _DAY_S - 1, (end_s + offset_s) // _DAY_S + 1)
        midnights_s = days[np.isin((days + _THURSDAY) % 7, list(weekdays))] * _DAY_S - offset_s
        end_min = hours.end_min + (DAY_MIN if crosses_midnight else 0)
        spans = np.stack([midnights_s + hours.start_min * 60, midnights_s + end_min * 60], axis=1)
        found.append(np.clip(spans, start_s, end_s))
    return merged(np.concatenate(found))


def cover(intervals: Intervals, levels: Iterable[Level], look_up: LookUp) -> Cover:
    """Return the fewest tiles that add up to the intervals, as far as they are stored.

    Only tiles of `levels` are read. A tile is used only if it lies inside an interval, the longest first: a month that
    is stored is read instead of its days, and where one has not been rolled up yet, its days are read. Time is read
    only once, even if tiles of one level overlap because the time zone of the site was changed.

    A part of an interval is too coarse if the shortest tile that contains it has no shorter tiles in it: retention
    removes all of them together.
    """
    tiles: dict[Level, Intervals] = {}
    available: dict[Level, Intervals] = {}
    remaining = merged(intervals)  # a tile may lie in two that touch
    for level in sorted(levels, reverse=True):
        available[level] = look_up(level, remaining)
        tiles[level] = _without_overlaps(_inside(available[level], remaining))
        if len(tiles[level]):
            _, remaining = inside_and_outside(remaining, merged(tiles[level]))
    if not len(remaining):
        return Cover(tiles, remaining, remaining)
    too_coarse, missing = inside_and_outside(remaining, _without_shorter(available))
    return Cover(tiles, too_coarse, missing)


def _inside(tiles: Intervals, intervals: Intervals) -> Intervals:
    """Return the tiles that lie inside one of the intervals, which do not touch one another."""
    if not len(intervals):
        return tiles[:0]
    index = np.searchsorted(intervals[:, 0], tiles[:, 0], side="right") - 1
    inside: Intervals = tiles[(index >= 0) & (tiles[:, 1] <= intervals[index, 1])]
    return inside


def _without_overlaps(tiles: Intervals) -> Intervals:
    """Return the tiles without those that start before an earlier one has ended."""
    if np.all(tiles[1:, 0] >= tiles[:-1, 1]):
        return tiles
    kept: list[tuple[int, int]] = []
    for start_s, end_s in tiles.tolist():
        if not kept or start_s >= kept[-1][1]:
            kept.append((start_s, end_s))
    return np.array(kept, np.int64)


def _without_shorter(available: Mapping[Level, Intervals]) -> Intervals:
    """Return the time of the tiles in which no tile of a shorter level starts."""
    found, shorter_s = [np.empty((0, 2), np.int64)], np.empty(0, np.int64)
    for level in sorted(available):
        tiles = available[level]
        if level is not Level.FIVE_MINUTES:
            count = np.searchsorted(shorter_s, tiles[:, 1]) - np.searchsorted(shorter_s, tiles[:, 0])
            found.append(tiles[count == 0])
        shorter_s = np.sort(np.concatenate([shorter_s, tiles[:, 0]]))
    return merged(np.concatenate(found))


def inside_and_outside(intervals: Intervals, other: Intervals) -> tuple[Intervals, Intervals]:
    """Return the parts of the intervals inside and outside of `other`; neither argument may overlap itself."""
    edges_s = np.concatenate([intervals.ravel(), other.ravel()])
    change = np.tile([1, -1], len(intervals) + len(other))
    change[2 * len(intervals) :] *= 2
    order = np.argsort(edges_s, kind="stable")
    edges_s = edges_s[order]
    # Between two edges: 1 in the intervals, 2 in the other, 3 in both.
    place = np.cumsum(change[order])[:-1]
    parts = np.stack([edges_s[:-1], edges_s[1:]], axis=1)
    return merged(parts[place == 3]), merged(parts[place == 1])


def length_s(intervals: Intervals) -> int:
    """Return the seconds of all intervals together; they must not overlap."""
    return int((intervals[:, 1] - intervals[:, 0]).sum())


def merged(spans: Intervals) -> Intervals:
    """Return the spans in order, those that touch or overlap as one, and without empty ones."""
    spans = spans[spans[:, 0] < spans[:, 1]]
    if len(spans) < 2:
        return spans
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reached_s = np.maximum.accumulate(spans[:, 1])
    is_first = np.ones(len(spans), bool)
    is_first[1:] = spans[1:, 0] > reached_s[:-1]
    is_last = np.ones(len(spans), bool)
    is_last[:-1] = is_first[1:]
    return np.stack([spans[is_first, 0], reached_s[is_last]], axis=1)
