"""A small real disk that can be filled and made read-only: a tmpfs, which only root may mount."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size_kib: int, inodes: int = 0) -> Iterator[Path]:
    """Mount an empty disk of `size_kib` on `folder` while the context lasts; skip where that is not allowed."""
    mounted = _run(
        "mount", "-t", "tmpfs", "-o", f"size={size_kib}k,nr_inodes={inodes or 10000}", "edgeheat-test", str(folder)
    )
    if mounted.returncode != 0:
        pytest.skip(f"MISSING: the right to mount a small disk (run as root): {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))


def make_read_only(folder: Path, read_only: bool) -> None:
    """Do to the mounted `folder` what the kernel does to a worn-out SD card, or take it back."""
    _run("mount", "-o", "remount,ro" if read_only else "remount,rw", str(folder)).check_returncode()


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
