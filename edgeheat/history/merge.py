"""Adds the tiles of another history file to this one, so that no instant is counted twice and no two scenes are mixed.

Invariants I1 to I8 of docs/design/history.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from itertools import groupby

from edgeheat.defs.history import ROLLUP_GRACE_S, Level, Tile
from edgeheat.errors import HistoryError
from edgeheat.history.figures import StoredLeaves, compare, overlapping
from edgeheat.history.rollup import roll_up
from edgeheat.local_time.buckets import bucket_of
from edgeheat.local_time.instants import local_text
from edgeheat.store.history.leaves import Leaf, add_leaves, find_leaves
from edgeheat.store.history.store import HistoryStore

_BATCH_BYTES = 4 << 20
"""Layers that are stored in one transaction: few enough that the running edgeheat does not wait for long."""


@dataclass(frozen=True, slots=True)
class MergedCamera:
    """What was added of one camera."""

    camera: str
    """Its name in this file."""

    start_s: int
    end_s: int
    """Start and end of what the other file has of it, Unix time."""

    scenes: tuple[int, ...]
    """The epochs in this file that its tiles belong to, in order of time."""

    added: int
    """Number of tiles that were stored; hours, days and months that are summed from them are not counted."""

    known: int
    """Number of tiles of which this file holds the same already."""


def merge(
    store: HistoryStore,
    source: HistoryStore,
    names: Mapping[str, str],
    *,
    timezone: tzinfo,
    now_s: float,
    same_view: bool = False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[MergedCamera]:
    """Add the tiles of some cameras of `source`, by the names that they have in `store`, and roll them up.

    A scene of which both files hold the same keeps its epoch, and what is stored already is not stored again. Any other
    scene gets an epoch of its own, below 0, where no running camera counts. With `same_view`, the newest scene of each
    camera in `source` is the newest one in `store`. The source is of the same time zone.

    Raises HistoryError, and stores nothing, where another tile of the same time and camera is stored, a tile ends in
    the future, or `same_view` cannot be. Raises StoreError where a file cannot be used; what was stored until then
    stays, and the same call adds the rest. `on_progress` is called with the number of tiles done, and of all.
    """
    with source.reading():
        plans = [
            plan
            for name, camera in names.items()
            if (plan := _Plan.of(store, source, name, camera, timezone=timezone, now_s=now_s, same_view=same_view))
        ]
        done, total = 0, sum(len(plan.new) for plan in plans)
        for plan in plans:
            for batch in plan.batches(source, timezone):
                done += add_leaves(store, batch)
                on_progress(done, total)
            plan.copy_backdrops(source, store)
    roll_up(store, timezone, now_s)
    return [plan.result for plan in plans]


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which tiles of one camera to add, and to which epoch."""

    name: str
    """The camera's name in the other file."""

    new: list[Leaf]
    epochs: dict[int, int]
    """The epoch here by that in the other file."""

    result: MergedCamera

    @classmethod
    def of(
        cls,
        store: HistoryStore,
        source: HistoryStore,
        name: str,
        camera: str,
        *,
        timezone: tzinfo,
        now_s: float,
        same_view: bool,
    ) -> _Plan | None:
        """Return the plan for one camera, None if the other file has no tiles of it. Raises HistoryError."""
        theirs, ours = find_leaves(source, name), find_leaves(store, camera)
        if not theirs:
            return None
        start_s, end_s = theirs[0].start_s, max(leaf.end_s for leaf in theirs)
        if end_s > now_s:
            raise HistoryError(
                f"{camera}: nothing was imported, because it would end at {local_text(end_s, timezone)}, which is in "
                "the future: import it later, or correct the time"
            )
        scenes = _Scenes(store, camera, ours)
        for epoch, leaves in _by_epoch(theirs).items():
            scenes.match(epoch, StoredLeaves(source, name, leaves))
        if same_view:
            _check_over(camera, end_s, now_s)
            scenes.identify_newest(theirs)
        scenes.add_others()
        if conflicts := scenes.conflicts():
            times = [
                local_text(at_s, timezone) for at_s in (conflicts[0].start_s, max(leaf.end_s for leaf in conflicts))
            ]
            raise HistoryError(
                f"{camera}: nothing was imported, because something else is stored of {times[0]} to {times[1]}: import "
                "it under another name"
            )
        new = sorted(
            (leaf for each in scenes.new.values() for leaf in each), key=lambda leaf: (leaf.start_s, leaf.epoch)
        )
        used = tuple(dict.fromkeys(scenes.epochs[leaf.epoch] for leaf in theirs))
        result = MergedCamera(camera, start_s, end_s, used, len(new), len(theirs) - len(new))
        return cls(name, new, scenes.epochs, result)

    def copy_backdrops(self, source: HistoryStore, store: HistoryStore) -> None:
        """Store what the camera saw in each scene, unless it is known here."""
        for backdrop in source.backdrops(self.name):
            epoch = self.epochs.get(backdrop.epoch)
            if epoch is not None and store.backdrop(self.result.camera, epoch) is None:
                store.set_backdrop(replace(backdrop, camera=self.result.camera, epoch=epoch))

    def batches(self, source: HistoryStore, timezone: tzinfo) -> Iterator[list[tuple[Tile, int]]]:
        """Yield the tiles to add, with their `part_count`, in transactions of whole local days.

        So an interrupted import leaves whole days, of which rollups are recognised when it is repeated.
        """
        batch: list[tuple[Tile, int]] = []
        for _, day in groupby(self.new, lambda leaf: bucket_of(Level.DAY, leaf.start_s, timezone)):
            for leaf in day:
                for tile in source.read(self.name, leaf.level, [(leaf.start_s, leaf.start_s + 1)], epoch=leaf.epoch):
                    here = replace(tile, camera=self.result.camera, epoch=self.epochs[leaf.epoch])
                    batch.append((here, leaf.part_count))
            if sum(len(tile.traffic) + len(tile.dwell) for tile, _ in batch) >= _BATCH_BYTES:
                yield batch
                batch = []
        if batch:
            yield batch


