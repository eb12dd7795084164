"""The tiles that history is made of: what one camera counted in five minutes, or in a local hour, day or month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

REPORTS_FOLDER = "reports"
"""Name of the folder of the reports in the storage folder."""

FIVE_MINUTES_S = 300
"""Length of the shortest tile. It divides every UTC offset in use, so local hours consist of whole tiles."""


ROLLUP_GRACE_S = 900
"""An hour, day or month is complete this long after its end: late tiles have arrived."""


class Level(IntEnum):
    """The length of a tile; each is the sum of tiles of the level before it."""

    FIVE_MINUTES = 0
    """Five minutes of UTC."""

    HOUR = 1
    """An hour of the site's local time."""

    DAY = 2
    """A local day, from midnight to midnight; usually 24 hours long, but 23, 23.5, 24.5 or 25 where clocks change."""

    MONTH = 3
    """A local calendar month."""

    @property
    def unit_ms(self) -> int:
        """Milliseconds for which one unit of a tile's cells stands."""
        return 200 if self is Level.FIVE_MINUTES else 1000


@dataclass(frozen=True, slots=True)
class ZoneTile:
    """What one zone counted in a tile, exact; times in milliseconds, see `Counter` for what each means."""

    name: str
    """The zone's name; `all` for the whole picture."""

    key: int
    """The `zone_key` of its name and polygon, 0 to 2**64 - 1: a zone that was redrawn is another zone."""

    observed_ms: int = 0
    motion_ms: int = 0
    active_ms: int = 0
    traffic_cell_ms: int = 0
    dwell_cell_ms: int = 0
    entries: int = 0

    def __add__(self, other: ZoneTile) -> ZoneTile:
        """Return what the zone counted in both tiles; `other` is of the same zone."""
        return ZoneTile(
            self.name,
            self.key,
            self.observed_ms + other.observed_ms,
            self.motion_ms + other.motion_ms,
            self.active_ms + other.active_ms,
            self.traffic_cell_ms + other.traffic_cell_ms,
            self.dwell_cell_ms + other.dwell_cell_ms,
            self.entries + other.entries,
        )


@dataclass(frozen=True, slots=True)
class Tile:
    """What one camera counted in one time bucket of one epoch."""

    camera: str
    level: Level

    start_s: int
    """Start, Unix time."""

    end_s: int
    """End, Unix time: the start of the next tile of the level."""

    epoch: int
    """The camera's epoch; tiles of different epochs are never added."""

    grid_wh: tuple[int, int]
    """Width and height of the grid in cells."""

    observed_ms: int
    """Milliseconds in which the camera was observed."""

    traffic: bytes = b""
    """Units of movement per cell, as `core.heat.tile` encodes them; empty where nothing moved."""

    dwell: bytes = b""
    """Units of dwell per cell, likewise; dwell belongs to the tile in which it was confirmed."""

    rejected_ms: Mapping[str, int] = field(default_factory=dict)
    """Milliseconds of whole frames that were not observed, by reason, see FrameRejection."""

    zones: tuple[ZoneTile, ...] = ()

    clock_synced: bool = True
    """Whether the machine's clock was known to be right: a Raspberry Pi boots with a wrong one."""


@dataclass(frozen=True, slots=True)
class EpochBackdrop:
    """What a camera saw in an epoch, without people; heats of that time are drawn on it."""

    camera: str
    epoch: int
    taken_s: float
    """When it was sent, Unix time."""

    jpeg: bytes
    """Private areas are black."""


@dataclass(frozen=True, slots=True)
class HistoryStatus:
    """How storing the history goes; numbers are since the daemon started."""

    stored: int = 0
    """Tiles that were stored."""

    duplicates: int = 0
    """Tiles that were counted again after a crash, and stored before."""

    conflicts: int = 0
    """Tiles that were not stored because another one of the same time is, of which less was observed."""

    dropped: int = 0
    """Tiles that were lost because they could not be stored for too long."""

    waiting: int = 0
    """Tiles that are in memory only."""

    size_bytes: int = 0
    """Size of the file."""

    last_stored_wall_s: float = 0.0
    """When tiles were last stored, Unix time; 0 before the first."""

    is_dated: bool = True
    """Whether the machine's clock is right; else tiles are stored, but cannot be found until it is."""

    problem: str | None = None
    """Why tiles cannot be stored now, in one sentence."""

    rollup_problem: str | None = None
    """Why hours, days and months cannot be summed up now, in one sentence."""

    damaged: str | None = None
    """Where earlier history is that was found to be damaged, and why; None if none was."""
