"""What cameras get to know of the stored history; whatever is wrong with the file, they start."""

from __future__ import annotations

from pathlib import Path

from edgeheat.daemon.history_start import HistoryStart, read_history_start
from edgeheat.store.history.redating import redate
from edgeheat.store.history.store import HistoryStore
from tests.support.history import START_S, make_tile


def test_the_highest_epochs_and_whether_the_clock_has_become_right_are_read(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite3"
    with HistoryStore(path) as store:
        store.add([make_tile("door", START_S, epoch=3)])
        redate(store, "boot", 0.0, START_S)
    assert read_history_start(path, "boot") == HistoryStart({"door": 3}, clock_is_right=True)
    assert read_history_start(path, "another") == HistoryStart({"door": 3}, clock_is_right=False)


def test_a_file_that_does_not_exist_or_is_damaged_is_empty(tmp_path: Path) -> None:
    assert read_history_start(tmp_path / "none", "boot") == HistoryStart()
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"x" * 5000)
    assert read_history_start(damaged, "boot") == HistoryStart()
    assert read_history_start(tmp_path, "boot") == HistoryStart()
