"""`edgeheat history check` and `export`: a violated invariant is reported, and hours become a table."""

from __future__ import annotations

import csv
import shutil
import sqlite3
from pathlib import Path

import pytest

from edgeheat.store.history.store import HISTORY_FILE
from tests.cli.commands import edgeheat
from tests.support.history_site import CONFIG, store_history


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("storage")
    store_history(folder)
    return folder


@pytest.fixture(autouse=True)
def _configured(storage: Path, tmp_path: Path) -> None:
    (tmp_path / "edgeheat.toml").write_text(CONFIG.replace('path = "storage"', f'path = "{storage}"'))


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_history_is_checked(tmp_path: Path, storage: Path) -> None:
    result = edgeheat("history", "check")
    assert result.stdout == f"no errors in {storage / 'state' / HISTORY_FILE}\n"
    wrong = tmp_path / "wrong" / "state"
    shutil.copytree(storage / "state", wrong)
    with sqlite3.connect(wrong / HISTORY_FILE) as connection:
        connection.execute("UPDATE tile SET observed_ms = observed_ms + 1 WHERE level = 2 AND start_s = 1709506800")
    connection.close()
    result = edgeheat("history", "check", "--storage", wrong.parent)
    assert result.exit_code == 1
    assert "S6: door, day from 1709506800, epoch 1: observed for 14400001 ms, its parts for" in result.stdout


def test_hours_are_exported(tmp_path: Path) -> None:
    result = edgeheat("history", "export", "-o", "hours.csv")
    assert (result.stdout, result.stderr) == ("hours.csv\n", f"{69 * 4 * 2} rows\n")
    found = rows("hours.csv")
    assert list(found[0])[:5] == ["camera", "epoch", "start", "start_wall_s", "zone"]
    busiest = max((row for row in found if row["zone"] == "left"), key=lambda row: float(row["traffic_cell_s"]))
    assert busiest["start"][11:16] in {"10:00", "11:00"} and busiest["observed_s"] == "3600.0"
    edgeheat("history", "export", "door", "--from", "2024-03-16", "--hours", "10-11", "-o", "one.csv")
    assert [row["start"] for row in rows("one.csv")] == ["2024-03-16T10:00+01:00"] * 2
    result = edgeheat("history", "export", "stock", "-o", "nothing.csv")
    assert result.exit_code == 1 and "has no hours of this time" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} - {"edgeheat.toml"} == {"hours.csv", "one.csv"}


def test_hours_outside_opening_hours_are_exported_as_well(tmp_path: Path) -> None:
    with (tmp_path / "edgeheat.toml").open("a") as file:
        file.write('[hours]\nmon-sun = "10-12"\n')
    edgeheat("history", "export", "door", "--from", "2024-03-16", "-o", "day.csv")
    assert [row["start"][11:13] for row in rows("day.csv")] == [hour for hour in ("09", "10", "11", "12") for _ in "12"]
