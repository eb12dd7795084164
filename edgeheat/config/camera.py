"""Every setting of a camera: its source, how motion is judged, which heats are kept, how they are drawn, its zones."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, model_validator

from edgeheat.config.sources import with_login
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

_MOTION, _STYLE = MotionParams(), Style()


class Table(BaseModel):
    """A table of config.toml; the name of a setting is its alias where the attribute's name carries a unit."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class MotionSettings(Table):
    """How motion is judged."""

    grid_width: Annotated[int, Field(ge=16, le=1920)] = _MOTION.grid_width
    """Cells across the picture; the height follows the picture's shape."""

    analysis_fps: Annotated[float, Field(gt=0, le=60)] = _MOTION.analysis_fps
    """At most so many frames a second are looked at."""

    max_gap_s: Annotated[Duration, Field(ge=0.1, le=60)] = Field(default=_MOTION.max_gap_s, alias="max_gap")
    """A longer pause between two analysed frames counts as not observed."""

    bootstrap_s: Annotated[Duration, Field(ge=0, le=300)] = Field(default=_MOTION.bootstrap_s, alias="bootstrap")
    """The first seconds, kept in memory until the empty background can be told, and counted then."""

    subtractor: Subtractor = _MOTION.subtractor
    """Which of OpenCV's background models tells what changes; all go through the same checks afterwards."""

    history_s: Annotated[Duration, Field(ge=1, le=86400)] = Field(default=_MOTION.history_s, alias="history")
    """Time constant of the background model: what stands still for longer becomes background."""

    var_threshold: Annotated[float, Field(gt=0, le=1000)] = _MOTION.var_threshold
    """Squared distance from the background, in variances, from which a cell is foreground; higher is less sensitive."""

    detect_shadows: bool = _MOTION.detect_shadows
    """Tell shadows from objects; shadow cells never count."""

    open_cells: Annotated[int, Field(ge=0, le=31)] = _MOTION.open_cells
    """Size of the opening that removes specks, in cells; 0 for none."""

    close_cells: Annotated[int, Field(ge=0, le=31)] = _MOTION.close_cells
    """Size of the closing that fills holes, in cells; 0 for none."""

    min_blob_cells: Annotated[int, Field(ge=0, le=10000)] = _MOTION.min_blob_cells
    """A blob of fewer cells is noise; at the lower edge of the picture, where people are near and large."""

    min_blob_far_cells: Annotated[int, Field(ge=0, le=10000)] | None = _MOTION.min_blob_far_cells
    """The same at the upper edge, where they are far and small; left out: as at the lower edge."""

    light_gate: bool = _MOTION.light_gate
    """Leave out the moments in which the light changed and not the people: lamps, exposure, night switch."""

    flicker_mask: bool = _MOTION.flicker_mask
    """Learn which places change for minutes on end (a screen, a sign, a plant) and leave them out until they calm."""

    dwell_max_s: Annotated[Duration, Field(ge=10, le=86400)] = Field(default=_MOTION.dwell_max_s, alias="dwell_max")
    """Whoever stays for longer without ever leaving the place counts as furniture from then on."""

    furniture_s: Annotated[Duration, Field(ge=5, le=86400)] = Field(default=_MOTION.furniture_s, alias="furniture")
    """What came and has not stirred at all for so long, such as a pallet, is furniture; its stay is not counted."""

    feet: bool = _MOTION.feet
    """Put the heat of each person to their lower edge: where they stand, and not where their head is seen."""

    @model_validator(mode="after")
    def _looks_often_enough(self) -> MotionSettings:
        if self.analysis_fps * self.max_gap_s < 1.0:
            raise ValueError(
                f"has analysis_fps {self.analysis_fps:g}, one look in {1 / self.analysis_fps:g} s, and max_gap "
                f"{duration_text(self.max_gap_s)}, so that every look would count as a gap; make one of them larger"
            )
        return self

    @model_validator(mode="after")
    def _grows_towards_the_camera(self) -> MotionSettings:
        if self.min_blob_far_cells is not None and self.min_blob_far_cells > self.min_blob_cells:
            raise ValueError(
                f"has min_blob_far_cells {self.min_blob_far_cells} above min_blob_cells {self.min_blob_cells}; "
                "people far away are smaller: make it at most as large"
            )
        return self

    def params(self) -> MotionParams:
        """Return the engine's form of these settings."""
        return MotionParams(**dict(self))


