"""The parameters of the engine, plans and broker as plain objects; config/ validates settings and builds these."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time, tzinfo
from typing import Literal

Point = tuple[float, float]
"""x and y, 0..1 of the picture's width and height, from its top left."""

HeatKind = Literal["decaying", "window", "total"]
ZoneKind = Literal["zone", "include", "ignore", "privacy"]
ImageFormat = Literal["png", "jpeg", "webp"]
VideoCodec = Literal["h264", "vp9", "av1"]
Measure = Literal["presence", "traffic", "dwell"]
Subtractor = Literal["mog2", "knn", "mog", "cnt", "gsoc", "difference"]


@dataclass(frozen=True, slots=True)
class MotionParams:
    """How people are detected."""

    grid_width: int = 320
    """Cells across the picture; the height follows the picture's shape."""

    analysis_fps: float = 5.0
    """At most so many frames a second are analysed."""

    max_gap_s: float = 2.0
    """A longer pause between two analysed frames counts as not observed."""

    bootstrap_s: float = 10.0
    """The first seconds, whose frames are kept in memory until the background is known, and counted then."""

    subtractor: Subtractor = "mog2"
    """Which of OpenCV's background subtractors detects changes."""

    history_s: float = 120.0
    """Time constant of the background subtractor."""

    var_threshold: float = 30.0
    """Squared distance from the background, in variances, from which MOG2 calls a cell foreground."""

    detect_shadows: bool = True
    """Separate shadows from people; shadow cells never count."""

    open_cells: int = 3
    """Size of the opening that removes specks, in cells; 0 for none."""

    close_cells: int = 5
    """Size of the closing that fills holes, in cells; 0 for none."""

    min_blob_cells: int = 12
    """A blob smaller than this is noise, at the lower edge of the picture, where people are near and large."""

    min_blob_far_cells: int | None = None
    """The same at the upper edge, interpolated linearly in between. None: as at the lower edge."""

    light_gate: bool = True
    """Reject frames in which the light changed all over."""

    flicker_mask: bool = True
    """Learn which cells change for minutes (a television, a sign, a plant) and reject them."""

    dwell_max_s: float = 600.0
    """Anything present longer than this without leaving is treated as a static object."""

    furniture_s: float = 45.0
    """Anything that shows no micro-motion for this long is treated as a static object; its dwell is not counted."""

    feet: bool = False
    """Count only the lower edge of each blob: where people stand, not where their heads appear."""


@dataclass(frozen=True, slots=True)
class HeatParams:
    """One heat to keep."""

    name: str
    kind: HeatKind
    length_s: float = 0.0
    """Half-life of a decaying heat, length of a window; not used by a total."""

    since: time | None = None
    """A total starts again from 0 at this local time of day; None: it never does."""

    measure: Measure = "presence"
    """What it counts: `traffic` is movement, `dwell` is standing or sitting, `presence` is both together."""


@dataclass(frozen=True, slots=True)
class ZoneParams:
    """A named polygon of the picture."""

    name: str
    kind: ZoneKind
    polygon: tuple[Point, ...]
    """Corners (x, y) from 0..1 of the picture's width and height, origin top left."""

    weight: float = 1.0
    """How much its heat counts where zones are ranked."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a heat is drawn; names and meanings follow the Musical Gestures Toolbox's `mg_heatmap` where it has them."""

    colormap: str = "inferno"
    """Any matplotlib colormap name."""

    overlay: bool = True
    """On the dimmed background; else the bare heat on black."""

    alpha: float = 0.75
    """Greatest opacity of the heat, 0..1; a pixel's opacity is its heat on the 0..1 scale times this."""

    background: Literal["grey", "colour"] = "grey"
    background_dim: float = 0.4
    """Brightness of the background, 0 black to 1 unchanged."""

    blur: float = 0.0
    """Gaussian radius in grid cells put on the heat before it is drawn; 0 for none."""

    normalize: bool = True
    """The hottest place takes the top of the colormap; else `vmax_s` does."""

    vmax_s: float = 60.0
    """Motion-seconds at the top of the colormap where `normalize` is off."""

    gamma: float = 0.5
    """Exponent on the 0..1 heat; below 1 lifts faint motion."""

    legend: bool = True
    """Draw a colour scale in motion-seconds."""

    title: bool = True
    """Write camera, period, local time and coverage on the picture."""

    max_width: int = 1280
    """The picture has the camera's size, but is never wider than this."""

    format: ImageFormat = "jpeg"
    quality: int = 85
    """Of JPEG and WebP, 1..100."""


DEFAULT_HEATS = (
    HeatParams("recent", "decaying", 1800.0),
    HeatParams("hour", "window", 3600.0),
    HeatParams("day", "window", 86400.0),
    HeatParams("traffic", "window", 86400.0, measure="traffic"),
    HeatParams("dwell", "window", 86400.0, measure="dwell"),
)


@dataclass(frozen=True, slots=True)
class PipelineParams:
    """The parameters of one camera's pipeline."""

    camera: str
    timezone: tzinfo
    """The shop's time zone, for titles and for totals that start at a time of day."""

    motion: MotionParams = field(default_factory=MotionParams)
    heats: tuple[HeatParams, ...] = DEFAULT_HEATS
    zones: tuple[ZoneParams, ...] = ()
    style: Style = field(default_factory=Style)
    new_epoch_when_moved: bool = True
    """A camera that was moved starts its heats again from 0; off for a recording, whose picture shows all of it."""


PointPair = tuple[float, float, float, float]
"""A reference point on the floor: x and y, 0..1 of the camera's picture, then x and y on the plan in metres, all from
the top left."""


@dataclass(frozen=True, slots=True)
class PlanViewParams:
    """How one camera sees the floor of a plan."""

    camera: str
    points: tuple[PointPair, ...]
    """At least four; some four of them must have no three on one line."""

    zones: tuple[ZoneParams, ...] = ()
    """The camera's zones: where it does not count heat, the plan is not covered."""

    grid_width: int = 320
    """The camera's; only for the plan's picture before the camera has sent its first heat."""


@dataclass(frozen=True, slots=True)
class PlanParams:
    """A floor plan that shows the heats of several cameras as one."""

    name: str
    size_m: tuple[float, float]
    """Width (x, to the right) and depth (y, downwards on the plan's picture) in metres."""

    views: tuple[PlanViewParams, ...]
    heats: tuple[HeatParams, ...]
    """Heats that all its cameras keep."""

    timezone: tzinfo
    """The shop's time zone."""

    style: Style = field(default_factory=Style)


@dataclass(frozen=True, slots=True)
class BrokerParams:
    """The MQTT broker, the login, and how many messages may be queued."""

    host: str
    port: int
    site: str
    prefix: str = "edgeheat"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_id: str = ""
    """Empty: `edgeheat-<site>`."""

    keepalive_s: int = 30
    """A broker that is silent for twice as long counts as lost."""

    tls: bool = False
    ca_file: str | None = None
    """PEM; None: the system's certificate authorities."""

    cert_file: str | None = None
    """PEM of the client's certificate."""

    key_file: str | None = None
    """PEM of its key, not encrypted; None: it is in `cert_file`."""

    max_waiting: int = 1000
    """Number of topics whose newest message is kept."""

    @property
    def status_topic(self) -> str:
        """Topic of `online`, `offline` and the last will."""
        return f"{self.prefix}/{self.site}/status"
