"""`edgeheat run`: runs the daemon with the configured cameras."""

from __future__ import annotations

import os

import typer

from edgeheat.cli.base import ConfigOption, exit_codes
from edgeheat.config import load_config


def run(config: ConfigOption = None) -> None:
    """Watch the configured cameras until stopped (SIGTERM or Ctrl-C)."""
    with exit_codes():
        # A device that starts again after a power cut must count, even if a plan's picture was removed meanwhile.
        settings = load_config(config, os.environ, images_required=False)
        from edgeheat.daemon import app as daemon

        raise typer.Exit(daemon.run(settings))