class _Scenes:
    """Which epoch of this file each scene of another file is."""

    def __init__(self, store: HistoryStore, camera: str, ours: Sequence[Leaf]) -> None:
        self._store = store
        self._camera = camera
        self._ours = _by_epoch(ours)
        self.epochs: dict[int, int] = {}
        """The epoch here by that in the other file."""
        self.new: dict[int, list[Leaf]] = {}
        """The tiles that are not stored here, by their epoch there."""
        self._equal: dict[tuple[int, int], set[Leaf]] = {}
        """The tiles of an epoch there of which an epoch here holds the same."""
        self._known: set[int] = set()
        """The epochs here that hold the same as one of the other file."""

    def match(self, epoch: int, theirs: StoredLeaves) -> None:
        """Find the epoch that holds the same as the one of the other file, if there is one."""
        self.new[epoch] = list(theirs.leaves)
        for own, stored in self._ours.items():
            found = compare(theirs, StoredLeaves(self._store, self._camera, stored))
            self._equal[epoch, own] = set(found.equal)
            # Where nothing moved, different scenes are alike. Only what was imported earlier needs no other proof.
            is_proof = found.has_motion or own < 0 or len(found.equal) == len(theirs.leaves)
            if found.equal and is_proof and len(found.equal) > len(found.different):
                self._assign(epoch, own)
                self._known.add(own)
                return

    def identify_newest(self, theirs: Sequence[Leaf]) -> None:
        """Make the newest scene of the other file the newest one here, unless it is known which one it is."""
        newest = max(theirs, key=lambda leaf: leaf.end_s)
        if newest.epoch in self.epochs:
            return
        if not self._ours:
            raise HistoryError(
                f"{self._camera}: nothing was imported, because nothing of it is stored yet that could show the same "
                "view: let edgeheat count for ten minutes first"
            )
        own = max((leaf for leaves in self._ours.values() for leaf in leaves), key=lambda leaf: leaf.end_s)
        if own.grid_wh != newest.grid_wh:
            grids = [f"{width} x {height}" for width, height in (newest.grid_wh, own.grid_wh)]
            raise HistoryError(
                f"{self._camera}: nothing was imported, because it is not the same view: its grid is {grids[0]} cells, "
                f"and that of the stored history {grids[1]}"
            )
        self._assign(newest.epoch, own.epoch)

    def add_others(self) -> None:
        """Give each other scene an epoch of its own."""
        for epoch in self.new:
            if epoch not in self.epochs:
                self.epochs[epoch] = min([0, *self._ours, *self.epochs.values()]) - 1

    def conflicts(self) -> list[Leaf]:
        """Return the tiles that are not stored here, but of whose time another tile is, in order of start.

        Where a camera was moved, two scenes have a tile of the same five minutes: the scenes of the other file that are
        known here may have that.
        """
        found = set()
        for epoch, leaves in self.new.items():
            for own, stored in self._ours.items():
                if own == self.epochs[epoch] or own not in self._known:
                    found.update(overlapping(leaves, stored))
        return sorted(found, key=lambda leaf: (leaf.start_s, leaf.epoch))

    def _assign(self, epoch: int, own: int) -> None:
        self.epochs[epoch] = own
        self.new[epoch] = [leaf for leaf in self.new[epoch] if leaf not in self._equal[epoch, own]]


def _check_over(camera: str, end_s: int, now_s: float) -> None:
    # The running camera may still send a tile of that time, which an imported one of the same key would replace.
    if end_s > now_s - ROLLUP_GRACE_S:
        minutes = -int((now_s - ROLLUP_GRACE_S - end_s) // 60)
        raise HistoryError(
            f"{camera}: nothing was imported, because tiles of the same time may still be counted: try again in "
            f"{minutes} minutes"
        )


def _by_epoch(leaves: Sequence[Leaf]) -> dict[int, list[Leaf]]:
    """Return the leaves by epoch, in the same order."""
    found: dict[int, list[Leaf]] = {}
    for leaf in leaves:
        found.setdefault(leaf.epoch, []).append(leaf)
    return found
