"""`edgeheat plan`: draws a picture by which to check the measured points of a floor plan."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from edgeheat.cli.base import ConfigOption, echo_stderr, exit_codes
from edgeheat.config import load_config


def plan(
    name: Annotated[str | None, typer.Argument(help="Name of the plan; needed if there are several.")] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Picture to write; an existing one is replaced.")
    ] = Path("plan.jpg"),
    config: ConfigOption = None,
) -> None:
    """Draw what the cameras of a floor plan see now onto the plan, with the measured points, to check them."""
    from edgeheat.daemon.system_clock import SystemClock

    with exit_codes():
        settings = load_config(config, os.environ)
        from edgeheat.offline.plan import check_plan

        written, warnings = check_plan(settings, name, output, SystemClock())
        for warning in warnings:
            echo_stderr(warning)
        typer.echo(written)