class HeatSettings(Table):
    """One heat to keep, named by its table: [camera.heats.NAME]."""

    kind: HeatKind
    """`decaying` fades, `window` is exactly the last length, `total` only grows."""

    half_life_s: Annotated[Duration, Field(ge=1)] | None = Field(default=None, alias="half_life")
    """Of a decaying heat: after so long, motion counts half."""

    # What a cell counts in a window is kept as milliseconds in 32 bits, which is 49 days.
    length_s: Annotated[Duration, Field(ge=60, le=31 * 86400)] | None = Field(default=None, alias="length")
    """Of a window: how far it reaches back, at most 31 days."""

    since: TimeOfDay | None = None
    """Of a total: the local time of day at which it starts anew; left out: never."""

    measure: Measure = Field(default="presence", alias="of")
    """What it counts: `traffic` is movement, `dwell` is staying, `presence` is both together."""

    @model_validator(mode="after")
    def _fits_kind(self) -> HeatSettings:
        wanted = {"decaying": "half_life", "window": "length"}.get(self.kind)
        given = {"half_life": self.half_life_s, "length": self.length_s, "since": self.since}
        if wanted and given[wanted] is None:
            raise ValueError(f'is of kind "{self.kind}" and lacks {wanted}; add {wanted} = "1h", say')
        for key, value in given.items():
            if value is not None and key not in {wanted, "since" if self.kind == "total" else None}:
                raise ValueError(f'is of kind "{self.kind}", which has no {key}; leave it out')
        return self

    def params(self, name: str) -> HeatParams:
        """Return the engine's form of these settings."""
        return HeatParams(name, self.kind, self.half_life_s or self.length_s or 0.0, self.since, self.measure)


def _default_heats() -> dict[str, HeatSettings]:
    lengths = {"decaying": "half_life", "window": "length"}
    return {
        heat.name: HeatSettings.model_validate(
            {"kind": heat.kind, lengths[heat.kind]: duration_text(heat.length_s), "of": heat.measure}
        )
        for heat in DEFAULT_HEATS
    }


class StyleSettings(Table):
    """How a heat is drawn; names and meanings follow `mg_heatmap` of the Musical Gestures Toolbox where it has them."""

    colormap: Colormap = _STYLE.colormap
    """Any matplotlib colormap name."""

    overlay: bool = _STYLE.overlay
    """On the dimmed background; else the bare heat on black."""

    alpha: Annotated[float, Field(ge=0, le=1)] = _STYLE.alpha
    """Greatest opacity of the heat; a pixel's opacity follows its heat."""

    background: Literal["grey", "colour"] = _STYLE.background
    """The background in grey or in colour."""

    background_dim: Annotated[float, Field(ge=0, le=1)] = _STYLE.background_dim
    """Brightness of the background, 0 black to 1 unchanged."""

    blur: Annotated[float, Field(ge=0, le=50)] = _STYLE.blur
    """Gaussian radius in grid cells put on the heat before it is drawn; 0 for none."""

    normalize: bool = _STYLE.normalize
    """The hottest place takes the top of the colormap; else `vmax` does."""

    vmax_s: Annotated[Duration, Field(gt=0)] = Field(default=_STYLE.vmax_s, alias="vmax")
    """Time in motion at the top of the colormap where `normalize` is off."""

    gamma: Annotated[float, Field(gt=0, le=10)] = _STYLE.gamma
    """Exponent on the heat from 0 to 1; below 1 lifts faint motion."""

    legend: bool = _STYLE.legend
    """Draw a colour scale in motion-seconds."""

    title: bool = _STYLE.title
    """Write camera, period, local time and coverage on the picture."""

    max_width: Annotated[int, Field(ge=160, le=7680)] = _STYLE.max_width
    """The picture has the camera's size, but is never wider than this."""

    format: ImageFormat = _STYLE.format
    """Kind of picture file."""

    quality: Annotated[int, Field(ge=1, le=100)] = _STYLE.quality
    """Of JPEG and WebP."""

    def params(self) -> Style:
        """Return the engine's form of these settings."""
        return Style(**dict(self))


