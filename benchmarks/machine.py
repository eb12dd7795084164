"""Describes the machine and the commit on which figures were measured."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

_ROOT = Path(__file__).parent.parent
"""The repository."""


def describe() -> str:
    """Return processor, memory, system, and the versions of the main packages, in one line."""
    memory = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    memory_gb = int(memory[1]) * 1024 / 1e9 if memory else 0.0
    packages = ", ".join(f"{name} {version(name)}" for name in ("av", "opencv-contrib-python", "numpy"))
    system = f"Linux {platform.release().partition('-')[0]}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores of {_processor()} ({platform.machine()}), {memory_gb:.0f} GB, {system}, {packages}"


def _processor() -> str:
    """The processor's name; on a Raspberry Pi or Jetson that of the board, which is more specific."""
    board = Path("/proc/device-tree/model")
    if board.exists():
        return board.read_text().rstrip("\0")
    name = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return name[1] if name else "an unknown processor"


def commit() -> str:
    """Return the commit's short hash, with `+` if files differ from it; `none` before the first commit."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
    except (subprocess.CalledProcessError, FileNotFoundError):
        return "none"
    return name + ("+" if _git("status", "--porcelain") else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(_ROOT), *words], check=True, capture_output=True, text=True).stdout.strip()
