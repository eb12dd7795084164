"""Processes that die at any step, or write at once, leave an intact history with everything that was committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeheat.store.history.check import check_store
from edgeheat.store.history.store import HistoryStore
from tests.support.history import bucket_of
from tests.support.history_kills import Content, How, content, kill_and_verify, limits, start

KILLS = 10
"""Kills of each kind, a sample of those of `make soak-history`."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Content, dict[How, int]]:
    return limits(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("number", range(KILLS))
@pytest.mark.parametrize("how", ["step", "bytes"])
def test_a_kill_leaves_an_intact_history_that_the_next_run_completes(
    tmp_path: Path, undisturbed: tuple[Content, dict[How, int]], how: How, number: int
) -> None:
    expected, largest = undisturbed
    kill_and_verify(tmp_path / "killed", how, 1 + largest[how] * number // KILLS, expected)


def test_two_processes_that_create_and_write_one_history_at_once_store_everything_once(
    tmp_path: Path, undisturbed: tuple[Content, dict[How, int]]
) -> None:
    path = tmp_path / "history.sqlite3"
    for process in [start(path), start(path)]:
        process.communicate()
        assert process.returncode == 0
    with HistoryStore(path) as store:
        assert content(store) == undisturbed[0]
    assert check_store(path, bucket_of) == []
