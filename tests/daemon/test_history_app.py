"""The whole daemon stores tiles: through restarts, crashes and power cuts, each five minutes once."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from edgeheat.defs.history import FIVE_MINUTES_S, Level, Tile
from edgeheat.local_time.buckets import bucket_of
from edgeheat.store.camera_backup import boot_id
from edgeheat.store.history.check import check_store
from edgeheat.store.history.redating import redate
from edgeheat.store.history.store import HISTORY_FILE, HistoryStore
from tests.support.edgeheat import Daemon
from tests.support.movable_clock import MovableClock
from tests.support.wait import wait_for

START_S = 1_800_000_000
"""Start of a tile, not long after 2026."""

OSLO = ZoneInfo("Europe/Oslo")


def cameras(*names: str) -> str:
    """Cameras that count soon, and are saved only once and at a stop."""
    text = '[defaults.motion]\nbootstrap = "1s"\n'
    for seed, name in enumerate(names):
        text += f'[[camera]]\nname = "{name}"\nsource = "synthetic:shop?seed={seed}&size=160x90&fps=10"\n'
    return text


class Shop:
    """A daemon with a clock that the test moves; the machine's clock counts as right."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.clock = MovableClock(folder, START_S + 60.0)
        self.daemon = Daemon(folder, cameras(*names))
        text = self.daemon.config.read_text()
        text = text.replace("free_floor", 'checkpoint_every = "1d"\nfree_floor').replace(
            'every = "10s"', 'every = "1h"'
        )
        self.daemon.config.write_text(text)
        self.file = self.daemon.storage / "state" / HISTORY_FILE
        with HistoryStore(self.file) as store:
            redate(store, boot_id(), 0.0, START_S)

    def start(self) -> None:
        # Behind the package's own folder, which the tests may have been given.
        path = os.pathsep.join([self.clock.environment["PYTHONPATH"], os.environ.get("PYTHONPATH", "")])
        self.daemon.start(**{**self.clock.environment, "PYTHONPATH": path.rstrip(os.pathsep)})

    def observed_s(self, camera: str) -> float:
        return self.daemon.metric(f'edgeheat_observed_seconds_total{{camera="{camera}"}}') or 0.0

    def wait_observed(self, camera: str, more_s: float = 2.0) -> None:
        before_s = self.observed_s(camera)
        wait_for(lambda: self.observed_s(camera) >= before_s + more_s, f"{camera} to be observed for {more_s:g} s more")

    def outcomes(self) -> dict[str, float]:
        names = ("stored", "duplicate", "conflicting", "dropped")
        return {name: self.daemon.metric(f'edgeheat_history_tiles_total{{outcome="{name}"}}') or 0.0 for name in names}

    def wait_outcome(self, outcome: str, count: int) -> None:
        wait_for(lambda: self.outcomes()[outcome] >= count, f"{count} tiles to be {outcome}")

    def tiles(self, camera: str) -> list[Tile]:
        with HistoryStore(self.file, read_only=True) as store:
            return list(store.read(camera, Level.FIVE_MINUTES, [(0, 2**40)]))

    def picture_figures(self) -> Path:
        return self.daemon.storage / "heatmaps" / "aisle" / "hour" / "latest.json"

    def worker(self) -> int:
        """The process of the only camera: the first that the fork server has forked and that is still there."""
        return min(pid for pid in self.daemon.children() if _parent(pid) in self.daemon.children())

    def assert_sound(self) -> None:
        assert check_store(self.file, lambda level, unix_s: bucket_of(level, unix_s, OSLO)) == []
        assert "Traceback" not in self.daemon.log.read_text()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture
def shops() -> Iterator[list[Shop]]:
    """The daemon of every shop put in here is gone after the test."""
    started: list[Shop] = []
    yield started
    for shop in started:
        shop.daemon.kill()


def test_an_open_tile_survives_a_restart_and_is_stored_with_those_of_the_other_cameras(
    tmp_path: Path, shops: list[Shop]
) -> None:
    shop = Shop(tmp_path, "aisle", "till")
    shops.append(shop)
    shop.start()
    for camera in ("aisle", "till"):
        shop.wait_observed(camera)
    assert shop.daemon.stop() == 0
    assert shop.tiles("aisle") == [], "it is in the checkpoint"
    shop.start()
    for camera in ("aisle", "till"):
        shop.wait_observed(camera)
    shop.clock.set(START_S + FIVE_MINUTES_S + 15.0)
    shop.wait_outcome("stored", 2)
    for camera in ("aisle", "till"):
        (tile,) = shop.tiles(camera)
        assert (tile.start_s, tile.epoch) == (START_S, 1)
        assert tile.observed_ms > 3900, "of both runs"
    assert "History stored at" in shop.daemon.get("/")
    assert shop.daemon.stop() == 0
    shop.assert_sound()


