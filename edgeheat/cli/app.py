"""The command line: arguments and exit codes, nothing else.

Each command imports what it needs: `run` keeps a small process for years, which must not load what `render` needs.
"""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeheat import __version__
from edgeheat.cli import offline
from edgeheat.cli.base import FAILURE, ConfigOption, exit_codes, say
from edgeheat.config import Config, build_config, load_config
from edgeheat.config.types import parse_duration
from edgeheat.errors import StartupError
from edgeheat.redact import redact

if TYPE_CHECKING:
    from edgeheat.doctor.finding import Finding

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


@app.command()
def run(config: ConfigOption = None) -> None:
    """Watch the cameras until stopped (SIGTERM or Ctrl-C)."""
    with exit_codes():
        # A box that comes back after a power cut must count, also when somebody has taken away a plan's picture.
        settings = load_config(config, os.environ, images_required=False)
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
    with exit_codes():
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
    raise StartupError(f"no port from {_DEMO_PORTS[0]} to {_DEMO_PORTS[-1]} is free: name one with --port")


app.command()(offline.render)
app.command()(offline.tune)


@app.command()
def reset(  # noqa: PLR0917
    camera: Annotated[str, typer.Argument(help="Name of the camera.")],
    flicker: Annotated[
        bool, typer.Option("--flicker", help="Forget which places the flicker mask leaves out.")
    ] = False,
    moved: Annotated[
        bool, typer.Option("--moved", help="Take its present view as right: the camera was moved.")
    ] = False,
    heat: Annotated[bool, typer.Option("--heat", help="Empty its heats.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Empty the heats without asking first.")] = False,
    storage: Annotated[
        Path | None, typer.Option(help="Storage folder of the edgeheat that runs; else the configuration's.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Have the edgeheat that runs here forget what it has learnt or counted of a camera."""
    if not (flicker or moved or heat):
        raise typer.BadParameter("say what to reset: --flicker, --moved or --heat")
    with exit_codes():
        settings = load_config(config, os.environ, images_required=False)
        known = [one.name for one in settings.camera]
        if camera not in known:
            raise typer.BadParameter(f"{camera}: the configuration has {', '.join(known)}")
        if heat and not yes:
            typer.confirm(f"Empty all heats of {camera}? What they counted is gone for good.", abort=True, err=True)
        from edgeheat.daemon.requests import write_request
        from edgeheat.defs.commands import Reset

        path = write_request((storage or settings.storage_path) / "state", camera, Reset(flicker, moved, heat))
        say(f"{path}: taken up when edgeheat runs and {camera} is online, within a day; its log says when")


@config_app.command()
def check(config: ConfigOption = None) -> None:
    """Say every fault of the configuration, one a line; exit code 78 if there is any."""
    with exit_codes():
        settings = load_config(config, os.environ)
        typer.echo(f"no faults; cameras: {', '.join(camera.name for camera in settings.camera)}")


@config_app.command()
def show(config: ConfigOption = None) -> None:
    """Print every setting that is in force, as TOML, with passwords masked."""
    with exit_codes():
        typer.echo(load_config(config, os.environ).show(), nl=False)


@config_app.command()
def schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    typer.echo(json.dumps(Config.json_schema(), indent=2))


app.command()(offline.plan)


@app.command()
def doctor(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Look at everything edgeheat needs, cameras and broker too; exit code 1 if something is missing."""
    from edgeheat.daemon.clock import SystemClock
    from edgeheat.doctor.examine import examine

    report = _print_json if as_json else _print_finding
    with exit_codes():
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
