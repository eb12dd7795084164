"""The commands that look at recordings and plans: `render`, `tune` and `plan`; arguments only."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from edgeheat.cli.base import ConfigOption, exit_codes, say
from edgeheat.config import CameraSettings, Config, MotionSettings, StyleSettings, load_config, override_style
from edgeheat.defs.params import Measure, Subtractor
from edgeheat.errors import ConfigError

if TYPE_CHECKING:
    from rich.progress import Progress

    from edgeheat.defs.params import PipelineParams
    from edgeheat.offline.render import RenderResult

_MUCH_RATIO = 0.9


def _setting(table: type[MotionSettings | StyleSettings], name: str) -> Any:
    """Return the option for a setting of [camera.motion] or [camera.style], with its description and default."""
    field = next(field for key, field in table.model_fields.items() if (field.alias or key) == name)
    default = table().model_dump(by_alias=True)[name]
    panel = table.__name__.removesuffix("Settings")
    return typer.Option(help=field.description, show_default=str(default).lower(), rich_help_panel=panel)


def _style(name: str) -> Any:
    return _setting(StyleSettings, name)


# What `render` and `tune` both take.
_Input = Annotated[str, typer.Argument(metavar="INPUT", help="A recording, a folder of pictures or synthetic:…")]
_Start = Annotated[int, typer.Option(min=0, help="Frames left out at the beginning.")]
_Frames = Annotated[int | None, typer.Option(min=1, help="At most so many frames.")]
_Step = Annotated[int, typer.Option(min=1, help="Of each so many frames, the first.")]
_Fps = Annotated[float | None, typer.Option(min=0.01, max=240, help="Of a folder of pictures or synthetic:.")]
_Config = Annotated[Path | None, typer.Option("--config", "-c", help="Take the settings under defaults in this file.")]
_Camera = Annotated[str | None, typer.Option(help="With --config: take this camera's settings instead.")]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files; else names are counted up.")]


def render(  # noqa: PLR0917
    context: typer.Context,
    source: _Input,
    image: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Heat map; its ending (.png, .jpg, .webp) decides the format."),
    ] = None,
    video: Annotated[Path | None, typer.Option(help="Video of the growing heat over each frame (.mp4).")] = None,
    grid: Annotated[Path | None, typer.Option(help="The figures themselves (.npz).")] = None,
    start: _Start = 0,
    frames: _Frames = None,
    step: _Step = 1,
    fps: _Fps = None,
    config: _Config = None,
    camera: _Camera = None,
    overwrite: _Overwrite = False,
    measure: Annotated[
        Measure,
        typer.Option("--of", help="What the heat counts: traffic is movement, dwell is staying, presence is both."),
    ] = "presence",
    subtractor: Annotated[Subtractor | None, _setting(MotionSettings, "subtractor")] = None,
    feet: Annotated[bool | None, _setting(MotionSettings, "feet")] = None,
    video_quality: Annotated[int, typer.Option(min=0, max=51, help="x264's CRF: lower is better and larger.")] = 23,
    colormap: Annotated[str | None, _style("colormap")] = None,
    overlay: Annotated[bool | None, _style("overlay")] = None,
    alpha: Annotated[float | None, _style("alpha")] = None,
    background: Annotated[Literal["grey", "colour"] | None, _style("background")] = None,
    background_dim: Annotated[float | None, _style("background_dim")] = None,
    blur: Annotated[float | None, _style("blur")] = None,
    normalize: Annotated[bool | None, _style("normalize")] = None,
    vmax: Annotated[str | None, _style("vmax")] = None,
    gamma: Annotated[float | None, _style("gamma")] = None,
    legend: Annotated[bool | None, _style("legend")] = None,
    title: Annotated[bool | None, _style("title")] = None,
    max_width: Annotated[int | None, _style("max_width")] = None,
    format: Annotated[Literal["png", "jpeg", "webp"] | None, _style("format")] = None,
    quality: Annotated[int | None, _style("quality")] = None,
) -> None:
    """Make the heat map of a recording; without -o, --video and --grid beside the input, as INPUT_heatmap.png."""
    # Long because every option is a parameter.
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what is half done is cleaned up
    with exit_codes():
        params = _render_params(source, config, camera, context.params)
        if image is None and video is None and grid is None:
            image = _beside(source, "heatmap", ".jpg" if format == "jpeg" else f".{format or 'png'}")
        from edgeheat.offline import render as engine

        job = engine.RenderJob(
            source,
            params,
            image,
            video,
            grid,
            start,
            frames,
            step,
            fps,
            overwrite,
            video_quality=video_quality,
            measure=measure,
        )
        with _progress_bar() as bar:
            task = bar.add_task("frames", total=None)
            done = engine.render(job, lambda count, total: bar.update(task, completed=count, total=total))
        for path in done.written:
            typer.echo(path)
        say(f"{done.frames} frames, {done.observed_s:.1f} of {done.length_s:.1f} s observed{_why_less(done)}")


def _why_less(done: RenderResult) -> str:
    """Return where to look when much of a recording was not counted."""
    return "; edgeheat tune shows why not all of it" if done.observed_s < _MUCH_RATIO * done.length_s else ""


def tune(  # noqa: PLR0917
    source: _Input,
    sheet: Annotated[
        Path | None, typer.Option("-o", "--output", help="Contact sheet (.jpg, .png); else INPUT_tune.jpg.")
    ] = None,
    video: Annotated[Path | None, typer.Option(help="The same for every analysed frame (.mp4).")] = None,
    start: _Start = 0,
    frames: _Frames = None,
    step: _Step = 1,
    fps: _Fps = None,
    config: _Config = None,
    camera: _Camera = None,
    overwrite: _Overwrite = False,
    subtractor: Annotated[Subtractor | None, _setting(MotionSettings, "subtractor")] = None,
) -> None:
    """Show what counts in a recording, what is left out and why, and suggest settings, as TOML on stdout."""
    # SIGTERM as Ctrl-C: what is half done is cleaned up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with exit_codes():
        params = _render_params(source, config, camera, {"subtractor": subtractor})
        from edgeheat.offline.tuning import tune as aid
        from edgeheat.offline.tuning.advice import as_toml

        output = sheet or _beside(source, "tune", ".jpg")
        job = aid.TuneJob(source, params, output, video, start, frames, step, fps, overwrite)
        with _progress_bar() as bar:
            task = bar.add_task("frames", total=None)
            done = aid.tune(job, lambda count, total: bar.update(task, completed=count, total=total))
        # All of it is TOML, so that it can be kept as it comes.
        for line in (*map(str, done.written), "", *aid.table(done.summary, done.warnings), ""):
            typer.echo(f"# {line}".rstrip())
        typer.echo(as_toml(done.advice), nl=False)


def _render_params(source: str, config: Path | None, camera: str | None, options: dict[str, Any]) -> PipelineParams:
    """Return what the pipeline is told: the configuration's settings, with those of the command line on top."""
    if camera is not None and config is None:
        raise typer.BadParameter("--camera needs --config, in which the camera is named")
    file = Config() if config is None else load_config(config, os.environ, cameras_required=False)
    settings: CameraSettings = file.defaults
    if camera is not None:
        known = {one.name: one for one in file.camera}
        if camera not in known:
            raise typer.BadParameter(f"--camera {camera}: {config} has {', '.join(known) or 'none'}")
        settings = known[camera]
    names = [field.alias or name for name, field in StyleSettings.model_fields.items()]
    try:
        style = override_style(settings.style, {name: options[name] for name in names if options.get(name) is not None})
    except ConfigError as error:
        raise typer.BadParameter("; ".join("--" + fault.replace("_", "-", 1) for fault in error.faults)) from None
    motion = {name: options[name] for name in ("subtractor", "feet") if options.get(name) is not None}
    settings = settings.model_copy(update={"style": style, "motion": settings.motion.model_copy(update=motion)})
    return settings.params(camera or Path(source).stem or "recording", file.timezone)


