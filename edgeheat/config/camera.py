"""Settings of one camera, checked: source, login, motion detection, heats, drawing style and zones."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from edgeheat.config.settings_table import SettingsTable
from edgeheat.config.source_url import with_login
from edgeheat.config.types import Colormap, Duration, Name, Polygon, TimeOfDay, ZoneName, duration_text
from edgeheat.defs.params import (
    DEFAULT_HEATS,
    HeatKind,
    HeatParams,
    ImageFormat,
    Measure,
    MotionParams,
    PipelineParams,
    Style,
    Subtractor,
    ZoneKind,
    ZoneParams,
)

_MOTION = MotionParams()
_STYLE = Style()


class MotionSettings(SettingsTable):
    """How motion is detected: [camera.motion]."""

    grid_width: Annotated[int, Field(ge=16, le=1920)] = _MOTION.grid_width
    """Width of the grid in cells; the height follows the picture's aspect ratio."""

    analysis_fps: Annotated[float, Field(gt=0, le=60)] = _MOTION.analysis_fps
    """At most this many frames per second are analysed."""

    max_gap_s: Annotated[Duration, Field(ge=0.1, le=60)] = Field(default=_MOTION.max_gap_s, alias="max_gap")
    """A longer pause between two analysed frames counts as not observed."""

    bootstrap_s: Annotated[Duration, Field(ge=0, le=300)] = Field(default=_MOTION.bootstrap_s, alias="bootstrap")
    """Length of the start phase: its frames are kept in memory until the background model exists, and counted then."""

    subtractor: Subtractor = _MOTION.subtractor
    """OpenCV's background subtractor; shadows, specks, flicker and static objects are rejected after each of them."""

    history_s: Annotated[Duration, Field(ge=1, le=86400)] = Field(default=_MOTION.history_s, alias="history")
    """Time constant of the background subtractor: how fast its background model follows changes of the scene."""

    var_threshold: Annotated[float, Field(gt=0, le=1000)] = _MOTION.var_threshold
    """Threshold on the squared Mahalanobis distance of a cell from the background; higher is less sensitive."""

    detect_shadows: bool = _MOTION.detect_shadows
    """Distinguish shadows from people; shadow cells never count."""

    open_cells: Annotated[int, Field(ge=0, le=31)] = _MOTION.open_cells
    """Size of the opening that removes specks, in cells; 0 for none."""

    close_cells: Annotated[int, Field(ge=0, le=31)] = _MOTION.close_cells
    """Size of the closing that fills holes, in cells; 0 for none."""

    min_blob_cells: Annotated[int, Field(ge=0, le=10000)] = _MOTION.min_blob_cells
    """Smallest number of cells of a blob at the lower edge of the picture, where people are large; smaller is noise."""

    min_blob_far_cells: Annotated[int, Field(ge=0, le=10000)] | None = _MOTION.min_blob_far_cells
    """The same at the upper edge, where people are small; linear in between. Not set: as at the lower edge."""

    light_gate: bool = _MOTION.light_gate
    """Do not count while the light of the whole picture changes: lamps, exposure, night switch."""

    flicker_mask: bool = _MOTION.flicker_mask
    """Learn which cells change for minutes without a break (a screen, a sign, a plant) and reject what is mostly in
    them until they are still."""

    screen_text: bool = _MOTION.screen_text
    """Find the camera's own clock in the picture, and replace it by what surrounds it."""

    dwell_max_s: Annotated[Duration, Field(ge=10, le=86400)] = Field(default=_MOTION.dwell_max_s, alias="dwell_max")
    """Longest stay that counts as a person's, with or without micro-motion; anything present for longer is treated as a
    static object."""

    furniture_s: Annotated[Duration, Field(ge=5, le=86400)] = Field(default=_MOTION.furniture_s, alias="furniture")
    """Anything new without micro-motion for this duration, such as a pallet, is treated as a static object; its time
    counts only if it leaves again within `dwell_max`."""

    feet: bool = _MOTION.feet
    """Assign the heat of each person to their lower edge: where they stand, not where their head is seen."""

    @model_validator(mode="after")
    def _check_max_gap(self) -> MotionSettings:
        if self.analysis_fps * self.max_gap_s < 1.0:
            raise ValueError(
                f"has analysis_fps {self.analysis_fps:g}, one frame in {1 / self.analysis_fps:g} s, and max_gap "
                f"{duration_text(self.max_gap_s)}, so that every pause would count as a gap; increase one of them"
            )
        return self

    @model_validator(mode="after")
    def _check_blob_sizes(self) -> MotionSettings:
        if self.min_blob_far_cells is not None and self.min_blob_far_cells > self.min_blob_cells:
            raise ValueError(
                f"has min_blob_far_cells {self.min_blob_far_cells} above min_blob_cells {self.min_blob_cells}; "
                "people far away look smaller: do not set it higher"
            )
        return self

    def params(self) -> MotionParams:
        """Return these settings as parameters of the engine."""
        return MotionParams(**dict(self))


