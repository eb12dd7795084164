"""`edgeheat demo`: runs the daemon with two synthetic cameras, without any configuration."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

import typer

from edgeheat.cli.base import exit_codes
from edgeheat.config import Config, build_config
from edgeheat.config.types import parse_duration
from edgeheat.errors import StartupError

_PORTS = range(8080, 8180)
"""Ports of the status page, tried in this order if --port is not given."""


def demo(
    run_for: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help='Stop after this time, such as "60s".')
    ] = None,
    storage: Annotated[Path, typer.Option(help="Folder for pictures and state.")] = Path("demo"),
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, show_default="the first free one from 8080", help="Port of the status page."),
    ] = None,
) -> None:
    """Watch a built-in synthetic shop with two cameras."""
    for_s = None if run_for is None else _duration_s("--for", run_for)
    with exit_codes():
        settings = _demo_config(storage, port or _free_port())
        from edgeheat.daemon import app as daemon

        page = f"http://{settings.web.host}:{settings.web.port}"
        typer.echo(f"pictures:    {settings.storage_path / 'heatmaps'}")
        typer.echo(f"status page: {page}/")
        typer.echo(f"metrics:     {page}/metrics")
        typer.echo("The first pictures appear within 20 seconds. Ctrl-C stops.")
        raise typer.Exit(daemon.run(settings, for_s))


def _duration_s(option: str, text: str) -> float:
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
    # The demo uses no setting of the environment and no secret file.
    return build_config(tables, {})


def _free_port() -> int:
    for port in _PORTS:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise StartupError(f"no port from {_PORTS[0]} to {_PORTS[-1]} is free: choose one with --port")
