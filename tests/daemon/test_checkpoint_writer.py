"""The thread that writes backups to disk continues whatever the disk does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from edgeheat.atomic import temp_beside
from edgeheat.daemon import checkpoint_writer
from edgeheat.daemon.checkpoint_writer import CheckpointWriter, load_backups
from edgeheat.daemon.system_clock import SystemClock
from edgeheat.store.camera_backup import CameraBackup
from edgeheat.store.checkpoint import write_checkpoint
from tests.support.wait import DEADLINE_S, wait_for


def test_an_unexpected_error_does_not_end_the_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory_for_aisle(folder: Path, camera: str, members: Mapping[str, bytes]) -> None:
        if camera == "aisle":
            raise MemoryError
        write_checkpoint(folder, camera, members)

    monkeypatch.setattr(checkpoint_writer, "write_checkpoint", no_memory_for_aisle)
    writer = CheckpointWriter(tmp_path, SystemClock(), lambda camera: None, lambda problem: None)
    writer.write("aisle", CameraBackup(b"heats"))
    writer.write("till", CameraBackup(b"heats"))
    writer.close(DEADLINE_S)
    backups = load_backups(tmp_path, ["aisle", "till"], SystemClock())
    assert {camera: backup.saved for camera, (backup, _) in backups.items()} == {"till": b"heats"}


def test_each_camera_s_problem_is_logged_once_and_reported_until_all_are_written_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    in_the_way = [temp_beside(tmp_path / f"{camera}.ckpt") for camera in ("aisle", "door")]
    for folder in in_the_way:
        folder.mkdir()
    written: list[str] = []
    problems: list[str | None] = []
    writer = CheckpointWriter(tmp_path, SystemClock(), written.append, problems.append)

    def write(camera: str) -> None:
        seen = len(problems)
        writer.write(camera, CameraBackup(b"heats"))
        wait_for(lambda: len(problems) > seen, f"a try of {camera}")

    for camera in ("aisle", "till", "door", "aisle", "till", "door"):
        write(camera)
    assert written == ["till", "till"]
    assert [problem and problem[:19] for problem in problems] == ["checkpoint of aisle"] * 6
    for folder in in_the_way:
        folder.rmdir()
    write("aisle")
    assert (problems[-1] or "").startswith("checkpoint of door not written to")
    write("door")
    assert problems[-1] is None
    writer.close(DEADLINE_S)
    assert [" ".join(message.split()[:5]) for message in caplog.messages] == [
        "checkpoint of aisle not written",
        "checkpoint of door not written",
        "checkpoint of aisle: written again",
        "checkpoint of door: written again",
    ]


def test_the_cameras_whose_last_heats_were_not_written_in_time_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk_answers, begun = threading.Event(), threading.Event()

    def hang(folder: Path, camera: str, members: Mapping[str, bytes]) -> None:
        begun.set()
        assert disk_answers.wait(DEADLINE_S)

    monkeypatch.setattr(checkpoint_writer, "write_checkpoint", hang)
    writer = CheckpointWriter(tmp_path, SystemClock(), lambda camera: None, lambda problem: None)
    writer.write("till", CameraBackup(b"heats"))
    assert begun.wait(DEADLINE_S)
    writer.write("aisle", CameraBackup(b"heats"))
    writer.close(0.1)
    assert caplog.messages == [
        "the last heats of aisle, till were not written within 0.1 s: the disk is slow or hangs; what was counted "
        "since the checkpoint before is lost"
    ]
    disk_answers.set()
    writer.close(DEADLINE_S)
    assert len(caplog.messages) == 1


def test_what_must_be_stored_before_a_checkpoint_is_waited_for(tmp_path: Path) -> None:
    present: list[bool] = []
    writer = CheckpointWriter(
        *(tmp_path, SystemClock(), lambda camera: None, lambda problem: None),
        before_write=lambda: present.append((tmp_path / "aisle.ckpt").exists()),
    )
    writer.write("aisle", CameraBackup(b"heats"))
    writer.close(DEADLINE_S)
    assert present == [False] and (tmp_path / "aisle.ckpt").exists()
