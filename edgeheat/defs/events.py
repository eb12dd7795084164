"""Events that report cameras and floor plans to the sinks and the page: states, statistics and encoded pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from edgeheat.defs.params import Measure

ALL = "all"
"""Name of the zone that is the whole picture without its masked parts."""

CameraState = Literal["starting", "online", "offline", "closed"]
"""`starting`: no frame yet; `online`: frames arrive; `offline`: they do not, and the camera is being retried; `closed`:
the shop is closed, the camera is not read, and it answers."""

HealthVerdict = Literal["ok", "frozen", "dark", "covered", "blurred", "moved"]
"""What is wrong with the picture of an online camera; `ok` if nothing is."""

FrameRejection = Literal["light", "settling", "unhealthy"]
"""Why a whole frame was not counted.

`light`: the light changed all over. `settling`: the background is being learned again. `unhealthy`: the picture is
frozen, dark or covered.
"""

CellRejection = Literal["shadow", "speck", "flicker", "ghost", "furniture"]
"""Why cells that differ from the background were not counted.

`shadow`: the shadow of a person. `speck`: smaller than a person. `flicker`: cells that change for minutes. `ghost`: the
trace of an object that was removed. `furniture`: a static object.
"""


@dataclass(frozen=True, slots=True)
class ZoneHeat:
    """The statistics of one heat in one zone over the heat's period; those of a decaying heat are weighted by age.

    The zone `all` is the whole picture without its masked parts.
    """

    zone: str
    cells: int
    """Grid cells in the zone."""

    cell_seconds: float
    """Sum of the heat of its cells, in seconds of what the heat measures."""

    mean_s: float
    """Mean heat of its cells, in seconds."""

    peak_s: float
    """Maximum of the zone's heat after a median filter of 5x5 cells, in seconds: one outlier cell is no peak."""

    peak_xy: tuple[float, float]
    """Position of that maximum: x and y, 0..1 of the picture, from its top left."""

    weight: float = 1.0
    """The zone's weight from the configuration."""

    rank: int | None = None
    """1 for the named zone with the highest weight x mean_s; None for `all`."""

    active_s: float = 0.0
    """Seconds in which a person was in the zone."""

    active_ratio: float = 0.0
    """active_s as a fraction of the observed seconds, 0..1."""

    traffic_cell_s: float = 0.0
    """Seconds of movement summed over the zone's cells, whatever the heat measures."""

    dwell_cell_s: float = 0.0
    """Seconds of staying summed over the zone's cells, whatever the heat measures."""

    entries: float = 0.0
    """How often the zone became active; a fraction only in a decaying heat, which weights entries by age."""


@dataclass(frozen=True, slots=True)
class HeatImage:
    """One heat of a snapshot: its statistics and its heat map as an encoded picture."""

    heat: str
    """Name of the heat from the configuration."""

    kind: str
    """`decaying`, `window` or `total`."""

    measure: Measure
    """What the heat counts: `presence`, `traffic` or `dwell`."""

    period_s: float
    """Seconds that the heat covers: a window's length, a decaying heat's mean life (half-life / ln 2), a total's
    age."""

    observed_s: float
    """Seconds of the period in which the camera was observed."""

    coverage: float
    """observed_s / (period_s * open_ratio), 0..1."""

    scale_max_s: float
    """Seconds of heat at the top of the colour scale."""

    zones: tuple[ZoneHeat, ...]
    image: bytes
    """The whole file as it is written to disk."""

    media_type: str
    """`image/png`, `image/jpeg` or `image/webp`."""

    size_wh: tuple[int, int]
    """Width and height in pixels."""

    open_ratio: float = 1.0
    """Share of the period in which the shop was open, 0..1; weighted by age for a decaying heat."""


