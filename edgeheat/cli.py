"""The command line: arguments and exit codes, nothing else.

Each command imports what it needs: `run` keeps a small process for years, which must not load what `render` needs.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from edgeheat import __version__
from edgeheat.config import (
    CameraSettings,
    Config,
    StyleSettings,
    build_config,
    load_config,
    override_style,
)
from edgeheat.config.types import parse_duration
from edgeheat.errors import ConfigError, EdgeheatError, SinkUnavailable
from edgeheat.redact import redact

if TYPE_CHECKING:
    from rich.progress import Progress

    from edgeheat.core.params import PipelineParams
    from edgeheat.doctor import Finding

FAILURE, USAGE, UNAVAILABLE, BAD_CONFIG, INTERRUPTED = 1, 2, 69, 78, 130
"""Exit codes besides 0; 69 and 78 are those of sysexits.h, and systemd does not restart after 78."""

_HELP = {"help_option_names": ["-h", "--help"]}
_DEMO_PORTS = range(8080, 8180)

app = typer.Typer(
    help="Heat maps of where people move, made under the shop's own ceiling.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=_HELP,
)
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True, context_settings=_HELP)
app.add_typer(config_app, name="config")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The configuration; else $EDGEHEAT_CONFIG, ./edgeheat.toml, /etc/edgeheat/config.toml."
    ),
]


def _say(text: str) -> None:
    """Write a line to stderr, without passwords."""
    typer.echo(redact(text), err=True)


@contextmanager
def _exit_codes() -> Iterator[None]:
    """Turn edgeheat's errors into lines on stderr and an exit code."""
    try:
        yield
    except ConfigError as error:
        for fault in error.faults:
            _say(fault)
        raise typer.Exit(BAD_CONFIG) from None
    except SinkUnavailable as error:
        _say(str(error))
        raise typer.Exit(UNAVAILABLE) from None
    except EdgeheatError as error:
        _say(str(error))
        raise typer.Exit(FAILURE) from None
    except KeyboardInterrupt:
        _say("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except ImportError as error:
        if error.name != "cv2" and "libG" not in str(error):
            raise
        from edgeheat.doctor import OPENCV_REMEDY

        _say(f"OpenCV does not load ({error}): {OPENCV_REMEDY}")
        raise typer.Exit(UNAVAILABLE) from None


@app.command()
def run(config: ConfigOption = None) -> None:
    """Watch the cameras until stopped (SIGTERM or Ctrl-C)."""
    with _exit_codes():
        settings = load_config(config, os.environ)
        from edgeheat.daemon import app as daemon

        raise typer.Exit(daemon.run(settings))


@app.command()
def demo(
    run_for: Annotated[str | None, typer.Option("--for", metavar="DURATION", help='Stop after so long: "60s".')] = None,
    storage: Annotated[Path, typer.Option(help="Folder for pictures and state.")] = Path("demo"),
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port of the status page; else 8080 or the next free one.")
    ] = None,
) -> None:
    """Watch a built-in synthetic shop with two cameras."""
    for_s = None if run_for is None else _duration("--for", run_for)
    with _exit_codes():
        settings = _demo_config(storage, port or _free_port())
        from edgeheat.daemon import app as daemon

        page = f"http://{settings.web.host}:{settings.web.port}"
        typer.echo(f"pictures:    {settings.storage_path / 'heatmaps'}")
        typer.echo(f"status page: {page}/")
        typer.echo(f"metrics:     {page}/metrics")
        typer.echo("The first pictures come within 20 seconds. Ctrl-C stops.")
        raise typer.Exit(daemon.run(settings, for_s))