def _beside(source: str, what: str, suffix: str) -> Path:
    """Return the picture's name where none is given: beside the input, as `mg_heatmap` of the MGT does."""
    scheme, _, rest = source.partition(":")
    if scheme in {"file", "images"}:
        source = rest.removeprefix("//")
    elif scheme == "synthetic" or "://" in source:
        return Path(f"{scheme}_{what}{suffix}")
    path = Path(source)
    path = path if path.name else path.resolve()
    return path.with_name(f"{path.stem}_{what}{suffix}")


def _progress_bar() -> Progress:
    """Return a bar that shows itself on a terminal only, and goes away when the work is done or has failed."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class SpeedColumn(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.0f} fps" if task.speed else "")

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("frames"), SpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def plan(
    name: Annotated[str | None, typer.Argument(help="Name of the plan, where there are several.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Picture to write, or to replace.")] = Path("plan.jpg"),
    config: ConfigOption = None,
) -> None:
    """Lay what the cameras of a floor plan see now onto it, with the measured points, to check them."""
    from edgeheat.daemon.clock import SystemClock

    with exit_codes():
        settings = load_config(config, os.environ)
        from edgeheat.offline.plan import check_plan

        written, warnings = check_plan(settings, name, output, SystemClock())
        for warning in warnings:
            say(warning)
        typer.echo(written)
