"""`edgeheat reset`: requests that the running daemon discards what it has learned or counted of a camera."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from edgeheat.cli.base import ConfigOption, echo_stderr, exit_codes
from edgeheat.config import load_config


def reset(  # noqa: PLR0917 (every option is a parameter)
    camera: Annotated[str, typer.Argument(help="Name of the camera.")],
    flicker: Annotated[
        bool, typer.Option("--flicker", help="Discard the flicker mask; places that flicker are learned again.")
    ] = False,
    moved: Annotated[
        bool, typer.Option("--moved", help="Use the current view as the new reference after the camera was moved.")
    ] = False,
    heat: Annotated[bool, typer.Option("--heat", help="Delete all heat of the camera; its history stays.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete heat without asking for confirmation.")] = False,
    storage: Annotated[
        Path | None,
        typer.Option(show_default="the configured one", help="Storage folder of the running edgeheat."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Make the edgeheat that runs on this machine discard what it has learned or counted of a camera."""
    if not (flicker or moved or heat):
        raise typer.BadParameter("choose what to reset: --flicker, --moved or --heat")
    with exit_codes():
        settings = load_config(config, os.environ, images_required=False)
        known = [configured.name for configured in settings.camera]
        if camera not in known:
            raise typer.BadParameter(f"{camera}: not in the configuration, which has {', '.join(known)}")
        if heat and not yes:
            typer.confirm(
                f"Delete all heat of {camera}? It cannot be restored. Its history stays.", abort=True, err=True
            )
        from edgeheat.daemon.reset_requests import write_request
        from edgeheat.defs.commands import Reset

        path = write_request((storage or settings.storage_path) / "state", camera, Reset(flicker, moved, heat))
        echo_stderr(
            f"{path}: will be carried out when edgeheat runs and {camera} is online, within a day; its log confirms it"
        )
