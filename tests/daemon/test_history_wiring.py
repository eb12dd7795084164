"""The history is connected such that no checkpoint is written before the tiles that its state does not hold."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from edgeheat.config import Config
from edgeheat.config.load import build_config
from edgeheat.daemon import wiring
from edgeheat.daemon.history_wiring import History
from edgeheat.daemon.messages import StateSaved
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.defs.clock import Clock, WallClockError
from edgeheat.defs.history import Level
from edgeheat.store.camera_backup import CameraBackup
from edgeheat.store.history.store import HISTORY_FILE, HistoryStore
from tests.support.history import START_S, make_tile
from tests.support.wait import DEADLINE_S, wait_for


def config(folder: Path, **history: bool) -> Config:
    cameras = [{"name": name, "source": "synthetic:shop"} for name in ("aisle", "till")]
    return build_config({"camera": cameras, "storage": {"path": str(folder)}, "history": history}, {})


class StillClock(SystemClock):
    """Stands still, so that no tile is stored because it has waited long enough."""

    def monotonic(self) -> float:
        return 1000.0


def make(folder: Path, clock: Clock, **history: bool) -> tuple[Config, History]:
    settings = config(folder, **history)
    metrics = wiring.make_metrics(settings, wiring.make_opening_watch(settings, clock))
    latest = wiring.make_latest_state(settings)
    return settings, History(settings, clock, metrics, latest, lambda report: None)


def test_a_checkpoint_is_written_after_the_tiles_that_its_state_does_not_hold(tmp_path: Path) -> None:
    clock = StillClock()
    settings, history = make(tmp_path, clock)
    metrics = wiring.make_metrics(settings, wiring.make_opening_watch(settings, clock))
    latest = wiring.make_latest_state(settings)
    checkpoints = wiring.make_checkpoint_writer(settings, clock, metrics, latest, history)
    history.start()
    try:
        (forwarder,) = history.listeners()
        for camera in ("aisle", "till"):
            forwarder.on_online(camera)
        saved = StateSaved(b"state", (make_tile("aisle", START_S),))
        forwarder.on_message("aisle", saved)
        checkpoints.write("aisle", CameraBackup(saved.saved))
        wait_for((tmp_path / "state" / "aisle.ckpt").exists, "the checkpoint")
        with HistoryStore(tmp_path / "state" / HISTORY_FILE, read_only=True) as store:
            assert len(store.keys("aisle", Level.FIVE_MINUTES, 0, 2**40)) == 1
    finally:
        history.close(DEADLINE_S)
        checkpoints.close(DEADLINE_S)


def test_the_history_is_the_first_that_hears_of_a_state(tmp_path: Path) -> None:
    """The checkpoint is queued by a listener after it, and waits for the tiles that were queued before."""
    settings, history = make(tmp_path, SystemClock())
    (forwarder,) = history.listeners()
    supervisor, _ = wiring.make_supervisor_from_specs(
        wiring.make_worker_specs(settings),
        saved={},
        limits=wiring.make_restart_limits(settings),
        write_every_s=lambda: 60.0,
        clock=SystemClock(),
        publish=lambda event: None,
        on_saved=lambda camera, backup: None,
        on_plan_heats=lambda camera, packed: None,
        random=Random(1),
        first_listeners=[forwarder],
    )
    assert supervisor._listeners[0] is forwarder


def test_workers_make_tiles_only_where_history_is_enabled(tmp_path: Path) -> None:
    for enabled in (True, False):
        settings, history = make(tmp_path, SystemClock(), enabled=enabled)
        specs = [history.spec(spec) for spec in wiring.make_worker_specs(settings)]
        assert [spec.params.history for spec in specs] == [enabled, enabled]
        assert len(history.listeners()) == enabled


def test_cameras_start_above_the_stored_epochs(tmp_path: Path) -> None:
    with HistoryStore(tmp_path / "state" / HISTORY_FILE) as store:
        store.add([make_tile("till", START_S, epoch=5), make_tile("aisle", START_S, epoch=-3)])
    settings, history = make(tmp_path, SystemClock())
    specs = [history.spec(spec) for spec in wiring.make_worker_specs(settings)]
    assert {spec.camera: spec.params.first_epoch for spec in specs} == {"aisle": 1, "till": 6}


def test_a_clock_that_no_time_server_has_set_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edgeheat.daemon.history_wiring.initial_clock_error", lambda clock: WallClockError(5.0))
    settings, history = make(tmp_path, SystemClock())
    specs = [history.spec(spec) for spec in wiring.make_worker_specs(settings)]
    assert {spec.wrong_clock_offset_s for spec in specs} == {5.0}
    assert "no time server has set the clock" in caplog.text
