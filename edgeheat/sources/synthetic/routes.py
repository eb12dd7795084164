"""Plans walkers' paths around the furniture (shortest paths in a visibility graph), and where they stop to browse."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from edgeheat.core.grid.frames import F64
from edgeheat.sources.synthetic.layouts import Layout

_CLEARANCE_M = 0.40
"""Least distance of a path from furniture."""

_CORNER_OFFSET_M = 0.46
"""Paths turn at this distance from corners of furniture, in x and y."""

_VARIED_CLEARANCE_M = 0.30
"""Least distance from furniture after a path was varied at random."""

_HEADROOM_M = 1.9
"""Boxes that begin above this height, such as the wall over a door, do not block a path."""

_DOOR_DISTANCE_M = 0.9
"""Distance from the walls at which a path starts or ends in front of a door."""

_BROWSE_DISTANCE_M = 0.52
"""Distance from goods at which walkers stop to look at them."""

_BROWSE_SPACING_M = 0.45
"""Distance between neighbouring places to stop."""


class Routes:
    """Plans paths in one layout, and finds the places in front of its goods; immutable.

    Reference: Lozano-Perez and Wesley 1979 (visibility graph); Dijkstra 1959 (shortest path).
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._rects = np.array(
            [(b.x[0], b.y[0], b.x[1], b.y[1]) for b in layout.boxes if b.z[0] < _HEADROOM_M],
            np.float64,
        )
        x0, y0, x1, y1 = self._rects.T
        out = _CORNER_OFFSET_M
        corners = np.concatenate(
            [np.stack([a, b], axis=1) for a in (x0 - out, x1 + out) for b in (y0 - out, y1 + out)],
        )
        rx0, ry0, rx1, ry1 = layout.room
        doors = np.array([self._position_inside(layout.entry), self._position_inside(layout.exit)])
        in_room = (corners > (rx0, ry0)).all(axis=1) & (corners < (rx1, ry1)).all(axis=1)
        nodes = np.concatenate([corners[in_room], doors])
        self._nodes = nodes[self.is_clear(nodes, nodes, _CLEARANCE_M)]
        self._edge_lengths = self._visible(self._nodes, self._nodes)
        self.browse_places = self._find_browse_places()
        """Where people stop in front of goods, (n, 4): x, y, and x, y of the point to face."""

    def is_clear(self, start: F64, end: F64, distance_m: float) -> NDArray[np.bool_]:
        """Return for each line from start (n, 2) to end (n, 2) whether it keeps `distance_m` from all furniture."""
        step = end - start
        step = np.where(np.abs(step) < 1e-9, 1e-9, step)[:, None, :]
        low = (self._rects[None, :, :2] - distance_m - start[:, None, :]) / step
        high = (self._rects[None, :, 2:] + distance_m - start[:, None, :]) / step
        enter = np.maximum(np.minimum(low, high).max(axis=2), 0.0)
        leave = np.minimum(np.maximum(low, high).min(axis=2), 1.0)
        return np.asarray(~(enter < leave).any(axis=1), np.bool_)

    def find_path(self, start: F64, end: F64, rng: np.random.Generator) -> F64:
        """Return the corners (n, 2) of a short path from start to end, randomly varied."""
        points = np.concatenate([self._nodes, [start, end]])
        count = len(points)
        links = np.full((count, count), np.inf)
        links[:-2, :-2] = self._edge_lengths
        for index in (count - 2, count - 1):
            links[index] = links[:, index] = self._visible(points[index : index + 1], points)[0]
        preference = rng.uniform(1.0, 1.3, count)
        path = _shortest_path(links * preference[None, :], count - 2, count - 1)
        return self._varied(points[path], rng)

    def _varied(self, path: F64, rng: np.random.Generator) -> F64:
        """Move the corners at random where there is room, so that not all walkers follow the same line."""
        varied = path.copy()
        for index in range(1, len(path) - 1):
            trial = varied.copy()
            trial[index] += rng.uniform(-0.25, 0.25, 2)
            if self.is_clear(trial[index - 1 : index + 1], trial[index : index + 2], _VARIED_CLEARANCE_M).all():
                varied = trial
        return varied

    def _visible(self, starts: F64, ends: F64) -> F64:
        """Return distances (len(starts), len(ends)) between points; infinite where furniture is in between."""
        a = np.repeat(starts, len(ends), axis=0)
        b = np.tile(ends, (len(starts), 1))
        lengths = np.where(self.is_clear(a, b, _CLEARANCE_M), np.hypot(*(b - a).T), np.inf)
        return lengths.reshape(len(starts), len(ends))

    def _position_inside(self, door: tuple[float, float]) -> tuple[float, float]:
        """Return the position in the room in front of a door."""
        x0, y0, x1, y1 = self._layout.room
        margin = _DOOR_DISTANCE_M
        return min(max(door[0], x0 + margin), x1 - margin), min(max(door[1], y0 + margin), y1 - margin)

    def _find_browse_places(self) -> F64:
        """Return all places (n, 4) in front of goods that a walker can reach: x, y, and x, y of the point to face."""
        places: list[tuple[float, float, float, float]] = []
        for box in self._layout.boxes:
            if box.kind not in ("shelf", "fridge", "produce", "crate"):
                continue
            (x0, x1), (y0, y1) = box.x, box.y
            for y in np.arange(y0 + 0.3, y1 - 0.1, _BROWSE_SPACING_M):
                places += [(x0 - _BROWSE_DISTANCE_M, y, x0, y), (x1 + _BROWSE_DISTANCE_M, y, x1, y)]
            for x in np.arange(x0 + 0.3, x1 - 0.1, _BROWSE_SPACING_M):
                places += [(x, y0 - _BROWSE_DISTANCE_M, x, y0), (x, y1 + _BROWSE_DISTANCE_M, x, y1)]
        candidates = np.array(places)
        rx0, ry0, rx1, ry1 = self._layout.room
        in_room = (candidates[:, :2] > (rx0, ry0)).all(axis=1) & (candidates[:, :2] < (rx1, ry1)).all(axis=1)
        return candidates[in_room & self.is_clear(candidates[:, :2], candidates[:, :2], _CLEARANCE_M)]


def _shortest_path(links: F64, start: int, end: int) -> list[int]:
    """Return the node indexes of the shortest path, by Dijkstra's algorithm on a dense matrix; infinite: no edge."""
    best = np.full(len(links), np.inf)
    best[start] = 0.0
    before = {start: start}
    queue = [(0.0, start)]
    while queue:
        length, node = heapq.heappop(queue)
        if node == end:
            break
        if length > best[node]:
            continue
        for other in np.flatnonzero(links[node] + length < best):
            best[other] = length + links[node, other]
            before[int(other)] = node
            heapq.heappush(queue, (float(best[other]), int(other)))
    else:
        raise ValueError("layout: two of its places are not connected")
    path = [end]
    while path[-1] != start:
        path.append(before[path[-1]])
    return path[::-1]