def test_a_killed_worker_makes_its_tile_again_and_it_is_stored_once(tmp_path: Path, shops: list[Shop]) -> None:
    shop = Shop(tmp_path, "aisle")
    shops.append(shop)
    shop.start()
    shop.wait_observed("aisle", 4.0)
    shop.clock.set(START_S + FIVE_MINUTES_S + 60.0)
    shop.wait_outcome("stored", 1)
    before = shop.tiles("aisle")
    os.kill(shop.worker(), signal.SIGKILL)
    shop.wait_outcome("duplicate", 1)
    shop.wait_observed("aisle")
    observed_s = shop.observed_s("aisle")
    shop.clock.set(START_S + 2 * FIVE_MINUTES_S + 15.0)
    shop.wait_outcome("stored", 2)
    first, second = shop.tiles("aisle")
    assert [first] == before
    # At the crash, seconds that were not complete are lost.
    assert first.observed_ms + second.observed_ms > 1000 * (observed_s - 2.5)
    assert shop.outcomes()["conflicting"] == 0
    assert shop.daemon.stop() == 0
    shop.assert_sound()


def test_after_a_power_cut_the_tile_stays_as_it_was_stored_and_the_heats_continue_with_it(
    tmp_path: Path, shops: list[Shop]
) -> None:
    shop = Shop(tmp_path, "aisle")
    shops.append(shop)
    shop.start()
    shop.wait_observed("aisle", 4.0)
    shop.clock.set(START_S + FIVE_MINUTES_S + 60.0)
    shop.wait_outcome("stored", 1)
    before = shop.tiles("aisle")
    assert before[0].observed_ms > 3900
    shop.daemon.stop(signal.SIGKILL)
    shop.picture_figures().unlink(missing_ok=True)
    shop.start()
    wait_for(shop.picture_figures().exists, "the first picture after the power cut")
    # The checkpoint is of soon after the start: without the tile there would be less.
    assert json.loads(shop.picture_figures().read_text())["observed_s"] > before[0].observed_ms / 1000 - 0.1
    shop.wait_observed("aisle")
    shop.clock.set(START_S + 2 * FIVE_MINUTES_S + 15.0)
    shop.wait_outcome("stored", 1)
    first, second = shop.tiles("aisle")
    assert [first] == before and second.observed_ms > 1900
    assert shop.outcomes()["conflicting"] == shop.outcomes()["duplicate"] == 0
    assert shop.daemon.stop() == 0
    shop.assert_sound()


def test_a_camera_whose_checkpoint_is_lost_starts_another_epoch(tmp_path: Path, shops: list[Shop]) -> None:
    shop = Shop(tmp_path, "aisle")
    shops.append(shop)
    shop.start()
    shop.wait_observed("aisle")
    shop.clock.set(START_S + FIVE_MINUTES_S + 15.0)
    shop.wait_outcome("stored", 1)
    assert shop.daemon.stop() == 0
    for file in shop.file.parent.glob("aisle.ckpt*"):
        file.unlink()
    shop.start()
    shop.wait_observed("aisle")
    shop.clock.set(START_S + 2 * FIVE_MINUTES_S + 15.0)
    shop.wait_outcome("stored", 1)
    assert [tile.epoch for tile in shop.tiles("aisle")] == [1, 2]


def test_history_can_be_disabled(tmp_path: Path, shops: list[Shop]) -> None:
    shop = Shop(tmp_path, "aisle")
    shops.append(shop)
    shop.file.unlink()
    shop.daemon.config.write_text(shop.daemon.config.read_text() + "[history]\nenabled = false\n")
    shop.start()
    shop.wait_observed("aisle")
    shop.clock.set(START_S + FIVE_MINUTES_S + 15.0)
    shop.wait_observed("aisle")
    assert "History" not in shop.daemon.get("/")
    assert shop.daemon.stop() == 0
    assert not shop.file.exists()
