"""The plain parameter objects of the engine; the configuration is checked elsewhere and turned into these."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time, tzinfo
from typing import Literal

Point = tuple[float, float]
HeatKind = Literal["decaying", "window", "total"]
ZoneKind = Literal["zone", "include", "ignore", "privacy"]
ImageFormat = Literal["png", "jpeg", "webp"]
VideoCodec = Literal["h264", "vp9", "av1"]
Measure = Literal["presence", "traffic", "dwell"]
Subtractor = Literal["mog2", "knn", "mog", "cnt", "gsoc", "difference"]


@dataclass(frozen=True, slots=True)
class MotionParams:
    """How motion is judged."""

    grid_width: int = 320
    """Cells across the picture; the height follows the picture's shape."""

    analysis_fps: float = 5.0
    """At most so many frames a second are looked at."""

    max_gap_s: float = 2.0
    """A longer pause between two analysed frames counts as not observed."""

    bootstrap_s: float = 10.0
    """The first seconds, kept in memory until the empty background can be told, and counted then."""

    subtractor: Subtractor = "mog2"
    """Which of OpenCV's background models tells what changes."""

    history_s: float = 120.0
    """Time constant of the background model."""

    var_threshold: float = 30.0
    """Squared distance from the background, in variances, from which MOG2 calls a cell foreground."""

    detect_shadows: bool = True
    """Tell shadows from objects; shadow cells never count."""

    open_cells: int = 3
    """Size of the opening that removes specks, in cells; 0 for none."""

    close_cells: int = 5
    """Size of the closing that fills holes, in cells; 0 for none."""

    min_blob_cells: int = 12
    """A blob smaller than this is noise, at the lower edge of the picture, where people are near and large."""

    min_blob_far_cells: int | None = None
    """The same at the upper edge; between the two it goes in a straight line. None: as at the lower edge."""

    light_gate: bool = True
    """Leave out frames in which the light changed and not the people."""

    flicker_mask: bool = True
    """Learn which cells change for minutes on end (a television, a sign, a plant) and leave them out."""

    dwell_max_s: float = 600.0
    """Whoever stays longer than this without ever leaving a place is furniture."""

    furniture_s: float = 45.0
    """What came and has not stirred at all for so long is furniture, and its dwell is not counted."""

    feet: bool = False
    """Move each blob's heat to its lower edge: where people stand, and not where their heads are seen."""


@dataclass(frozen=True, slots=True)
class HeatParams:
    """One heat to keep."""

    name: str
    kind: HeatKind
    length_s: float = 0.0
    """Half-life of a decaying heat, length of a window; not used by a total."""

    since: time | None = None
    """A total starts anew at this local time of day; None: since the first start."""

    measure: Measure = "presence"
    """What it counts: `traffic` is movement, `dwell` is staying, `presence` is both together."""


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
    """All that one camera's pipeline is told."""

    camera: str
    timezone: tzinfo
    """The shop's time zone, for titles and for totals that start at a time of day."""

    motion: MotionParams = field(default_factory=MotionParams)
    heats: tuple[HeatParams, ...] = DEFAULT_HEATS
    zones: tuple[ZoneParams, ...] = ()
    style: Style = field(default_factory=Style)
    new_epoch_when_moved: bool = True
    """A camera that was moved starts its heats anew; off for a recording, whose picture shows all of it."""


PointPair = tuple[float, float, float, float]
"""A mark on the floor: x and y from 0..1 of the camera's picture, then x and y on the plan in metres, all from the
top left."""


@dataclass(frozen=True, slots=True)
class PlanViewParams:
    """How one camera sees the floor of a plan."""

    camera: str
    points: tuple[PointPair, ...]
    """At least four, no three of some four on one line."""

    zones: tuple[ZoneParams, ...] = ()
    """The camera's: what it leaves out of its heat counts as not seen."""

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
    """Those that all its cameras keep."""

    timezone: tzinfo
    """The shop's time zone."""

    style: Style = field(default_factory=Style)


@dataclass(frozen=True, slots=True)
class BrokerParams:
    """Which broker, who we are, and how much may wait."""

    host: str
    port: int
    site: str
    prefix: str = "edgeheat"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_id: str = ""
    """Empty: `edgeheat-<site>`."""

    keepalive_s: int = 30
    """A broker that says nothing for twice as long counts as lost."""

    tls: bool = False
    ca_file: str | None = None
    """PEM; None: the system's certificate authorities."""

    cert_file: str | None = None
    """PEM of the client's certificate."""

    key_file: str | None = None
    """PEM of its key, not encrypted; None: it is in `cert_file`."""

    max_waiting: int = 1000
    """Topics of which the newest message is kept."""

    @property
    def status_topic(self) -> str:
        """Where birth, `offline` and the last will go."""
        return f"{self.prefix}/{self.site}/status"