@dataclass(frozen=True, slots=True)
class PlanArea:
    """The floor area that the statistics of a floor plan refer to."""

    size_m: tuple[float, float]
    """Width and depth of the plan."""

    cell_m2: float
    """Area of one grid cell: cell_seconds times this are seconds times square metres."""

    seen_ratio: float
    """Fraction of the plan that at least one camera sees, 0..1; the statistics refer to that area."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The pictures and statistics of one camera, or of one floor plan, at one instant."""

    camera: str
    """Name of the camera or floor plan."""

    wall_s: float
    """The instant, Unix time in seconds."""

    heats: tuple[HeatImage, ...]
    epoch: int = 1
    """Increases when the camera was moved, or its grid or `feet` changed: different epochs do not compare."""

    plan: PlanArea | None = None
    """None for a camera."""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """The state of a camera or floor plan changed, or another attempt to reach it failed."""

    camera: str
    """Name of the camera or floor plan."""

    state: CameraState
    reason: str
    """Why, in one sentence without passwords; empty while online, except for a floor plan that is drawn without its
    background image."""

    reason_code: str
    """A fixed word for metrics: `ok`, `starting`, `unavailable`, `ended`, `stalled` (no frame), `unresponsive` (no
    sign of life of the process), `crashed`, `stopped` or `closed`."""

    wall_s: float
    """When, Unix time in seconds."""


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """The health verdict on an online camera's picture changed, or is the first since the camera came online."""

    camera: str
    verdict: HealthVerdict
    reason: str
    """Why, in one sentence that says what to do; empty where the verdict is `ok`."""

    wall_s: float
    """When, Unix time in seconds."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What one camera counted since its previous progress, about one second earlier.

    Every count and every duration is an increment; the ratios are current values.
    """

    camera: str
    wall_s: float
    """When the report was made, Unix time in seconds."""

    last_frame_wall_s: float
    """Unix time of the worker's last decoded frame, 0 before its first."""

    frames_decoded: int
    frames_analysed: int
    frames_skipped: int
    """Decoded, but not needed to keep `analysis_fps`."""

    observed_s: float
    """Seconds in which the camera was observed; gaps and rejected frames are not included."""

    motion_s: Mapping[str, float] = field(default_factory=dict)
    """By zone: seconds in which anything in it moved."""

    cell_seconds: Mapping[str, float] = field(default_factory=dict)
    """By zone: seconds of movement summed over its cells."""

    dwell_cell_s: Mapping[str, float] = field(default_factory=dict)
    """By zone: seconds of staying summed over its cells."""

    active_s: Mapping[str, float] = field(default_factory=dict)
    """By zone: seconds in which a person was in it."""

    entries: Mapping[str, int] = field(default_factory=dict)
    """By zone: how often it became active."""

    rejected_s: Mapping[FrameRejection, float] = field(default_factory=dict)
    """By reason: seconds of whole frames that were not counted; they are not observed either."""

    rejected_cell_s: Mapping[CellRejection, float] = field(default_factory=dict)
    """By reason: seconds summed over cells that differed from the background and were not counted."""

    masked_ratio: float = 0.0
    """Fraction of the cells that the flicker mask excludes, 0..1."""

    screen_text_ratio: float = 0.0
    """Fraction of the cells in which the camera writes its clock, 0..1."""

    health: HealthVerdict | None = None
    """None until the first verdict."""

    health_reason: str = ""
    """Why, in one sentence that says what to do; empty where the verdict is `ok`."""

    motion_ratio: Mapping[str, float] = field(default_factory=dict)
    """By zone: mean fraction of its cells in motion over the observed time, 0..1; empty if nothing was observed."""

    step_s: tuple[float, ...] = ()
    """Seconds that each analysed frame took in the pipeline."""

    frames_late: int = 0
    """Received, but not decoded because newer ones were waiting; not in `frames_decoded`."""

    frames_damaged: int = 0
    """Received, but damaged by errors or data loss; not in `frames_decoded`."""

    lag_s: float | None = None
    """By how many seconds the latest frame was read too late; None if the stream does not show it."""

    analysis_rate_ratio: float = 1.0
    """The rate of analysis as a fraction of `analysis_fps`; below 1 while the machine is short of CPU time."""

    is_open: bool = True
    """Whether the frames were within opening hours; outside them, nothing is reported as observed or rejected."""

    @property
    def motion_is_unknown(self) -> bool:
        """Whether frames arrived and none counts: all were rejected, or the shop is closed."""
        only_rejected = self.observed_s == 0.0 and any(seconds > 0.0 for seconds in self.rejected_s.values())
        return only_rejected or not self.is_open


@dataclass(frozen=True, slots=True)
class ReportWritten:
    """A report of a day, week or month was written on schedule."""

    name: str
    """Its file without ending, such as "2026-11-30", "2026-W48" or "2026-11"."""

    wall_s: float
    """When it was written, Unix time."""


CameraEvent = Snapshot | CameraStatus | CameraHealth | Progress
"""What happened to one camera or floor plan."""

Event = CameraEvent | ReportWritten