class ZoneSettings(Table):
    """A polygon of the picture: [[camera.zone]]."""

    name: ZoneName
    """Name in figures, topics and metrics; `all` is taken: it is the whole picture."""

    kind: ZoneKind = "zone"
    """`zone` is counted by itself; motion counts only inside `include` and never inside `ignore`; `privacy` is blacked
    out before anything else sees the picture."""

    polygon: Polygon
    """Corners [x, y] in order round the edge, from 0 to 1 of the picture's width and height, from its top left."""

    weight: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """How much the zone's heat counts where zones are ranked: 2 for a place worth twice the attention, 0 for last."""

    @model_validator(mode="after")
    def _only_zones_are_ranked(self) -> ZoneSettings:
        if self.kind != "zone" and self.weight != 1.0:
            raise ValueError(f'is of kind "{self.kind}", which has no weight; leave it out')
        return self

    def params(self) -> ZoneParams:
        """Return the engine's form of these settings."""
        return ZoneParams(self.name, self.kind, self.polygon, self.weight)


class CameraSettings(Table):
    """What every camera may have, and [defaults] may give to all."""

    username: str = ""
    """User to log in to the camera as, taken as it stands; put into a `source` URL that has none."""

    password: SecretStr = SecretStr("")
    """Password of that user, taken as it stands; better kept in a secret file `camera-NAME-password`."""

    rtsp_transport: Literal["tcp", "udp"] = "tcp"
    """How an RTSP camera sends."""

    loop: bool = False
    """A recording or folder of pictures starts again at its end."""

    fps: Annotated[float, Field(gt=0, le=240)] | None = None
    """Pictures a second of a folder of pictures or of `synthetic:`; left out: their own, or 25."""

    motion: MotionSettings = MotionSettings()
    """How motion is judged."""

    heats: Annotated[dict[Name, HeatSettings], Field(min_length=1)] = Field(default_factory=_default_heats)
    """The heats to keep; giving any replaces all of the built-in ones."""

    style: StyleSettings = StyleSettings()
    """How a heat is drawn."""

    zone: tuple[ZoneSettings, ...] = ()
    """Zones and masks of the picture."""

    def params(self, camera: str, timezone: tzinfo) -> PipelineParams:
        """Return what the pipeline of a camera or recording named `camera` is told, in the shop's `timezone`."""
        return PipelineParams(
            camera=camera,
            timezone=timezone,
            motion=self.motion.params(),
            heats=tuple(heat.params(name) for name, heat in self.heats.items()),
            zones=tuple(zone.params() for zone in self.zone),
            style=self.style.params(),
        )


class Camera(CameraSettings):
    """One camera: [[camera]]."""

    name: Name
    """Name of the camera in pictures, topics and metrics; each once."""

    source: Annotated[str, Field(min_length=1)] = Field(repr=False)
    """Where it comes from: rtsp://, rtsps://, http:// or https:// URL, /dev/video0, a file, a folder of pictures or
    `synthetic:shop`; ${VAR} is replaced from the environment."""

    _expanded_source: str = PrivateAttr("")

    def set_expanded_source(self, source: str) -> None:
        """Keep the source with ${VAR} replaced; the configuration's reader calls this once."""
        self._expanded_source = source

    def source_url(self) -> str:
        """Return the source with ${VAR} replaced and with username and password in it; a secret: never log it."""
        source = self._expanded_source or self.source
        return with_login(source, self.username, self.password.get_secret_value())

    def pipeline_params(self, timezone: tzinfo) -> PipelineParams:
        """Return what this camera's pipeline is told; `timezone` is the shop's."""
        return self.params(self.name, timezone)
