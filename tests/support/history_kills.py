"""Kills a process at any step while it adds to a history and rolls it up, and verifies what is left.

python -m tests.support.history_kills PATH step|bytes AT

This is the process that is killed. `step` ends it at the AT-th step of SQLite's virtual machine, `bytes` in the middle
of the write that makes a file longer than AT bytes: so it ends inside commits and checkpoints too.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

from edgeheat.defs.history import FIVE_MINUTES_S, Level, Tile
from edgeheat.store.history.check import check_store
from edgeheat.store.history.store import Carry, HistoryStore
from tests.support.history import START_S, bucket_of, make_tile
from tests.support.history_rollup import roll_up

How: TypeAlias = Literal["step", "bytes"]
Content: TypeAlias = tuple[list[Tile], list[Carry]]

ROOT = Path(__file__).parent.parent.parent
CAMERAS = ["door", "till"]
TRANSACTIONS = 36
LAYER_BYTES = 9000
_CHECKPOINT_PAGES = 50
"""Far fewer than SQLite's 1000, so that many kills hit a checkpoint of the log."""


def write_all(path: Path, report: Callable[[int], object] = lambda number: None) -> Content:
    """Add three hours of tiles and roll up each hour; report the number of each transaction that was committed."""
    with HistoryStore(path) as store:
        for number in range(TRANSACTIONS):
            store.add(tiles_of(number))
            report(number)
            roll_up(store, START_S + (number + 1) * FIVE_MINUTES_S, size=LAYER_BYTES)
        return content(store)


def tiles_of(number: int) -> list[Tile]:
    return [make_tile(camera, START_S + number * FIVE_MINUTES_S, size=LAYER_BYTES) for camera in CAMERAS]


def content(store: HistoryStore) -> Content:
    levels = (Level.FIVE_MINUTES, Level.HOUR)
    tiles = [tile for camera in CAMERAS for level in levels for tile in store.read(camera, level, [(0, 2**40)])]
    return tiles, [store.carry(camera, Level.HOUR, 1) for camera in CAMERAS]


def limits(folder: Path) -> tuple[Content, dict[How, int]]:
    """Return the content after a run without a kill, and the largest AT of each kind that still kills."""
    path = folder / "undisturbed.sqlite3"
    steps = _finish(start(path))[1].rpartition("steps ")[2]
    with HistoryStore(path) as store:
        undisturbed = content(store)
    return undisturbed, {"step": int(steps), "bytes": path.stat().st_size - 1}


def kill_and_verify(folder: Path, how: How, at: int, undisturbed: Content) -> None:
    """Kill a process at `at`; assert that nothing committed is lost, nothing is half, and a second run completes it."""
    folder.mkdir()
    path = folder / "history.sqlite3"
    code, output = _finish(start(path, how, at))
    assert code in {-signal.SIGKILL, -signal.SIGXFSZ}, (how, at, code, output)
    committed = len(output.splitlines())
    if path.exists() and path.stat().st_size:
        with HistoryStore(path) as store:
            tiles, _ = content(store)
        for number in range(committed):
            assert all(tile in tiles for tile in tiles_of(number)), (how, at, f"transaction {number} is lost")
        assert check_store(path, bucket_of) == [], (how, at)
    else:
        assert committed == 0, (how, at)
    assert write_all(path) == undisturbed, (how, at)
    assert check_store(path, bucket_of) == [], (how, at)
    shutil.rmtree(folder)


def start(path: Path, how: How = "step", at: int = -1) -> subprocess.Popen[str]:
    """Start a process that runs `write_all`, and is killed `at` a point unless it is negative."""
    command = [sys.executable, "-m", "tests.support.history_kills", str(path), how, str(at)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate()
    return process.returncode, output


def _say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _main() -> None:
    path, how, at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    if how == "bytes":
        # The default action of this signal ends the process; Python ignores it.
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (at, at))
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        if steps == at and how == "step":
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    class Counting(sqlite3.Connection):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[arg-type]
            self.set_progress_handler(count, 1)
            self.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")

    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **options: connect(*args, factory=Counting, **options)  # type: ignore[assignment]
    write_all(path, _say)
    _say(f"steps {steps}")


if __name__ == "__main__":
    _main()
