"""What leaves a camera for the sinks and the page: plain figures and encoded pictures, without numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ALL = "all"
"""Name of the zone that is the whole picture without its masked parts."""

CameraState = Literal["starting", "online", "offline"]


@dataclass(frozen=True, slots=True)
class ZoneHeat:
    """The figures of one heat in one zone; the zone `all` is the whole picture without its masked parts."""

    zone: str
    cells: int
    """Grid cells in the zone."""

    cell_seconds: float
    """Sum of the motion-seconds of its cells."""

    mean_s: float
    """Motion-seconds of the mean cell."""

    peak_s: float
    """Motion-seconds of the hottest cell."""

    peak_xy: tuple[float, float]
    """Where that cell is: x and y from 0..1 of the picture."""


@dataclass(frozen=True, slots=True)
class HeatImage:
    """One heat of a snapshot, as figures and as an encoded picture."""

    heat: str
    kind: str
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
class Snapshot:
    """The pictures and figures of one camera at one instant."""

    camera: str
    wall_s: float
    """The instant, Unix time in seconds."""

    heats: tuple[HeatImage, ...]


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """A camera's state changed."""

    camera: str
    state: CameraState
    reason: str
    """Why, in one redacted sentence; empty while online."""

    reason_code: str
    """A short fixed word for metrics: `ok`, `starting`, `unavailable`, `ended`, `stalled`, `crashed`, `stopped`."""

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
    """For each zone: motion-seconds summed over its cells."""

    motion_ratio: Mapping[str, float] = field(default_factory=dict)
    """For each zone: mean share of its cells in motion, 0..1, over the analysed frames."""

    step_s: tuple[float, ...] = ()
    """Seconds that each analysed frame took in the pipeline."""


Event = Snapshot | CameraStatus | Progress