def _duration(option: str, text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{option} {error}") from None


def _demo_config(storage: Path, port: int) -> Config:
    sources = {"shop": "synthetic:shop?seed=1&size=640x360", "checkout": "synthetic:checkout?seed=2&size=640x360"}
    cameras = [{"name": name, "source": source, "fps": 15} for name, source in sources.items()]
    tables = {
        "site": {"name": "demo"},
        "storage": {"path": str(storage)},
        "schedule": {"every": "10s"},
        "web": {"port": port},
        "camera": cameras,
    }
    # Only the demo's own settings count: no environment, no secret files.
    return build_config(tables, {})


def _free_port() -> int:
    for port in _DEMO_PORTS:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SinkUnavailable(f"no port from {_DEMO_PORTS[0]} to {_DEMO_PORTS[-1]} is free: name one with --port")


def _style(name: str) -> Any:
    """Return the option for a setting of [camera.style], with its description and default."""
    field = next(field for key, field in StyleSettings.model_fields.items() if (field.alias or key) == name)
    default = StyleSettings().model_dump(by_alias=True)[name]
    return typer.Option(help=field.description, show_default=str(default).lower(), rich_help_panel="Style")


@app.command()
def render(  # noqa: PLR0917
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A recording, a folder of pictures or synthetic:…")],
    image: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Heat map; its ending (.png, .jpg, .webp) decides the format."),
    ] = None,
    video: Annotated[Path | None, typer.Option(help="Video of the growing heat over each frame (.mp4).")] = None,
    grid: Annotated[Path | None, typer.Option(help="The figures themselves (.npz).")] = None,
    start: Annotated[int, typer.Option(min=0, help="Frames left out at the beginning.")] = 0,
    frames: Annotated[int | None, typer.Option(min=1, help="At most so many frames.")] = None,
    step: Annotated[int, typer.Option(min=1, help="Of each so many frames, the first.")] = 1,
    fps: Annotated[float | None, typer.Option(min=0.01, max=240, help="Of a folder of pictures or synthetic:.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Take the settings under defaults in this file.")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="With --config: take this camera's settings instead.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files; else names are counted up.")] = False,
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
    with _exit_codes():
        params = _render_params(source, config, camera, context.params)
        if image is None and video is None and grid is None:
            image = _beside(source, format or "png")
        from edgeheat import offline

        job = offline.RenderJob(
            source, params, image, video, grid, start, frames, step, fps, overwrite, video_quality=video_quality
        )
        with _progress_bar() as bar:
            task = bar.add_task("frames", total=None)
            done = offline.render(job, lambda count, total: bar.update(task, completed=count, total=total))
        for path in done.written:
            typer.echo(path)
        _say(f"{done.frames} frames, {done.observed_s:.1f} s observed")


def _render_params(source: str, config: Path | None, camera: str | None, options: dict[str, Any]) -> PipelineParams:
    """Return what the pipeline is told: the configuration's settings, with the style of the command line."""
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
        style = override_style(settings.style, {name: options[name] for name in names if options[name] is not None})
    except ConfigError as error:
        raise typer.BadParameter("; ".join("--" + fault.replace("_", "-", 1) for fault in error.faults)) from None
    name = camera or Path(source).stem or "recording"
    return settings.model_copy(update={"style": style}).params(name, file.timezone)


def _beside(source: str, image_format: str) -> Path:
    """Return the picture's name where none is given: beside the input, as `mg_heatmap` of the MGT does."""
    suffix = ".jpg" if image_format == "jpeg" else f".{image_format}"
    scheme, _, rest = source.partition(":")
    if scheme in {"file", "images"}:
        source = rest.removeprefix("//")
    elif scheme == "synthetic" or "://" in source:
        return Path(f"{scheme}_heatmap{suffix}")
    path = Path(source)
    path = path if path.name else path.resolve()
    return path.with_name(f"{path.stem}_heatmap{suffix}")


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


@config_app.command()
def check(config: ConfigOption = None) -> None:
    """Say every fault of the configuration, one a line; exit code 78 if there is any."""
    with _exit_codes():
        settings = load_config(config, os.environ)
        typer.echo(f"no faults; cameras: {', '.join(camera.name for camera in settings.camera)}")


@config_app.command()
def show(config: ConfigOption = None) -> None:
    """Print every setting that is in force, as TOML, with passwords masked."""
    with _exit_codes():
        typer.echo(load_config(config, os.environ).show(), nl=False)


@config_app.command()
def schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    typer.echo(json.dumps(Config.json_schema(), indent=2))


@app.command()
def doctor(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Look at everything edgeheat needs, cameras and broker too; exit code 1 if something is missing."""
    from edgeheat.daemon.clock import SystemClock
    from edgeheat.doctor import examine

    report = _print_json if as_json else _print_finding
    with _exit_codes():
        if not examine(config, os.environ, SystemClock(), report):
            raise typer.Exit(FAILURE)


_COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "failed": typer.colors.RED}


def _print_finding(finding: Finding) -> None:
    verdict = typer.style(f"{finding.verdict:8}", fg=_COLOURS[finding.verdict])
    typer.echo(f"{verdict} {finding.check}: {redact(finding.what)}")
    if finding.remedy:
        typer.echo(f"         → {finding.remedy}")


def _print_json(finding: Finding) -> None:
    fields = {name: getattr(finding, name) for name in ("check", "verdict", "what", "remedy")}
    typer.echo(json.dumps(fields | {"what": redact(finding.what)}, ensure_ascii=False))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"edgeheat {__version__}")
