"""Ways to run edgeheat's commands in tests."""

from __future__ import annotations

import sys
from pathlib import Path

from typer.testing import CliRunner, Result

from edgeheat.cli.app import app

EDGEHEAT = [sys.executable, "-m", "edgeheat"]
"""The command as a process of its own."""

CAMERA = '[[camera]]\nname = "till"\nsource = "synthetic:shop"\n'
"""The shortest configuration."""


def edgeheat(*words: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(word) for word in words])


def config_file(text: str) -> Path:
    """Write a configuration into the current folder."""
    file = Path("shop.toml")
    file.write_text(text)
    return file
