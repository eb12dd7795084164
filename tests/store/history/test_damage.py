"""A history that is damaged, of another version, full or not writable: set aside, or a message that says what to do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from edgeheat.defs.history import FIVE_MINUTES_S, Level
from edgeheat.errors import StoreDamaged, StoreError
from edgeheat.store.history import schema
from edgeheat.store.history.check import check_store
from edgeheat.store.history.damage import open_or_replace, quick_check, set_aside
from edgeheat.store.history.store import AddResult, HistoryStore
from tests.support import small_disk as disks
from tests.support.history import START_S, bucket_of, make_tile

NOW_S = 1_795_262_400.0  # 2026-11-21 12:00 UTC
NAME = "history.sqlite3"
ROOT = Path(__file__).parents[3]
TILES = [make_tile("door", START_S + n * FIVE_MINUTES_S, size=10_000) for n in range(40)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed history with TILES."""
    with HistoryStore(tmp_path / NAME) as store:
        store.add(TILES)
    return tmp_path / NAME


def execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def flip_middle(path: Path) -> None:
    """Overwrite pages in the middle, as a card with dying cells does."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 65536)


AT_OPENING: dict[str, Callable[[Path], object]] = {
    "half copied": lambda path: os.truncate(path, path.stat().st_size // 2),
    "one page missing": lambda path: os.truncate(path, path.stat().st_size - 4096),
    "not a database": lambda path: path.write_bytes(b"hello" * 1000),
    "all NUL": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "the first page overwritten": lambda path: path.write_bytes(b"\xff" * 4096 + path.read_bytes()[4096:]),
    "a table missing": lambda path: execute(path, "DROP TABLE zone_tile"),
    "another program's database": lambda path: (path.unlink(), execute(path, "CREATE TABLE photo (id)")),
}


@pytest.mark.parametrize("damage", AT_OPENING)
def test_a_damaged_file_is_set_aside_and_a_new_one_is_created(path: Path, damage: str) -> None:
    AT_OPENING[damage](path)
    size_bytes = path.stat().st_size
    with pytest.raises(StoreDamaged):
        HistoryStore(path)
    store, aside = open_or_replace(path, NOW_S)
    with store:
        assert aside is not None
        assert aside.path.name == f"{NAME}.damaged-2026-11-21"
        assert aside.path.stat().st_size == size_bytes
        assert str(path) in aside.reason
        assert store.add(TILES).stored == len(TILES)
    assert check_store(path, bucket_of) == []


def test_damage_in_the_middle_is_found_by_the_quick_check_and_by_reading(path: Path) -> None:
    assert quick_check(path) == []
    flip_middle(path)
    assert quick_check(path)
    assert check_store(path, bucket_of)[0].startswith("S1: ")
    with HistoryStore(path) as store, pytest.raises(StoreDamaged, match=f"{NAME} is damaged"):
        list(store.read("door", Level.FIVE_MINUTES, [(0, 2**40)]))


def test_an_intact_or_missing_file_is_not_set_aside(path: Path) -> None:
    for _ in range(2):
        store, aside = open_or_replace(path, NOW_S)
        store.close()
        assert aside is None
        path.unlink()


def test_an_empty_file_of_a_power_cut_becomes_a_history(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()
    store, aside = open_or_replace(tmp_path / NAME, NOW_S)
    with store:
        assert aside is None
        assert store.add(TILES).stored == len(TILES)


def test_a_file_is_set_aside_with_its_log(path: Path) -> None:
    store = HistoryStore(path)
    store.add([make_tile("till", START_S)])
    log = path.with_name(f"{NAME}-wal").read_bytes()
    aside = set_aside(path, NOW_S)
    store.close()
    assert log
    assert sorted(file.name for file in path.parent.iterdir()) == [f"{aside.name}{end}" for end in ("", "-shm", "-wal")]
    with HistoryStore(aside) as salvaged:
        assert salvaged.cameras() == ["door", "till"]


def test_the_newest_two_damaged_files_are_kept(path: Path) -> None:
    for number in range(4):
        path.write_bytes(b"%d" % number * 5000)
        open_or_replace(path, NOW_S)[0].close()
    kept = sorted(file.read_bytes()[:1] for file in path.parent.iterdir() if file != path)
    assert kept == [b"2", b"3"]


def test_a_newer_version_is_named_and_left_alone(path: Path) -> None:
    execute(path, f"PRAGMA user_version = {schema.SCHEMA_VERSION + 1}")
    message = (
        f"newer edgeheat .its version is {schema.SCHEMA_VERSION + 1}, this edgeheat reads up to {schema.SCHEMA_VERSION}"
    )
    with pytest.raises(StoreError, match=message):
        open_or_replace(path, NOW_S)
    assert [file.name for file in path.parent.iterdir()] == [NAME]


def test_an_older_version_is_migrated_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "_MIGRATIONS", [*schema._MIGRATIONS, ("ALTER TABLE zone ADD COLUMN colour TEXT",)])
    monkeypatch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    for _ in range(2):
        with HistoryStore(path) as store, store.reading() as connection:
            assert schema.version_of(connection) == schema.SCHEMA_VERSION
            assert connection.execute("SELECT count(*), count(colour) FROM zone").fetchone() == (3, 0)


def test_a_migration_that_fails_leaves_the_old_version(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = ("CREATE TABLE half (id)", "CREATE TABLE tile (id)")
    monkeypatch.setattr(schema, "_MIGRATIONS", [*schema._MIGRATIONS, steps])
    monkeypatch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    with pytest.raises(StoreError, match="table tile already exists"):
        HistoryStore(path)
    monkeypatch.undo()
    with HistoryStore(path) as store:
        assert store.add(TILES).duplicates == len(TILES)


def test_reading_a_history_that_does_not_exist_says_so_and_creates_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=f"there is no history in {tmp_path / NAME} yet"):
        HistoryStore(tmp_path / NAME, read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path.name)])
def test_something_else_in_its_place_is_named(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / NAME)
    with pytest.raises(StoreError, match=f"{NAME} is in the way: move it elsewhere"):
        open_or_replace(tmp_path / NAME, NOW_S)


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StoreError, match="is in the way: move it elsewhere"):
        HistoryStore(tmp_path / "state" / NAME)


def test_a_full_file_is_unharmed_and_the_tiles_are_stored_later(path: Path) -> None:
    more = [make_tile("till", START_S + n * FIVE_MINUTES_S, size=50_000) for n in range(20)]
    with HistoryStore(path) as store:
        with store.reading() as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages + 30}")
        with pytest.raises(StoreError, match="the disk is full: make room on it"):
            store.add(more)
        assert store.cameras() == ["door"]
        with store.reading() as connection:
            connection.execute("PRAGMA max_page_count = 100000")
        assert store.add([*TILES, *more]) == AddResult(stored=len(more), duplicates=len(TILES))
    assert check_store(path, bucket_of) == []


def test_a_full_disk_leaves_the_file_unharmed_and_readable(small_disk: Path) -> None:
    path = small_disk / NAME
    with HistoryStore(path) as store:
        assert store.add(TILES[:10]).stored == 10
        with pytest.raises(StoreError, match="the disk is full: make room on it"):
            store.add(make_tile("till", START_S + n * FIVE_MINUTES_S, size=50_000) for n in range(20))
        assert len(store.keys("door", Level.FIVE_MINUTES, 0, 2**40)) == 10
    assert check_store(path, bucket_of) == []


def test_a_worn_out_card_is_named(small_disk: Path) -> None:
    path = small_disk / NAME
    with HistoryStore(path) as store:
        store.add(TILES[:1])
    disks.make_read_only(small_disk, True)
    with pytest.raises(StoreError, match="the disk is read-only: look at `dmesg`"):
        HistoryStore(path)
    disks.make_read_only(small_disk, False)


WRITER = """
import resource, sys
from pathlib import Path
from edgeheat.errors import StoreError
from edgeheat.store.history.store import HistoryStore
from tests.support.history import START_S, make_tile
with HistoryStore(Path(sys.argv[1])) as store:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
    try:
        store.add([make_tile("till", START_S, size=100_000)])
    except StoreError as error:
        print(error)
"""


def test_a_file_that_may_not_grow_is_unharmed(path: Path) -> None:
    before = path.stat().st_size
    command = [sys.executable, "-c", WRITER, str(path), "100000"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert f"{NAME} cannot be written: " in said.stdout
    assert path.stat().st_size == before
    with HistoryStore(path) as store:
        assert store.cameras() == ["door"]
    assert check_store(path, bucket_of) == []


OTHER_USER = """
import os, sys
from pathlib import Path
from edgeheat.errors import StoreError
from edgeheat.store.history.store import HistoryStore
if os.getuid() == 0:
    os.setuid(65534)
for read_only in (True, False):
    try:
        HistoryStore(Path(sys.argv[1]), read_only=read_only)
    except StoreError as error:
        print(error)
"""


def test_a_history_of_another_user_is_named(path: Path) -> None:
    path.parent.chmod(0)
    try:
        command = [sys.executable, "-c", OTHER_USER, str(path)]
        said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    finally:
        path.parent.chmod(0o700)
    reading, writing = said.stdout.splitlines()
    assert "may not be read by this user" in reading
    assert "run this as the user that runs edgeheat" in reading
    assert "cannot be opened: it may not be written: give it to the user that runs edgeheat" in writing
