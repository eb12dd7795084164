"""A wall clock of the whole daemon, parent and workers, that stands still until a test moves it."""

from __future__ import annotations

from pathlib import Path

_PATCH = """
import os, time
def _wall(path=os.environ["MOVABLE_CLOCK"]):
    with open(path) as file:
        return float(file.read())
time.time = _wall
"""


class MovableClock:
    """Give `environment` to the daemon. The monotonic clock is the machine's: seconds are counted as always."""

    def __init__(self, folder: Path, wall_s: float) -> None:
        site = folder / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(_PATCH)
        self._file = folder / "clock"
        self.environment = {"PYTHONPATH": str(site), "MOVABLE_CLOCK": str(self._file)}
        self.set(wall_s)

    def set(self, wall_s: float) -> None:
        """Move the clock, at once for all processes."""
        new = self._file.with_suffix(".new")
        new.write_text(repr(wall_s))
        new.replace(self._file)
