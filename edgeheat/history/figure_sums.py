"""Adds up the exact figures of several tiles: observed and rejected time, and what each zone counted."""

from __future__ import annotations

from edgeheat.defs.history import Tile, ZoneTile


class FigureSums:
    """Zones are summed by name and key: one that was redrawn under the same name is another zone."""

    def __init__(self) -> None:
        self.observed_ms = 0
        self.rejected_ms: dict[str, int] = {}
        """By reason."""
        self._zones: dict[tuple[str, int], ZoneTile] = {}

    def add(self, tile: Tile) -> None:
        """Add the figures of one tile."""
        self.observed_ms += tile.observed_ms
        for reason, rejected_ms in tile.rejected_ms.items():
            self.rejected_ms[reason] = self.rejected_ms.get(reason, 0) + rejected_ms
        for zone in tile.zones:
            place = zone.name, zone.key
            self._zones[place] = zone + self._zones[place] if place in self._zones else zone

    @property
    def zones(self) -> tuple[ZoneTile, ...]:
        """The sums so far, in the order in which the zones came."""
        return tuple(self._zones.values())
