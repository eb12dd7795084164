"""The thread that stores tiles: together, after a full disk, after damage, and with their right time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from random import Random

import pytest

from edgeheat.daemon.clock_sync import ClockSync
from edgeheat.daemon.history_maintenance import HistoryMaintenance
from edgeheat.daemon.history_writer import HistoryWriter
from edgeheat.daemon.managed_process import Received
from edgeheat.daemon.messages import HistoryJob
from edgeheat.defs.clock import WallClockError
from edgeheat.defs.history import FIVE_MINUTES_S, EpochBackdrop, HistoryStatus, Level, Tile
from edgeheat.store.history.store import AddResult, HistoryStore
from tests.support.history import START_S, make_tile
from tests.support.small_disk import make_read_only, small_disk
from tests.support.wait import DEADLINE_S, wait_for

BOOT = "boot"


class TestClock:
    """A clock that stands still until the test moves it."""

    __test__ = False

    def __init__(self) -> None:
        self.mono_s = 100.0
        self.offset_s = START_S + 900.0

    def monotonic(self) -> float:
        return self.mono_s

    def wall(self) -> float:
        return self.mono_s + self.offset_s

    def sleep(self, seconds: float) -> None:
        self.mono_s += seconds


class NoMaintenance(HistoryMaintenance):
    """Starts no process."""

    def update(self, *, clock_is_right: bool) -> str | None:
        return None


class Writing:
    """A running writer, and every status that it reported."""

    def __init__(self, path: Path, cameras: int = 2, wrong_offset_s: float | None = None, **more: object) -> None:
        self.path = path
        self.clock = TestClock()
        self.statuses: list[HistoryStatus] = []
        maintenance: type[HistoryMaintenance] = NoMaintenance if "maintained" not in more else HistoryMaintenance
        job = HistoryJob(path, UTC, {}, 10**9, BOOT, check=True, now_s=None)

        def make_maintenance(on_received: Callable[[Received], None]) -> HistoryMaintenance:
            return maintenance(job, clock=self.clock, random=Random(1), on_received=on_received)

        self.writer = HistoryWriter(
            path,
            camera_count=cameras,
            boot_id=BOOT,
            clock=self.clock,
            clock_sync=ClockSync(self.clock, WallClockError(wrong_offset_s), lambda: False),
            make_maintenance=make_maintenance,
            on_status=self.statuses.append,
            on_report=lambda name: None,
        )

    @property
    def status(self) -> HistoryStatus:
        return self.statuses[-1] if self.statuses else HistoryStatus()

    def wait(self, condition: Callable[[HistoryStatus], bool], what: str) -> None:
        wait_for(lambda: condition(self.status), what)

    def stored(self, camera: str = "door") -> list[Tile]:
        with HistoryStore(self.path, read_only=True) as store:
            return list(store.read(camera, Level.FIVE_MINUTES, [(0, 2**40)]))


@contextmanager
def writing(path: Path, **more: object) -> Iterator[Writing]:
    running = Writing(path, **more)  # type: ignore[arg-type]
    running.writer.start()
    try:
        yield running
    finally:
        running.writer.close(DEADLINE_S)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.sqlite3"


def tiles(count: int, camera: str = "door", start_s: int = START_S, **more: bool) -> list[Tile]:
    return [make_tile(camera, start_s + number * FIVE_MINUTES_S, **more) for number in range(count)]


def test_the_tiles_of_all_cameras_that_are_online_are_stored_together_with_their_backdrops(path: Path) -> None:
    with writing(path) as running:
        for camera in ("door", "till"):
            running.writer.set_online(camera, True)
        running.writer.add_backdrop(EpochBackdrop("door", 1, START_S, b"jpeg"))
        running.writer.add(tiles(1))
        running.wait(lambda status: status.waiting == 1, "one to wait")
        running.writer.add(tiles(1, "till"))
        running.wait(lambda status: status.stored == 2, "both to be stored")
        assert 1 not in [status.stored for status in running.statuses]
        assert running.status.waiting == 0 and running.status.last_stored_wall_s == running.clock.wall()
        assert running.status.size_bytes > 4096
        with HistoryStore(path, read_only=True) as store:
            assert store.backdrop("door", 1) == b"jpeg"


def test_tiles_do_not_wait_for_a_camera_that_went_offline_and_only_15_s_for_any(path: Path) -> None:
    with writing(path) as running:
        for camera in ("door", "till", "gone"):
            running.writer.set_online(camera, True)
        running.writer.set_online("gone", False)
        running.writer.add(tiles(1))
        running.writer.add(tiles(1, "till"))
        running.wait(lambda status: status.stored == 2, "both to be stored")
        running.writer.add(tiles(1, start_s=START_S + FIVE_MINUTES_S))
        running.wait(lambda status: status.waiting == 1, "one to wait")
        running.clock.sleep(15.0)
        running.wait(lambda status: status.stored == 3, "it to be stored")


def test_flush_returns_when_what_came_before_is_stored(path: Path) -> None:
    with writing(path) as running:
        running.writer.set_online("till", True)
        running.writer.add(tiles(2))
        running.writer.flush(DEADLINE_S)
        assert len(running.stored()) == 2


def test_flush_does_not_wait_for_a_disk_that_hangs_and_not_after_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun, disk_answers = threading.Event(), threading.Event()
    add = HistoryStore.add

    def hang(store: HistoryStore, added: Iterable[Tile], boot_id: str = "") -> AddResult:
        begun.set()
        assert disk_answers.wait(DEADLINE_S)
        return add(store, added, boot_id)

    monkeypatch.setattr(HistoryStore, "add", hang)
    with writing(path) as running:
        running.writer.add(tiles(1))
        assert begun.wait(DEADLINE_S)
        running.writer.flush(0.0)
        running.writer.close(0.1)
        assert "the last tiles of the history were not stored within 0.1 s" in caplog.text
        running.writer.flush(DEADLINE_S)  # returns: nobody waits for a thread that was left behind
        disk_answers.set()
    assert len(running.stored()) == 1


def test_tiles_wait_in_memory_while_the_disk_is_full_and_are_stored_once_when_it_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with small_disk(tmp_path, 1024) as disk, writing(disk / "state" / "history.sqlite3") as running:
        running.writer.add(tiles(1))
        running.writer.flush(DEADLINE_S)
        assert running.status.stored == 1
        filling = disk / "filling"
        with filling.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(b"0" * 4096)
        later = [make_tile("door", START_S + number * FIVE_MINUTES_S, size=20_000) for number in range(1, 4)]
        for tile in later:
            running.writer.add([tile])
            running.writer.flush(DEADLINE_S)
            running.clock.sleep(60.0)
        running.wait(lambda status: status.problem is not None, "the full disk to be noticed")
        assert running.status.waiting == 3
        assert "the disk is full" in (running.status.problem or "")
        filling.unlink()
        running.clock.sleep(60.0)
        running.wait(lambda status: status.waiting == 0, "all to be stored")
        assert running.stored() == [*tiles(1), *later]
        assert (running.status.problem, running.status.stored, running.status.duplicates) == (None, 4, 0)
        problems = [message for message in caplog.messages if "wait in memory" in message]
        assert len(problems) == 1, "once, not every minute"
        assert caplog.messages[-1] == "history: written again"


def test_tiles_wait_for_a_disk_that_is_read_only_at_the_start(tmp_path: Path) -> None:
    with small_disk(tmp_path, 4096) as disk:
        make_read_only(disk, True)
        with writing(disk / "state" / "history.sqlite3") as running:
            running.wait(lambda status: "read-only" in (status.problem or ""), "it to be noticed without any tile")
            running.writer.add(tiles(2))
            running.wait(lambda status: status.waiting == 2, "both to wait")
            make_read_only(disk, False)
            running.clock.sleep(60.0)
            running.wait(lambda status: status.stored == 2, "both to be stored")


def test_the_tiles_of_a_day_are_kept_and_then_the_oldest_dropped(path: Path) -> None:
    path.parent.write_text("a file in the way")
    with writing(path, cameras=1) as running:
        running.wait(lambda status: status.problem is not None, "the file to be noticed")
        running.writer.add(tiles(300))
        running.wait(lambda status: status.dropped == 12, "twelve to be dropped")
        assert running.status.waiting == 288
        path.parent.unlink()
        running.clock.sleep(60.0)
        running.wait(lambda status: status.stored == 288, "the others to be stored")
        assert running.stored() == tiles(300)[12:]


def test_a_damaged_file_is_set_aside_and_a_new_one_started(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 1000)
    with writing(path) as running:
        running.writer.add(tiles(1))
        running.writer.flush(DEADLINE_S)
        assert running.stored() == tiles(1)
        (aside,) = path.parent.glob("*.damaged-*")
        assert aside.read_bytes() == b"not a database" * 1000
        assert str(aside) in (running.status.damaged or "") and str(aside) in caplog.text
        assert running.status.problem is None


def test_damage_inside_the_file_is_found_in_the_background_after_the_start(path: Path) -> None:
    with HistoryStore(path) as store:
        store.add(make_tile("door", START_S + number * FIVE_MINUTES_S, size=3000) for number in range(100))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 5 * 4096)
    with writing(path, maintained=True) as running:
        running.wait(lambda status: status.damaged is not None, "the damage to be found")
        running.writer.add(tiles(1))
        running.writer.flush(DEADLINE_S)
        assert running.stored() == tiles(1)
    assert len(list(path.parent.glob("*.damaged-*"))) == 1


def test_a_file_that_was_removed_meanwhile_is_created_again(path: Path) -> None:
    with writing(path) as running:
        running.writer.add(tiles(1))
        running.writer.flush(DEADLINE_S)
        for file in path.parent.iterdir():
            file.unlink()
        path.parent.rmdir()
        running.writer.add(tiles(2)[1:])
        running.writer.flush(DEADLINE_S)
        assert running.stored() == tiles(2)[1:]


def test_tiles_are_dated_when_the_clock_is_set(path: Path) -> None:
    with writing(path, wrong_offset_s=2000.0) as running:
        running.clock.offset_s = 2000.0  # the Raspberry Pi has just booted, in 1970
        wrong_s = int(running.clock.wall()) // FIVE_MINUTES_S * FIVE_MINUTES_S
        running.writer.add(tiles(2, start_s=wrong_s - 2 * FIVE_MINUTES_S, synced=False))
        running.writer.flush(DEADLINE_S)
        assert running.stored() == [] and running.status.stored == 2
        running.clock.offset_s = START_S + 900.0
        running.wait(lambda status: status.is_dated, "the tiles to be dated")
        assert [tile.start_s for tile in running.stored()] == [START_S, START_S + 300]
        # The tile that was open when the clock was set.
        running.writer.add(tiles(1, start_s=wrong_s, synced=False))
        running.writer.flush(DEADLINE_S)
        assert [tile.start_s for tile in running.stored()] == [START_S, START_S + 300, START_S + 600]


def test_tiles_of_a_clock_that_nobody_sets_are_taken_as_dated_a_day_after_the_boot(path: Path) -> None:
    with writing(path, wrong_offset_s=START_S + 900.0) as running:
        running.writer.add(tiles(2, synced=False))
        running.writer.flush(DEADLINE_S)
        assert running.stored() == []
        running.clock.sleep(86_400.0)
        running.wait(lambda status: status.is_dated, "the tiles to be dated")
        assert [tile.start_s for tile in running.stored()] == [START_S, START_S + 300]


def test_tiles_that_are_not_valid_do_not_stop_the_others(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with writing(path) as running:
        running.writer.add(tiles(1, start_s=START_S + 1))
        running.writer.flush(DEADLINE_S)
        running.writer.add(tiles(1))
        running.writer.flush(DEADLINE_S)
        assert running.stored() == tiles(1)
        assert running.status.dropped == 1
        assert "are not valid and are dropped" in caplog.text


def test_a_conflict_is_counted_and_logged_and_a_replay_only_counted(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tile,) = tiles(1)
    with writing(path) as running:
        for again in (tile, tile, replace(tile, observed_ms=tile.observed_ms + 1)):
            running.writer.add([again])
            running.writer.flush(DEADLINE_S)
        assert (running.status.stored, running.status.duplicates, running.status.conflicts) == (1, 1, 1)
        assert len([message for message in caplog.messages if "counted twice" in message]) == 1
        assert running.stored() == [tile]


def test_what_is_waiting_at_the_end_is_stored(path: Path) -> None:
    with writing(path) as running:
        running.writer.set_online("till", True)
        running.writer.add(tiles(1))
    assert running.stored() == tiles(1)