class HeatSettings(SettingsTable):
    """One heat, named by its table: [camera.heats.NAME]."""

    kind: HeatKind
    """`decaying` fades, `window` covers the last `length` to within a sixtieth, `total` only grows."""

    half_life_s: Annotated[Duration, Field(ge=1)] | None = Field(default=None, alias="half_life")
    """Decaying heats: after this time, motion counts half."""

    # The cells of a window are milliseconds in 32 bits, which overflow after 49 days.
    length_s: Annotated[Duration, Field(ge=60, le=31 * 86400)] | None = Field(default=None, alias="length")
    """Window heats: length of the window, at most 31 days."""

    since: TimeOfDay | None = None
    """Total heats: local time of day at which the heat restarts from zero; not set: never."""

    measure: Measure = Field(default="presence", alias="of")
    """What it measures: `traffic` is movement, `dwell` is staying, `presence` is both together."""

    @model_validator(mode="after")
    def _check_keys_of_kind(self) -> HeatSettings:
        required_key = {"decaying": "half_life", "window": "length"}.get(self.kind)
        values = {"half_life": self.half_life_s, "length": self.length_s, "since": self.since}
        if required_key and values[required_key] is None:
            raise ValueError(
                f'is of kind "{self.kind}" and needs {required_key}; add, for example, {required_key} = "1h"'
            )
        for key, value in values.items():
            if value is not None and key not in {required_key, "since" if self.kind == "total" else None}:
                raise ValueError(f'is of kind "{self.kind}", which has no {key}; remove it')
        return self

    def params(self, name: str) -> HeatParams:
        """Return these settings as parameters of the engine."""
        return HeatParams(name, self.kind, self.half_life_s or self.length_s or 0.0, self.since, self.measure)


def _default_heats() -> dict[str, HeatSettings]:
    lengths = {"decaying": "half_life", "window": "length"}
    return {
        heat.name: HeatSettings.model_validate(
            {"kind": heat.kind, lengths[heat.kind]: duration_text(heat.length_s), "of": heat.measure}
        )
        for heat in DEFAULT_HEATS
    }


class StyleSettings(SettingsTable):
    """How a heat is drawn: [camera.style]; names and meanings follow `mg_heatmap` of the Musical Gestures Toolbox."""

    colormap: Colormap = _STYLE.colormap
    """Any matplotlib colormap name."""

    overlay: bool = _STYLE.overlay
    """Draw on the dimmed picture of the scene; otherwise only the heat, on black."""

    alpha: Annotated[float, Field(ge=0, le=1)] = _STYLE.alpha
    """Greatest opacity of the heat; a pixel's opacity follows its heat."""

    background: Literal["grey", "colour"] = _STYLE.background
    """Draw the picture of the scene in grey or in colour."""

    background_dim: Annotated[float, Field(ge=0, le=1)] = _STYLE.background_dim
    """Brightness of that picture, 0 black to 1 unchanged."""

    blur: Annotated[float, Field(ge=0, le=50)] = _STYLE.blur
    """Radius of the Gaussian, in grid cells, that smooths the heat before it is drawn; 0 for none."""

    normalize: bool = _STYLE.normalize
    """The maximum of the heat is the top of the colormap; otherwise `vmax` is."""

    vmax_s: Annotated[Duration, Field(gt=0)] = Field(default=_STYLE.vmax_s, alias="vmax")
    """Seconds of heat at the top of the colormap if `normalize` is off."""

    gamma: Annotated[float, Field(gt=0, le=10)] = _STYLE.gamma
    """Exponent on the heat from 0 to 1; below 1 makes weak motion more visible."""

    legend: bool = _STYLE.legend
    """Draw a colour scale in seconds."""

    title: bool = _STYLE.title
    """Write camera, period, local time and coverage on the picture."""

    max_width: Annotated[int, Field(ge=160, le=7680)] = _STYLE.max_width
    """The picture has the camera's size, but is never wider than this."""

    format: ImageFormat = _STYLE.format
    """Format of the picture file."""

    quality: Annotated[int, Field(ge=1, le=100)] = _STYLE.quality
    """Quality of JPEG and WebP."""

    def params(self) -> Style:
        """Return these settings as parameters of the engine."""
        return Style(**dict(self))


