"""Holds the tiles that are to be stored: until those of the other cameras have come, and while the disk fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from edgeheat.defs.clock import Clock
from edgeheat.defs.history import EpochBackdrop, Tile

_WAIT_FOR_OTHERS_S = 15.0
"""How long the first tile waits for those of the other cameras; a worker closes a tile ten seconds after its end."""

_RETRY_S = 60.0
"""Interval of the attempts to store while the disk fails."""

_DAY_TILES = 288
"""Tiles of five minutes in a day: that many are held for each camera, some 9 MB."""


class HistoryBuffer:
    """Tiles in the order in which they came, and the newest backdrop of each epoch; for one thread."""

    def __init__(self, camera_count: int, clock: Clock) -> None:
        self._clock = clock
        self._max_tiles = max(1, camera_count) * _DAY_TILES
        self._tiles: deque[Tile] = deque()
        self._backdrops: dict[tuple[str, int], EpochBackdrop] = {}
        self._due_s: float | None = None
        """When the tiles are to be stored, on the monotonic clock; None while there are none."""

        self._retry_s = 0.0
        """Before this instant no attempt is made, because the last one failed."""

        self._online: set[str] = set()
        self.dropped = 0
        """Tiles that were dropped because there were too many."""

    def __len__(self) -> int:
        return len(self._tiles)

    def set_online(self, camera: str, online: bool) -> None:
        """Note whether a tile of the camera is to be expected."""
        (self._online.add if online else self._online.discard)(camera)

    def add(self, tiles: Iterable[Tile]) -> None:
        """Add tiles; the oldest ones are dropped where there are too many."""
        self._tiles.extend(tiles)
        while len(self._tiles) > self._max_tiles:
            self._tiles.popleft()
            self.dropped += 1
        if self._due_s is None and self._tiles:
            self._due_s = self._clock.monotonic() + _WAIT_FOR_OTHERS_S
        if self._online <= {tile.camera for tile in self._tiles}:
            self._due_s = self._clock.monotonic()

    def add_backdrop(self, backdrop: EpochBackdrop) -> None:
        """Add a backdrop, which is stored with the next tiles."""
        self._backdrops[backdrop.camera, backdrop.epoch] = backdrop

    @property
    def due_s(self) -> float | None:
        """When to store, on the monotonic clock; None while there is nothing to be stored."""
        return None if self._due_s is None else max(self._due_s, self._retry_s)

    @property
    def may_try(self) -> bool:
        """Whether no attempt has just failed."""
        return self._clock.monotonic() >= self._retry_s

    def note_failure(self) -> None:
        """Make the next attempt later: an attempt has failed."""
        self._retry_s = self._clock.monotonic() + _RETRY_S

    def first(self, count: int) -> tuple[list[Tile], list[EpochBackdrop]]:
        """Return the oldest tiles, at most `count`, and all backdrops; they stay in the buffer."""
        return [self._tiles[index] for index in range(min(count, len(self._tiles)))], [*self._backdrops.values()]

    def remove(self, tile_count: int) -> None:
        """Remove the oldest tiles and all backdrops, because they were stored."""
        for _ in range(tile_count):
            self._tiles.popleft()
        self._backdrops.clear()
        if not self._tiles:
            self._due_s = None
