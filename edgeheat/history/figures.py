"""Compares the figures of stored tiles, which are exact at every level, to find out whether two files hold the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from edgeheat.defs.history import ZoneTile
from edgeheat.history.figure_sums import FigureSums
from edgeheat.store.history.leaves import Leaf
from edgeheat.store.history.store import HistoryStore


@dataclass(frozen=True, slots=True)
class StoredLeaves:
    """Leaves of one epoch, in order of start, and where they are stored."""

    store: HistoryStore
    camera: str
    leaves: Sequence[Leaf]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The tiles of one camera and epoch, as far as another file has tiles of the same time."""

    equal: list[Leaf] = field(default_factory=list)
    """Those of which the other file holds the same."""

    different: list[Leaf] = field(default_factory=list)
    """Those of which it holds something else."""

    has_motion: bool = False
    """Whether anything was counted in the equal ones: hours without motion are alike everywhere."""


def compare(ours: StoredLeaves, theirs: StoredLeaves) -> Comparison:
    """Compare the leaves of one epoch with those of an epoch of another file.

    An hour is equal to its five-minute tiles: observed and rejected time and zone figures of both are the same.
    """
    equal: list[Leaf] = []
    different: list[Leaf] = []
    has_motion = False
    for here, there in _same_time(ours.leaves, theirs.leaves):
        if here and there:
            figures = _figures(ours.store, ours.camera, here)
            if figures == _figures(theirs.store, theirs.camera, there):
                equal += here
                has_motion |= any(zone.traffic_cell_ms or zone.dwell_cell_ms for zone in figures[2])
            else:
                different += here
    return Comparison(equal, different, has_motion)


def overlapping(leaves: Sequence[Leaf], its: Sequence[Leaf]) -> list[Leaf]:
    """Return the leaves that have any time in common with the others, both in order of start."""
    return [leaf for here, there in _same_time(leaves, its) if there for leaf in here]


def _same_time(leaves: Sequence[Leaf], its: Sequence[Leaf]) -> Iterator[tuple[list[Leaf], list[Leaf]]]:
    """Divide both into groups that have no time in common with each other, in order."""
    group: tuple[list[Leaf], list[Leaf]] = [], []
    end_s = 0
    both = [(leaf.start_s, leaf.end_s, 0, leaf) for leaf in leaves] + [
        (leaf.start_s, leaf.end_s, 1, leaf) for leaf in its
    ]
    for start_s, leaf_end_s, which, leaf in sorted(both, key=lambda entry: entry[:3]):
        if start_s >= end_s:
            yield group
            group = [], []
        group[which].append(leaf)
        end_s = max(end_s, leaf_end_s)
    yield group


def _figures(store: HistoryStore, camera: str, leaves: Sequence[Leaf]) -> tuple[int, dict[str, int], set[ZoneTile]]:
    """Return observed milliseconds, rejected ones by reason, and the figures of the zones that counted anything."""
    sums = FigureSums()
    for leaf in leaves:
        tiles = store.read(
            camera, leaf.level, [(leaf.start_s, leaf.start_s + 1)], epoch=leaf.epoch, traffic=False, dwell=False
        )
        for tile in tiles:
            sums.add(tile)
    rejected_ms = {reason: duration_ms for reason, duration_ms in sums.rejected_ms.items() if duration_ms}
    return sums.observed_ms, rejected_ms, {zone for zone in sums.zones if zone != ZoneTile(zone.name, zone.key)}
