"""Fixture of the tests of the sinks: a small real disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import small_disk as disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty real disk of 1 MiB."""
    with disks.small_disk(tmp_path, 1024) as folder:
        yield folder
