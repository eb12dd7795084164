"""Kills a process 500 times while it writes the history, and verifies after each kill that nothing is lost or half.

python -m benchmarks.history_kills [--kills 500]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.support.history_kills import How, kill_and_verify, limits

_LINE_EVERY = 50
"""Kills from one printed line to the next."""


def main() -> int:
    """Return 0 if the history survived every kill; raises AssertionError with the kind and the place of the kill."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history_kills")
    parser.add_argument("--kills", type=int, default=500)
    kills = parser.parse_args().kills
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        undisturbed, largest = limits(Path(folder))
        for number in range(kills):
            how: How = "bytes" if number % 2 else "step"
            # Evenly spread: half of the kills are of each kind.
            at = 1 + largest[how] * (number // 2) // ((kills + 1) // 2)
            kill_and_verify(Path(folder) / "killed", how, at, undisturbed)
            if (number + 1) % _LINE_EVERY == 0:
                print(f"{number + 1} kills survived, {time.monotonic() - began_s:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
