"""Parameters of the pipeline, the floor plans and the MQTT broker as plain objects, built from validated settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time, tzinfo
from typing import Literal

from edgeheat.defs.hours import OpeningHours

Point = tuple[float, float]
"""x and y, 0..1 of the picture's width and height, from its top left."""

HeatKind = Literal["decaying", "window", "total"]
ZoneKind = Literal["zone", "include", "ignore", "privacy"]
ImageFormat = Literal["png", "jpeg", "webp"]
VideoCodec = Literal["h264", "vp9", "av1"]
Measure = Literal["presence", "traffic", "dwell"]
ReportKind = Literal["day", "week", "month"]
Subtractor = Literal["mog2", "knn", "mog", "cnt", "gsoc", "difference"]


@dataclass(frozen=True, slots=True)
class MotionParams:
    """How people are detected."""

    grid_width: int = 320
    """Cells across the picture; the height follows the picture's shape."""

    analysis_fps: float = 5.0
    """At most this number of frames per second is analysed."""

    max_gap_s: float = 2.0
    """A longer pause between two analysed frames counts as not observed."""

    bootstrap_s: float = 10.0
    """Length of the start phase: its frames are kept in memory until the background is known, and counted then."""

    subtractor: Subtractor = "mog2"
    """Which of OpenCV's background subtractors detects changes."""

    history_s: float = 120.0
    """Time constant of the background subtractor: how fast its background model follows changes of the scene."""

    var_threshold: float = 30.0
    """MOG2's threshold on the squared Mahalanobis distance of a cell from the background; above it is foreground."""

    detect_shadows: bool = True
    """Separate shadows from people; shadow cells never count."""

    open_cells: int = 3
    """Size of the opening that removes specks, in cells; 0 for none."""

    close_cells: int = 5
    """Size of the closing that fills holes, in cells; 0 for none."""

    min_blob_cells: int = 12
    """Smallest number of cells of a blob at the lower edge of the picture, where people are large; smaller is noise."""

    min_blob_far_cells: int | None = None
    """The same at the upper edge, linear in between; None if it is as at the lower edge."""

    light_gate: bool = True
    """Reject frames in which the light changed all over."""

    flicker_mask: bool = True
    """Learn which cells change for minutes (a television, a sign, a plant) and reject them."""

    screen_text: bool = True
    """Find the camera's own clock in the picture, and replace it by what surrounds it."""

    dwell_max_s: float = 600.0
    """Longest stay that counts as a person's; anything present for longer is treated as a static object."""

    furniture_s: float = 45.0
    """Anything new without micro-motion for this duration is treated as a static object; its time counts only if it
    leaves again within `dwell_max_s`."""

    feet: bool = False
    """Count only the lower edge of each blob: where people stand, not where their heads appear."""


@dataclass(frozen=True, slots=True)
class HeatParams:
    """What one heat counts, and over which period."""

    name: str
    kind: HeatKind
    length_s: float = 0.0
    """The half-life of a decaying heat, the length of a window; 0 for a total, which has neither."""

    since: time | None = None
    """Local time of day at which a total starts again from 0; None if it never does."""

    measure: Measure = "presence"
    """What it counts: `traffic` is movement, `dwell` is standing or sitting, `presence` is both together."""


@dataclass(frozen=True, slots=True)
class ZoneParams:
    """A named polygon of the picture."""

    name: str
    kind: ZoneKind
    polygon: tuple[Point, ...]
    """Corners in order around the edge."""

    weight: float = 1.0
    """How much its heat counts where zones are ranked."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a heat is drawn; names and meanings follow the Musical Gestures Toolbox's `mg_heatmap` where it has them."""

    colormap: str = "inferno"
    """Any matplotlib colormap name."""

    overlay: bool = True
    """Draw on the dimmed background; otherwise only the heat, on black."""

    alpha: float = 0.75
    """Greatest opacity of the heat, 0..1; a pixel's opacity is its heat on the 0..1 scale times this."""

    background: Literal["grey", "colour"] = "grey"
    background_dim: float = 0.4
    """Brightness of the background, 0 black to 1 unchanged."""

    blur: float = 0.0
    """Radius, in grid cells, of the Gaussian that smooths the heat before it is drawn; 0 for none."""

    normalize: bool = True
    """The maximum of the heat is the top of the colormap; otherwise `vmax_s` is."""

    vmax_s: float = 60.0
    """Seconds of heat at the top of the colormap if `normalize` is off."""

    gamma: float = 0.5
    """Exponent on the heat from 0 to 1; below 1 makes weak motion more visible."""

    legend: bool = True
    """Draw a colour scale in seconds."""

    title: bool = True
    """Write camera, period, local time and coverage on the picture."""

    max_width: int = 1280
    """The picture has the camera's size, but is never wider than this."""

    format: ImageFormat = "jpeg"
    quality: int = 85
    """Quality of JPEG and WebP, 1..100."""


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
    """Restart the heats from 0 when the camera was moved; off for a recording, whose picture shows all of it."""

    history: bool = False
    """Make tiles of what is counted; off for a recording, which is rendered as a whole."""

    hours: OpeningHours | None = None
    """The shop's opening hours: the heats count only in these; None for a recording, and where it is always open."""

    first_epoch: int = 1
    """The first epoch where nothing is restored, and the lowest of any new one: above all that have stored tiles."""


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
    """The camera's zones: where they exclude motion, the camera does not cover the plan."""

    grid_width: int = 320
    """Width of the camera's grid in cells; used only until the camera has sent its first heat."""


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
class ReportsParams:
    """Which reports are made on schedule."""

    kinds: tuple[ReportKind, ...] = ("day", "week", "month")

    keep: int = 30
    """Number of reports of each kind that are kept; at least 1."""


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
    """Client id at the broker; empty for `edgeheat-<site>`."""

    keepalive_s: int = 30
    """Interval of the keep-alive messages; a broker that is silent for twice this counts as lost."""

    tls: bool = False
    ca_file: str | None = None
    """Certificate authority (PEM) of the broker's certificate; None for those of the system."""

    cert_file: str | None = None
    """Client certificate (PEM); None if the broker requests none."""

    key_file: str | None = None
    """Private key (PEM, not encrypted) of the client certificate; None if it is in `cert_file`."""

    max_waiting: int = 1000
    """Limit of topics whose newest message is kept for sending."""

    @property
    def status_topic(self) -> str:
        """Topic of `online`, `offline` and the last will."""
        return f"{self.prefix}/{self.site}/status"
