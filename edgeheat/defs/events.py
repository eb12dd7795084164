"""What leaves a camera for the sinks and the page: plain figures and encoded pictures, without numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from edgeheat.defs.params import Measure

ALL = "all"
"""Name of the zone that is the whole picture without its masked parts."""

CameraState = Literal["starting", "online", "offline"]
HealthVerdict = Literal["ok", "frozen", "dark", "covered", "blurred", "moved"]
"""What is wrong with the picture of a camera that sends one."""

FrameRejection = Literal["light", "settling", "unhealthy"]
"""Why the time of a whole frame was not counted: the light changed; the empty scene is being learnt anew; the picture
is frozen, dark or covered."""

CellRejection = Literal["shadow", "speck", "flicker", "ghost", "furniture"]
"""Why cells that differ from the empty scene were not counted."""


@dataclass(frozen=True, slots=True)
class ZoneHeat:
    """The figures of one heat in one zone, of the heat's own period (a decaying heat's are weighted by age).

    The zone `all` is the whole picture without its masked parts.
    """

    zone: str
    cells: int
    """Grid cells in the zone."""

    cell_seconds: float
    """Sum of the motion-seconds of its cells."""

    mean_s: float
    """Motion-seconds of the mean cell."""

    peak_s: float
    """Motion-seconds of the hottest place, see `places` in peak.py."""

    peak_xy: tuple[float, float]
    """Where that is: x and y from 0..1 of the picture."""

    weight: float = 1.0
    """The zone's weight of the configuration."""

    rank: int | None = None
    """1 for the named zone with the most weight x mean_s; None for `all`."""

    active_s: float = 0.0
    """Seconds in which somebody was in the zone."""

    active_ratio: float = 0.0
    """active_s as a share of the observed seconds, 0..1."""

    traffic_cell_s: float = 0.0
    """Seconds of movement summed over the zone's cells, whatever the heat counts."""

    dwell_cell_s: float = 0.0
    """Seconds of staying summed over the zone's cells, whatever the heat counts."""

    entries: float = 0.0
    """How often the empty zone became active; a fraction only where a decaying heat weights them by age."""


@dataclass(frozen=True, slots=True)
class HeatImage:
    """One heat of a snapshot, as figures and as an encoded picture."""

    heat: str
    kind: str
    measure: Measure
    """What it counts: `presence`, `traffic` or `dwell`."""

    period_s: float
    observed_s: float
    coverage: float
    """observed_s / period_s, 0..1."""

    scale_max_s: float
    """Motion-seconds at the top of the colour scale."""

    zones: tuple[ZoneHeat, ...]
    image: bytes
    media_type: str
    """`image/png`, `image/jpeg` or `image/webp`."""

    size_wh: tuple[int, int]


@dataclass(frozen=True, slots=True)
class PlanArea:
    """What a floor plan's figures are about."""

    size_m: tuple[float, float]
    """Width and depth of the plan."""

    cell_m2: float
    """Floor of one of its cells: cell_seconds times this are seconds times square metres."""

    seen_ratio: float
    """Share of the plan that some camera sees, 0..1; its figures are about that part."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The pictures and figures of one camera, or of one floor plan under its name, at one instant."""

    camera: str
    wall_s: float
    """The instant, Unix time in seconds."""

    heats: tuple[HeatImage, ...]
    epoch: int = 1
    """Goes up when the camera was moved: heats of different epochs show different places."""

    plan: PlanArea | None = None
    """None for a camera."""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """A camera's state changed."""

    camera: str
    state: CameraState
    reason: str
    """Why, in one redacted sentence; empty while online, but for a plan that is drawn without its own picture."""

    reason_code: str
    """A short fixed word for metrics: `ok`, `starting`, `unavailable`, `ended`, `stalled`, `crashed`, `stopped`."""

    wall_s: float


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """The verdict on a camera's picture changed."""

    camera: str
    verdict: HealthVerdict
    reason: str
    """Why, in one sentence that says what to do; empty where it is ok."""

    wall_s: float


@dataclass(frozen=True, slots=True)
class Progress:
    """What one camera did since its last progress, about once a second; every figure is an increment but the ratio."""

    camera: str
    wall_s: float
    last_frame_wall_s: float
    """Unix time of the last decoded frame, 0 before the first."""

    frames_decoded: int
    frames_analysed: int
    frames_skipped: int
    """Decoded, but not needed to keep `analysis_fps`."""

    observed_s: float
    motion_s: Mapping[str, float] = field(default_factory=dict)
    """For each zone: seconds in which anything in it moved."""

    cell_seconds: Mapping[str, float] = field(default_factory=dict)
    """For each zone: seconds of movement summed over its cells."""

    dwell_cell_s: Mapping[str, float] = field(default_factory=dict)
    """For each zone: seconds of staying summed over its cells."""

    active_s: Mapping[str, float] = field(default_factory=dict)
    """For each zone: seconds in which somebody was in it."""

    entries: Mapping[str, int] = field(default_factory=dict)
    """For each zone: how often it became active."""

    rejected_s: Mapping[FrameRejection, float] = field(default_factory=dict)
    """By reason: seconds of whole frames that were not counted; they are not observed either."""

    rejected_cell_s: Mapping[CellRejection, float] = field(default_factory=dict)
    """By reason: seconds summed over cells that differed from the empty scene and were not counted."""

    masked_ratio: float = 0.0
    """Share of the cells that the flicker mask leaves out now, 0..1."""

    health: HealthVerdict | None = None
    """None: not known yet."""

    health_reason: str = ""
    motion_ratio: Mapping[str, float] = field(default_factory=dict)
    """For each zone: mean share of its cells in motion, 0..1, over the observed seconds; empty where none were."""

    step_s: tuple[float, ...] = ()
    """Seconds that each analysed frame took in the pipeline."""

    @property
    def only_rejected(self) -> bool:
        """Whether frames came and none of them counted, so that nobody knows what moves."""
        return self.observed_s == 0.0 and any(seconds > 0.0 for seconds in self.rejected_s.values())


Event = Snapshot | CameraStatus | CameraHealth | Progress
