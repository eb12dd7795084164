"""Adds up the figures of zones over several tiles."""

from __future__ import annotations

from collections.abc import Iterable

from edgeheat.defs.history import ZoneTile


class ZoneSums:
    """Sums by name and key: a zone that was redrawn under the same name is another zone."""

    def __init__(self) -> None:
        self._zones: dict[tuple[str, int], ZoneTile] = {}

    def add(self, zones: Iterable[ZoneTile]) -> None:
        """Add what zones counted in one tile."""
        for zone in zones:
            place = zone.name, zone.key
            self._zones[place] = zone + self._zones[place] if place in self._zones else zone

    @property
    def zones(self) -> tuple[ZoneTile, ...]:
        """The sums so far, in the order in which the zones came."""
        return tuple(self._zones.values())
