"""Options that `edgeheat render` and `edgeheat tune` share, and the pipeline parameters that follow from them."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeheat.config import CameraSettings, Config, MotionSettings, StyleSettings, load_config, override_style
from edgeheat.config.types import NAME_PATTERN, NAME_RULE
from edgeheat.errors import ConfigError

if TYPE_CHECKING:
    from edgeheat.defs.params import PipelineParams


def setting_option(table: type[MotionSettings | StyleSettings], name: str) -> Any:
    """Return the option for a setting of [camera.motion] or [camera.style], with its description and default."""
    field = next(field for key, field in table.model_fields.items() if (field.alias or key) == name)
    default = table().model_dump(by_alias=True)[name]
    panel = table.__name__.removesuffix("Settings")
    return typer.Option(help=field.description, show_default=str(default).lower(), rich_help_panel=panel)


InputArgument = Annotated[
    str, typer.Argument(metavar="INPUT", help="A recording, a folder of pictures or a synthetic: scene.")
]
StartOption = Annotated[int, typer.Option(min=0, help="Skip this many frames at the beginning.")]
FramesOption = Annotated[int | None, typer.Option(min=1, help="Use at most this many frames.")]
StepOption = Annotated[int, typer.Option(min=1, help="Use only every Nth frame.")]
FpsOption = Annotated[
    float | None,
    typer.Option(min=0.0001, max=240, help="Frame rate; for a recording it replaces the times in the file."),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Use the settings under defaults in this file.")
]
CameraOption = Annotated[
    str | None, typer.Option(help="With --config: use the settings of this camera, not the defaults.")
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace existing files instead of adding a number to the name.")
]


def pipeline_params_from_options(
    source: str, config: Path | None, camera: str | None, options: dict[str, Any]
) -> PipelineParams:
    """Return the parameters of the pipeline: the configuration's settings, overridden by those of the command line.

    `options` has values by the names of the settings in the file, None for an option that was not given.
    """
    if camera is not None and config is None:
        raise typer.BadParameter("--camera needs --config, which names the camera")
    file = Config() if config is None else load_config(config, os.environ, cameras_required=False)
    camera_settings: CameraSettings = file.defaults
    if camera is not None:
        known = {settings.name: settings for settings in file.camera}
        if camera not in known:
            raise typer.BadParameter(f"--camera {camera}: {config} has {', '.join(known) or 'none'}")
        camera_settings = known[camera]
    return _overridden(camera_settings, options).params(camera or Path(source).stem or "recording", file.timezone)


def camera_params_from_options(file: Config, camera: str, options: dict[str, Any]) -> PipelineParams:
    """Return the parameters of a camera of the configuration, or of one that it does not have: then the defaults.

    It counts in the shop's opening hours. `options` are as for `pipeline_params_from_options`.
    """
    if not re.fullmatch(NAME_PATTERN, camera):
        raise typer.BadParameter(f'"{camera}" cannot be the name of a camera: {NAME_RULE}')
    settings: CameraSettings = next((known for known in file.camera if known.name == camera), file.defaults)
    params = _overridden(settings, options).params(camera, file.timezone)
    return replace(params, hours=file.hours.opening_hours())


def _overridden(settings: CameraSettings, options: dict[str, Any]) -> CameraSettings:
    names = [field.alias or name for name, field in StyleSettings.model_fields.items()]
    try:
        style = override_style(settings.style, {name: options[name] for name in names if options.get(name) is not None})
    except ConfigError as error:
        raise typer.BadParameter("; ".join("--" + line.replace("_", "-", 1) for line in error.errors)) from None
    motion = {name: options[name] for name in ("subtractor", "feet") if options.get(name) is not None}
    updates = {"style": style, "motion": settings.motion.model_copy(update=motion)}
    return settings.model_copy(update=updates)


def default_output(source: str, what: str, suffix: str) -> Path:
    """Return the default name of a picture: beside the input, named as the Musical Gestures Toolbox does."""
    scheme, _, rest = source.partition(":")
    if scheme in {"file", "images"}:
        source = rest.removeprefix("//")
    elif scheme == "synthetic" or "://" in source:
        return Path(f"{scheme}_{what}{suffix}")
    path = Path(source)
    path = path if path.name else path.resolve()
    return path.with_name(f"{path.stem}_{what}{suffix}")
