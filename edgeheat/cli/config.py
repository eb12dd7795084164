"""`edgeheat config check`, `show` and `schema`: checks or prints the configuration without starting anything."""

from __future__ import annotations

import json
import os

import typer

from edgeheat.cli.base import ConfigOption, exit_codes
from edgeheat.config import Config, load_config

config_app = typer.Typer(help="Check or print the configuration.", no_args_is_help=True)


@config_app.command()
def check(config: ConfigOption = None) -> None:
    """List every error of the configuration, one per line; exit code 78 if there is any."""
    with exit_codes():
        settings = load_config(config, os.environ)
        typer.echo(f"no errors; cameras: {', '.join(camera.name for camera in settings.camera)}")


@config_app.command()
def show(config: ConfigOption = None) -> None:
    """Print every setting in effect as TOML, with passwords masked."""
    with exit_codes():
        typer.echo(load_config(config, os.environ).show(), nl=False)


@config_app.command()
def schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    typer.echo(json.dumps(Config.json_schema(), indent=2))