class ZoneSettings(SettingsTable):
    """A polygon of the picture: [[camera.zone]]."""

    name: ZoneName
    """Name in statistics, topics and metrics; `all` is reserved for the whole picture."""

    kind: ZoneKind = "zone"
    """`zone` has statistics of its own; motion counts only inside `include` and never inside `ignore`; `privacy` is
    blacked out before any other processing."""

    polygon: Polygon
    """Corners [x, y] in order around the edge, from 0 to 1 of the picture's width and height, from its top left."""

    weight: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Factor for the ranking of zones: 2 for a place of twice the importance, 0 for last."""

    @model_validator(mode="after")
    def _check_weight(self) -> ZoneSettings:
        if self.kind != "zone" and self.weight != 1.0:
            raise ValueError(f'is of kind "{self.kind}", which has no weight; remove it')
        return self

    def params(self) -> ZoneParams:
        """Return these settings as parameters of the engine."""
        return ZoneParams(self.name, self.kind, self.polygon, self.weight)


class CameraSettings(SettingsTable):
    """The settings of a camera that [defaults] may set for all cameras: everything but name and source."""

    username: str = ""
    """User name for the camera's login, used literally; inserted into a `source` URL that has none."""

    password: SecretStr = SecretStr("")
    """Password of that user, used literally; preferably in a secret file `camera-NAME-password`."""

    rtsp_transport: Literal["tcp", "udp"] = "tcp"
    """Transport of an RTSP camera; one that rejects it is read over the other, with a warning."""

    loop: bool = False
    """Restart a recording or folder of pictures at its end."""

    fps: Annotated[float, Field(gt=0, le=240)] | None = None
    """Frames per second of a folder of pictures, of `synthetic:` or of a recording whose own times are wrong; not set:
    their own, or 25."""

    motion: MotionSettings = MotionSettings()
    """How motion is detected."""

    heats: Annotated[dict[Name, HeatSettings], Field(min_length=1)] = Field(default_factory=_default_heats)
    """The heats to keep; defining any replaces all built-in ones."""

    style: StyleSettings = StyleSettings()
    """How a heat is drawn."""

    zone: tuple[ZoneSettings, ...] = ()
    """Zones and masks of the picture."""

    def params(self, camera: str, timezone: tzinfo) -> PipelineParams:
        """Return the pipeline's parameters for a camera or recording named `camera` in the shop's `timezone`."""
        return PipelineParams(
            camera=camera,
            timezone=timezone,
            motion=self.motion.params(),
            heats=tuple(heat.params(name) for name, heat in self.heats.items()),
            zones=tuple(zone.params() for zone in self.zone),
            style=self.style.params(),
        )


class Camera(CameraSettings):
    """All settings of one camera: [[camera]]."""

    name: Name
    """Name of the camera in pictures, topics and metrics; unique."""

    source: Annotated[str, Field(min_length=1)] = Field(repr=False)
    """Origin of the frames: rtsp://, rtsps://, http:// or https:// URL, /dev/video0, a file, a folder of pictures or
    `synthetic:shop`; ${VAR} is replaced from the environment."""

    _expanded_source: str = PrivateAttr("")

    def set_expanded_source(self, source: str) -> None:
        """Store the source with ${VAR} replaced; called once, by `load_config` and `build_config`."""
        self._expanded_source = source

    def source_url(self) -> str:
        """Return the source with ${VAR} replaced and with username and password in it; a secret: never log it."""
        source = self._expanded_source or self.source
        return with_login(source, self.username, self.password.get_secret_value())

    def pipeline_params(self, timezone: tzinfo) -> PipelineParams:
        """Return the parameters of this camera's pipeline in the shop's `timezone`."""
        return self.params(self.name, timezone)
