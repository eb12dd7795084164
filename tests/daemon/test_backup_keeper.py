"""The parent's copy of the heats: what the next worker gets, and when it is written."""

from __future__ import annotations

from dataclasses import replace

from edgeheat.daemon.backup_keeper import BackupKeeper
from edgeheat.daemon.messages import ProgressReport, StateSaved
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.defs.events import Progress
from edgeheat.store.camera_backup import CameraBackup
from tests.daemon.conftest import spec
from tests.support.history import START_S, make_tile


class SetClock(SystemClock):
    mono_s = 0.0

    def monotonic(self) -> float:
        return self.mono_s


def report(*increments: bytes) -> ProgressReport:
    return ProgressReport(Progress("aisle", 1.0, 1.0, 15, 5, 10, 1.0), increments, 1.0)


def test_the_next_worker_continues_with_all_that_was_reported() -> None:
    backups = BackupKeeper(
        [spec("aisle")], {}, lambda camera, backup: None, write_every_s=lambda: 0.0, clock=SystemClock()
    )
    assert backups.spec_of("aisle") == spec("aisle")
    backups.on_message("aisle", report(b"one"))
    backups.on_message("aisle", StateSaved(b"state with one"))
    backups.on_message("aisle", report(b"two", b"three"))
    given = backups.spec_of("aisle").backup
    assert given == CameraBackup(b"state with one", [b"two", b"three"])
    given.clear()
    assert backups.spec_of("aisle").backup == CameraBackup(b"state with one", [b"two", b"three"])


def test_times_are_shifted_until_the_worker_has_sent_a_state_of_this_boot() -> None:
    backups = BackupKeeper(
        [spec("aisle")],
        {"aisle": (CameraBackup(b"old"), -5.0)},
        lambda camera, backup: None,
        write_every_s=lambda: 0.0,
        clock=SystemClock(),
    )
    assert backups.spec_of("aisle").shift_s == -5.0
    backups.on_message("aisle", StateSaved(b"new"))
    assert backups.spec_of("aisle").shift_s == 0.0


def test_a_backup_is_written_after_each_state_and_at_the_end_only_if_anything_was_counted() -> None:
    written: list[bytes | None] = []
    backups = BackupKeeper(
        [spec("aisle")],
        {},
        lambda camera, backup: written.append(backup.saved),
        write_every_s=lambda: 0.0,
        clock=SystemClock(),
    )
    backups.on_starting("aisle")
    backups.on_message("aisle", StateSaved(b"restored"))
    backups.on_stopped("aisle")
    assert written == []
    backups.on_starting("aisle")
    backups.on_online("aisle")
    backups.on_message("aisle", StateSaved(b"first"))
    backups.on_message("aisle", report())
    backups.on_stopped("aisle")
    assert written == [b"first"]
    backups.on_message("aisle", report(b"one"))
    backups.on_stopped("aisle")
    assert written == [b"first", b"first"]


def test_what_a_worker_counted_before_it_was_killed_at_closing_time_is_written_before_the_night() -> None:
    written: list[list[bytes]] = []
    backups = BackupKeeper(
        [spec("aisle")],
        {},
        lambda camera, backup: written.append(list(backup.increments)),
        write_every_s=lambda: 0.0,
        clock=SystemClock(),
    )
    backups.on_starting("aisle")
    backups.on_online("aisle")
    backups.on_message("aisle", report(b"one"))
    backups.on_closed("aisle")
    backups.on_closed("aisle")
    assert written == [[b"one"]]


def test_a_backup_is_written_when_it_is_due_urgent_or_the_last_one() -> None:
    written: list[bytes | None] = []
    clock = SetClock()
    backups = BackupKeeper(
        [spec("aisle")],
        {},
        lambda camera, backup: written.append(backup.saved),
        write_every_s=lambda: 3600.0,
        clock=clock,
    )
    backups.on_starting("aisle")
    backups.on_online("aisle")
    for minutes, saved in ((0, b"first"), (5, b"later"), (55, b"last of the hour"), (59.5, b"due"), (65, b"again")):
        clock.mono_s = 60.0 * minutes
        backups.on_message("aisle", StateSaved(saved))
    assert written == [b"first", b"due"]
    backups.on_message("aisle", StateSaved(b"reset", is_urgent=True))
    assert written[2:] == [b"reset"]
    clock.mono_s = 60.0 * 70
    backups.on_message("aisle", StateSaved(b"at the end"))
    backups.on_stopped("aisle")
    assert written[3:] == [b"at the end"]


def test_tiles_since_a_checkpoint_are_given_to_the_first_worker_only() -> None:
    tiles = (make_tile("aisle", START_S),)
    backup = CameraBackup(b"old", [], 5.0, tiles)
    backups = BackupKeeper(
        [spec("aisle")],
        {"aisle": (backup, 0.0)},
        lambda camera, backup: None,
        write_every_s=lambda: 0.0,
        clock=SystemClock(),
    )
    assert backups.spec_of("aisle").backup.stored_tiles == tiles
    backups.on_message("aisle", StateSaved(b"with the tiles"))
    assert backups.spec_of("aisle").backup.stored_tiles == ()


def test_a_worker_that_cannot_read_its_state_starts_above_all_epochs_of_which_there_are_tiles() -> None:
    first = spec("aisle")
    first = replace(first, params=replace(first.params, first_epoch=4))
    backups = BackupKeeper([first], {}, lambda camera, backup: None, write_every_s=lambda: 0.0, clock=SystemClock())
    assert backups.spec_of("aisle").params.first_epoch == 4
    backups.on_message("aisle", replace(report(b"one"), tiles=(make_tile("aisle", START_S, epoch=4),)))
    assert backups.spec_of("aisle").params.first_epoch == 4, "without a state its increments belong to this epoch"
    backups.on_message("aisle", StateSaved(b"state", (make_tile("aisle", START_S + 300, epoch=6),)))
    backups.on_message("aisle", StateSaved(b"state", (make_tile("aisle", START_S + 600, epoch=5),)))
    assert backups.spec_of("aisle").params.first_epoch == 7
