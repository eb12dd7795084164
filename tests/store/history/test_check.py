"""check_store: each violated invariant is reported by its number."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edgeheat.defs.history import FIVE_MINUTES_S
from edgeheat.errors import StoreError
from edgeheat.store.history.check import check_store
from edgeheat.store.history.store import HistoryStore
from tests.support.history import START_S, bucket_of, make_tile
from tests.support.history_rollup import roll_up

NEW_TILE = """
    INSERT INTO tile (camera_id, level, start_s, epoch, boot_id, end_s, grid_width, grid_height, observed_ms,
        rejected_ms, part_count, rollup_state)
    SELECT camera_id, level, {start}, epoch, {boot}, {end}, grid_width, grid_height, observed_ms, rejected_ms, 0, 0
    FROM tile WHERE level = {level} LIMIT 1
"""
HOUR = START_S + 3600
VIOLATIONS: list[tuple[str, str]] = [
    ("S1", "DELETE FROM camera"),
    ("S1", "DELETE FROM zone"),
    ("S3", f"UPDATE tile SET end_s = end_s + 300 WHERE level = 0 AND start_s = {HOUR + 600}"),
    ("S3", f"UPDATE tile SET start_s = start_s + 1 WHERE level = 0 AND start_s = {HOUR + 600}"),
    ("S3", f"UPDATE tile SET level = 7 WHERE level = 0 AND start_s = {HOUR + 600}"),
    ("S4", f"UPDATE tile SET end_s = end_s + 3600 WHERE level = 0 AND start_s = {HOUR - 300}"),
    ("S5", NEW_TILE.format(level=1, start=START_S - 3600, end=HOUR, boot="''")),
    ("S5", "DELETE FROM tile WHERE level = 1"),
    ("S6", "UPDATE tile SET observed_ms = observed_ms + 1 WHERE level = 1"),
    ("S6", """UPDATE tile SET rejected_ms = '{"light":1}' WHERE level = 1"""),
    ("S6", "UPDATE zone_tile SET entries = 0 WHERE tile_id IN (SELECT id FROM tile WHERE level = 1)"),
    ("S6", "DELETE FROM zone_tile WHERE tile_id IN (SELECT id FROM tile WHERE level = 1)"),
    ("S7", "UPDATE tile SET boot_id = 'dead' WHERE level = 1"),
    ("S7", "INSERT INTO redated_boot VALUES ('boot', 300)"),
    ("S7", "UPDATE tile SET end_s = end_s + 1 WHERE boot_id = 'boot'"),
    ("S8", "UPDATE tile SET grid_width = 0 WHERE level = 1"),
    ("S8", "UPDATE tile SET grid_width = 160 WHERE level = 1"),
    ("S8", "UPDATE tile SET observed_ms = -1 WHERE level = 1"),
    ("S8", "UPDATE traffic SET units = zeroblob(2000000)"),
    ("S8", "UPDATE zone_tile SET motion_ms = -1"),
    ("S9", "UPDATE carry SET epoch = 9"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An hour that is rolled up, and one that is not."""
    with HistoryStore(tmp_path / "history.sqlite3") as store:
        store.add(make_tile("door", START_S + n * FIVE_MINUTES_S) for n in range(20))
        roll_up(store, HOUR)
        store.add([make_tile("door", 0, synced=False)], boot_id="boot")
    return tmp_path / "history.sqlite3"


def test_an_intact_store_has_no_violation(path: Path) -> None:
    assert check_store(path, bucket_of) == []


@pytest.mark.parametrize(("number", "sql"), VIOLATIONS)
def test_a_violation_is_reported_by_its_number(path: Path, number: str, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute(sql).rowcount
    found = check_store(path, bucket_of)
    assert any(line.startswith(f"{number}: ") for line in found), found


def test_duplicates_are_found_where_the_index_that_prevents_them_is_damaged(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        (table,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'tile'").fetchone()
        unique = ",\n        UNIQUE (camera_id, level, start_s, epoch, boot_id)"
        assert unique in table
        connection.execute("DELETE FROM sqlite_master WHERE name LIKE 'sqlite_autoindex_tile%'")
        connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'tile'", (table.replace(unique, ""),))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(NEW_TILE.format(level=0, start="start_s", end="end_s", boot="boot_id"))
        connection.execute("PRAGMA incremental_vacuum").fetchall()
        connection.execute("VACUUM")
    assert any(line.startswith("S2: 2 tiles") for line in check_store(path, bucket_of))


def test_many_violations_of_one_invariant_are_cut_short(path: Path) -> None:
    found = check_store(path, lambda level, start_s: (start_s - 1, start_s + 10**6))
    assert sum(line.startswith("S3: ") for line in found) == 21
    assert "S3: and more" in found


def test_a_store_that_does_not_exist_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no history"):
        check_store(tmp_path / "history.sqlite3", bucket_of)
