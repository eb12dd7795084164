"""Reads suggested settings as a part of a configuration."""

from __future__ import annotations

import tomllib
from typing import Any

from edgeheat.config import build_config


def parse_camera(toml: str) -> Any:
    """The camera of a configuration below which the suggestion was pasted."""
    text = '[[camera]]\nname = "till"\nsource = "synthetic:shop"\n\n' + toml
    return build_config(tomllib.loads(text), {}).camera[0]
